#include "tick_count.h"

#include <string.h>

#include <apr_strings.h>

static void log_step(const fsm_step_t *step);

void tick_count(tick_counts_t *counts, const fsm_step_t *step)
{
    const char *state = step->outcome.state;
    counts->stepped++;
    if (step->broken || !step->outcome.saved)
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

static void log_step(const fsm_step_t *step)
{
    const tardis_context_t *context = step->fsm->context;
    const tardis_synced_t *synced = step->synced;
    const tardis_synced_outcome_t *outcome = &step->outcome;
    const char *about = apr_psprintf(step->pool, "uid %s: experiment %" APR_UINT64_T_FMT ": %.32s",
                                     synced->uid, synced->experiment_id, synced->state);
    if (step->broken || !outcome->saved)
        tardis_log(context, TARDIS_LOG_WARNING,
                   "%s: another process has taken it over [%s]; nothing was saved", about,
                   tardis_error_name(TARDIS_LEASE_LOST));
    else if (step->error && outcome->entered)
        tardis_log_problem(context, TARDIS_LOG_ERROR, about, step->error,
                           "it is now " TARDIS_STATE_FAILED "; tardis-consumer retry starts it again");
    else if (step->put_off)
        tardis_log(context, TARDIS_LOG_DEBUG, "%s: %s", about, step->error->text);
    else if (step->error)
        tardis_log_problem(context, TARDIS_LOG_WARNING, about, step->error,
                           apr_psprintf(step->pool, "next attempt in %" APR_TIME_T_FMT " s",
                                        apr_time_sec(outcome->wait + APR_USEC_PER_SEC / 2)));
    else if (outcome->entered)
        tardis_log(context, TARDIS_LOG_DEBUG, "%s -> %s", about, outcome->state);
}
