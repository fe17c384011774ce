#include "outbox.h"

#include <apr_strings.h>

#include "backoff.h"
#include "mail.h"
#include "tardis_http.h"
#include "tardis_synced_db.h"

/* Mails that are taken at a time. */
#define ROUND 20

/* One mail under way. */
typedef struct {
    const tardis_context_t *context;
    const consumer_settings_t *settings;
    const tardis_notification_t *notification;
    const char *lease_owner;
    outbox_counts_t *counts;
    tardis_error_t **error; /* of the database */
    apr_pool_t *pool;
} delivery_t;

static void send_one(const delivery_t *template, const tardis_notification_t *notification);
static void sent(void *baton, tardis_http_response_t *response);

tardis_error_t *outbox_deliver(const tardis_context_t *context, const consumer_settings_t *settings,
                               int (*stopping)(void *baton), void *baton, outbox_counts_t *counts,
                               apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    apr_pool_t *round;
    apr_pool_create(&round, pool);
    for (int number = 1;; number++) {
        apr_array_header_t *claimed;
        apr_pool_clear(round);
        const char *lease_owner = apr_psprintf(round, "%s:mail:%d", tardis_process_name(round), number);
        const delivery_t template = {.context = context,
                                     .settings = settings,
                                     .lease_owner = lease_owner,
                                     .counts = counts,
                                     .error = &error,
                                     .pool = round};
        /* No request lasts longer, so nobody else sends it meanwhile. */
        int lease_seconds = settings->lease_seconds + (int)settings->total_timeout;
        error = tardis_notification_claim(context, lease_owner, lease_seconds, ROUND, &claimed, round);
        if (error || claimed->nelts == 0)
            break;
        for (int i = 0; i < claimed->nelts; i++)
            send_one(&template, &APR_ARRAY_IDX(claimed, i, tardis_notification_t));
        tardis_http_run(context->http, -1, 0);
        if (error || counts->failed > 0 || claimed->nelts < ROUND || stopping(baton))
            break;
    }
    error = tardis_error_copy(pool, error);
    apr_pool_destroy(round);
    return error;
}

static void send_one(const delivery_t *template, const tardis_notification_t *notification)
{
    apr_pool_t *pool = template->pool;
    const consumer_settings_t *settings = template->settings;
    delivery_t *delivery = apr_pmemdup(pool, template, sizeof(*template));
    apr_array_header_t *to = apr_array_make(pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(to, const char *) = notification->recipient;
    delivery->notification = notification;
    const tardis_http_request_t request = {
        .url = settings->smtp_url,
        .user = settings->smtp_user,
        .password = settings->smtp_password,
        .mail_from = settings->mail_from,
        .mail_to = to,
        .mail_message = mail_message(notification, settings->mail_from, pool),
    };
    tardis_http_submit(template->context->http, &request, sent, delivery, pool);
}

static void sent(void *baton, tardis_http_response_t *response)
{
    const delivery_t *delivery = baton;
    const tardis_notification_t *notification = delivery->notification;
    const consumer_settings_t *settings = delivery->settings;
    tardis_error_t *error;
    if (!response->error) {
        delivery->counts->sent++;
        error = tardis_notification_sent(delivery->context, notification->id, delivery->lease_owner,
                                         delivery->pool);
    } else {
        delivery->counts->failed++;
        tardis_log_problem(delivery->context, TARDIS_LOG_WARNING,
                           apr_psprintf(delivery->pool, "experiment %" APR_UINT64_T_FMT ": mail to %s",
                                        notification->experiment_id, notification->recipient),
                           response->error, "it stays in the outbox and is sent later");
        error = tardis_notification_failed(delivery->context, notification->id, delivery->lease_owner,
                                           response->error,
                                           backoff_wait(notification->attempts + 1, settings->retry_minimum,
                                                        settings->retry_maximum, 0, backoff_fraction()),
                                           delivery->pool);
    }
    if (error && !*delivery->error)
        *delivery->error = error;
}
