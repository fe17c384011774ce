/**
 * @file synced_rows.h
 * Rows of synced_experiment, for the files that read them.
 */
#ifndef SYNCED_ROWS_H
#define SYNCED_ROWS_H

#include "tardis_db.h"
#include "tardis_synced_db.h"

/** The beginning of a query whose rows synced_rows_read() takes; a WHERE clause follows. */
#define SYNCED_SELECT                                                                                        \
    "SELECT s.experiment_id, s.uid, s.provider_url, e.title, s.state, s.state_since, s.moved_at,"            \
    " s.attempts, s.next_attempt_at, s.lease_owner, s.lease_until, s.status_document, s.checked_through,"    \
    " s.bytes_checked, e.file_count, e.byte_count, s.error_code, s.error_text, s.created_at, s.updated_at,"  \
    " UTC_TIMESTAMP(6) FROM synced_experiment s JOIN experiment e ON e.id = s.experiment_id "

/** All rows as an array of tardis_synced_t. */
apr_array_header_t *synced_rows_read(tardis_db_rows_t *rows, apr_pool_t *pool);

#endif
