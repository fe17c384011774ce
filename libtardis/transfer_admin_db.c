#include "tardis_transfer_db.h"

#include <string.h>

#include <apr_strings.h>

#include "transfer_rows.h"

static tardis_error_t *retry_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *cancel_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *tell(const tardis_context_t *context, const tardis_transfer_t *transfer,
                            const char *text, apr_pool_t *pool);
static tardis_transfer_event_t *event_from_row(const tardis_db_rows_t *rows, apr_pool_t *pool);

tardis_error_t *tardis_transfer_list(const tardis_context_t *context, apr_uint64_t experiment_id,
                                     apr_array_header_t **transfers, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *transfers = apr_array_make(pool, 4, sizeof(tardis_transfer_t *));
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT " TRANSFER_COLUMNS
                        " FROM transfer t WHERE t.experiment_id = ? ORDER BY t.site_name, t.site_url",
                        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), &rows, pool);
    while (!error && tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*transfers, tardis_transfer_t *) = transfer_from_row(rows, pool);
    return error;
}

tardis_error_t *tardis_transfer_retry(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                      apr_pool_t *pool)
{
    return transfer_transact(context, retry_within, (void *)transfer, pool);
}

static tardis_error_t *retry_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const tardis_transfer_t *transfer = baton;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE transfer SET state = 'Queued', attempts = 0, next_attempt_at = UTC_TIMESTAMP(6), error_code "
        "= NULL, "
        "error_text = NULL, told_complete = FALSE, finished_at = NULL, lease_owner = NULL, lease_until = "
        "NULL, "
        "updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND state = ? AND state IN ('Queued', 'Failed', "
        "'Cancelled')",
        TARDIS_DB_VALUES(tardis_db_unsigned(transfer->id), tardis_db_text(transfer->state)), &changes, pool);
    if (error)
        return error;
    if (changes.rows != 1)
        return tardis_error_create(pool, TARDIS_CONFLICT, "the transfer to %s is %s", transfer->site_name,
                                   transfer->state);
    return tell(context, transfer, apr_psprintf(pool, "%s -> Queued: retried by hand", transfer->state),
                pool);
}

tardis_error_t *tardis_transfer_cancel(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                       apr_pool_t *pool)
{
    return transfer_transact(context, cancel_within, (void *)transfer, pool);
}

static tardis_error_t *cancel_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const tardis_transfer_t *transfer = baton;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE transfer SET state = 'Cancelled', next_attempt_at = NULL, lease_owner = NULL, lease_until = "
        "NULL, "
        "error_code = ?, error_text = ?, finished_at = UTC_TIMESTAMP(6), updated_at = UTC_TIMESTAMP(6) "
        "WHERE id = ? AND state = ? AND state IN ('Queued', 'Sending')",
        TARDIS_DB_VALUES(tardis_db_text(tardis_error_name(TARDIS_TRANSFER_CANCELLED)),
                         tardis_db_text("the provider cancelled the transfer"),
                         tardis_db_unsigned(transfer->id), tardis_db_text(transfer->state)),
        &changes, pool);
    if (error)
        return error;
    if (changes.rows != 1)
        return tardis_error_create(pool, TARDIS_CONFLICT, "the transfer to %s is no longer %s",
                                   transfer->site_name, transfer->state);
    return tell(context, transfer, apr_psprintf(pool, "%s -> Cancelled: by hand", transfer->state), pool);
}

static tardis_error_t *tell(const tardis_context_t *context, const tardis_transfer_t *transfer,
                            const char *text, apr_pool_t *pool)
{
    transfer_event_t event = {
        .experiment_id = transfer->experiment_id,
        .site_url = transfer->site_url,
        .kind = "manual",
        .text = text,
    };
    return transfer_event_add(context, &event, pool);
}

tardis_error_t *tardis_transfer_events(const tardis_context_t *context, apr_uint64_t experiment_id, int limit,
                                       apr_array_header_t **events, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *events = apr_array_make(pool, 16, sizeof(tardis_transfer_event_t *));
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT at, host, site_url, kind, code, text FROM (SELECT * FROM transfer_event WHERE experiment_id "
        "= ? "
        "ORDER BY id DESC LIMIT ?) last ORDER BY id",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_signed(limit)), &rows, pool);
    while (!error && tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*events, tardis_transfer_event_t *) = event_from_row(rows, pool);
    return error;
}

static tardis_transfer_event_t *event_from_row(const tardis_db_rows_t *rows, apr_pool_t *pool)
{
    tardis_transfer_event_t *event = apr_pcalloc(pool, sizeof(*event));
    event->at = tardis_db_rows_time(rows, 0);
    event->host = tardis_db_rows_text(rows, 1);
    event->site_url = tardis_db_rows_text(rows, 2);
    event->kind = tardis_db_rows_text(rows, 3);
    event->code = tardis_db_rows_text(rows, 4);
    event->text = tardis_db_rows_text(rows, 5);
    return event;
}
