#include <string.h>

#include <apr_strings.h>

#include "manual.h"
#include "notice.h"

/* An experiment that moves on each time it is looked at is left to be cancelled later. */
#define TRIES 5

const tardis_command_option_t cmd_cancel_options[] = {
    {"reason", "TEXT", 0, "why; it is kept in the history, and required"},
    {NULL, NULL, 0, NULL},
};

/* What all of them are cancelled with. */
typedef struct {
    fsm_t fsm;
    const char *text; /* who did it, and why */
} cancel_t;

static tardis_error_t *cancel_one(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                  const void *baton);
static tardis_error_t *cancel_in_state(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                       const cancel_t *cancel, int *done);

tardis_error_t *cmd_cancel(tardis_invocation_t *invocation)
{
    apr_pool_t *pool = invocation->pool;
    consumer_settings_t *settings;
    const char *reason;
    int done;
    tardis_error_t *error = manual_reason(invocation, &reason);
    if (!error)
        error = consumer_settings_read(invocation->config, &settings, pool);
    if (!error)
        error = consumer_settings_read_templates(invocation->config, settings, pool);
    if (error)
        return error;
    const cancel_t cancel = {
        .fsm = {.context = invocation->context, .settings = settings},
        .text = apr_psprintf(pool, "%s gave it up: %s", manual_user(pool), reason),
    };
    return manual_each(invocation, cancel_one, &cancel, &done);
}

static tardis_error_t *cancel_one(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                  const void *baton)
{
    apr_pool_t *pool = invocation->pool;
    for (int i = 0; i < TRIES; i++) {
        int done;
        const char *state = synced->state;
        if (strcmp(state, TARDIS_STATE_COMPLETE) == 0 || strcmp(state, TARDIS_STATE_FAILED) == 0)
            return tardis_error_create(pool, TARDIS_CONFLICT, "%s is %s: there is nothing to give up",
                                       manual_name(synced, pool), state);
        tardis_error_t *error = cancel_in_state(invocation, synced, baton, &done);
        if (!error && done)
            printf("%s is " TARDIS_STATE_FAILED " [%s]; it was %s\n", manual_name(synced, pool),
                   tardis_error_name(TARDIS_CANCELLED_BY_HAND), state);
        if (error || done)
            return error;
        tardis_synced_t *again;
        error = tardis_synced_find(invocation->context, synced->experiment_id, &again, pool);
        if (error || !again)
            return error
                       ? error
                       : tardis_error_create(pool, TARDIS_NOT_FOUND, "%s is gone", manual_name(synced, pool));
        synced = again;
    }
    return tardis_error_create(pool, TARDIS_CONFLICT, "%s changes its state all the time; cancel it again",
                               manual_name(synced, pool));
}

/* The mail is that of every FailPermanent, so it is made as a step makes it. */
static tardis_error_t *cancel_in_state(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                       const cancel_t *cancel, int *done)
{
    fsm_step_t *step = fsm_step_create(&cancel->fsm, synced, NULL, NULL, NULL, invocation->pool);
    step->error = tardis_error_create(invocation->pool, TARDIS_CANCELLED_BY_HAND, "%s", cancel->text);
    step->outcome.error_text = step->error->text;
    tardis_error_t *error = notice_failed(step);
    if (error)
        return error;
    const tardis_synced_cancel_t wanted = {
        .experiment_id = synced->experiment_id,
        .state = synced->state,
        .error_code = tardis_error_name(TARDIS_CANCELLED_BY_HAND),
        .error_text = step->error->text,
        .notifications = step->outcome.notifications,
    };
    return tardis_synced_cancel(invocation->context, &wanted, done, invocation->pool);
}
