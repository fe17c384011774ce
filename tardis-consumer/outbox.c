#include "outbox.h"

#include <apr_strings.h>

#include "backoff.h"
#include "mail.h"
#include "mail_digest.h"
#include "tardis_db.h"
#include "tardis_http.h"
#include "tardis_outbox.h"

enum {
    CLAIM_MAX = 50,           /* mails taken at a time to be sent one by one ... */
    CLAIM_DIGEST_MAX = 10000, /* ... or to become one, in as many transactions as it takes ... */
    DIGEST_MAX = 50000,       /* ... until there are so many: they are marked by one statement */
    SINGLE_MAX = 1000,        /* mails sent one by one instead of a digest that is refused */
    RECIPIENTS_MAX = 100,     /* of digests, looked for at a time */
    REFUSED_MAX = 50,         /* refusals in a row after which it is not about the recipients any more */
    MARK_SECONDS = 30,        /* for a database that goes away just when a mail was accepted */
    MARK_STEP = 250 * 1000    /* microseconds */
};

/* One delivery. */
typedef struct {
    const tardis_context_t *context;
    const consumer_settings_t *settings;
    int (*stopping)(void *baton);
    void *baton;
    outbox_counts_t *counts;
    apr_time_t due_by; /* by the database's clock: what becomes due later is for another delivery */
    int claims;
    int refused; /* in a row */
    int is_over; /* the server takes nothing */
} delivery_t;

/* The mails of one claim. */
typedef struct {
    const char *lease_owner;
    apr_int64_t taken_at; /* seconds of tardis_clock() */
    apr_uint64_t count;
} claim_t;

static tardis_error_t *deliver_digests(delivery_t *delivery, apr_pool_t *pool);
static tardis_error_t *deliver_to(delivery_t *delivery, const char *recipient, apr_pool_t *pool);
static tardis_error_t *take_all(delivery_t *delivery, const char *recipient, claim_t *claim,
                                apr_pool_t *pool);
static tardis_error_t *deliver_digest(delivery_t *delivery, const char *recipient, const claim_t *claim,
                                      apr_pool_t *pool);
static tardis_error_t *deliver_singly(delivery_t *delivery, apr_pool_t *pool);
static tardis_error_t *take(delivery_t *delivery, const char *recipient, int limit, claim_t *claim,
                            apr_pool_t *pool);
static tardis_error_t *take_more(const delivery_t *delivery, const char *recipient, int limit, claim_t *claim,
                                 apr_pool_t *pool);
static tardis_error_t *deliver_claimed(delivery_t *delivery, const claim_t *claim, apr_pool_t *pool);
static int is_old(const delivery_t *delivery, const claim_t *claim);
static int may_go_on(const delivery_t *delivery);
static tardis_error_t *deliver(delivery_t *delivery, const claim_t *claim, const tardis_notification_t *mail,
                               apr_uint64_t stands_for, apr_pool_t *pool);
static tardis_error_t *deliver_instead(delivery_t *delivery, const claim_t *claim,
                                       const tardis_notification_t *digest, const tardis_error_t *refusal,
                                       apr_pool_t *pool);
static tardis_http_response_t *send_mail(const delivery_t *delivery, const tardis_notification_t *mail,
                                         apr_uint64_t stands_for, apr_pool_t *pool);
static tardis_error_t *mark_sent(const delivery_t *delivery, const claim_t *claim, apr_uint64_t id,
                                 apr_pool_t *pool);
static tardis_error_t *mark_failed(delivery_t *delivery, const claim_t *claim,
                                   const tardis_notification_t *mail, apr_uint64_t stands_for,
                                   const tardis_http_response_t *response, apr_pool_t *pool);

tardis_error_t *outbox_deliver(const tardis_context_t *context, const consumer_settings_t *settings,
                               int (*stopping)(void *baton), void *baton, outbox_counts_t *counts,
                               apr_pool_t *pool)
{
    delivery_t delivery = {
        .context = context, .settings = settings, .stopping = stopping, .baton = baton, .counts = counts};
    tardis_error_t *error = tardis_outbox_now(context, &delivery.due_by, pool);
    if (!error && settings->mail_digest_threshold > 0)
        error = deliver_digests(&delivery, pool);
    return error ? error : deliver_singly(&delivery, pool);
}

static tardis_error_t *deliver_digests(delivery_t *delivery, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    apr_array_header_t *recipients = NULL;
    apr_pool_t *each;
    apr_pool_t *one;
    apr_pool_create(&each, pool);
    apr_pool_create(&one, pool);
    while (!error && may_go_on(delivery) && (!recipients || recipients->nelts > 0)) {
        apr_pool_clear(each);
        error = tardis_outbox_crowded(delivery->context, delivery->due_by,
                                      delivery->settings->mail_digest_threshold, RECIPIENTS_MAX, &recipients,
                                      each);
        for (int i = 0; !error && i < recipients->nelts && may_go_on(delivery); i++) {
            apr_pool_clear(one);
            error = deliver_to(delivery, APR_ARRAY_IDX(recipients, i, const char *), one);
        }
    }
    error = tardis_error_copy(pool, error);
    apr_pool_destroy(one);
    apr_pool_destroy(each);
    return error;
}

