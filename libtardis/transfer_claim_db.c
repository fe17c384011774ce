#include "tardis_transfer_db.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_command.h"
#include "transfer_partial.h"
#include "transfer_rows.h"

/* How many due rows are looked at when each was taken by somebody else in between. */
#define CANDIDATES "16"

/* The row is still ours to write: what every statement below ends in. */
#define HELD " WHERE id = ? AND state = 'Sending' AND lease_owner = ?"
#define FREE "(lease_until IS NULL OR lease_until <= UTC_TIMESTAMP(6))"
#define RELEASE "lease_owner = NULL, lease_until = NULL, updated_at = UTC_TIMESTAMP(6)"

/* One change of a transfer that is held, and the event that tells of it. */
typedef struct {
    const tardis_lease_t *lease;
    const tardis_transfer_t *transfer;
    const tardis_error_t *cause;
    const apr_array_header_t *files;
    apr_interval_time_t delay;
    int notify;
    int taken;
} change_t;

static tardis_error_t *find_due(const tardis_context_t *context, apr_array_header_t **due, apr_pool_t *pool);
static tardis_error_t *claim_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *tell_claim(const tardis_context_t *context, const tardis_transfer_t *before,
                                  apr_pool_t *pool);
static tardis_error_t *reread(const tardis_context_t *context, apr_uint64_t id, tardis_transfer_t **transfer,
                              apr_pool_t *pool);
static tardis_error_t *complete_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *postpone_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *fail_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *held(tardis_error_t *error, const tardis_db_changes_t *changes,
                            const tardis_transfer_t *transfer, apr_pool_t *pool);
static tardis_error_t *tell(const tardis_context_t *context, const tardis_transfer_t *transfer,
                            const char *kind, const tardis_error_t *cause, const char *text,
                            apr_pool_t *pool);

tardis_error_t *tardis_transfer_claim(const tardis_context_t *context, const tardis_lease_t *lease,
                                      tardis_transfer_t **transfer, apr_pool_t *pool)
{
    apr_array_header_t *due;
    *transfer = NULL;
    tardis_error_t *error = find_due(context, &due, pool);
    for (int i = 0; !error && i < due->nelts; i++) {
        change_t change = {.lease = lease, .transfer = APR_ARRAY_IDX(due, i, tardis_transfer_t *)};
        error = transfer_transact(context, claim_within, &change, pool);
        if (!error && change.taken)
            return reread(context, change.transfer->id, transfer, pool);
    }
    return error;
}

static tardis_error_t *find_due(const tardis_context_t *context, apr_array_header_t **due, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *due = apr_array_make(pool, 16, sizeof(tardis_transfer_t *));
    tardis_error_t *error = tardis_db_query(context->db,
                                            "SELECT " TRANSFER_COLUMNS
                                            " FROM transfer t WHERE t.next_attempt_at <= UTC_TIMESTAMP(6) "
                                            "AND t.state IN ('Queued', 'Sending') AND " FREE
                                            " ORDER BY t.next_attempt_at, t.id LIMIT " CANDIDATES,
                                            TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*due, tardis_transfer_t *) = transfer_from_row(rows, pool);
    return error;
}

/* Files beyond the cursor that had arrived are sent again, so the counts go back to the cursor. */
static tardis_error_t *claim_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    change_t *change = baton;
    const tardis_transfer_t *before = change->transfer;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE transfer SET state = 'Sending', lease_owner = ?, "
        "lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND, started_at = COALESCE(started_at, "
        "UTC_TIMESTAMP(6)), "
        "files_done = sent_through, bytes_done = IF(partial_after IS NULL, "
        "(SELECT COALESCE(SUM(d.size), 0) FROM datafile d "
        "WHERE d.experiment_id = transfer.experiment_id AND d.number <= transfer.sent_through), "
        "(SELECT COALESCE(SUM(d.size), 0) FROM transfer_file f JOIN datafile d "
        "ON d.experiment_id = transfer.experiment_id AND d.number = f.file_number "
        "WHERE f.transfer_id = transfer.id AND f.position <= transfer.sent_through)), "
        "updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND state = ? AND lease_owner <=> ? "
        "AND next_attempt_at <= UTC_TIMESTAMP(6) AND " FREE,
        TARDIS_DB_VALUES(tardis_db_text(change->lease->owner), tardis_db_signed(change->lease->seconds),
                         tardis_db_unsigned(before->id), tardis_db_text(before->state),
                         tardis_db_text(before->lease_owner)),
        &changes, pool);
    change->taken = !error && changes.rows == 1;
    return change->taken ? tell_claim(context, before, pool) : error;
}

