#include "tick_count.h"

#include <string.h>

#include <apr_strings.h>

static int lost_its_lease(const fsm_step_t *step);
static void log_step(const fsm_step_t *step);
static tardis_log_level_t level_of(tardis_error_code_t code);

void tick_count(tick_counts_t *counts, const fsm_step_t *step)
{
    const char *state = step->outcome.state;
    counts->stepped++;
    counts->bytes_checked += step->bytes_read;
    if (lost_its_lease(step))
        counts->waiting++;
    else if (step->broken)
        counts->errors++;
    else if (step->put_off)
        counts->put_off++;
    else if (!step->outcome.entered && step->error)
        counts->errors++;
    else if (!step->outcome.entered)
        counts->waiting++;
    else if (strcmp(state, TARDIS_STATE_COMPLETE) == 0)
        counts->complete++;
    else if (strcmp(state, TARDIS_STATE_FAILED) == 0)
        counts->failed++;
    else
        counts->moved_on++;
    log_step(step);
}

static int lost_its_lease(const fsm_step_t *step)
{
    return step->broken ? step->broken->code == TARDIS_LEASE_LOST : !step->outcome.saved;
}

static void log_step(const fsm_step_t *step)
{
    const tardis_context_t *context = step->fsm->context;
    const tardis_synced_t *synced = step->synced;
    const tardis_synced_outcome_t *outcome = &step->outcome;
    const char *about = apr_psprintf(step->pool, "uid %s: experiment %" APR_UINT64_T_FMT ": %.32s",
                                     synced->uid, synced->experiment_id, synced->state);
    if (lost_its_lease(step))
        tardis_log(context, TARDIS_LOG_NOTICE,
                   "%s: it was held, cancelled, restarted or taken over meanwhile [%s]; nothing was saved",
                   about, tardis_error_name(TARDIS_LEASE_LOST));
    else if (step->broken) /* the error of the whole tick, which is told once */
        tardis_log_problem(context, TARDIS_LOG_DEBUG, about, step->broken, "nothing was saved");
    else if (step->error && outcome->entered)
        tardis_log_problem(context, TARDIS_LOG_ERROR, about, step->error,
                           apr_psprintf(step->pool,
                                        "it is now " TARDIS_STATE_FAILED "; %s retry %" APR_UINT64_T_FMT
                                        " starts it again",
                                        step->fsm->settings->command, synced->experiment_id));
    else if (step->put_off)
        tardis_log(context, TARDIS_LOG_DEBUG, "%s: %s", about, step->error->text);
    else if (step->error)
        tardis_log_problem(context, level_of(step->error->code), about, step->error,
                           apr_psprintf(step->pool, "next attempt in %" APR_TIME_T_FMT " s",
                                        apr_time_sec(outcome->wait + APR_USEC_PER_SEC / 2)));
    else if (outcome->entered)
        tardis_log(context, TARDIS_LOG_DEBUG, "%s -> %s", about, outcome->state);
}

/* Most errors pass by themselves or come to an end, which is told. These two wait for somebody here. */
static tardis_log_level_t level_of(tardis_error_code_t code)
{
    return code == TARDIS_DATABASE_ROW_INVALID || code == TARDIS_PROVIDER_UNKNOWN ? TARDIS_LOG_ERROR
                                                                                  : TARDIS_LOG_WARNING;
}
