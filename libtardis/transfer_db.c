#include "tardis_transfer_db.h"

#include <string.h>

#include <apr_strings.h>

#include "transfer_partial.h"
#include "transfer_rows.h"

/* What the transaction of tardis_transfer_request() works on. */
typedef struct {
    const tardis_transfer_request_t *request;
    tardis_transfer_grant_t *grant;
    apr_uint64_t files;
    apr_uint64_t bytes;
    transfer_partial_t partial; /* the files that are asked for; without numbers: all */
} request_t;

/* The transfer that there is. */
typedef struct {
    tardis_transfer_t *row;
    apr_uint64_t sending;
    apr_uint64_t after; /* the sending that a partial one goes on from */
    int same_files;     /* it is a partial one, of the files that are asked for */
} present_t;

/* What is to become of it. */
typedef enum { LEAVE, LEAVE_PARTIAL, QUEUE_PARTIAL, QUEUE_ALL } decision_t;

static tardis_error_t *request_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *lock_experiment(const tardis_context_t *context, request_t *work, apr_pool_t *pool);
static tardis_error_t *lock_transfer(const tardis_context_t *context, const request_t *work,
                                     present_t *present, apr_pool_t *pool);
static tardis_error_t *decide(const request_t *work, const present_t *present, decision_t *decision,
                              apr_pool_t *pool);
static decision_t decide_all(const tardis_transfer_t *transfer);
static decision_t decide_partial(const request_t *work, const present_t *present);
static tardis_error_t *carry_out(const tardis_context_t *context, const request_t *work,
                                 const present_t *present, decision_t decision, apr_pool_t *pool);
static tardis_error_t *insert(const tardis_context_t *context, const request_t *work, apr_pool_t *pool);
static tardis_error_t *queue_anew(const tardis_context_t *context, const request_t *work,
                                  const present_t *present, int partial, apr_pool_t *pool);
static tardis_error_t *tell(const tardis_context_t *context, const request_t *work,
                            const tardis_transfer_t *before, int partial, apr_pool_t *pool);
static int is_in(const tardis_transfer_t *transfer, const char *state);

tardis_error_t *tardis_transfer_request(const tardis_context_t *context,
                                        const tardis_transfer_request_t *request,
                                        tardis_transfer_grant_t *grant, apr_pool_t *pool)
{
    request_t work = {.request = request, .grant = grant};
    return transfer_transact(context, request_within, &work, pool);
}

static tardis_error_t *request_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    request_t *work = baton;
    const tardis_transfer_request_t *request = work->request;
    present_t present = {0};
    decision_t decision = QUEUE_ALL;
    *work->grant = (tardis_transfer_grant_t){0};
    work->partial = (transfer_partial_t){0};
    tardis_error_t *error = lock_experiment(context, work, pool);
    if (!error && request->files && request->files->nelts)
        error = transfer_partial_find(context, request->experiment_id, request->files, &work->partial, pool);
    if (!error)
        error = lock_transfer(context, work, &present, pool);
    if (!error && present.row)
        error = decide(work, &present, &decision, pool);
    if (!error && (decision == QUEUE_ALL || decision == QUEUE_PARTIAL))
        error = carry_out(context, work, &present, decision, pool);
    if (error || (decision != QUEUE_PARTIAL && decision != LEAVE_PARTIAL))
        return error;
    if (decision == QUEUE_PARTIAL)
        error = lock_transfer(context, work, &present, pool);
    *work->grant = (tardis_transfer_grant_t){(apr_uint64_t)work->partial.numbers->nelts, present.sending};
    return error;
}

/* The experiment's row stands for all its transfers: two first requests for one site are made to wait here.
 */
static tardis_error_t *lock_experiment(const tardis_context_t *context, request_t *work, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT e.file_count, e.byte_count FROM experiment e JOIN experiment_source s ON "
                        "s.experiment_id = e.id "
                        "WHERE e.id = ? FOR UPDATE",
                        TARDIS_DB_VALUES(tardis_db_unsigned(work->request->experiment_id)), &rows, pool);
    if (error)
        return error;
    if (!tardis_db_rows_next(rows))
        return tardis_error_create(pool, TARDIS_UID_UNKNOWN, "there is no experiment %" APR_UINT64_T_FMT,
                                   work->request->experiment_id);
    work->files = tardis_db_rows_unsigned(rows, 0);
    work->bytes = tardis_db_rows_unsigned(rows, 1);
    return NULL;
}

static tardis_error_t *lock_transfer(const tardis_context_t *context, const request_t *work,
                                     present_t *present, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *present = (present_t){0};
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT " TRANSFER_COLUMNS ", t.partial_after, t.partial_digest <=> ? FROM transfer t"
                        " WHERE t.experiment_id = ? AND t.site_url = ? FOR UPDATE",
                        TARDIS_DB_VALUES(tardis_db_bytes(work->partial.digest, sizeof(work->partial.digest)),
                                         tardis_db_unsigned(work->request->experiment_id),
                                         tardis_db_text(work->request->site_url)),
                        &rows, pool);
    if (error || !tardis_db_rows_next(rows))
        return error;
    present->row = transfer_from_row(rows, pool);
    present->sending = (apr_uint64_t)present->row->requested_at;
    present->after = tardis_db_rows_unsigned(rows, TRANSFER_COLUMN_COUNT);
    present->same_files = present->row->partial && tardis_db_rows_signed(rows, TRANSFER_COLUMN_COUNT + 1);
    return NULL;
}

