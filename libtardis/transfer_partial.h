/*
 * Transfers of which only some files are sent again; not installed. See schema/provider-2.sql.
 */
#ifndef TRANSFER_PARTIAL_H
#define TRANSFER_PARTIAL_H

#include "tardis_transfer_db.h"

/* The files of a request, as the catalogue knows them. */
typedef struct transfer_partial_t {
    const apr_array_header_t *numbers; /* of apr_uint32_t: ascending, each once */
    apr_uint64_t bytes;
    unsigned char digest[32]; /* of which files these are */
} transfer_partial_t;

/*
 * Finds the files with these paths (const char *). @return TARDIS_FORM_INVALID: the experiment has none with
 * one of them, which the error names.
 */
tardis_error_t *transfer_partial_find(const tardis_context_t *context, apr_uint64_t experiment_id,
                                      const apr_array_header_t *paths, transfer_partial_t *partial,
                                      apr_pool_t *pool);

/* Notes that these are the files of a transfer, instead of what was there. Within a transaction. */
tardis_error_t *transfer_partial_write(const tardis_context_t *context, apr_uint64_t transfer_id,
                                       const transfer_partial_t *partial, apr_pool_t *pool);

/* Forgets which files they were. Within a transaction. */
tardis_error_t *transfer_partial_clear(const tardis_context_t *context, apr_uint64_t transfer_id,
                                       apr_pool_t *pool);

#endif