/* Going on after a pause is no event: a long transfer would have one for every run of cron. */
static tardis_error_t *tell_claim(const tardis_context_t *context, const tardis_transfer_t *before,
                                  apr_pool_t *pool)
{
    const char *from = apr_psprintf(pool, "from file %" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT,
                                    before->sent_through + 1, before->files_total);
    if (!before->files_total)
        from = "no files";
    else if (before->partial)
        from = apr_pstrcat(pool, from, " again", NULL);
    if (strcmp(before->state, TARDIS_TRANSFER_STATE_QUEUED) == 0)
        return tell(context, before, "transition", NULL, apr_psprintf(pool, "Queued -> Sending: %s", from),
                    pool);
    if (before->lease_owner)
        return tell(context, before, "transition", NULL,
                    apr_psprintf(pool, "taken over from %s, which stopped in the middle: %s",
                                 before->lease_owner, from),
                    pool);
    return NULL;
}

static tardis_error_t *reread(const tardis_context_t *context, apr_uint64_t id, tardis_transfer_t **transfer,
                              apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db, "SELECT " TRANSFER_COLUMNS " FROM transfer t WHERE t.id = ?",
                        TARDIS_DB_VALUES(tardis_db_unsigned(id)), &rows, pool);
    if (!error && tardis_db_rows_next(rows))
        *transfer = transfer_from_row(rows, pool);
    return error;
}

tardis_error_t *tardis_transfer_save(const tardis_context_t *context, const tardis_lease_t *lease,
                                     const tardis_transfer_t *transfer, apr_pool_t *pool)
{
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE transfer SET lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND, sent_through = ?, "
        "files_done = ?, "
        "bytes_done = ?, attempts = ?, error_code = IF(attempts = 0, NULL, error_code), "
        "error_text = IF(attempts = 0, NULL, error_text), updated_at = UTC_TIMESTAMP(6)" HELD,
        TARDIS_DB_VALUES(tardis_db_signed(lease->seconds), tardis_db_unsigned(transfer->sent_through),
                         tardis_db_unsigned(transfer->files_done), tardis_db_unsigned(transfer->bytes_done),
                         tardis_db_unsigned(transfer->attempts), tardis_db_unsigned(transfer->id),
                         tardis_db_text(lease->owner)),
        &changes, pool);
    return held(error, &changes, transfer, pool);
}

tardis_error_t *tardis_transfer_pause(const tardis_context_t *context, const tardis_lease_t *lease,
                                      const tardis_transfer_t *transfer, apr_pool_t *pool)
{
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE transfer SET sent_through = ?, files_done = ?, bytes_done = ?, attempts = ?, "
        "next_attempt_at = UTC_TIMESTAMP(6), " RELEASE HELD,
        TARDIS_DB_VALUES(tardis_db_unsigned(transfer->sent_through), tardis_db_unsigned(transfer->files_done),
                         tardis_db_unsigned(transfer->bytes_done), tardis_db_unsigned(transfer->attempts),
                         tardis_db_unsigned(transfer->id), tardis_db_text(lease->owner)),
        &changes, pool);
    return held(error, &changes, transfer, pool);
}

tardis_error_t *tardis_transfer_complete(const tardis_context_t *context, const tardis_lease_t *lease,
                                         const tardis_transfer_t *transfer, int notify, apr_pool_t *pool)
{
    change_t change = {.lease = lease, .transfer = transfer, .notify = notify};
    return transfer_transact(context, complete_within, &change, pool);
}

static tardis_error_t *complete_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    const tardis_transfer_t *transfer = change->transfer;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE transfer SET state = 'Complete', attempts = 0, next_attempt_at = IF(?, UTC_TIMESTAMP(6), "
        "NULL), "
        "notify_pending = ?, sent_through = files_total, files_done = files_total, bytes_done = bytes_total, "
        "error_code = NULL, error_text = NULL, finished_at = UTC_TIMESTAMP(6), " RELEASE HELD,
        TARDIS_DB_VALUES(tardis_db_signed(change->notify), tardis_db_signed(change->notify),
                         tardis_db_unsigned(transfer->id), tardis_db_text(change->lease->owner)),
        &changes, pool);
    error = held(error, &changes, transfer, pool);
    if (!error && transfer->partial)
        error = transfer_partial_clear(context, transfer->id, pool);
    if (error)
        return error;
    return tell(context, transfer, "transition", NULL,
                apr_psprintf(pool, "Sending -> Complete: %" APR_UINT64_T_FMT " files%s, %s",
                             transfer->files_total, transfer->partial ? " again" : "",
                             tardis_format_bytes(transfer->bytes_total, pool)),
                pool);
}

