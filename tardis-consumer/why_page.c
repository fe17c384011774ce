#include "why.h"

#include <string.h>

#include <apr_strings.h>

#include "paragraph.h"

/* Nothing is said about movement that was this recent, in seconds. */
#define RECENT 600
/* Recipients of mail who are named. */
#define MAILS_SHOWN 3

static const char *files_of(const why_t *why, apr_pool_t *pool);
static const char *meaning_of_state(const why_t *why, apr_pool_t *pool);
static const char *answered(const why_t *why, apr_pool_t *pool);
static const char *ended_by(const why_t *why);
static const char *failed_in(const why_t *why);
static void print_mails(const why_t *why, apr_pool_t *pool);
static void print_way(const why_t *why, apr_pool_t *pool);
static void print_tried(const why_t *why, apr_pool_t *pool);
static const char *sum_up(const why_t *why, apr_pool_t *pool);
static const char *times(apr_uint64_t count, apr_pool_t *pool);
static void print_turn(const why_t *why, apr_pool_t *pool);
static const char *next_of_left(const why_t *why, apr_pool_t *pool);
static void print_advice(const why_t *why);

void why_print_page(const why_t *why, apr_pool_t *pool)
{
    const tardis_synced_t *synced = why->synced;
    paragraph_print(
        0, "",
        apr_psprintf(pool, "Experiment %" APR_UINT64_T_FMT ": %s", synced->experiment_id, synced->title));
    paragraph_print(0, "", apr_psprintf(pool, "%s from %s", synced->uid, synced->provider_url));
    puts("\nWhere it is");
    paragraph_print(2, "", why_place(why, pool));
    print_mails(why, pool);
    print_way(why, pool);
    print_tried(why, pool);
    print_turn(why, pool);
    puts("\nWhat happens next");
    paragraph_print(2, "", why_next(why, pool));
    print_advice(why);
}

const char *why_place(const why_t *why, apr_pool_t *pool)
{
    const tardis_synced_t *synced = why->synced;
    const char *again = partial_text(synced, why->partial, pool);
    int is_told = again && strcmp(synced->state, TARDIS_STATE_FAILED) != 0;
    return apr_psprintf(pool, "%s for %s, since %s. %s%s%s%s", synced->state,
                        paragraph_duration(synced->now - synced->state_since, pool),
                        tardis_format_time(synced->state_since, pool), meaning_of_state(why, pool),
                        is_told ? " " : "", is_told ? again : "", is_told ? "." : "");
}

static const char *meaning_of_state(const why_t *why, apr_pool_t *pool)
{
    const tardis_synced_t *synced = why->synced;
    const char *state = synced->state;
    const char *files = files_of(why, pool);
    if (strcmp(state, TARDIS_STATE_INGESTED) == 0)
        return apr_psprintf(pool, "It is registered, and its files are yet to be asked for: %s.", files);
    if (strcmp(state, TARDIS_STATE_REQUESTED) == 0)
        return apr_psprintf(pool, "The provider has accepted the request for its files: %s.", files);
    if (strcmp(state, TARDIS_STATE_IN_PROGRESS) == 0) {
        const char *progress = why->status && *why->status->progress ? why->status->progress : NULL;
        apr_interval_time_t still = synced->now - synced->moved_at;
        return apr_psprintf(
            pool, "The provider is sending its files: %s%s%s.%s%s", files,
            progress ? "; it last told of " : "", progress ? progress : "", answered(why, pool),
            still < apr_time_from_sec(RECENT)
                ? ""
                : apr_psprintf(pool, " Nothing has moved for %s.", paragraph_duration(still, pool)));
    }
    if (strcmp(state, TARDIS_STATE_CHECKING) == 0)
        return apr_psprintf(pool,
                            "The provider says that it has sent every file. They are compared with what was "
                            "promised: %" APR_UINT64_T_FMT " of %s so far.",
                            synced->checked_through, files);
    if (strcmp(state, TARDIS_STATE_COMPLETE) == 0)
        return apr_psprintf(pool, "Everything has arrived and is as the provider promised: %s.%s", files,
                            why->unverifiable
                                ? apr_psprintf(pool,
                                               " %" APR_UINT64_T_FMT
                                               " of them came without a digest, so existence and "
                                               "size were all that could be checked.",
                                               why->unverifiable)
                                : "");
    if (strcmp(state, TARDIS_STATE_FAILED) == 0)
        return apr_psprintf(pool, "It %s%s%s and does not go on by itself: %s.", ended_by(why),
                            failed_in(why) ? " in state " : "", failed_in(why) ? failed_in(why) : "", files);
    return "This version does not know such a state, so it is left as it is.";
}

