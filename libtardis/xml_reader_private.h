/**
 * @file xml_reader_private.h
 * A reader from the inside: xml_reader.c drives libxml2, xml_reader_values.c answers the handlers.
 */
#ifndef TARDIS_XML_READER_PRIVATE_H
#define TARDIS_XML_READER_PRIVATE_H

#include <libxml/parser.h>

#include "tardis_uid.h"
#include "xml_reader.h"
#include "xml_text.h"

/** One open element. */
typedef struct {
    const tardis_xml_rule_t *rule;
    const char *ns;
    const char *name;
    apr_size_t text; /**< where its text begins in the reader's buffer */
    long line;
    int has_children;
} xml_frame_t;

struct tardis_xml_reader_t {
    const tardis_xml_plan_t *plan; /**< NULL: only the root is looked at */
    int has_root;
    void *baton;
    apr_pool_t *pool;
    apr_pool_t *scratch;
    xmlParserCtxtPtr parser;
    tardis_error_t *error; /**< the first one */
    int fd;                /**< -1: memory */
    const char *memory;
    apr_size_t memory_left;
    tardis_digest_t *digest;
    tardis_utf8_t utf8;
    long utf8_line;       /**< lines of bytes read so far */
    long utf8_fault_line; /**< of the first byte that is not UTF-8; 0: none */
    int is_utf8;          /**< the document's encoding, known at its root element */
    int is_wide;          /**< it begins as UTF-16 or UTF-32 does */
    apr_uint64_t bytes_read;
    int skipping; /**< how many elements deep we are in one that does not matter */
    int depth;
    xml_frame_t frames[TARDIS_XML_DEPTH_MAX + 1];
    xml_text_t text;
    xml_text_t values; /**< of the attributes that were asked for */
    const xmlChar **attributes;
    int attribute_count;
};

#endif