tardis_error_t *tardis_transfer_postpone(const tardis_context_t *context, const tardis_lease_t *lease,
                                         const tardis_transfer_t *transfer, const tardis_error_t *cause,
                                         apr_interval_time_t delay, apr_pool_t *pool)
{
    change_t change = {.lease = lease, .transfer = transfer, .cause = cause, .delay = delay};
    return transfer_transact(context, postpone_within, &change, pool);
}

static tardis_error_t *postpone_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    const tardis_transfer_t *transfer = change->transfer;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE transfer SET state = 'Queued', attempts = ?, "
        "next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, sent_through = ?, files_done = ?, "
        "bytes_done = ?, error_code = ?, error_text = ?, " RELEASE HELD,
        TARDIS_DB_VALUES(tardis_db_unsigned(transfer->attempts + 1), tardis_db_signed(change->delay),
                         tardis_db_unsigned(transfer->sent_through), tardis_db_unsigned(transfer->files_done),
                         tardis_db_unsigned(transfer->bytes_done),
                         tardis_db_text(tardis_error_name(change->cause->code)),
                         tardis_db_text(transfer_text_bound(change->cause->text, pool)),
                         tardis_db_unsigned(transfer->id), tardis_db_text(change->lease->owner)),
        &changes, pool);
    error = held(error, &changes, transfer, pool);
    if (error)
        return error;
    return tell(context, transfer, "transition", change->cause,
                apr_psprintf(pool, "Sending -> Queued: attempt %" APR_UINT64_T_FMT ", tried again in %d s",
                             transfer->attempts + 1, (int)apr_time_sec(change->delay)),
                pool);
}

tardis_error_t *tardis_transfer_fail(const tardis_context_t *context, const tardis_lease_t *lease,
                                     const tardis_transfer_t *transfer, const tardis_error_t *cause,
                                     const apr_array_header_t *files, apr_pool_t *pool)
{
    change_t change = {.lease = lease, .transfer = transfer, .cause = cause, .files = files};
    return transfer_transact(context, fail_within, &change, pool);
}

static tardis_error_t *fail_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    const tardis_transfer_t *transfer = change->transfer;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE transfer SET state = 'Failed', attempts = ?, next_attempt_at = NULL, sent_through = ?, "
        "files_done = ?, bytes_done = ?, error_code = ?, error_text = ?, finished_at = "
        "UTC_TIMESTAMP(6), " RELEASE HELD,
        TARDIS_DB_VALUES(tardis_db_unsigned(transfer->attempts + 1),
                         tardis_db_unsigned(transfer->sent_through), tardis_db_unsigned(transfer->files_done),
                         tardis_db_unsigned(transfer->bytes_done),
                         tardis_db_text(tardis_error_name(change->cause->code)),
                         tardis_db_text(transfer_text_bound(change->cause->text, pool)),
                         tardis_db_unsigned(transfer->id), tardis_db_text(change->lease->owner)),
        &changes, pool);
    error = held(error, &changes, transfer, pool);
    for (int i = 0; !error && change->files && i < change->files->nelts; i++)
        error = tell(context, transfer, "error", APR_ARRAY_IDX(change->files, i, const tardis_error_t *), "",
                     pool);
    if (!error)
        error = tell(context, transfer, "transition", change->cause, "Sending -> Failed", pool);
    return error;
}

static tardis_error_t *held(tardis_error_t *error, const tardis_db_changes_t *changes,
                            const tardis_transfer_t *transfer, apr_pool_t *pool)
{
    if (!error && changes->rows != 1)
        return tardis_error_create(pool, TARDIS_LEASE_LOST, "the transfer to %s was taken over or cancelled",
                                   transfer->site_name);
    return error;
}

static tardis_error_t *tell(const tardis_context_t *context, const tardis_transfer_t *transfer,
                            const char *kind, const tardis_error_t *cause, const char *text, apr_pool_t *pool)
{
    transfer_event_t event = {
        .experiment_id = transfer->experiment_id,
        .site_url = transfer->site_url,
        .kind = kind,
        .error = cause,
        .text = text,
    };
    return transfer_event_add(context, &event, pool);
}
