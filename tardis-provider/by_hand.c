#include "by_hand.h"

#include <string.h>

/* One run. */
typedef struct {
    tardis_invocation_t *invocation;
    const by_hand_t *action;
    apr_uint64_t experiment_id;
    const char *site; /* NULL: all */
    int seen;         /* registrations and transfers at the site */
    int done;
} run_t;

static tardis_error_t *do_registrations(run_t *run);
static tardis_error_t *do_transfers(run_t *run);
static int is_meant(run_t *run, const char *site_name, const char *state, const char *const *states);

const tardis_command_option_t site_options[] = {
    {"site", "NAME", 0, "only at this site"},
    {NULL, NULL, 0, NULL},
};

tardis_error_t *by_hand_run(tardis_invocation_t *invocation, const by_hand_t *action)
{
    provider_settings_t *settings;
    tardis_experiment_t *experiment;
    run_t run = {.invocation = invocation, .action = action};
    tardis_error_t *error = provider_settings_read(invocation, &settings);
    if (!error)
        error = subject_find(invocation, settings, &experiment);
    if (error)
        return error;
    run.experiment_id = experiment->id;
    run.site = tardis_arguments_value(invocation->arguments, "site");
    error = do_registrations(&run);
    if (!error)
        error = do_transfers(&run);
    if (!error && run.site && !run.seen)
        return tardis_error_create(invocation->pool, TARDIS_SITE_UNKNOWN,
                                   "the experiment was neither registered at nor sent to a site called %s",
                                   run.site);
    if (!error && !run.done)
        return tardis_error_create(invocation->pool, TARDIS_CONFLICT, "there is nothing to %s", action->verb);
    return error;
}

static tardis_error_t *do_registrations(run_t *run)
{
    const tardis_context_t *context = run->invocation->context;
    apr_array_header_t *registrations;
    tardis_error_t *error =
        tardis_registration_list(context, run->experiment_id, &registrations, run->invocation->pool);
    for (int i = 0; !error && i < registrations->nelts; i++) {
        const tardis_registration_t *registration =
            APR_ARRAY_IDX(registrations, i, const tardis_registration_t *);
        if (!is_meant(run, registration->site_name, registration->state, run->action->registration_states))
            continue;
        error = run->action->registration(context, registration, run->invocation->pool);
    }
    return error;
}

static tardis_error_t *do_transfers(run_t *run)
{
    const tardis_context_t *context = run->invocation->context;
    apr_array_header_t *transfers;
    tardis_error_t *error =
        tardis_transfer_list(context, run->experiment_id, &transfers, run->invocation->pool);
    for (int i = 0; !error && i < transfers->nelts; i++) {
        const tardis_transfer_t *transfer = APR_ARRAY_IDX(transfers, i, const tardis_transfer_t *);
        if (!is_meant(run, transfer->site_name, transfer->state, run->action->transfer_states))
            continue;
        error = run->action->transfer(context, transfer, run->invocation->pool);
    }
    return error;
}

static int is_meant(run_t *run, const char *site_name, const char *state, const char *const *states)
{
    if (run->site && strcmp(run->site, site_name) != 0)
        return 0;
    run->seen++;
    while (*states && strcmp(*states, state) != 0)
        states++;
    run->done += *states != NULL;
    return *states != NULL;
}
