#include "show.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_status.h"
#include "tardis_uid.h"

static void line(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print_files(const show_t *show, apr_pool_t *pool);
static void print_status(const tardis_synced_t *synced, apr_pool_t *pool);
static void print_error(const show_t *show, apr_pool_t *pool);
static void print_mail(const show_t *show, apr_pool_t *pool);
static void print_problems(const show_t *show);
static void print_history(const show_t *show, apr_pool_t *pool);
static const char *describe(const tardis_synced_event_t *event, apr_pool_t *pool);
static const char *clean(const char *text, apr_pool_t *pool);

void show_print_page(const show_t *show, apr_pool_t *pool)
{
    const tardis_synced_t *synced = show->synced;
    const char *advice = show_advice(show, pool);
    printf("Experiment %" APR_UINT64_T_FMT ": %s\n\n", synced->experiment_id, clean(synced->title, pool));
    line("uid", "%s", synced->uid);
    line("provider", "%s", synced->provider_url);
    for (int i = 0; i < show->owners->nelts; i++)
        line(i ? "" : "owners", "%s", clean(APR_ARRAY_IDX(show->owners, i, const char *), pool));
    line("state", "%s since %s", synced->state, tardis_format_time(synced->state_since, pool));
    if (show->hold)
        line("", "%s", manual_hold_text(show->hold, pool));
    print_files(show, pool);
    print_status(synced, pool);
    print_error(show, pool);
    print_mail(show, pool);
    print_problems(show);
    print_history(show, pool);
    printf("\nWhat happens next\n  %s\n", show_next(show, pool));
    if (advice)
        printf("  %s\n", advice);
}

static void line(const char *label, const char *format, ...)
{
    va_list arguments;
    printf("  %-10s ", label);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static void print_files(const show_t *show, apr_pool_t *pool)
{
    const tardis_synced_t *synced = show->synced;
    line("files", "%" APR_UINT64_T_FMT ", %s, below %s/%" APR_UINT64_T_FMT, synced->file_count,
         tardis_format_bytes(synced->byte_count, pool), show->settings->store, synced->experiment_id);
    if (show->unverifiable)
        line("", "%" APR_UINT64_T_FMT " without a digest: only existence and size can be checked",
             show->unverifiable);
    if (synced->checked_through)
        line("checked", "%" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT " files, %s of %s",
             synced->checked_through, synced->file_count, tardis_format_bytes(synced->bytes_checked, pool),
             tardis_format_bytes(synced->byte_count, pool));
    if (show->partial)
        line("again", "%s", partial_text(synced, show->partial, pool));
}

static void print_status(const tardis_synced_t *synced, apr_pool_t *pool)
{
    tardis_status_t *status;
    const char *document = synced->status_document;
    if (!document)
        return;
    if (tardis_status_decode(document, strlen(document), &status, pool)) {
        line("answer", "(the provider's last answer, as it is stored, cannot be read)");
        return;
    }
    const char *reason = *status->message ? status->message : status->error;
    line("answer", "%s%s%s%s%s", tardis_status_human(status->status), *status->progress ? ": " : "",
         clean(status->progress, pool), *reason ? ": " : "", clean(reason, pool));
    /* The time in the answer is that of the provider's clock, and of the last answer that was news. */
    if (experiment_answered_at(synced))
        line("", "last told at %s", tardis_format_time(experiment_answered_at(synced), pool));
}

static void print_error(const show_t *show, apr_pool_t *pool)
{
    const tardis_synced_t *synced = show->synced;
    if (!synced->error_code)
        return;
    line("error", "%s [%s]", clean(synced->error_text ? synced->error_text : "", pool), synced->error_code);
    line("", "attempts that failed in a row: %" APR_UINT64_T_FMT, synced->attempts);
}

static void print_mail(const show_t *show, apr_pool_t *pool)
{
    for (int i = 0; i < show->notifications->nelts; i++) {
        const tardis_notification_t *mail = &APR_ARRAY_IDX(show->notifications, i, tardis_notification_t);
        if (mail->sent_at)
            line(i ? "" : "mail", "to %s, sent %s", mail->recipient, tardis_format_time(mail->sent_at, pool));
        else if (mail->next_attempt_at)
            line(i ? "" : "mail", "to %s, waiting until %s%s%s", mail->recipient,
                 tardis_format_time(mail->next_attempt_at, pool), mail->error_text ? ": " : "",
                 mail->error_text ? clean(mail->error_text, pool) : "");
        else
            line(i ? "" : "mail", "to %s, given up: %s", mail->recipient,
                 mail->error_text ? clean(mail->error_text, pool) : "");
    }
}

static void print_problems(const show_t *show)
{
    int shown = show->problems->nelts;
    if (shown == 0)
        return;
    printf("\nFiles that are not as promised: %" APR_UINT64_T_FMT "%s\n", show->problem_count,
           show->problem_count > (apr_uint64_t)shown ? "; the first of them" : "");
    for (int i = 0; i < shown; i++) {
        const tardis_file_problem_t *problem = &APR_ARRAY_IDX(show->problems, i, tardis_file_problem_t);
        printf("  %s [%s]\n", problem->text, problem->code);
    }
}

static void print_history(const show_t *show, apr_pool_t *pool)
{
    int shown = show->events->nelts;
    if (show->event_count > (apr_uint64_t)shown)
        printf("\nHistory (the last %d of %" APR_UINT64_T_FMT " events)\n", shown, show->event_count);
    else
        printf("\nHistory\n");
    for (int i = 0; i < shown; i++) {
        const tardis_synced_event_t *event = &APR_ARRAY_IDX(show->events, i, tardis_synced_event_t);
        printf("  %s  %s  %s\n", tardis_format_time(event->at, pool), event->host, describe(event, pool));
    }
}

static const char *describe(const tardis_synced_event_t *event, apr_pool_t *pool)
{
    const char *states = "";
    if (event->from_state && event->to_state)
        states = apr_pstrcat(pool, event->from_state, " -> ", event->to_state, ": ", NULL);
    else if (event->to_state)
        states = apr_pstrcat(pool, event->to_state, ": ", NULL);
    return apr_pstrcat(pool, states, clean(event->text, pool), event->code ? " [" : "",
                       event->code ? event->code : "", event->code ? "]" : "", NULL);
}

/* Text of other hosts: a terminal must not obey it. */
static const char *clean(const char *text, apr_pool_t *pool)
{
    return tardis_text_tame(apr_pstrdup(pool, text));
}
