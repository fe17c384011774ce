#include "manual.h"

#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_user.h>

#include "tardis_uid.h"

#define REASON_MAX 1000

static int is_configured(const tardis_invocation_t *invocation, const char *url);

const char *manual_user(apr_pool_t *pool)
{
    char *name;
    if (apr_uid_name_get(&name, geteuid(), pool) == APR_SUCCESS)
        return name;
    return apr_psprintf(pool, "user %lu", (unsigned long)geteuid());
}

tardis_error_t *manual_reason(const tardis_invocation_t *invocation, const char **reason)
{
    const char *given = tardis_arguments_value(invocation->arguments, "reason");
    apr_size_t length = given ? strlen(given) : 0;
    if (!length)
        return tardis_error_create(invocation->pool, TARDIS_USAGE, "--reason TEXT is required");
    if (length > REASON_MAX || !tardis_text_is_clean(given, length, ""))
        return tardis_error_create(invocation->pool, TARDIS_USAGE,
                                   "--reason: give one line of UTF-8 text of at most %d bytes", REASON_MAX);
    *reason = given;
    return NULL;
}

tardis_error_t *manual_provider(const tardis_invocation_t *invocation, const char **url)
{
    const char *given = tardis_arguments_value(invocation->arguments, "provider");
    apr_pool_t *pool = invocation->pool;
    int has = 0;
    *url = given ? consumer_base_url(given, pool) : NULL;
    if (!given || is_configured(invocation, *url))
        return NULL;
    tardis_error_t *error = tardis_provider_has_experiments(invocation->context, *url, &has, pool);
    if (error || has)
        return error;
    return tardis_error_create(pool, TARDIS_NOT_FOUND,
                               "no provider section has the URL %.255s, and no experiment comes from there",
                               *url);
}

static int is_configured(const tardis_invocation_t *invocation, const char *url)
{
    const apr_array_header_t *sections = tardis_config_sections(invocation->config, "provider");
    for (int i = 0; i < sections->nelts; i++) {
        const char *title = tardis_config_title(APR_ARRAY_IDX(sections, i, const tardis_config_t *));
        if (strcmp(consumer_base_url(title, invocation->pool), url) == 0)
            return 1;
    }
    return 0;
}

tardis_error_t *manual_each(tardis_invocation_t *invocation, manual_fn *one, const void *baton, int *done)
{
    const apr_array_header_t *names = tardis_arguments_operands(invocation->arguments);
    *done = 0;
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        tardis_synced_t *synced;
        tardis_error_t *error = experiment_named(invocation, name, &synced);
        if (!error)
            error = one(invocation, synced, baton);
        if (error && (names->nelts == 1 || error->code == TARDIS_DATABASE_UNAVAILABLE))
            return error;
        if (error) {
            tardis_log_problem(invocation->context, TARDIS_LOG_ERROR, name, error, NULL);
            invocation->exit_status = 1;
        }
        *done += !error;
    }
    return NULL;
}

const char *manual_name(const tardis_synced_t *synced, apr_pool_t *pool)
{
    return apr_psprintf(pool, "experiment %" APR_UINT64_T_FMT " (%s)", synced->experiment_id, synced->uid);
}

tardis_error_t *manual_hold_of(const tardis_invocation_t *invocation, apr_uint64_t experiment_id,
                               const tardis_synced_hold_t **hold)
{
    apr_hash_t *holds;
    tardis_error_t *error =
        tardis_synced_holds(invocation->context, experiment_id, experiment_id, &holds, invocation->pool);
    *hold = error ? NULL : apr_hash_get(holds, &experiment_id, sizeof(experiment_id));
    return error;
}

const char *manual_hold_text(const tardis_synced_hold_t *hold, apr_pool_t *pool)
{
    const char *whole =
        hold->provider_url ? apr_psprintf(pool, " with all of the provider %s", hold->provider_url) : "";
    return apr_psprintf(pool, "held by %s since %s%s: %s", hold->held_by,
                        tardis_format_time(hold->held_at, pool), whole, hold->reason);
}

const char *manual_release_operands(const tardis_synced_hold_t *hold, apr_uint64_t experiment_id,
                                    apr_pool_t *pool)
{
    return hold->provider_url ? apr_pstrcat(pool, "--provider ", tardis_shell_quote(hold->provider_url, pool), NULL)
                              : apr_psprintf(pool, "%" APR_UINT64_T_FMT, experiment_id);
}

json_t *manual_hold_json(const tardis_synced_hold_t *hold)
{
    if (!hold)
        return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "provider_url", json_text(hold->provider_url));
    json_object_set_new(object, "reason", json_text(hold->reason));
    json_object_set_new(object, "held_by", json_text(hold->held_by));
    json_object_set_new(object, "held_at", json_time(hold->held_at));
    return object;
}
