#include "transfer_rows.h"

#include <string.h>

#include <apr_strings.h>

#include "db_transact.h"
#include "tardis_command.h"

/* A transaction that also tells its caller something. */
typedef struct {
    transfer_transaction_fn *run;
    void *baton;
} work_t;

static tardis_error_t *run_work(const tardis_context_t *context, const void *baton, apr_pool_t *pool);

tardis_transfer_t *transfer_from_row(const tardis_db_rows_t *rows, apr_pool_t *pool)
{
    tardis_transfer_t *transfer = apr_pcalloc(pool, sizeof(*transfer));
    int c = 0;
    transfer->id = tardis_db_rows_unsigned(rows, c++);
    transfer->experiment_id = tardis_db_rows_unsigned(rows, c++);
    transfer->site_name = tardis_db_rows_text(rows, c++);
    transfer->site_url = tardis_db_rows_text(rows, c++);
    transfer->dest_path = tardis_db_rows_text(rows, c++);
    transfer->state = tardis_db_rows_text(rows, c++);
    transfer->attempts = tardis_db_rows_unsigned(rows, c++);
    transfer->next_attempt_at = tardis_db_rows_time(rows, c++);
    transfer->lease_owner = tardis_db_rows_text(rows, c++);
    transfer->sent_through = tardis_db_rows_unsigned(rows, c++);
    transfer->files_done = tardis_db_rows_unsigned(rows, c++);
    transfer->files_total = tardis_db_rows_unsigned(rows, c++);
    transfer->bytes_done = tardis_db_rows_unsigned(rows, c++);
    transfer->bytes_total = tardis_db_rows_unsigned(rows, c++);
    transfer->error_code = tardis_db_rows_text(rows, c++);
    transfer->error_text = tardis_db_rows_text(rows, c++);
    transfer->told_complete = tardis_db_rows_unsigned(rows, c++) != 0;
    transfer->notify_pending = tardis_db_rows_unsigned(rows, c++) != 0;
    transfer->requested_at = tardis_db_rows_time(rows, c++);
    transfer->started_at = tardis_db_rows_time(rows, c++);
    transfer->finished_at = tardis_db_rows_time(rows, c++);
    transfer->updated_at = tardis_db_rows_time(rows, c++);
    transfer->partial = tardis_db_rows_signed(rows, c++) != 0;
    return transfer;
}

tardis_registration_t *registration_from_row(const tardis_db_rows_t *rows, apr_pool_t *pool)
{
    tardis_registration_t *registration = apr_pcalloc(pool, sizeof(*registration));
    registration->experiment_id = tardis_db_rows_unsigned(rows, 0);
    registration->site_name = tardis_db_rows_text(rows, 1);
    registration->site_url = tardis_db_rows_text(rows, 2);
    registration->state = tardis_db_rows_text(rows, 3);
    registration->chosen = tardis_db_rows_unsigned(rows, 4) != 0;
    registration->attempts = tardis_db_rows_unsigned(rows, 5);
    registration->next_attempt_at = tardis_db_rows_time(rows, 6);
    registration->location = tardis_db_rows_text(rows, 7);
    registration->error_code = tardis_db_rows_text(rows, 8);
    registration->error_text = tardis_db_rows_text(rows, 9);
    registration->created_at = tardis_db_rows_time(rows, 10);
    registration->updated_at = tardis_db_rows_time(rows, 11);
    return registration;
}

tardis_error_t *transfer_transact(const tardis_context_t *context, transfer_transaction_fn *run, void *baton,
                                  apr_pool_t *pool)
{
    const work_t work = {run, baton};
    return db_transact(context, run_work, &work, pool);
}

static tardis_error_t *run_work(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const work_t *work = baton;
    return work->run(context, work->baton, pool);
}

tardis_error_t *transfer_event_add(const tardis_context_t *context, const transfer_event_t *event,
                                   apr_pool_t *pool)
{
    const char *text = event->text;
    if (event->error)
        text = *text ? apr_pstrcat(pool, text, ": ", event->error->text, NULL) : event->error->text;
    return tardis_db_execute(
        context->db,
        "INSERT INTO transfer_event (experiment_id, site_url, at, host, kind, code, text) "
        "VALUES (?, ?, UTC_TIMESTAMP(6), ?, ?, ?, ?)",
        TARDIS_DB_VALUES(tardis_db_unsigned(event->experiment_id), tardis_db_text(event->site_url),
                         tardis_db_text(tardis_host_name(pool)), tardis_db_text(event->kind),
                         tardis_db_text(event->error ? tardis_error_name(event->error->code) : NULL),
                         tardis_db_text(transfer_text_bound(text, pool))),
        NULL, pool);
}

const char *transfer_text_bound(const char *text, apr_pool_t *pool)
{
    apr_size_t length = strlen(text);
    if (length <= TRANSFER_TEXT_MAX)
        return text;
    length = TRANSFER_TEXT_MAX - 3;
    while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return apr_pstrcat(pool, apr_pstrndup(pool, text, length), "...", NULL);
}
