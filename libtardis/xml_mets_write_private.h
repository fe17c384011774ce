/**
 * @file xml_mets_write_private.h
 * What the files xml_mets_write*.c share: an XML writer whose first failure sticks, and cursors over the
 * catalogue. xml_mets_write.c writes the frame of the document, xml_mets_write_sets.c the parameter sets,
 * xml_mets_write_files.c the files and the structMap, xml_mets_writer.c is the writer and the cursors.
 */
#ifndef TARDIS_XML_METS_WRITE_PRIVATE_H
#define TARDIS_XML_METS_WRITE_PRIVATE_H

#include <apr_file_io.h>
#include <libxml/xmlwriter.h>

#include "tardis_catalogue.h"

#define METS_NS "http://www.loc.gov/METS/"
#define MODS_NS "http://www.loc.gov/mods/v3"
#define XLINK_NS "http://www.w3.org/1999/xlink"
#define XSI_NS "http://www.w3.org/2001/XMLSchema-instance"
#define DATES_NS "http://tardisdates.com/"

/** Rows that are held at a time. */
#define METS_PAGE 500

/** A METS document being written. */
typedef struct mets_writer_t {
    const tardis_context_t *context;
    const tardis_experiment_t *experiment;
    const char *file_protocol;
    apr_pool_t *pool; /**< of the whole document */
    apr_pool_t *page; /**< cleared for each page of rows */
    apr_file_t *file;
    apr_status_t written; /**< how writing to the file went */
    int is_broken;        /**< libxml2 gave up */
    xmlTextWriterPtr xml;
    apr_uint32_t datasets;
    apr_uint32_t *dataset_of; /**< by file number - 1 */
} mets_writer_t;

/** Starts to write to @a file. */
tardis_error_t *mets_writer_open(mets_writer_t *writer, apr_file_t *file);
/** Ends the document and tells whether all of it was written. */
tardis_error_t *mets_writer_close(mets_writer_t *writer);

/** Elements: @a uri declares the prefix; NULL: it is declared already. A prefix of NULL is the default
 * namespace. */
void mets_start(mets_writer_t *writer, const char *prefix, const char *name, const char *uri);
void mets_attribute(mets_writer_t *writer, const char *name, const char *value);
void mets_element(mets_writer_t *writer, const char *prefix, const char *name, const char *text);
void mets_close(mets_writer_t *writer);

/** Walks through which parameter sets belong to the owners of one kind, in order. */
typedef struct mets_links_t {
    tardis_owner_kind_t kind;
    apr_pool_t *pool;
    apr_array_header_t *page;
    int at;
    tardis_parameter_link_t last;
} mets_links_t;
void mets_links_open(mets_writer_t *writer, mets_links_t *links, tardis_owner_kind_t kind);
/** The next link, without going past it; NULL: there is none. */
tardis_error_t *mets_links_peek(mets_writer_t *writer, mets_links_t *links,
                                const tardis_parameter_link_t **link);
void mets_links_take(mets_links_t *links);
/** Writes the ADMID of the next owner, unless it has no sets. Owners must be asked for in order. */
tardis_error_t *mets_links_write(mets_writer_t *writer, mets_links_t *links, apr_uint32_t owner);

/** Writes the amdSec. */
tardis_error_t *mets_write_sets(mets_writer_t *writer);
/** Writes the fileSec. */
tardis_error_t *mets_write_files(mets_writer_t *writer);
/** Writes the structMap. */
tardis_error_t *mets_write_structure(mets_writer_t *writer);

#endif
