#include "show.h"

#include <string.h>

#include <apr_strings.h>

enum { PROBLEMS_SHOWN = 20, EVENTS_SHOWN = 50, MAILS_SHOWN = 20 };

const tardis_command_option_t cmd_show_options[] = {
    {"json", NULL, 0, "print a JSON object"},
    {NULL, NULL, 0, NULL},
};

static tardis_error_t *gather(const tardis_invocation_t *invocation, show_t *show);
static const char *next_of_pending(const show_t *show, apr_pool_t *pool);

tardis_error_t *cmd_show(tardis_invocation_t *invocation)
{
    apr_pool_t *pool = invocation->pool;
    show_t show = {0};
    tardis_synced_t *synced;
    consumer_settings_t *settings;
    const char *name = APR_ARRAY_IDX(tardis_arguments_operands(invocation->arguments), 0, const char *);
    tardis_error_t *error = consumer_settings_read(invocation->config, &settings, pool);
    if (!error)
        error = experiment_named(invocation, name, &synced);
    if (error)
        return error;
    show.synced = synced;
    show.settings = settings;
    show.state = fsm_state_find(synced->state);
    error = gather(invocation, &show);
    if (error)
        return error;
    if (tardis_arguments_has(invocation->arguments, "json"))
        return show_print_json(&show, pool);
    show_print_page(&show, pool);
    return NULL;
}

static tardis_error_t *gather(const tardis_invocation_t *invocation, show_t *show)
{
    const tardis_context_t *context = invocation->context;
    apr_uint64_t id = show->synced->experiment_id;
    apr_pool_t *pool = invocation->pool;
    tardis_error_t *error = tardis_experiment_owners(context, id, &show->owners, pool);
    if (!error)
        error = tardis_experiment_unverifiable(context, id, &show->unverifiable, pool);
    if (!error)
        error = tardis_file_problem_first(context, id, PROBLEMS_SHOWN, &show->problems, &show->problem_count,
                                          pool);
    if (!error)
        error = partial_of(context, show->synced, &show->partial, pool);
    if (!error)
        error = tardis_synced_event_last(context, id, EVENTS_SHOWN, &show->events, &show->event_count, pool);
    if (!error)
        error = manual_hold_of(invocation, id, &show->hold);
    if (!error)
        error = tardis_notification_list(context, id, MAILS_SHOWN, &show->notifications, pool);
    return error;
}

const char *show_next(const show_t *show, apr_pool_t *pool)
{
    const tardis_synced_t *synced = show->synced;
    if (!show->state)
        return apr_psprintf(pool, "Nothing: this version knows no state \"%.32s\".", synced->state);
    if (strcmp(synced->state, TARDIS_STATE_COMPLETE) == 0)
        return "Nothing: every file is as promised.";
    if (!show->state->act)
        return "Nothing, until a person starts it again.";
    if (synced->lease_owner && synced->lease_until > synced->now)
        return apr_psprintf(pool, "A tick (%s) %s right now.", synced->lease_owner, show->state->does);
    if (show->hold)
        return apr_psprintf(pool, "Nothing, until somebody releases it: %s release %s",
                            show->settings->command,
                            manual_release_operands(show->hold, synced->experiment_id, pool));
    if (!synced->next_attempt_at)
        return "Nothing: no time is set for the next step, which this program would never have saved.";
    return next_of_pending(show, pool);
}

static const char *next_of_pending(const show_t *show, apr_pool_t *pool)
{
    const tardis_synced_t *synced = show->synced;
    long deadline = fsm_deadline(show->state, show->settings);
    const char *when = "The next tick";
    if (synced->next_attempt_at > synced->now)
        when =
            apr_psprintf(pool, "The first tick after %s", tardis_format_time(synced->next_attempt_at, pool));
    return apr_psprintf(pool, "%s %s. If nothing moves, it is given up after %s.%s", when, show->state->does,
                        tardis_format_time(synced->moved_at + apr_time_from_sec(deadline), pool),
                        experiment_attempts_left(synced));
}

const char *show_advice(const show_t *show, apr_pool_t *pool)
{
    const tardis_synced_t *synced = show->synced;
    if (!synced->error_code)
        return NULL;
    tardis_error_code_t code = tardis_error_code_of(synced->error_code);
    const char *advice = code == TARDIS_ERROR_CODES ? "" : tardis_error_advice(code);
    if (strcmp(synced->state, TARDIS_STATE_FAILED) != 0)
        return advice;
    return apr_psprintf(pool, "%s%sTo start it again: %s retry %" APR_UINT64_T_FMT, advice,
                        *advice ? " " : "", show->settings->command, synced->experiment_id);
}
