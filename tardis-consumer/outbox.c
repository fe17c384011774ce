#include "outbox.h"

#include <apr_strings.h>

#include "backoff.h"
#include "mail.h"
#include "tardis_http.h"
#include "tardis_synced_db.h"

static tardis_error_t *deliver(const tardis_context_t *context, const consumer_settings_t *settings,
                               const tardis_notification_t *mail, const char *lease_owner,
                               outbox_counts_t *counts, int *unreachable, apr_pool_t *pool);
static const tardis_error_t *send_mail(const tardis_context_t *context, const consumer_settings_t *settings,
                                       const tardis_notification_t *mail, apr_pool_t *pool);

tardis_error_t *outbox_deliver(const tardis_context_t *context, const consumer_settings_t *settings,
                               int (*stopping)(void *baton), void *baton, outbox_counts_t *counts,
                               apr_pool_t *pool)
{
    /* No request lasts longer than total_timeout, so nobody else sends the same mail meanwhile. */
    int lease_seconds = settings->lease_seconds + (int)settings->total_timeout;
    tardis_error_t *error = NULL;
    int unreachable = 0;
    apr_pool_t *each;
    apr_pool_create(&each, pool);
    for (int number = 1; !error && !unreachable && (number == 1 || !stopping(baton)); number++) {
        apr_array_header_t *claimed;
        apr_pool_clear(each);
        const char *lease_owner = apr_psprintf(each, "%s:mail:%d", tardis_process_name(each), number);
        error = tardis_notification_claim(context, lease_owner, lease_seconds, 1, &claimed, each);
        if (error || claimed->nelts == 0)
            break;
        error = deliver(context, settings, &APR_ARRAY_IDX(claimed, 0, tardis_notification_t), lease_owner,
                        counts, &unreachable, each);
    }
    error = tardis_error_copy(pool, error);
    apr_pool_destroy(each);
    return error;
}

static tardis_error_t *deliver(const tardis_context_t *context, const consumer_settings_t *settings,
                               const tardis_notification_t *mail, const char *lease_owner,
                               outbox_counts_t *counts, int *unreachable, apr_pool_t *pool)
{
    const tardis_error_t *failure = send_mail(context, settings, mail, pool);
    if (!failure) {
        counts->sent++;
        return tardis_notification_sent(context, mail->id, lease_owner, pool);
    }
    counts->failed++;
    /* A refusal is about one recipient; anything else is about the server, and so about all of them. */
    *unreachable = failure->code != TARDIS_MAIL_REFUSED;
    const char *about = apr_psprintf(pool, "experiment %" APR_UINT64_T_FMT ": mail to %s",
                                     mail->experiment_id, mail->recipient);
    tardis_log_problem(context, TARDIS_LOG_WARNING, about, failure,
                       "it stays in the outbox and is sent later");
    return tardis_notification_failed(context, mail->id, lease_owner, failure,
                                      backoff_wait(mail->attempts + 1, settings->retry_minimum,
                                                   settings->retry_maximum, 0, backoff_fraction()),
                                      pool);
}

/* NULL: the server has accepted it. */
static const tardis_error_t *send_mail(const tardis_context_t *context, const consumer_settings_t *settings,
                                       const tardis_notification_t *mail, apr_pool_t *pool)
{
    apr_array_header_t *to = apr_array_make(pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(to, const char *) = mail->recipient;
    const tardis_http_request_t request = {
        .url = settings->smtp_url,
        .user = settings->smtp_user,
        .password = settings->smtp_password,
        .mail_from = settings->mail_from,
        .mail_to = to,
        .mail_message = mail_message(mail, settings->mail_from, pool),
    };
    return tardis_http_call(context->http, &request, pool)->error;
}
