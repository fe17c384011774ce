#include "tardis_transfer_db.h"

#include <apr_strings.h>

#include "transfer_rows.h"

#define OWED "state = 'Complete' AND notify_pending"
#define FREE "(lease_until IS NULL OR lease_until <= UTC_TIMESTAMP(6))"

/* The settling of one notification. */
typedef struct {
    const tardis_lease_t *lease;
    const tardis_transfer_t *transfer;
    const char *text;
    const tardis_error_t *cause;
} settlement_t;

static tardis_error_t *take(const tardis_context_t *context, const tardis_lease_t *lease,
                            const tardis_transfer_t *transfer, int *taken, apr_pool_t *pool);
static tardis_error_t *settle_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);

tardis_error_t *tardis_notify_claim(const tardis_context_t *context, const tardis_lease_t *lease,
                                    tardis_transfer_t **transfer, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    int taken = 0;
    *transfer = NULL;
    tardis_error_t *error = tardis_db_query(context->db,
                                            "SELECT " TRANSFER_COLUMNS " FROM transfer t WHERE " OWED
                                            " AND next_attempt_at <= UTC_TIMESTAMP(6) AND " FREE
                                            " ORDER BY t.next_attempt_at, t.id LIMIT 16",
                                            TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && !taken && tardis_db_rows_next(rows)) {
        *transfer = transfer_from_row(rows, pool);
        error = take(context, lease, *transfer, &taken, pool);
    }
    if (!taken)
        *transfer = NULL;
    return error;
}

static tardis_error_t *take(const tardis_context_t *context, const tardis_lease_t *lease,
                            const tardis_transfer_t *transfer, int *taken, apr_pool_t *pool)
{
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE transfer SET lease_owner = ?, lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND "
        "WHERE id = ? AND " OWED " AND next_attempt_at <= UTC_TIMESTAMP(6) AND " FREE,
        TARDIS_DB_VALUES(tardis_db_text(lease->owner), tardis_db_signed(lease->seconds),
                         tardis_db_unsigned(transfer->id)),
        &changes, pool);
    *taken = !error && changes.rows == 1;
    return error;
}

tardis_error_t *tardis_notify_settle(const tardis_context_t *context, const tardis_lease_t *lease,
                                     const tardis_transfer_t *transfer, const char *text,
                                     const tardis_error_t *cause, apr_pool_t *pool)
{
    settlement_t settlement = {.lease = lease, .transfer = transfer, .text = text, .cause = cause};
    return transfer_transact(context, settle_within, &settlement, pool);
}

/* A row that is no longer ours was asked for anew meanwhile: then there is nothing to settle. */
static tardis_error_t *settle_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const settlement_t *settlement = baton;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(context->db,
                                              "UPDATE transfer SET notify_pending = FALSE, next_attempt_at = "
                                              "NULL, lease_owner = NULL, lease_until = NULL "
                                              "WHERE id = ? AND lease_owner = ? AND " OWED,
                                              TARDIS_DB_VALUES(tardis_db_unsigned(settlement->transfer->id),
                                                               tardis_db_text(settlement->lease->owner)),
                                              &changes, pool);
    if (error || !changes.rows)
        return error;
    transfer_event_t event = {
        .experiment_id = settlement->transfer->experiment_id,
        .site_url = settlement->transfer->site_url,
        .kind = "notify",
        .error = settlement->cause,
        .text = settlement->text,
    };
    return transfer_event_add(context, &event, pool);
}

tardis_error_t *tardis_notify_postpone(const tardis_context_t *context, const tardis_lease_t *lease,
                                       const tardis_transfer_t *transfer, apr_interval_time_t delay,
                                       apr_pool_t *pool)
{
    return tardis_db_execute(
        context->db,
        "UPDATE transfer SET attempts = attempts + 1, next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL ? "
        "MICROSECOND, "
        "lease_owner = NULL, lease_until = NULL WHERE id = ? AND lease_owner = ? AND " OWED,
        TARDIS_DB_VALUES(tardis_db_signed(delay), tardis_db_unsigned(transfer->id),
                         tardis_db_text(lease->owner)),
        NULL, pool);
}
