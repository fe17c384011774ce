/**
 * @file xml_reader.h
 * The one way in which this library reads XML: streaming, driven by a literal table of the elements that
 * matter.
 *
 * Nothing that comes with a document can make it read another one: a DOCTYPE is refused where it stands, so
 * there are no entities but the five of XML; nothing is fetched and nothing is included. What is held at a
 * time is bounded by the limits below and those of libxml2 (names of 50,000 bytes, 10,000,000 bytes between
 * two events). UTF-8 is checked strictly; a declared encoding that libxml2 knows is converted. Line numbers
 * are exact however long the document is.
 */
#ifndef TARDIS_XML_READER_H
#define TARDIS_XML_READER_H

#include <apr_pools.h>

#include "tardis_digest.h"
#include "tardis_error.h"

/** How deep elements may nest. */
#define TARDIS_XML_DEPTH_MAX 100
/** How many attributes an element may have. */
#define TARDIS_XML_ATTRIBUTES_MAX 256
/** Bytes of one attribute's value. */
#define TARDIS_XML_ATTRIBUTE_MAX 65536
/** Bytes of all different names and namespaces of a document; finding them again takes time. */
#define TARDIS_XML_NAMES_MAX 1048576
/** Bytes of text of all elements that are open at a time. */
#define TARDIS_XML_TEXT_MAX 4194304

/** A document: a file, or text in memory. */
typedef struct tardis_xml_source_t {
    const char *file; /**< its path; NULL: text */
    const char *text;
    apr_size_t length;
    tardis_digest_t *digest; /**< takes every byte that is read; NULL: none */
} tardis_xml_source_t;

/** A document being read. */
typedef struct tardis_xml_reader_t tardis_xml_reader_t;

/** Handles one event. An error ends the reading and is what tardis_xml_read() returns. */
typedef tardis_error_t *tardis_xml_event_fn(void *baton, tardis_xml_reader_t *reader);

/** The parent state of the root element. */
#define TARDIS_XML_ROOT 0
/** An element in a namespace or with a name that does not matter. */
#define TARDIS_XML_ANY NULL

/**
 * One element that matters. An element matches the first rule that fits; one that fits none is skipped with
 * all that is in it. A table ends with a rule whose state is 0. A state may be its own parent's.
 */
typedef struct tardis_xml_rule_t {
    int parent;                 /**< state of the rule that the parent element matched, or TARDIS_XML_ROOT */
    const char *ns;             /**< "" for no namespace, or TARDIS_XML_ANY */
    const char *name;           /**< local name, or TARDIS_XML_ANY */
    int state;                  /**< not 0 */
    int has_text;               /**< whether the element's own text is gathered for its end event */
    tardis_xml_event_fn *start; /**< NULL: nothing is done */
    tardis_xml_event_fn *end;
} tardis_xml_rule_t;

/** How to read a document. */
typedef struct tardis_xml_plan_t {
    const tardis_xml_rule_t *rules;
    const char *expected; /**< what an error calls a root element that would do */
    tardis_xml_event_fn
        *element; /**< called at the start of every element, skipped ones too, before its rule; may be NULL */
} tardis_xml_plan_t;

/**
 * Reads a document from its beginning to its end.
 * @return TARDIS_DOCUMENT_MALFORMED, TARDIS_DOCUMENT_LIMIT or TARDIS_DOCUMENT_INVALID (a DOCTYPE, or another
 * root than expected), each with its line; TARDIS_IO_ERROR; or what a handler returned.
 */
tardis_error_t *tardis_xml_read(const tardis_xml_source_t *source, const tardis_xml_plan_t *plan, void *baton,
                                apr_pool_t *pool);

/**
 * Reads a document only as far as its root element.
 * @param name set to the root's local name.
 * @param ns set to its namespace; "" for none.
 * @return as tardis_xml_read().
 */
tardis_error_t *tardis_xml_root(const tardis_xml_source_t *source, const char **name, const char **ns,
                                apr_pool_t *pool);

/* ---- For handlers. What is returned is good until the handler returns, unless it says otherwise. ---- */

/** Local name and namespace ("" for none) of the element. */
const char *tardis_xml_name(const tardis_xml_reader_t *reader);
const char *tardis_xml_namespace(const tardis_xml_reader_t *reader);

/** An attribute's value, in a start event; NULL: it is absent. @a ns is "" for an attribute without a prefix.
 */
const char *tardis_xml_attribute(tardis_xml_reader_t *reader, const char *ns, const char *name);

/** The element's own text, in an end event: verbatim, without that of its children. "" unless its rule
 * gathers it. */
const char *tardis_xml_text(const tardis_xml_reader_t *reader);

/** As tardis_xml_text(), without leading and trailing white space. */
const char *tardis_xml_trimmed(const tardis_xml_reader_t *reader);

/** Whether the element has had child elements, in an end event. */
int tardis_xml_has_children(const tardis_xml_reader_t *reader);

/** How deep the element is; 1 for the root. */
int tardis_xml_depth(const tardis_xml_reader_t *reader);

/** The line where the element's start tag ends, in its start and in its end event. */
long tardis_xml_line(const tardis_xml_reader_t *reader);

/** A pool that is cleared after the event. */
apr_pool_t *tardis_xml_scratch(tardis_xml_reader_t *reader);

/** An error at tardis_xml_line(), in the pool that tardis_xml_read() was given. */
tardis_error_t *tardis_xml_fail(const tardis_xml_reader_t *reader, tardis_error_code_t code,
                                const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
