#include <apr_strings.h>

#include "manual.h"

const tardis_command_option_t cmd_hold_options[] = {
    {"reason", "TEXT", 0, "why; shown as long as it is held, and required"},
    {"provider", "URL", 0, "everything of this provider, also what it registers from now on"},
    {NULL, NULL, 0, NULL},
};

const tardis_command_option_t cmd_release_options[] = {
    {"provider", "URL", 0, "everything of this provider"},
    {NULL, NULL, 0, NULL},
};

static tardis_error_t *check_usage(const tardis_invocation_t *invocation);
static tardis_error_t *hold_one(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                const void *baton);
static tardis_error_t *hold_provider(const tardis_invocation_t *invocation, const tardis_synced_hold_t *hold);
static tardis_error_t *release_one(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                   const void *baton);
static tardis_error_t *release_provider(const tardis_invocation_t *invocation, const char *url);
static tardis_error_t *change_all(const tardis_invocation_t *invocation, tardis_provider_hold_t *on);

tardis_error_t *cmd_hold(tardis_invocation_t *invocation)
{
    tardis_synced_hold_t hold = {.held_by = manual_user(invocation->pool)};
    int done;
    tardis_error_t *error = check_usage(invocation);
    if (!error)
        error = manual_reason(invocation, &hold.reason);
    if (!error)
        error = manual_provider(invocation, &hold.provider_url);
    if (error)
        return error;
    return hold.provider_url ? hold_provider(invocation, &hold)
                             : manual_each(invocation, hold_one, &hold, &done);
}

static tardis_error_t *check_usage(const tardis_invocation_t *invocation)
{
    int named = tardis_arguments_operands(invocation->arguments)->nelts > 0;
    if (named != tardis_arguments_has(invocation->arguments, "provider"))
        return NULL;
    return tardis_error_create(invocation->pool, TARDIS_USAGE, "name experiments, or give --provider URL");
}

static tardis_error_t *hold_one(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                const void *baton)
{
    int again;
    tardis_error_t *error =
        tardis_synced_hold(invocation->context, synced->experiment_id, baton, &again, invocation->pool);
    if (!error)
        printf("%s is %s; %s release %" APR_UINT64_T_FMT " lets it go on\n",
               manual_name(synced, invocation->pool), again ? "still held, now for this reason" : "held",
               consumer_command(invocation->config, invocation->pool), synced->experiment_id);
    return error;
}

static tardis_error_t *hold_provider(const tardis_invocation_t *invocation, const tardis_synced_hold_t *hold)
{
    apr_pool_t *pool = invocation->pool;
    int again;
    tardis_provider_hold_t on = {.provider_url = hold->provider_url, .held = 1, .after = ""};
    on.text = apr_psprintf(pool, "%s holds everything of its provider: %s", hold->held_by, hold->reason);
    tardis_error_t *error = tardis_provider_hold_begin(invocation->context, hold, &again, pool);
    if (!error)
        error = change_all(invocation, &on);
    if (!error)
        printf("provider %s is %s; %" APR_UINT64_T_FMT " pending experiment%s stopped; "
               "%s release --provider %s lets them go on\n",
               hold->provider_url, again ? "still held, now for this reason" : "held", on.experiments,
               on.experiments == 1 ? " was" : "s were", consumer_command(invocation->config, pool),
               tardis_shell_quote(hold->provider_url, pool));
    return error;
}

tardis_error_t *cmd_release(tardis_invocation_t *invocation)
{
    apr_pool_t *pool = invocation->pool;
    const char *url = tardis_arguments_value(invocation->arguments, "provider");
    int done;
    tardis_error_t *error = check_usage(invocation);
    if (error)
        return error;
    return url ? release_provider(invocation, consumer_base_url(url, pool))
               : manual_each(invocation, release_one, apr_psprintf(pool, "%s released it", manual_user(pool)),
                             &done);
}

static tardis_error_t *release_one(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                   const void *baton)
{
    const tardis_synced_hold_t *hold;
    apr_pool_t *pool = invocation->pool;
    tardis_error_t *error = tardis_synced_unhold(invocation->context, synced->experiment_id, baton, pool);
    if (!error)
        error = manual_hold_of(invocation, synced->experiment_id, &hold);
    if (error)
        return error;
    printf("%s is released%s\n", manual_name(synced, pool),
           hold ? apr_pstrcat(pool, ", but still ", manual_hold_text(hold, pool), NULL)
                : "; the next tick takes it up");
    return NULL;
}

static tardis_error_t *release_provider(const tardis_invocation_t *invocation, const char *url)
{
    apr_pool_t *pool = invocation->pool;
    tardis_provider_hold_t on = {.provider_url = url, .after = ""};
    on.text = apr_psprintf(pool, "%s released its provider", manual_user(pool));
    tardis_error_t *error = tardis_provider_release_begin(invocation->context, url, pool);
    if (!error)
        error = change_all(invocation, &on);
    if (!error)
        error = tardis_provider_release_end(invocation->context, url, pool);
    if (!error)
        printf("provider %s is released; %" APR_UINT64_T_FMT " experiment%s due now\n", url, on.experiments,
               on.experiments == 1 ? " is" : "s are");
    return error;
}

static tardis_error_t *change_all(const tardis_invocation_t *invocation, tardis_provider_hold_t *on)
{
    tardis_error_t *error = NULL;
    apr_pool_t *pool;
    apr_pool_create(&pool, invocation->pool);
    while (!error && !on->finished) {
        apr_pool_clear(pool);
        error = tardis_provider_hold_page(invocation->context, on, invocation->pool, pool);
        if (!error && !on->finished && tardis_command_interrupted())
            error = tardis_error_create(pool, TARDIS_INTERRUPTED, "told to stop before all were done");
    }
    error = tardis_error_copy(invocation->pool, error);
    apr_pool_destroy(pool);
    return error;
}