/* Another process may have taken some of them meanwhile. */
static tardis_error_t *deliver_to(delivery_t *delivery, const char *recipient, apr_pool_t *pool)
{
    claim_t claim;
    tardis_error_t *error = take_all(delivery, recipient, &claim, pool);
    if (error || claim.count == 0)
        return error;
    return claim.count > (apr_uint64_t)delivery->settings->mail_digest_threshold
               ? deliver_digest(delivery, recipient, &claim, pool)
               : deliver_claimed(delivery, &claim, pool);
}

/* Not in one transaction, which would hold up the ticks that write mail to the same recipient. */
static tardis_error_t *take_all(delivery_t *delivery, const char *recipient, claim_t *claim, apr_pool_t *pool)
{
    apr_uint64_t before = 0;
    tardis_error_t *error = take(delivery, recipient, CLAIM_DIGEST_MAX, claim, pool);
    while (!error && claim->count - before == CLAIM_DIGEST_MAX && claim->count < DIGEST_MAX &&
           !is_old(delivery, claim) && may_go_on(delivery)) {
        before = claim->count;
        error = take_more(delivery, recipient, CLAIM_DIGEST_MAX, claim, pool);
    }
    return error;
}

static tardis_error_t *deliver_digest(delivery_t *delivery, const char *recipient, const claim_t *claim,
                                      apr_pool_t *pool)
{
    tardis_outbox_sum_t sum;
    tardis_notification_t digest;
    tardis_error_t *error = tardis_outbox_sum(delivery->context, claim->lease_owner, &sum, pool);
    if (error || sum.mails == 0)
        return error;
    error = mail_digest_compose(delivery->context, delivery->settings, claim->lease_owner, recipient, &sum,
                                &digest, pool);
    return error ? error : deliver(delivery, claim, &digest, sum.mails, pool);
}

static tardis_error_t *deliver_singly(delivery_t *delivery, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    apr_pool_t *each;
    apr_pool_create(&each, pool);
    while (!error && may_go_on(delivery)) {
        claim_t claim;
        apr_pool_clear(each);
        error = take(delivery, NULL, CLAIM_MAX, &claim, each);
        if (error || claim.count == 0)
            break;
        error = deliver_claimed(delivery, &claim, each);
    }
    error = tardis_error_copy(pool, error);
    apr_pool_destroy(each);
    return error;
}

static tardis_error_t *take(delivery_t *delivery, const char *recipient, int limit, claim_t *claim,
                            apr_pool_t *pool)
{
    *claim = (claim_t){.lease_owner =
                           apr_psprintf(pool, "%s:mail:%d", tardis_process_name(pool), ++delivery->claims),
                       .taken_at = apr_time_sec(tardis_clock())};
    return take_more(delivery, recipient, limit, claim, pool);
}

/* The lease outlasts a request that is begun within lease_seconds of it. */
static tardis_error_t *take_more(const delivery_t *delivery, const char *recipient, int limit, claim_t *claim,
                                 apr_pool_t *pool)
{
    const tardis_outbox_claim_t wanted = {
        .lease_owner = claim->lease_owner,
        .lease_seconds = delivery->settings->lease_seconds + (int)delivery->settings->total_timeout,
        .due_by = delivery->due_by,
        .recipient = recipient,
        .limit = limit,
    };
    apr_uint64_t taken = 0;
    tardis_error_t *error = tardis_outbox_claim(delivery->context, &wanted, &taken, pool);
    claim->count += taken;
    return error;
}

/* What there is no time for, or too much of, is due again at once. */
static tardis_error_t *deliver_claimed(delivery_t *delivery, const claim_t *claim, apr_pool_t *pool)
{
    apr_array_header_t *mails;
    apr_pool_t *each;
    tardis_error_t *error =
        tardis_outbox_claimed(delivery->context, claim->lease_owner, SINGLE_MAX, &mails, pool);
    apr_pool_create(&each, pool);
    for (int i = 0; !error && i < mails->nelts; i++) {
        if (!may_go_on(delivery) || (i > 0 && is_old(delivery, claim)))
            return tardis_outbox_release(delivery->context, claim->lease_owner, pool);
        apr_pool_clear(each);
        error = deliver(delivery, claim, &APR_ARRAY_IDX(mails, i, tardis_notification_t), 1, each);
    }
    if (!error && claim->count > SINGLE_MAX)
        error = tardis_outbox_release(delivery->context, claim->lease_owner, pool);
    return tardis_error_copy(pool, error);
}

/* Too old to begin anything under it. */
static int is_old(const delivery_t *delivery, const claim_t *claim)
{
    return (apr_time_sec(tardis_clock()) - claim->taken_at) * 2 > delivery->settings->lease_seconds;
}

