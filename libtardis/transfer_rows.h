/*
 * What the files behind tardis_transfer_db.h share; not installed.
 */
#ifndef TRANSFER_ROWS_H
#define TRANSFER_ROWS_H

#include "tardis_db.h"
#include "tardis_transfer_db.h"

/* The columns transfer_from_row() reads, of a table (or alias) called t. */
#define TRANSFER_COLUMNS                                                                                     \
    "t.id, t.experiment_id, t.site_name, t.site_url, t.dest_path, t.state, t.attempts, t.next_attempt_at, "  \
    "t.lease_owner, t.sent_through, t.files_done, t.files_total, t.bytes_done, t.bytes_total, "              \
    "t.error_code, t.error_text, t.told_complete, t.notify_pending, t.requested_at, t.started_at, "          \
    "t.finished_at, t.updated_at, t.partial_after IS NOT NULL"

/* How many these are. */
#define TRANSFER_COLUMN_COUNT 23

/* Longest text kept with a row or an event; what others answer must not fill the history. */
#define TRANSFER_TEXT_MAX 2000

/* The transfer in a row of TRANSFER_COLUMNS. It lives in @a pool; its texts as long as the rows. */
tardis_transfer_t *transfer_from_row(const tardis_db_rows_t *rows, apr_pool_t *pool);

/* The columns registration_from_row() reads. */
#define REGISTRATION_COLUMNS                                                                                 \
    "experiment_id, site_name, site_url, state, chosen, attempts, next_attempt_at, location, error_code, "   \
    "error_text, created_at, updated_at"

/* The registration in a row of REGISTRATION_COLUMNS; lifetimes as above. */
tardis_registration_t *registration_from_row(const tardis_db_rows_t *rows, apr_pool_t *pool);

/* The statements of one transaction. May be called again if the transaction has to be repeated. */
typedef tardis_error_t *transfer_transaction_fn(const tardis_context_t *context, void *baton,
                                                apr_pool_t *pool);

/* Runs @a run in a transaction, again (a few times) if another one was in the way. */
tardis_error_t *transfer_transact(const tardis_context_t *context, transfer_transaction_fn *run, void *baton,
                                  apr_pool_t *pool);

/* One line of the history; within the transaction of the change it tells of. @a error may be NULL. */
typedef struct transfer_event_t {
    apr_uint64_t experiment_id;
    const char *site_url;
    const char *kind; /* registration, transition, error, manual, notify */
    const tardis_error_t *error;
    const char *text; /* followed by the error's text, if there is one */
} transfer_event_t;
tardis_error_t *transfer_event_add(const tardis_context_t *context, const transfer_event_t *event,
                                   apr_pool_t *pool);

/* @a text cut to TRANSFER_TEXT_MAX bytes, between characters. */
const char *transfer_text_bound(const char *text, apr_pool_t *pool);

#endif
