/*
 * What statuses are made of, for many experiments at a time; not installed. The number of statements depends
 * on how many hundreds are asked for only.
 */
#ifndef TRANSFER_STATUS_DB_H
#define TRANSFER_STATUS_DB_H

#include <apr_time.h>

#include "tardis_context.h"

/* What a status says of a transfer. */
typedef struct transfer_brief_t {
    apr_uint64_t id;
    const char *state; /* TARDIS_TRANSFER_STATE_... */
    apr_uint64_t files_done;
    apr_uint64_t files_total;
    apr_uint64_t bytes_done;
    apr_uint64_t bytes_total;
    const char *error_code; /* NULL: none */
    const char *error_text;
    int told_complete;
    apr_time_t updated_at;
    apr_uint64_t sending; /* see tardis_transfer_request() */
    int partial;          /* not 0: the files are some that are sent again */
} transfer_brief_t;

/* One experiment that is looked up. */
typedef struct transfer_lookup_t {
    apr_uint64_t experiment_id;       /* to look up */
    int exists;                       /* found: it has a source directory here; 0 before */
    const transfer_brief_t *transfer; /* found: to the site; NULL before, and if it was never requested */
} transfer_lookup_t;

/*
 * Looks up the transfers of experiments to the site, and which experiments exist. What is found lives in @a
 * pool.
 * @param lookups sorted by experiment_id; one may be there more than once.
 */
tardis_error_t *transfer_look_up(const tardis_context_t *context, const char *site_url,
                                 transfer_lookup_t *lookups, int count, apr_pool_t *pool);

/* Notes of those of these transfers that are Complete that their site was told so. */
tardis_error_t *transfer_tell_complete(const tardis_context_t *context, const apr_uint64_t *ids, int count,
                                       apr_pool_t *pool);

#endif
