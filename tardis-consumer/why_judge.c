#include "why.h"

#include <string.h>

#include <apr_strings.h>

#include "paragraph.h"
#include "why_meaning.h"

/* A tick comes every minute; one that is this long due has no tick to wait for. */
#define OVERDUE_SECONDS 300
/* A transfer that stands still for this long is worth a question. */
#define LONG_SECONDS 3600
/* Failures in a row that are taken for a bad minute of the network or the provider. */
#define BAD_LUCK 3

static void judge_complete(why_t *why);
static void judge_held(why_t *why, apr_pool_t *pool);
static void judge_invalid(why_t *why, apr_pool_t *pool);
static void judge_overdue(why_t *why, apr_pool_t *pool);
static void judge_quiet(why_t *why, apr_pool_t *pool);
static void judge_obstacle(why_t *why, apr_pool_t *pool);
static void judge_left(why_t *why, apr_pool_t *pool);
static void judge_error(why_t *why, apr_pool_t *pool);
static tardis_error_code_t cause_of(const why_t *why);
static why_turn_t turn_of(tardis_error_code_t code, int is_providers);
static const char *advise(const why_t *why, const why_meaning_t *meaning, tardis_error_code_t code,
                          tardis_error_code_t cause, apr_pool_t *pool);
static void add_command(why_t *why, int at_provider, const char *template, apr_pool_t *pool);
static const char *value_of(const why_t *why, const char *name, apr_size_t length, apr_pool_t *pool);

void why_judge(why_t *why, apr_pool_t *pool)
{
    why->commands = apr_array_make(pool, 4, sizeof(why_command_t));
    if (strcmp(why->synced->state, TARDIS_STATE_COMPLETE) == 0)
        judge_complete(why);
    else if (why->hold && why_is_pending(why))
        judge_held(why, pool);
    else if (!why->state || (why_is_pending(why) && !why->synced->next_attempt_at))
        judge_invalid(why, pool);
    else if (why_overdue(why))
        judge_overdue(why, pool);
    else if (why->left)
        judge_left(why, pool);
    else if (why->synced->error_code)
        judge_error(why, pool);
    else
        judge_quiet(why, pool);
}

int why_is_pending(const why_t *why)
{
    return why->state && why->state->act;
}

int why_is_leased(const why_t *why)
{
    return why->synced->lease_owner && why->synced->lease_until > why->synced->now;
}

apr_interval_time_t why_overdue(const why_t *why)
{
    const tardis_synced_t *synced = why->synced;
    if (!why_is_pending(why) || !synced->next_attempt_at || why_is_leased(why))
        return 0;
    apr_interval_time_t waiting = synced->now - synced->next_attempt_at;
    return waiting > apr_time_from_sec(OVERDUE_SECONDS) ? waiting : 0;
}

apr_time_t why_deadline(const why_t *why)
{
    long deadline = why_is_pending(why) ? fsm_deadline(why->state, why->settings) : 0;
    return deadline ? why->synced->moved_at + apr_time_from_sec(deadline) : 0;
}

static void judge_complete(why_t *why)
{
    why->turn = WHY_NOBODY;
    why->reason = "all is done";
}

static void judge_held(why_t *why, apr_pool_t *pool)
{
    why->turn = WHY_CONSUMER;
    why->reason = apr_pstrcat(pool, "it is ", manual_hold_text(why->hold, pool), NULL);
    why->advice = "Release it once the reason for that is gone.";
    *(why_command_t *)apr_array_push(why->commands) = (why_command_t){
        .text = apr_pstrcat(pool, why->settings->command, " release ",
                            manual_release_operands(why->hold, why->synced->experiment_id, pool), NULL)};
}

static void judge_invalid(why_t *why, apr_pool_t *pool)
{
    const why_meaning_t *meaning = why_meaning_of(TARDIS_DATABASE_ROW_INVALID);
    why->turn = WHY_CONSUMER;
    why->reason = why->state ? "its row in the database has no time for the next step" : meaning->reason;
    why->advice = tardis_error_advice(TARDIS_DATABASE_ROW_INVALID);
    add_command(why, 0, meaning->here, pool);
}

