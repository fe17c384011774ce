#include "tardis_transfer_db.h"

#include <string.h>

#include <apr_strings.h>

#include "transfer_rows.h"

/* What the transaction of tardis_transfer_request() works on. */
typedef struct {
    const tardis_transfer_request_t *request;
    apr_uint64_t files;
    apr_uint64_t bytes;
} request_t;

static tardis_error_t *request_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *lock_experiment(const tardis_context_t *context, request_t *work, apr_pool_t *pool);
static tardis_error_t *lock_transfer(const tardis_context_t *context, const request_t *work,
                                     tardis_transfer_t **transfer, apr_pool_t *pool);
static tardis_error_t *decide(const tardis_transfer_t *transfer, const tardis_transfer_request_t *request,
                              int *anew, apr_pool_t *pool);
static tardis_error_t *insert(const tardis_context_t *context, const request_t *work, apr_pool_t *pool);
static tardis_error_t *queue_anew(const tardis_context_t *context, const request_t *work,
                                  const tardis_transfer_t *transfer, apr_pool_t *pool);

tardis_error_t *tardis_transfer_request(const tardis_context_t *context,
                                        const tardis_transfer_request_t *request, apr_pool_t *pool)
{
    request_t work = {.request = request};
    return transfer_transact(context, request_within, &work, pool);
}

static tardis_error_t *request_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    request_t *work = baton;
    const tardis_transfer_request_t *request = work->request;
    tardis_transfer_t *transfer;
    int anew = 0;
    tardis_error_t *error = lock_experiment(context, work, pool);
    if (!error)
        error = lock_transfer(context, work, &transfer, pool);
    if (!error && transfer)
        error = decide(transfer, request, &anew, pool);
    if (error || (transfer && !anew))
        return error;
    error = transfer ? queue_anew(context, work, transfer, pool) : insert(context, work, pool);
    if (error)
        return error;
    transfer_event_t event = {
        .experiment_id = request->experiment_id,
        .site_url = request->site_url,
        .kind = "transition",
        .text = apr_psprintf(pool, "%s -> Queued: %s asked for the files, to be put into %s",
                             transfer ? transfer->state : "-", request->site_name, request->dest_path),
    };
    return transfer_event_add(context, &event, pool);
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
                                     tardis_transfer_t **transfer, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *transfer = NULL;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT " TRANSFER_COLUMNS " FROM transfer t WHERE t.experiment_id = ? AND t.site_url = ? FOR UPDATE",
        TARDIS_DB_VALUES(tardis_db_unsigned(work->request->experiment_id),
                         tardis_db_text(work->request->site_url)),
        &rows, pool);
    if (!error && tardis_db_rows_next(rows))
        *transfer = transfer_from_row(rows, pool);
    return error;
}

static tardis_error_t *decide(const tardis_transfer_t *transfer, const tardis_transfer_request_t *request,
                              int *anew, apr_pool_t *pool)
{
    int same_place = strcmp(transfer->dest_path, request->dest_path) == 0;
    if (strcmp(transfer->state, TARDIS_TRANSFER_STATE_SENDING) == 0 && !same_place)
        return tardis_error_create(pool, TARDIS_CONFLICT, "the files are being sent to dest_path %s",
                                   transfer->dest_path);
    if (strcmp(transfer->state, TARDIS_TRANSFER_STATE_SENDING) == 0)
        *anew = 0;
    else if (strcmp(transfer->state, TARDIS_TRANSFER_STATE_QUEUED) == 0)
        *anew = !same_place;
    else if (strcmp(transfer->state, TARDIS_TRANSFER_STATE_COMPLETE) == 0)
        *anew = transfer->told_complete || !same_place;
    else
        *anew = 1;
    return NULL;
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

static tardis_error_t *queue_anew(const tardis_context_t *context, const request_t *work,
                                  const tardis_transfer_t *transfer, apr_pool_t *pool)
{
    return tardis_db_execute(
        context->db,
        "UPDATE transfer SET site_name = ?, dest_path = ?, state = 'Queued', attempts = 0, "
        "next_attempt_at = UTC_TIMESTAMP(6), lease_owner = NULL, lease_until = NULL, sent_through = 0, "
        "files_done = 0, files_total = ?, bytes_done = 0, bytes_total = ?, error_code = NULL, error_text = "
        "NULL, "
        "told_complete = FALSE, notify_pending = FALSE, requested_at = UTC_TIMESTAMP(6), started_at = NULL, "
        "finished_at = NULL, updated_at = UTC_TIMESTAMP(6) WHERE id = ?",
        TARDIS_DB_VALUES(tardis_db_text(work->request->site_name), tardis_db_text(work->request->dest_path),
                         tardis_db_unsigned(work->files), tardis_db_unsigned(work->bytes),
                         tardis_db_unsigned(transfer->id)),
        NULL, pool);
}
