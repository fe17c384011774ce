/**
 * @file synced_rows.h
 * Rows of synced_experiment, for the files that read and change them.
 *
 * A lease is two columns: lease_owner has the row until lease_until. next_attempt_at stays as it was, so that
 * an experiment whose process was killed is due again by itself when its lease has ended, and no index has to
 * be changed. What comes meanwhile and makes it due (a notification, say) is noted by a next_attempt_at that
 * is not before lease_until: saving and renewing recognize that, whatever the clock does.
 */
#ifndef SYNCED_ROWS_H
#define SYNCED_ROWS_H

#include "tardis_db.h"
#include "tardis_synced_db.h"

/** The columns that synced_rows_read() takes, from a synced_experiment called s. */
#define SYNCED_COLUMNS(title, file_count, byte_count)                                                        \
    "s.experiment_id, s.uid, s.provider_url, " title ", s.state, s.state_since, s.moved_at, s.attempts,"     \
    " s.next_attempt_at, s.lease_owner, s.lease_until, s.status_document, s.checked_through,"                \
    " s.bytes_checked, " file_count ", " byte_count ", s.error_code, s.error_text, s.created_at,"            \
    " s.updated_at, UTC_TIMESTAMP(6) "

/** The beginning of a query whose rows synced_rows_read() takes; a WHERE clause follows. */
#define SYNCED_SELECT                                                                                        \
    "SELECT " SYNCED_COLUMNS("e.title", "e.file_count", "e.byte_count") "FROM synced_experiment s"           \
    " JOIN experiment e ON e.id = s.experiment_id "
/** As SYNCED_SELECT, without title, file_count and byte_count. */
#define SYNCED_SELECT_BARE                                                                                   \
    "SELECT " SYNCED_COLUMNS("NULL", "0", "0") "FROM synced_experiment s "

/** Nobody has it. */
#define SYNCED_FREE "(lease_until IS NULL OR lease_until <= UTC_TIMESTAMP(6))"
/** For next_attempt_at: due at once, or as soon as who has it now is done with it. */
#define SYNCED_AT_ONCE "IF(lease_owner IS NULL, UTC_TIMESTAMP(6), lease_until)"
/** Later than what a clock of the cluster may have written, were it not set back since. */
#define SYNCED_AHEAD "UTC_TIMESTAMP(6) + INTERVAL 5 SECOND"
/** Somebody has it, and it became due meanwhile. */
#define SYNCED_DUE_AGAIN "next_attempt_at >= lease_until"

/** All rows as an array of tardis_synced_t. */
apr_array_header_t *synced_rows_read(tardis_db_rows_t *rows, apr_pool_t *pool);
/** Adds all rows to an array of tardis_synced_t. */
void synced_rows_add(tardis_db_rows_t *rows, apr_array_header_t *found);

#endif