/* A sentence with a space before it, or nothing. */
static const char *answered(const why_t *why, apr_pool_t *pool)
{
    apr_time_t at = experiment_answered_at(why->synced);
    return at ? apr_pstrcat(pool, " It last answered at ", tardis_format_time(at, pool), ".", NULL) : "";
}

static const char *files_of(const why_t *why, apr_pool_t *pool)
{
    const tardis_synced_t *synced = why->synced;
    if (synced->file_count == 0)
        return "no files";
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT " file%s, %s, below %s/%" APR_UINT64_T_FMT,
                        synced->file_count, synced->file_count == 1 ? "" : "s",
                        tardis_format_bytes(synced->byte_count, pool), why->settings->store,
                        synced->experiment_id);
}

static const char *ended_by(const why_t *why)
{
    const char *code = why->synced->error_code;
    int by_hand = code && strcmp(code, tardis_error_name(TARDIS_CANCELLED_BY_HAND)) == 0;
    return by_hand ? "was given up" : "failed";
}

/* The state before; NULL: the history does not tell. */
static const char *failed_in(const why_t *why)
{
    const apr_array_header_t *way = why->story->way;
    if (way->nelts == 0)
        return NULL;
    return APR_ARRAY_IDX(way, way->nelts - 1, tardis_synced_event_t).from_state;
}

static void print_mails(const why_t *why, apr_pool_t *pool)
{
    for (int i = 0; i < why->mails->nelts && i < MAILS_SHOWN; i++) {
        const tardis_notification_t *mail = &APR_ARRAY_IDX(why->mails, i, tardis_notification_t);
        if (mail->sent_at)
            paragraph_print(2, "",
                            apr_psprintf(pool, "Mail about it went to %s at %s.", mail->recipient,
                                         tardis_format_time(mail->sent_at, pool)));
        else
            paragraph_print(2, "",
                            apr_psprintf(pool, "Mail about it to %s %s%s%s.", mail->recipient,
                                         mail->next_attempt_at ? "is waiting to be sent" : "was given up",
                                         mail->error_text ? ": " : "",
                                         mail->error_text ? mail->error_text : ""));
    }
}

static void print_way(const why_t *why, apr_pool_t *pool)
{
    const apr_array_header_t *way = why->story->way;
    if (way->nelts == 0)
        return;
    puts("\nHow it came there");
    for (int i = 0; i < way->nelts; i++) {
        const tardis_synced_event_t *event = &APR_ARRAY_IDX(way, i, tardis_synced_event_t);
        const char *text = apr_pstrcat(pool, event->to_state, ": ", event->text, NULL);
        /* The text of a failure comes in the next section. */
        if (event->code)
            text = apr_pstrcat(pool, event->to_state, ": ", event->code, NULL);
        paragraph_print(24, apr_pstrcat(pool, "  ", tardis_format_time(event->at, pool), NULL), text);
    }
}

static void print_tried(const why_t *why, apr_pool_t *pool)
{
    const apr_array_header_t *failures = why->story->failures;
    puts("\nWhat was tried");
    paragraph_print(2, "", sum_up(why, pool));
    for (int i = 0; i < failures->nelts; i++) {
        const tardis_synced_failure_t *failure = &APR_ARRAY_IDX(failures, i, tardis_synced_failure_t);
        paragraph_print(4, "",
                        apr_psprintf(pool, "%s, %s at %s:", failure->code,
                                     failure->count == 1
                                         ? "once,"
                                         : apr_pstrcat(pool, times(failure->count, pool), ", last", NULL),
                                     tardis_format_time(failure->last_at, pool)));
        paragraph_print(6, "", failure->text);
    }
}

static const char *sum_up(const why_t *why, apr_pool_t *pool)
{
    const tardis_synced_t *synced = why->synced;
    const char *before = "";
    int restarted = why->story->starts > 1;
    const char *now = restarted ? "Since then, nothing has failed." : "Nothing has failed.";
    if (restarted)
        before = apr_psprintf(
            pool, "It was started %s; before the last time, %s had failed. ", times(why->story->starts, pool),
            why->story->failures_before == 1
                ? "1 step"
                : apr_psprintf(pool, "%" APR_UINT64_T_FMT " steps", why->story->failures_before));
    if (synced->attempts == 1)
        now = "The last attempt failed.";
    else if (synced->attempts > 1)
        now = apr_psprintf(pool, "The last %" APR_UINT64_T_FMT " attempts failed.", synced->attempts);
    else if (why->story->failures->nelts > 0)
        now = strcmp(synced->state, TARDIS_STATE_FAILED) == 0 ? "This ended it, or failed before:"
                                                              : "What failed on the way has passed:";
    return apr_pstrcat(pool, before, now, NULL);
}

