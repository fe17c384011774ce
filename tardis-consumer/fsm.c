#include "fsm.h"

#include <string.h>

#include <apr_strings.h>

#include "backoff.h"
#include "notice.h"
#include "states.h"
#include "tardis_uid.h"

#define OPTION(option) offsetof(consumer_settings_t, option)
#define TO(...)                                                                                              \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

#define ASKS_FOR_FILES "asks the provider for the files"
#define ASKS_HOW_FAR "asks the provider how far the transfer is"
#define COMPARES "compares the files with what was promised"

/* name, what it does, action, entry action, exit action, deadline, longest time, blocking, targets */
/* clang-format off */
static const fsm_state_t states[] = {
    {TARDIS_STATE_INGESTED,    ASKS_FOR_FILES, state_ingested,     NULL, NULL,
     OPTION(deadline_ingested),    0, 0, TO(TARDIS_STATE_REQUESTED, TARDIS_STATE_FAILED)},
    {TARDIS_STATE_REQUESTED,   ASKS_HOW_FAR,   state_transferring, NULL, NULL,
     OPTION(deadline_requested),   0, 0,
     TO(TARDIS_STATE_IN_PROGRESS, TARDIS_STATE_CHECKING, TARDIS_STATE_FAILED)},
    {TARDIS_STATE_IN_PROGRESS, ASKS_HOW_FAR,   state_transferring, NULL, NULL,
     OPTION(deadline_in_progress), OPTION(deadline_transfer), 0,
     TO(TARDIS_STATE_CHECKING, TARDIS_STATE_FAILED)},
    {TARDIS_STATE_CHECKING,    COMPARES,       state_checking,     NULL, state_leave_checking,
     OPTION(deadline_checking),    0, 1, TO(TARDIS_STATE_COMPLETE, TARDIS_STATE_FAILED)},
    {TARDIS_STATE_COMPLETE,    NULL, NULL, notice_complete, NULL, 0, 0, 0, {NULL}},
    {TARDIS_STATE_FAILED,      NULL, NULL, notice_failed,   NULL, 0, 0, 0, {NULL}},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, {NULL}},
};
/* clang-format on */

static long option_of(const consumer_settings_t *settings, size_t offset);
static int may_lead_to(const fsm_state_t *state, const char *target);
static void skip_invalid(fsm_step_t *step);
static const char *what_is_invalid(const tardis_synced_t *synced, apr_pool_t *pool);
static void change_state(fsm_step_t *step, const fsm_state_t *target, apr_interval_time_t wait,
                         const char *code, const char *text);
static int past_longest(const fsm_step_t *step);
static int is_about_the_database(tardis_error_code_t code);
static int is_lasting(const fsm_step_t *step, tardis_error_code_t code);
static int is_doubtful(tardis_error_code_t code);
static int past_deadline(const fsm_step_t *step, apr_uint64_t attempts);
static int begins_anew(const fsm_step_t *step);
static void give_up(fsm_step_t *step, const tardis_error_t *error, int deadline);

const fsm_state_t *fsm_states(void)
{
    return states;
}

const fsm_state_t *fsm_state_find(const char *name)
{
    for (const fsm_state_t *state = states; state->name; state++) {
        if (strcmp(state->name, name) == 0)
            return state;
    }
    return NULL;
}

const char *fsm_blocking_states(apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 4, sizeof(const char *));
    for (const fsm_state_t *state = states; state->name; state++) {
        if (state->blocking)
            APR_ARRAY_PUSH(names, const char *) = state->name;
    }
    return apr_array_pstrcat(pool, names, ',');
}

int fsm_asks(const fsm_state_t *state)
{
    return state->act && !state->blocking;
}

long fsm_deadline(const fsm_state_t *state, const consumer_settings_t *settings)
{
    return option_of(settings, state->deadline);
}

int fsm_attempts_left(const tardis_synced_t *synced)
{
    if (!synced->error_code || !is_doubtful(tardis_error_code_of(synced->error_code)))
        return 0;
    return synced->attempts + 1 < FSM_ATTEMPTS_BEFORE_DEADLINE
               ? FSM_ATTEMPTS_BEFORE_DEADLINE - (int)synced->attempts
               : 1;
}

/* 0: there is none. */
static long option_of(const consumer_settings_t *settings, size_t offset)
{
    return offset ? *(const long *)(const void *)((const char *)settings + offset) : 0;
}

fsm_step_t *fsm_step_create(const fsm_t *fsm, const tardis_synced_t *synced, const char *lease_owner,
                            void (*done)(fsm_step_t *step), void *baton, apr_pool_t *pool)
{
    fsm_step_t *step = apr_pcalloc(pool, sizeof(*step));
    step->fsm = fsm;
    step->synced = synced;
    step->state = what_is_invalid(synced, pool) ? NULL : fsm_state_find(synced->state);
    step->done = done;
    step->baton = baton;
    step->pool = pool;
    step->outcome.experiment_id = synced->experiment_id;
    step->outcome.lease_owner = lease_owner;
    step->outcome.state = synced->state;
    step->outcome.events = apr_array_make(pool, 2, sizeof(tardis_synced_event_t));
    step->outcome.notifications = apr_array_make(pool, 2, sizeof(tardis_notification_t));
    return step;
}

