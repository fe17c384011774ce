/**
 * @file xml_text.h
 * Text as the readers of XML documents need it: a buffer that grows, white space, excerpts.
 */
#ifndef TARDIS_XML_TEXT_H
#define TARDIS_XML_TEXT_H

#include <apr_pools.h>

/** A buffer; starts as all zeros. What it has outgrown stays in its pool, which is less than what it holds.
 */
typedef struct xml_text_t {
    char *data; /**< NUL-terminated after an append */
    apr_size_t length;
    apr_size_t size;
} xml_text_t;

/** Makes room for @a more bytes and a NUL. */
void xml_text_reserve(xml_text_t *text, apr_size_t more, apr_pool_t *pool);

/** Appends bytes. */
void xml_text_append(xml_text_t *text, const char *data, apr_size_t length, apr_pool_t *pool);

/** Cuts the text back to @a length bytes. */
void xml_text_truncate(xml_text_t *text, apr_size_t length);

/** Whether a character is white space to XML. */
int xml_is_space(char c);

/** Whether a text is nothing but white space. */
int xml_is_blank(const char *text);

/** The text without leading and trailing white space, in @a pool. */
const char *xml_trim(const char *text, apr_pool_t *pool);

/** At most @a maximum bytes of a text of @a length bytes, in @a pool; "..." shows that there is more. Whole
 * characters only. */
const char *xml_clip(const char *text, apr_size_t length, apr_size_t maximum, apr_pool_t *pool);

/** How many characters a UTF-8 text has. */
apr_size_t xml_characters(const char *text);

#endif
