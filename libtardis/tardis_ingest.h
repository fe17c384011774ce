/**
 * @file tardis_ingest.h
 * A METS or notMETS document into the catalogue (mets.md), and a catalogue's experiment out as METS.
 */
#ifndef TARDIS_INGEST_H
#define TARDIS_INGEST_H

#include <apr_file_io.h>
#include <apr_tables.h>

#include "tardis_context.h"

/** What goes with the document when a consumer registers it. */
typedef struct tardis_ingest_request_t {
    const char *document;     /**< path of the document; read twice, so not a pipe */
    const char *name;         /**< what messages call it: "xmldata", "run1.xml" */
    const char *uid;          /**< the provider's uid; NULL if it gave none (then it is not followed) */
    const char *provider_url; /**< no trailing slash; NULL as uid */
    const apr_array_header_t *owners; /**< const char *; may be empty */
    int allow_empty;                  /**< accept a document without files */
} tardis_ingest_request_t;

/** What became of it. */
typedef struct tardis_ingest_result_t {
    apr_uint64_t experiment_id;
    enum { TARDIS_INGEST_CREATED, TARDIS_INGEST_UPDATED, TARDIS_INGEST_UNCHANGED } outcome;
    apr_uint64_t files;
    apr_uint64_t bytes;
    apr_array_header_t *warnings; /**< const char *, with lines; bounded, the last says how many more */
} tardis_ingest_result_t;

/**
 * Stores the document in one transaction with its synced_experiment (state Ingested, due at once) and an
 * event; bounded memory. The same uid, provider and document again: TARDIS_INGEST_UNCHANGED. A changed
 * document updates an experiment that is not Complete; one that is gives TARDIS_CONFLICT.
 * @return TARDIS_DOCUMENT_*, TARDIS_PATH_INVALID, TARDIS_MANIFEST_EMPTY, TARDIS_UID_INVALID,
 * TARDIS_FORM_INVALID (a bad provider_url), TARDIS_CONFLICT or a database error; nothing remains in the
 * database then.
 */
tardis_error_t *tardis_ingest(const tardis_context_t *context, const tardis_ingest_request_t *request,
                              tardis_ingest_result_t **result, apr_pool_t *pool);

/**
 * Writes an experiment of the catalogue as METS, streaming.
 * @param file_protocol scheme of the hrefs; NULL: tardis.
 * @param file where to; closed by the caller.
 * @return TARDIS_NOT_FOUND, TARDIS_IO_ERROR or a database error.
 */
tardis_error_t *tardis_mets_write(const tardis_context_t *context, apr_uint64_t experiment_id,
                                  const char *file_protocol, apr_file_t *file, apr_pool_t *pool);

/**
 * The same, into a file that is replaced at once and whole (see tardis_output.h), with tardis as the scheme.
 * @param name the file; NULL or "-": standard output.
 * @return TARDIS_NOT_FOUND, TARDIS_IO_ERROR or a database error; the file is as it was then.
 */
tardis_error_t *tardis_mets_export(const tardis_context_t *context, apr_uint64_t experiment_id,
                                   const char *name, apr_pool_t *pool);

#endif