static tardis_error_t *decide(const request_t *work, const present_t *present, decision_t *decision,
                              apr_pool_t *pool)
{
    const tardis_transfer_t *transfer = present->row;
    if (strcmp(transfer->dest_path, work->request->dest_path) == 0)
        *decision = work->partial.numbers ? decide_partial(work, present) : decide_all(transfer);
    else if (is_in(transfer, TARDIS_TRANSFER_STATE_SENDING))
        return tardis_error_create(pool, TARDIS_CONFLICT, "the files are being sent to dest_path %s",
                                   transfer->dest_path);
    return NULL;
}

static decision_t decide_all(const tardis_transfer_t *transfer)
{
    if (transfer->partial || is_in(transfer, TARDIS_TRANSFER_STATE_FAILED) ||
        is_in(transfer, TARDIS_TRANSFER_STATE_CANCELLED))
        return QUEUE_ALL;
    if (is_in(transfer, TARDIS_TRANSFER_STATE_COMPLETE))
        return transfer->told_complete ? QUEUE_ALL : LEAVE;
    return LEAVE;
}

/* What the site has of all other files it may keep only if none of them was sent since it has proven them. */
static decision_t decide_partial(const request_t *work, const present_t *present)
{
    const tardis_transfer_t *transfer = present->row;
    apr_uint64_t sending = work->request->sending;
    int is_last = !sending || sending == present->sending;
    int is_repeated = present->same_files && (is_last || sending == present->after);
    if (is_in(transfer, TARDIS_TRANSFER_STATE_COMPLETE) && is_last && transfer->told_complete)
        return QUEUE_PARTIAL;
    if (!is_repeated)
        return decide_all(transfer);
    if (is_in(transfer, TARDIS_TRANSFER_STATE_FAILED) || is_in(transfer, TARDIS_TRANSFER_STATE_CANCELLED))
        return sending ? QUEUE_PARTIAL : QUEUE_ALL;
    return LEAVE_PARTIAL;
}

static tardis_error_t *carry_out(const tardis_context_t *context, const request_t *work,
                                 const present_t *present, decision_t decision, apr_pool_t *pool)
{
    int partial = decision == QUEUE_PARTIAL;
    tardis_error_t *error =
        present->row ? queue_anew(context, work, present, partial, pool) : insert(context, work, pool);
    if (!error && partial)
        error = transfer_partial_write(context, present->row->id, &work->partial, pool);
    else if (!error && present->row && present->row->partial)
        error = transfer_partial_clear(context, present->row->id, pool);
    return error ? error : tell(context, work, present->row, partial, pool);
}

static tardis_error_t *insert(const tardis_context_t *context, const request_t *work, apr_pool_t *pool)
{
    const tardis_transfer_request_t *request = work->request;
    return tardis_db_execute(
        context->db,
        "INSERT INTO transfer (experiment_id, site_url, site_name, dest_path, state, next_attempt_at, "
        "files_total, "
        "bytes_total, requested_at, updated_at) "
        "VALUES (?, ?, ?, ?, 'Queued', UTC_TIMESTAMP(6), ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        TARDIS_DB_VALUES(tardis_db_unsigned(request->experiment_id), tardis_db_text(request->site_url),
                         tardis_db_text(request->site_name), tardis_db_text(request->dest_path),
                         tardis_db_unsigned(work->files), tardis_db_unsigned(work->bytes)),
        NULL, pool);
}

/* The number of a sending is when it was asked for, which grows also where the clock is set back. Whoever
 * sends now finds the lease lost. */
static tardis_error_t *queue_anew(const tardis_context_t *context, const request_t *work,
                                  const present_t *present, int partial, apr_pool_t *pool)
{
    const transfer_partial_t *files = &work->partial;
    apr_uint64_t after = work->request->sending ? work->request->sending : present->sending;
    return tardis_db_execute(
        context->db,
        "UPDATE transfer SET site_name = ?, dest_path = ?, state = 'Queued', attempts = 0, "
        "next_attempt_at = UTC_TIMESTAMP(6), lease_owner = NULL, lease_until = NULL, sent_through = 0, "
        "files_done = 0, files_total = ?, bytes_done = 0, bytes_total = ?, error_code = NULL, error_text = "
        "NULL, told_complete = FALSE, notify_pending = FALSE, "
        "requested_at = GREATEST(UTC_TIMESTAMP(6), requested_at + INTERVAL 1 MICROSECOND), "
        "started_at = NULL, finished_at = NULL, partial_after = ?, partial_digest = ?, "
        "updated_at = UTC_TIMESTAMP(6) WHERE id = ?",
        TARDIS_DB_VALUES(tardis_db_text(work->request->site_name), tardis_db_text(work->request->dest_path),
                         tardis_db_unsigned(partial ? (apr_uint64_t)files->numbers->nelts : work->files),
                         tardis_db_unsigned(partial ? files->bytes : work->bytes),
                         partial ? tardis_db_unsigned(after) : tardis_db_text(NULL),
                         tardis_db_bytes(partial ? files->digest : NULL, partial ? sizeof(files->digest) : 0),
                         tardis_db_unsigned(present->row->id)),
        NULL, pool);
}

static tardis_error_t *tell(const tardis_context_t *context, const request_t *work,
                            const tardis_transfer_t *before, int partial, apr_pool_t *pool)
{
    const tardis_transfer_request_t *request = work->request;
    const char *what = "the files";
    if (partial)
        what = apr_psprintf(pool, "%d of %" APR_UINT64_T_FMT " files again", work->partial.numbers->nelts,
                            work->files);
    transfer_event_t event = {
        .experiment_id = request->experiment_id,
        .site_url = request->site_url,
        .kind = "transition",
        .text = apr_psprintf(pool, "%s -> Queued: %s asked for %s, to be put into %s",
                             before ? before->state : "-", request->site_name, what, request->dest_path),
    };
    return transfer_event_add(context, &event, pool);
}

static int is_in(const tardis_transfer_t *transfer, const char *state)
{
    return strcmp(transfer->state, state) == 0;
}