static const char *times(apr_uint64_t count, apr_pool_t *pool)
{
    return count == 1 ? "once" : apr_psprintf(pool, "%" APR_UINT64_T_FMT " times", count);
}

static void print_turn(const why_t *why, apr_pool_t *pool)
{
    static const char *const whose[] = {
        [WHY_NOBODY] = "Nobody's",
        [WHY_PROVIDER] = "Theirs, at the provider",
        [WHY_CONSUMER] = "Yours, as the administrator of this site",
        [WHY_NETWORK] = "The network's, between this host and the provider",
    };
    puts("\nWhose turn it is");
    paragraph_print(2, "", apr_psprintf(pool, "%s: %s.", whose[why->turn], why->reason));
}

static const char *next_of_left(const why_t *why, apr_pool_t *pool)
{
    const tardis_provider_health_t *left = why->left;
    if (left->left_until <= left->now)
        return "One request tries the provider now, for everything that comes from there. If that succeeds, "
               "this one goes on.";
    return apr_psprintf(pool,
                        "The provider is left alone until %s, for another %s. Then one request tries it, for "
                        "everything that comes from there. If that succeeds, this one goes on at once.",
                        tardis_format_time(left->left_until, pool),
                        paragraph_duration(left->left_until - left->now, pool));
}

const char *why_next(const why_t *why, apr_pool_t *pool)
{
    const tardis_synced_t *synced = why->synced;
    apr_time_t deadline = why_deadline(why);
    const char *then = "";
    if (strcmp(synced->state, TARDIS_STATE_COMPLETE) == 0)
        return "Nothing more.";
    if (strcmp(synced->state, TARDIS_STATE_FAILED) == 0 && why->partial)
        return apr_psprintf(pool,
                            "Nothing, until a person starts it again. Then the provider is asked for %"
                            APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT " files once more; the others stay "
                            "proven if it sends no others, and the history stays.",
                            why->partial->files, why->partial->all);
    if (strcmp(synced->state, TARDIS_STATE_FAILED) == 0)
        return "Nothing, until a person starts it again. Then the provider is asked for the files once more; "
               "the "
               "history stays.";
    if (why->hold)
        return "Nothing, until it is released. Then it goes on where it is.";
    if (!why_is_pending(why) || !synced->next_attempt_at)
        return "Nothing, until its row in the database is put right.";
    if (why_is_leased(why))
        return apr_psprintf(pool, "A tick (%s) %s right now.", synced->lease_owner, why->state->does);
    if (deadline > synced->now)
        then = apr_psprintf(pool, " If nothing moves, it is given up after %s, in %s.",
                            tardis_format_time(deadline, pool),
                            paragraph_duration(deadline - synced->now, pool));
    else if (deadline)
        then = apr_psprintf(pool, " Its time ended at %s: it is given up if the next attempts fail as well.",
                            tardis_format_time(deadline, pool));
    if (why->left)
        return apr_psprintf(pool, "%s%s", next_of_left(why, pool), then);
    if (synced->next_attempt_at <= synced->now)
        return apr_psprintf(pool, "The next tick %s.%s%s", why->state->does, then,
                            experiment_attempts_left(synced));
    return apr_psprintf(pool, "The first tick after %s, in %s, %s.%s%s",
                        tardis_format_time(synced->next_attempt_at, pool),
                        paragraph_duration(synced->next_attempt_at - synced->now, pool), why->state->does,
                        then, experiment_attempts_left(synced));
}

static void print_advice(const why_t *why)
{
    puts("\nWhat to do");
    paragraph_print(2, "", why->advice ? why->advice : "Nothing.");
    if (why->commands->nelts > 0)
        putchar('\n');
    /* Never broken into lines, so that they can be copied. */
    for (int i = 0; i < why->commands->nelts; i++) {
        const why_command_t *command = &APR_ARRAY_IDX(why->commands, i, why_command_t);
        printf("    %-17s %s\n", command->at_provider ? "at the provider:" : "here:", command->text);
    }
}