void fsm_step_begin(fsm_step_t *step)
{
    if (!step->state)
        skip_invalid(step);
    else if (!step->state->act)
        fsm_stay(step, -1, 0);
    else
        step->state->act(step);
}

/* The row is left as it is, for a newer version or a person, and does not come back at once. */
static void skip_invalid(fsm_step_t *step)
{
    tardis_synced_outcome_t *outcome = &step->outcome;
    step->error = tardis_error_create(step->pool, TARDIS_DATABASE_ROW_INVALID, "%s",
                                      what_is_invalid(step->synced, step->pool));
    outcome->attempts = step->synced->attempts + 1;
    outcome->wait = apr_time_from_sec(step->fsm->settings->retry_maximum);
    outcome->error_code = tardis_error_name(step->error->code);
    outcome->error_text = step->error->text;
    if (outcome->attempts == 1)
        fsm_note(step, "error", outcome->error_code, outcome->error_text);
    step->done(step);
}

/* NULL: nothing. */
static const char *what_is_invalid(const tardis_synced_t *synced, apr_pool_t *pool)
{
    const tardis_error_t *no_uid = tardis_uid_check(synced->uid, pool);
    if (!fsm_state_find(synced->state))
        return apr_psprintf(pool, "\"%.32s\" is no state", synced->state);
    if (no_uid)
        return no_uid->text;
    return synced->state_since && synced->moved_at ? NULL : "state_since or moved_at is NULL";
}

void fsm_move(fsm_step_t *step, const char *target, apr_interval_time_t wait, const char *text)
{
    if (!may_lead_to(step->state, target)) {
        step->error = tardis_error_create(step->pool, TARDIS_INTERNAL_ERROR, "%s cannot lead to %s",
                                          step->state->name, target);
        give_up(step, step->error, 0);
        return;
    }
    change_state(step, fsm_state_find(target), wait, NULL, text);
    step->done(step);
}

static int may_lead_to(const fsm_state_t *state, const char *target)
{
    for (const char *const *allowed = state->targets; *allowed; allowed++) {
        if (strcmp(*allowed, target) == 0)
            return 1;
    }
    return 0;
}

static void change_state(fsm_step_t *step, const fsm_state_t *target, apr_interval_time_t wait,
                         const char *code, const char *text)
{
    tardis_synced_outcome_t *outcome = &step->outcome;
    if (step->state->leave)
        step->state->leave(step);
    *(tardis_synced_event_t *)apr_array_push(outcome->events) =
        (tardis_synced_event_t){.kind = "transition",
                                .from_state = step->state->name,
                                .to_state = target->name,
                                .code = code,
                                .text = text};
    outcome->state = target->name;
    outcome->entered = 1;
    outcome->wait = target->act ? wait : -1;
    if (target->enter)
        step->broken = target->enter(step);
}

void fsm_stay(fsm_step_t *step, apr_interval_time_t wait, int moved)
{
    const char *cause = NULL;
    if (!moved && wait >= 0 && past_deadline(step, FSM_ATTEMPTS_BEFORE_DEADLINE))
        cause = apr_pstrcat(step->pool, "nothing has moved since ",
                            tardis_format_time(step->synced->moved_at, step->pool), NULL);
    else if (wait >= 0 && past_longest(step))
        cause = apr_pstrcat(step->pool, "something moves, but it has not ended since ",
                            tardis_format_time(step->synced->state_since, step->pool), NULL);
    if (cause) {
        step->error = tardis_error_create(step->pool, TARDIS_DEADLINE_EXCEEDED, "%s", cause);
        give_up(step, step->error, 0);
        return;
    }
    step->outcome.wait = wait;
    step->outcome.moved = moved || begins_anew(step);
    step->done(step);
}

/* A provider whose figures go up and down would be asked for ever. */
static int past_longest(const fsm_step_t *step)
{
    long longest = option_of(step->fsm->settings, step->state->longest);
    return longest > 0 && !begins_anew(step) &&
           step->synced->now - step->synced->state_since >= apr_time_from_sec(longest);
}

void fsm_fail(fsm_step_t *step, const tardis_error_t *error)
{
    const consumer_settings_t *settings = step->fsm->settings;
    tardis_synced_outcome_t *outcome = &step->outcome;
    apr_uint64_t attempts = step->synced->attempts + 1;
    step->error = tardis_error_copy(step->pool, error);
    if (is_about_the_database(error->code)) {
        step->broken = step->error;
        step->done(step);
        return;
    }
    int lasting = is_lasting(step, error->code);
    if (lasting || past_deadline(step, attempts)) {
        give_up(step, step->error, !lasting);
        return;
    }
    outcome->attempts = attempts;
    outcome->moved = begins_anew(step);
    outcome->wait = backoff_wait(attempts, settings->retry_minimum, settings->retry_maximum,
                                 error->retry_after, backoff_fraction());
    outcome->error_code = tardis_error_name(error->code);
    outcome->error_text = step->error->text;
    fsm_note(step, "error", outcome->error_code, outcome->error_text);
    step->done(step);
}

