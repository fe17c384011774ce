#include "send.h"

#include <apr_strings.h>

#include "tardis_db.h"
#include "tardis_uid.h"

/* One transfer that is held. */
typedef struct {
    send_t *send;
    tardis_transfer_t *transfer;
    const tardis_site_settings_t *site_settings;
    const tardis_transfer_method_t *method;
    const char *source;
    const char *about; /* what log lines begin with */
} sending_t;

static tardis_error_t *prepare(sending_t *sending, apr_pool_t *pool);
static tardis_error_t *move(sending_t *sending, apr_pool_t *pool);
static tardis_error_t *conclude(sending_t *sending, const tardis_error_t *stopped, const send_feed_end_t *end,
                                apr_pool_t *pool);
static tardis_error_t *complete(sending_t *sending, apr_pool_t *pool);
static tardis_error_t *give_up(sending_t *sending, const tardis_error_t *cause,
                               const apr_array_header_t *files, apr_pool_t *pool);
static tardis_error_t *unless_lost(const sending_t *sending, tardis_error_t *error);
static int is_database(const tardis_error_t *error);

tardis_error_t *send_transfer(send_t *send, int *did, apr_pool_t *pool)
{
    sending_t sending = {.send = send};
    tardis_error_t *error = tardis_transfer_claim(send->context, &send->lease, &sending.transfer, pool);
    if (error || !sending.transfer)
        return error;
    *did = 1;
    sending.about =
        apr_psprintf(pool, "uid %s: transfer to %s",
                     tardis_uid_format(send->settings->institution, sending.transfer->experiment_id, pool),
                     sending.transfer->site_name);
    error = prepare(&sending, pool);
    if (error && is_database(error))
        return error;
    return unless_lost(&sending, error ? give_up(&sending, error, NULL, pool) : move(&sending, pool));
}

static tardis_error_t *prepare(sending_t *sending, apr_pool_t *pool)
{
    send_t *send = sending->send;
    const tardis_transfer_t *transfer = sending->transfer;
    const tardis_site_t *site;
    tardis_error_t *error =
        tardis_source_find(send->context, transfer->experiment_id, &sending->source, pool);
    if (!error && !sending->source)
        return tardis_error_create(pool, TARDIS_FILE_MISSING,
                                   "it is not known where the experiment's files are");
    if (!error)
        error = site_book_find(send->book, transfer->site_url, &site, &sending->site_settings);
    if (!error)
        error = tardis_transfer_method_find(sending->site_settings->transfer_type, &sending->method, pool);
    if (!error)
        error = sending->method->check(sending->site_settings, pool);
    return error;
}

static tardis_error_t *move(sending_t *sending, apr_pool_t *pool)
{
    send_t *send = sending->send;
    send_feed_t *feed = send_feed_open(send, sending->transfer, pool);
    tardis_transfer_sink_t sink = send_feed_sink(feed);
    tardis_transfer_job_t job = {
        .settings = sending->site_settings,
        .source = sending->source,
        .dest_path = sending->transfer->dest_path,
        .parallel = send->parallel,
    };
    tardis_log(send->context, TARDIS_LOG_INFO,
               "%s: sending from file %" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT "%s", sending->about,
               sending->transfer->sent_through + 1, sending->transfer->files_total,
               sending->transfer->partial ? " that are sent again" : "");
    tardis_error_t *stopped = sending->method->move(send->context, &job, &sink, pool);
    send_feed_end_t end = send_feed_close(feed);
    return conclude(sending, stopped, &end, pool);
}

static tardis_error_t *conclude(sending_t *sending, const tardis_error_t *stopped, const send_feed_end_t *end,
                                apr_pool_t *pool)
{
    send_t *send = sending->send;
    const tardis_transfer_t *transfer = sending->transfer;
    if (end->host)
        return tardis_error_copy(pool, end->host);
    tardis_error_t *error = tardis_db_ensure(send->context->db, pool);
    if (error)
        return error;
    if (end->files->nelts)
        return give_up(sending, end->first, end->files, pool);
    if (stopped && stopped->code != TARDIS_INTERRUPTED)
        return give_up(sending, stopped, NULL, pool);
    if (end->first)
        return give_up(sending, end->first, NULL, pool);
    if (end->exhausted && transfer->sent_through == transfer->files_total)
        return complete(sending, pool);
    if (end->exhausted)
        return give_up(sending,
                       tardis_error_create(pool, TARDIS_DATABASE_ROW_INVALID,
                                           "the experiment has %" APR_UINT64_T_FMT
                                           " files, the transfer %" APR_UINT64_T_FMT,
                                           transfer->sent_through, transfer->files_total),
                       NULL, pool);
    send->paused++;
    tardis_log(send->context, TARDIS_LOG_INFO,
               "%s: %" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT " files; the next send goes on",
               sending->about, transfer->files_done, transfer->files_total);
    return tardis_transfer_pause(send->context, &send->lease, transfer, pool);
}

static tardis_error_t *complete(sending_t *sending, apr_pool_t *pool)
{
    send_t *send = sending->send;
    const char *notify_url =
        send_notify_url(send, sending->site_settings, sending->transfer->experiment_id, pool);
    tardis_error_t *error =
        tardis_transfer_complete(send->context, &send->lease, sending->transfer, notify_url != NULL, pool);
    if (error)
        return error;
    send->completed++;
    tardis_log(send->context, TARDIS_LOG_INFO, "%s: complete", sending->about);
    if (!notify_url)
        tardis_log(send->context, TARDIS_LOG_DEBUG, "%s: its register URL does not tell where to notify it",
                   sending->about);
    return NULL;
}

static tardis_error_t *give_up(sending_t *sending, const tardis_error_t *cause,
                               const apr_array_header_t *files, apr_pool_t *pool)
{
    send_t *send = sending->send;
    const tardis_transfer_t *transfer = sending->transfer;
    tardis_error_t *error;
    if (tardis_error_is_transient(cause->code) &&
        transfer->attempts + 1 < (apr_uint64_t)send->settings->retry_limit) {
        error = tardis_transfer_postpone(send->context, &send->lease, transfer, cause,
                                         provider_backoff(send->settings, transfer->attempts, cause), pool);
        if (!error) {
            send->postponed++;
            tardis_log_problem(send->context, TARDIS_LOG_WARNING, sending->about, cause, "tried again later");
        }
        return error;
    }
    error = tardis_transfer_fail(send->context, &send->lease, transfer, cause, files, pool);
    if (!error) {
        send->failed++;
        tardis_log_problem(send->context, TARDIS_LOG_ERROR, sending->about, cause, "failed until `retry`");
    }
    return error;
}

/* Whoever has the transfer now goes on with it; there is nothing to be done here. */
static tardis_error_t *unless_lost(const sending_t *sending, tardis_error_t *error)
{
    if (!error || error->code != TARDIS_LEASE_LOST)
        return error;
    tardis_log_problem(sending->send->context, TARDIS_LOG_NOTICE, sending->about, error, "left alone");
    return NULL;
}

static int is_database(const tardis_error_t *error)
{
    return error->code == TARDIS_DATABASE_UNAVAILABLE || error->code == TARDIS_DATABASE_BUSY ||
           error->code == TARDIS_DATABASE_ERROR;
}
