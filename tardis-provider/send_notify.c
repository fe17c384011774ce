#include "send.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_db.h"
#include "tardis_http.h"
#include "tardis_uid.h"

/* How often a notification is tried: the consumer asks for the status by itself anyway. */
#define NOTIFY_TRIES 5

static tardis_error_t *notify(send_t *send, const tardis_transfer_t *transfer, const char **text,
                              apr_pool_t *pool);
static tardis_error_t *judge(const tardis_http_response_t *response, const char **text, apr_pool_t *pool);

/* What a register URL ends in, and what takes its place. */
static const char register_path[] = "/experiment/register/";
static const char notify_path[] = "/apps/sync/consumer/notify_experiment/";

const char *send_notify_url(const send_t *send, const tardis_site_settings_t *settings,
                            apr_uint64_t experiment_id, apr_pool_t *pool)
{
    const char *url = settings->register_url;
    apr_size_t length = url ? strlen(url) : 0;
    apr_size_t tail = sizeof(register_path) - 1;
    if (length < tail || strcmp(url + length - tail, register_path) != 0)
        return NULL;
    return apr_pstrcat(pool, apr_pstrndup(pool, url, length - tail), notify_path,
                       tardis_uid_format(send->settings->institution, experiment_id, pool), "/", NULL);
}

tardis_error_t *send_notification(send_t *send, int *did, apr_pool_t *pool)
{
    tardis_transfer_t *transfer;
    const char *text = "";
    tardis_error_t *error = tardis_notify_claim(send->context, &send->lease, &transfer, pool);
    if (error || !transfer)
        return error;
    *did = 1;
    tardis_error_t *cause = notify(send, transfer, &text, pool);
    error = tardis_db_ensure(send->context->db, pool);
    if (error)
        return error;
    if (!cause)
        return tardis_notify_settle(send->context, &send->lease, transfer, text, NULL, pool);
    if (tardis_error_is_transient(cause->code) && transfer->attempts + 1 < NOTIFY_TRIES)
        return tardis_notify_postpone(send->context, &send->lease, transfer,
                                      provider_backoff(send->settings, transfer->attempts, cause), pool);
    return tardis_notify_settle(send->context, &send->lease, transfer,
                                "the site could not be notified, it finds out by asking", cause, pool);
}

static tardis_error_t *notify(send_t *send, const tardis_transfer_t *transfer, const char **text,
                              apr_pool_t *pool)
{
    const tardis_site_t *site;
    const tardis_site_settings_t *settings;
    tardis_error_t *error = site_book_find(send->book, transfer->site_url, &site, &settings);
    if (error)
        return error;
    apr_table_t *fields = apr_table_make(pool, 2);
    tardis_http_request_t request = {.method = "POST", .fields = fields};
    request.url = send_notify_url(send, settings, transfer->experiment_id, pool);
    if (!request.url) {
        *text = "the site's register URL does not tell where to notify it";
        return NULL;
    }
    apr_table_setn(fields, "username", settings->register_username);
    apr_table_setn(fields, "password", settings->register_password);
    return judge(tardis_http_call(send->context->http, &request, pool), text, pool);
}

/* An original consumer has no such view, or a stub. */
static tardis_error_t *judge(const tardis_http_response_t *response, const char **text, apr_pool_t *pool)
{
    if (response->error)
        return tardis_error_create(pool, response->error->code, "%s", response->error->text);
    if (response->status >= 200 && response->status < 300) {
        *text = "the site was notified";
        return NULL;
    }
    if (response->status == 403)
        return tardis_error_create(pool, TARDIS_CREDENTIALS_REFUSED, "it answered 403");
    if (response->status >= 500) {
        tardis_error_t *error =
            tardis_error_create(pool, TARDIS_CONSUMER_ERROR, "it answered %ld", response->status);
        error->retry_after = response->retry_after;
        return error;
    }
    *text = apr_psprintf(pool, "the site takes no notifications (it answered %ld)", response->status);
    return NULL;
}