void fsm_put_off(fsm_step_t *step, const tardis_error_t *error, const char *outage, apr_interval_time_t wait)
{
    tardis_synced_outcome_t *outcome = &step->outcome;
    const char *before = step->synced->error_text ? step->synced->error_text : "";
    apr_uint64_t attempts = step->synced->attempts + (strcmp(before, error->text) != 0);
    step->error = tardis_error_copy(step->pool, error);
    if (past_deadline(step, attempts)) {
        give_up(step, step->error, 1);
        return;
    }
    step->put_off = 1;
    outcome->attempts = attempts;
    outcome->moved = begins_anew(step);
    outcome->wait = wait > 0 ? wait : 0;
    outcome->error_code = tardis_error_name(error->code);
    outcome->error_text = step->error->text;
    if (strncmp(before, outage, strlen(outage)) != 0)
        fsm_note(step, "error", outcome->error_code, outcome->error_text);
    step->done(step);
}

void fsm_defer(fsm_step_t *step, apr_interval_time_t wait)
{
    tardis_synced_outcome_t *outcome = &step->outcome;
    outcome->attempts = step->synced->attempts;
    outcome->error_code = step->synced->error_code;
    outcome->error_text = step->synced->error_text;
    outcome->wait = wait;
    step->done(step);
}

/* Then nothing can be saved, or nothing may be. */
static int is_about_the_database(tardis_error_code_t code)
{
    return code == TARDIS_LEASE_LOST || code == TARDIS_DATABASE_UNAVAILABLE || code == TARDIS_DATABASE_BUSY ||
           code == TARDIS_DATABASE_ERROR;
}

static int is_lasting(const fsm_step_t *step, tardis_error_code_t code)
{
    const tardis_synced_t *synced = step->synced;
    if (tardis_error_is_transient(code))
        return 0;
    return !is_doubtful(code) ||
           (synced->attempts + 1 >= FSM_ATTEMPTS_BEFORE_DEADLINE && synced->error_code &&
            strcmp(synced->error_code, tardis_error_name(code)) == 0);
}

/* What a proxy, a maintenance page or a server that is being set up answers as well. */
static int is_doubtful(tardis_error_code_t code)
{
    return code == TARDIS_KEY_REFUSED || code == TARDIS_UID_UNKNOWN || code == TARDIS_HTTPS_REQUIRED ||
           code == TARDIS_REQUEST_REFUSED || code == TARDIS_PROVIDER_REDIRECT;
}

static int past_deadline(const fsm_step_t *step, apr_uint64_t attempts)
{
    long deadline = fsm_deadline(step->state, step->fsm->settings);
    return deadline > 0 && attempts >= FSM_ATTEMPTS_BEFORE_DEADLINE && !begins_anew(step) &&
           step->synced->now - step->synced->moved_at >= apr_time_from_sec(deadline);
}

/* Nobody has looked for half of the deadline beyond what is usual; or the clock was set back. */
static int begins_anew(const fsm_step_t *step)
{
    const consumer_settings_t *settings = step->fsm->settings;
    const tardis_synced_t *synced = step->synced;
    return fsm_deadline(step->state, settings) > 0 &&
           (synced->moved_at > synced->now ||
            synced->now - synced->updated_at >= apr_time_from_sec(fsm_unseen(step->state, settings)));
}

long fsm_unseen(const fsm_state_t *state, const consumer_settings_t *settings)
{
    long usual = settings->poll_interval_maximum;
    if (usual < settings->retry_maximum)
        usual = settings->retry_maximum;
    if (usual < settings->breaker_maximum)
        usual = settings->breaker_maximum;
    return usual + fsm_deadline(state, settings) / 2;
}

static void give_up(fsm_step_t *step, const tardis_error_t *error, int deadline)
{
    tardis_synced_outcome_t *outcome = &step->outcome;
    outcome->attempts = step->synced->attempts + 1;
    outcome->error_code = tardis_error_name(error->code);
    outcome->error_text = error->text;
    if (deadline)
        outcome->error_text = apr_psprintf(
            step->pool, "given up after %" APR_UINT64_T_FMT " failed attempts since %s: %s",
            outcome->attempts, tardis_format_time(step->synced->moved_at, step->pool), error->text);
    change_state(step, fsm_state_find(TARDIS_STATE_FAILED), -1, outcome->error_code, outcome->error_text);
    step->done(step);
}

void fsm_note(fsm_step_t *step, const char *kind, const char *code, const char *text)
{
    *(tardis_synced_event_t *)apr_array_push(step->outcome.events) =
        (tardis_synced_event_t){.kind = kind, .code = code, .text = text};
}
