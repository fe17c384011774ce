/**
 * @file ingest_private.h
 * What the readers of METS and notMETS share.
 *
 * A document is read twice. The survey looks at everything that can be wrong with its structure and counts;
 * it touches no database. The store, which may be repeated when another transaction was in the way, writes
 * what it finds straight into the catalogue. What has to be remembered of every file or ID goes through
 * sorters, so that memory does not grow with the document.
 */
#ifndef TARDIS_INGEST_PRIVATE_H
#define TARDIS_INGEST_PRIVATE_H

#include "sorter.h"
#include "tardis_catalogue.h"
#include "tardis_ingest.h"
#include "xml_reader.h"
#include "xml_text.h"

/** One document on its way into the catalogue. */
typedef struct ingest_t {
    tardis_xml_source_t source;
    apr_pool_t *pool;             /**< of the whole ingest */
    struct ingest_paths_t *paths; /**< survey: what ingest_note_path() noted */
    apr_uint64_t files;           /**< survey: how many there are */
    apr_uint32_t datasets;        /**< survey: how many there are */
    void *survey;                 /**< what the format's survey found out for its store */

    tardis_catalogue_writer_t *writer; /**< NULL during the survey */
    apr_pool_t *store_pool;            /**< of one try to store */
    tardis_experiment_t experiment;    /**< store: gathered for the end */
    apr_array_header_t *warnings;      /**< store: const char *; in pool */
    apr_uint64_t warnings_left_out;
} ingest_t;

/** Surveys or stores the document of one format. */
typedef tardis_error_t *ingest_pass_fn(ingest_t *ingest);
ingest_pass_fn ingest_mets_survey;
ingest_pass_fn ingest_mets_store;
ingest_pass_fn ingest_notmets_survey;
ingest_pass_fn ingest_notmets_store;

/* ---- ingest_values.c: values out of a document. Errors have the line of the reader's element. ---- */

/** A size in bytes: decimal digits. @a text may be NULL. */
tardis_error_t *ingest_size(tardis_xml_reader_t *reader, const char *text, apr_uint64_t *size);

/** The path in an href (mets.md, "Paths"); in the reader's scratch pool. */
tardis_error_t *ingest_path(tardis_xml_reader_t *reader, const char *href, const char **path);

/** Whether URLs of the scheme, the first @a length bytes of @a scheme, name a host before their path. */
int ingest_scheme_has_host(const char *scheme, apr_size_t length);

/** TARDIS_PATH_INVALID unless the path is good. */
tardis_error_t *ingest_check_path(tardis_xml_reader_t *reader, const char *path);

/** The last component of a path. */
const char *ingest_base_name(const char *path);

/** TARDIS_DOCUMENT_LIMIT unless the value has at most @a maximum characters, or bytes where maximum is
 * TARDIS_TEXT_MAX. */
tardis_error_t *ingest_fits(const tardis_xml_reader_t *reader, const char *value, const char *what,
                            apr_size_t maximum);

/**
 * Sets the datafile's digest, or its digest_note (in the reader's scratch pool) if the document has none that
 * can be used.
 * @param digest what the document says; NULL: nothing.
 * @param algorithm_name what it says that this is; NULL: nothing.
 */
void ingest_digest(tardis_xml_reader_t *reader, const char *digest, const char *algorithm_name,
                   tardis_datafile_t *datafile);

/* ---- ingest_paths.c: no two files may be in one place. ---- */

/** Survey: a file has this path. TARDIS_DOCUMENT_LIMIT if there are too many. */
tardis_error_t *ingest_note_path(ingest_t *ingest, tardis_xml_reader_t *reader, const char *path);

/**
 * After the survey: refuses a path that another file has, or that goes through another file, the first such
 * in the document; also where paths differ in nothing but the case of letters, as not every store tells them
 * apart. Letters are compared one by one, by their simple case mappings in Unicode as the C library knows
 * them; nothing is normalized, so that composed and decomposed accents differ.
 */
tardis_error_t *ingest_check_paths(ingest_t *ingest);

/* ---- ingest_catalogue.c: what both formats do to the catalogue. ---- */

/** Store: adds a datafile, after looking at the lengths of its values, with a warning if it is unverifiable.
 */
tardis_error_t *ingest_add_datafile(ingest_t *ingest, tardis_xml_reader_t *reader,
                                    const tardis_datafile_t *datafile);

/** Store: adds a dataset. */
tardis_error_t *ingest_add_dataset(ingest_t *ingest, tardis_xml_reader_t *reader, apr_uint32_t number,
                                   const char *description);

/** Store: keeps a value of the experiment, unless one was kept before. */
tardis_error_t *ingest_keep(ingest_t *ingest, tardis_xml_reader_t *reader, const char **kept,
                            const char *value, const char *what, apr_size_t maximum);

/** Store: adds an author. */
tardis_error_t *ingest_add_author(ingest_t *ingest, tardis_xml_reader_t *reader, const char *name);

/** Notes a warning about the reader's element; only so many are kept. */
void ingest_warn(ingest_t *ingest, const tardis_xml_reader_t *reader, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** A parameter set being stored. */
typedef struct ingest_set_t {
    apr_uint32_t number;
    apr_uint32_t parameters;
    int is_experiments; /**< it belongs to the experiment, so its EPN is the experiment's */
    xml_text_t path;    /**< names of the open elements below the root, joined by slashes */
} ingest_set_t;

/** Store: the reader is at the start of a set's root element: adds the set and begins anew with its
 * parameters. */
tardis_error_t *ingest_set_start(ingest_t *ingest, ingest_set_t *set, tardis_xml_reader_t *reader,
                                 const char *schema_uri);
/** Store: an element below the root starts or ends. */
tardis_error_t *ingest_parameter_start(ingest_t *ingest, ingest_set_t *set, tardis_xml_reader_t *reader);
tardis_error_t *ingest_parameter_end(ingest_t *ingest, ingest_set_t *set, tardis_xml_reader_t *reader);

#endif