static void judge_overdue(why_t *why, apr_pool_t *pool)
{
    why->turn = WHY_CONSUMER;
    why->reason = apr_psprintf(pool, "it has been due for %s, and no tick has come for it",
                               paragraph_duration(why_overdue(why), pool));
    why->advice = "See to it that cron or a systemd timer runs `tardis-consumer tick` every minute, and "
                  "that it has time for all that is due. To step this one now:";
    add_command(why, 0, "{consumer} tick --only {id}", pool);
}

/* Nothing has failed. */
static void judge_quiet(why_t *why, apr_pool_t *pool)
{
    const tardis_synced_t *synced = why->synced;
    int is_requested = strcmp(synced->state, TARDIS_STATE_REQUESTED) == 0;
    if (!is_requested && strcmp(synced->state, TARDIS_STATE_IN_PROGRESS) != 0) {
        why->turn = WHY_NOBODY;
        why->reason = "this host does it by itself";
        return;
    }
    if (why->status && *why->status->message) {
        judge_obstacle(why, pool);
        return;
    }
    why->turn = WHY_PROVIDER;
    why->reason = is_requested ? "it was asked for the files, and has yet to begin to send them"
                               : "it is sending the files";
    if (synced->now - synced->moved_at < apr_time_from_sec(LONG_SECONDS))
        return;
    if (!is_requested)
        why->reason = "it has begun to send the files, and tells of no progress any more";
    why->advice = "Nothing yet. If it lasts, its administrator should see why its transfers do not run.";
    add_command(why, 1, WHY_ASK_PROVIDER, pool);
}

/* It goes on trying, but has met something: a store that is full, say, which is for this side to mend. */
static void judge_obstacle(why_t *why, apr_pool_t *pool)
{
    tardis_error_code_t code = tardis_error_code_of(why->status->code);
    int is_known = code != TARDIS_ERROR_CODES;
    why->turn = is_known ? turn_of(code, 1) : WHY_PROVIDER;
    why->reason = apr_pstrcat(pool, "the provider still tries, and says: ", why->status->message, NULL);
    why->advice = is_known ? tardis_error_advice(code)
                           : "If it lasts, its administrator should see why its transfers do not run.";
    add_command(why, 1, WHY_ASK_PROVIDER, pool);
}

/* The provider does not answer anybody here. */
static void judge_left(why_t *why, apr_pool_t *pool)
{
    const tardis_provider_health_t *left = why->left;
    tardis_error_code_t code = tardis_error_code_of(left->error_code ? left->error_code : "");
    if (code == TARDIS_ERROR_CODES)
        code = TARDIS_PROVIDER_ERROR;
    const why_meaning_t *meaning = why_meaning_of(code);
    why->turn = left->times_left < BAD_LUCK ? WHY_NOBODY : turn_of(code, 0);
    why->reason = apr_psprintf(pool, "%s, for %s now, so it is left alone%s",
                               meaning ? meaning->reason : left->error_code,
                               paragraph_duration(left->now - left->failing_since, pool),
                               why->turn == WHY_NOBODY ? " for a while; that may well pass by itself" : "");
    why->advice = why->turn == WHY_NOBODY
                      ? "Nothing yet. What is known of the provider, and how to have it tried at once:"
                      : apr_pstrcat(pool, tardis_error_advice(code),
                                    " Once that is mended, have it tried at once:", NULL);
    if (why->turn != WHY_NOBODY && meaning && meaning->here)
        add_command(why, 0, meaning->here, pool);
    add_command(why, 0, "{consumer} providers", pool);
    add_command(why, 0, "{consumer} providers --try {url}", pool);
}

static void judge_error(why_t *why, apr_pool_t *pool)
{
    tardis_error_code_t code = tardis_error_code_of(why->synced->error_code);
    tardis_error_code_t cause = cause_of(why);
    if (code == TARDIS_ERROR_CODES)
        code = TARDIS_INTERNAL_ERROR;
    why->turn = cause == TARDIS_ERROR_CODES ? turn_of(code, 0) : turn_of(cause, 1);
    const why_meaning_t *meaning = NULL;
    /* Most of them are told as what they are when they are met here, not there. */
    if (why->turn == WHY_CONSUMER || cause == TARDIS_TRANSFER_CANCELLED)
        meaning = why_meaning_of(cause);
    if (!meaning)
        meaning = why_meaning_of(code);
    why->reason = meaning ? meaning->reason : why->synced->error_code;
    if (why_is_pending(why) && why->turn != WHY_CONSUMER && why->synced->attempts < BAD_LUCK &&
        fsm_attempts_left(why->synced) != 1) {
        why->reason = apr_pstrcat(pool, why->reason, ", which may well pass by itself", NULL);
        why->turn = WHY_NOBODY;
        return;
    }
    why->advice = advise(why, meaning, code, cause, pool);
    if (meaning && meaning->at_provider)
        add_command(why, 1, meaning->at_provider, pool);
    if (meaning && meaning->here)
        add_command(why, 0, meaning->here, pool);
    if (why->problem_count > (apr_uint64_t)why->problems->nelts)
        add_command(why, 0, "{consumer} show {id}", pool);
    if (!why_is_pending(why))
        add_command(why, 0, "{consumer} retry {id}", pool);
    else if (why->turn == WHY_CONSUMER)
        add_command(why, 0, "{consumer} tick --only {id}", pool);
}

