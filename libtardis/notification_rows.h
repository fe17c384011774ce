/**
 * @file notification_rows.h
 * Rows of notification, for the files that write and read them.
 */
#ifndef NOTIFICATION_ROWS_H
#define NOTIFICATION_ROWS_H

#include "tardis_db.h"
#include "tardis_synced_db.h"

/** The beginning of a query whose rows notification_rows_read() takes; a WHERE clause follows. */
#define NOTIFICATION_SELECT                                                                                  \
    "SELECT id, experiment_id, recipient, subject, body, about_state, about_code, created_at, sent_at,"      \
    " attempts, next_attempt_at, error_code, error_text FROM notification "

/** All rows as an array of tardis_notification_t. */
apr_array_header_t *notification_rows_read(tardis_db_rows_t *rows, apr_pool_t *pool);

/** Begins to put many mails into the outbox; tardis_db_bulk_finish() ends it. */
tardis_error_t *notification_bulk_open(tardis_db_bulk_t **bulk, const tardis_context_t *context,
                                       apr_pool_t *pool);
/** As tardis_notification_add(), one of many. @param now the database server's clock. */
tardis_error_t *notification_bulk_add(tardis_db_bulk_t *bulk, const tardis_notification_t *notification,
                                      apr_time_t now, apr_pool_t *pool);

#endif