static int may_go_on(const delivery_t *delivery)
{
    int is_first = delivery->counts->sent + delivery->counts->failed == 0;
    return !delivery->is_over && (is_first || !delivery->stopping(delivery->baton));
}

/* @param stands_for how many: above 1 all that is held under the lease. */
static tardis_error_t *deliver(delivery_t *delivery, const claim_t *claim, const tardis_notification_t *mail,
                               apr_uint64_t stands_for, apr_pool_t *pool)
{
    const tardis_http_response_t *response = send_mail(delivery, mail, stands_for, pool);
    if (stands_for > 1 && response->mail_refused == TARDIS_MAIL_TEXT && response->status >= 500)
        return deliver_instead(delivery, claim, mail, response->error, pool);
    if (response->error)
        return mark_failed(delivery, claim, mail, stands_for, response, pool);
    delivery->counts->sent++;
    delivery->counts->digests += stands_for > 1;
    delivery->refused = 0;
    return mark_sent(delivery, claim, stands_for > 1 ? 0 : mail->id, pool);
}

/* A title that a filter does not like must not take the news of all the others with it. */
static tardis_error_t *deliver_instead(delivery_t *delivery, const claim_t *claim,
                                       const tardis_notification_t *digest, const tardis_error_t *refusal,
                                       apr_pool_t *pool)
{
    const char *about = apr_psprintf(pool, "digest to %s", digest->recipient);
    tardis_log_problem(delivery->context, TARDIS_LOG_WARNING, about, refusal,
                       "what it stands for is sent one by one");
    return deliver_claimed(delivery, claim, pool);
}

static tardis_http_response_t *send_mail(const delivery_t *delivery, const tardis_notification_t *mail,
                                         apr_uint64_t stands_for, apr_pool_t *pool)
{
    const consumer_settings_t *settings = delivery->settings;
    apr_array_header_t *to = apr_array_make(pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(to, const char *) = mail->recipient;
    const tardis_http_request_t request = {
        .url = settings->smtp_url,
        .user = settings->smtp_user,
        .password = settings->smtp_password,
        .mail_from = settings->mail_from,
        .mail_to = to,
        .mail_message = mail_message(mail, stands_for, settings->mail_from, pool),
    };
    return tardis_http_call(delivery->context->http, &request, pool);
}

/* A mail that was accepted and is not marked goes out once more, so a database that is away is waited for. */
static tardis_error_t *mark_sent(const delivery_t *delivery, const claim_t *claim, apr_uint64_t id,
                                 apr_pool_t *pool)
{
    const tardis_context_t *context = delivery->context;
    apr_int64_t began = apr_time_sec(tardis_clock());
    tardis_error_t *error = tardis_outbox_sent(context, claim->lease_owner, id, pool);
    while (error && error->code == TARDIS_DATABASE_UNAVAILABLE && !tardis_command_interrupted() &&
           apr_time_sec(tardis_clock()) - began < MARK_SECONDS) {
        apr_sleep(MARK_STEP);
        error = tardis_db_ensure(context->db, pool);
        if (!error)
            error = tardis_outbox_sent(context, claim->lease_owner, id, pool);
    }
    return error;
}

/* A refusal is about one mail; anything else is about the server, and so about all of them. */
static tardis_error_t *mark_failed(delivery_t *delivery, const claim_t *claim,
                                   const tardis_notification_t *mail, apr_uint64_t stands_for,
                                   const tardis_http_response_t *response, apr_pool_t *pool)
{
    const consumer_settings_t *settings = delivery->settings;
    apr_uint64_t given_up = 0;
    const tardis_outbox_failure_t failure = {
        .error = response->error,
        .refused = response->mail_refused != TARDIS_MAIL_SESSION,
        .deadline = settings->mail_deadline,
        .wait = backoff_wait(mail->attempts + 1, settings->retry_minimum, settings->retry_maximum, 0,
                             backoff_fraction()),
    };
    delivery->counts->failed++;
    delivery->is_over = !failure.refused || ++delivery->refused >= REFUSED_MAX;
    tardis_error_t *error = tardis_outbox_failed(delivery->context, claim->lease_owner,
                                                 stands_for > 1 ? 0 : mail->id, &failure, &given_up, pool);
    if (error)
        return error;
    delivery->counts->given_up += (int)given_up;
    const char *about = stands_for > 1 ? apr_psprintf(pool, "digest of %" APR_UINT64_T_FMT " mails to %s",
                                                      stands_for, mail->recipient)
                                       : apr_psprintf(pool, "experiment %" APR_UINT64_T_FMT ": mail to %s",
                                                      mail->experiment_id, mail->recipient);
    if (given_up == 0)
        tardis_log_problem(delivery->context, TARDIS_LOG_WARNING, about, failure.error,
                           "it stays in the outbox and is sent later");
    else
        tardis_log_problem(delivery->context, TARDIS_LOG_ERROR, about, failure.error,
                           apr_psprintf(pool,
                                        "%" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT
                                        " refused for longer than mail_deadline: given up",
                                        given_up, stands_for));
    return NULL;
}