/* The typed error that the provider itself named for a transfer that failed. */
static tardis_error_code_t cause_of(const why_t *why)
{
    tardis_error_code_t code = tardis_error_code_of(why->synced->error_code);
    if ((code != TARDIS_TRANSFER_FAILED && code != TARDIS_TRANSFER_SERVER_ERROR) || !why->status)
        return TARDIS_ERROR_CODES;
    return tardis_error_code_of(why->status->code);
}

/* @param is_providers the provider met the error, on its host and with its files. */
static why_turn_t turn_of(tardis_error_code_t code, int is_providers)
{
    switch (tardis_error_fault(code)) {
    case TARDIS_FAULT_PROVIDER:
        return WHY_PROVIDER;
    case TARDIS_FAULT_NETWORK:
        return WHY_NETWORK;
    case TARDIS_FAULT_DATA:
    case TARDIS_FAULT_HOST:
        return is_providers ? WHY_PROVIDER : WHY_CONSUMER;
    case TARDIS_FAULT_CONSUMER:
    case TARDIS_FAULT_CALLER:
        break;
    }
    return WHY_CONSUMER;
}

static const char *advise(const why_t *why, const why_meaning_t *meaning, tardis_error_code_t code,
                          tardis_error_code_t cause, apr_pool_t *pool)
{
    const char *advice = tardis_error_advice(code);
    if (meaning && meaning->advice)
        advice = meaning->advice;
    else if (cause != TARDIS_ERROR_CODES)
        advice = apr_pstrcat(pool, "The provider's reason is ", tardis_error_name(cause), ": ",
                             tardis_error_advice(cause), " Then retry.", NULL);
    else if (tardis_error_fault(code) == TARDIS_FAULT_DATA)
        advice = apr_pstrcat(
            pool, advice, " If the same files fail again, the provider's administrator has to look at them.",
            NULL);
    if (!why_is_pending(why))
        return advice;
    return apr_pstrcat(pool, advice,
                       fsm_attempts_left(why->synced) ? " Mended before it is given up, it goes on by itself."
                                                      : " Once that is mended, it goes on by itself.",
                       NULL);
}

static void add_command(why_t *why, int at_provider, const char *template, apr_pool_t *pool)
{
    const char *text = "";
    while (*template) {
        apr_size_t plain = strcspn(template, "{");
        apr_size_t name = strcspn(template + plain, "}");
        text = apr_pstrcat(pool, text, apr_pstrmemdup(pool, template, plain), NULL);
        template += plain;
        if (!*template)
            break;
        text = apr_pstrcat(pool, text, value_of(why, template + 1, name - 1, pool), NULL);
        template += name + 1;
    }
    *(why_command_t *)apr_array_push(why->commands) =
        (why_command_t){.at_provider = at_provider, .text = text};
}

static const char *value_of(const why_t *why, const char *name, apr_size_t length, apr_pool_t *pool)
{
    const struct {
        const char *name;
        const char *value;
    } values[] = {
        {"id", apr_psprintf(pool, "%" APR_UINT64_T_FMT, why->synced->experiment_id)},
        {"uid", why->synced->uid},
        {"url", why->synced->provider_url},
        {"store", tardis_shell_quote(why->settings->store, pool)},
        {"curl", why->ca_file
                     ? apr_pstrcat(pool, "curl --cacert ", tardis_shell_quote(why->ca_file, pool), NULL)
                     : "curl"},
        {"consumer", why->settings->command},
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (strlen(values[i].name) == length && strncmp(values[i].name, name, length) == 0)
            return values[i].value;
    }
    return "";
}
