#include "commands.h"

#include <unistd.h>

#include <apr_strings.h>
#include <apr_user.h>

static tardis_error_t *retry_one(const tardis_invocation_t *invocation, const char *name, const char *text);
static const char *user_name(apr_pool_t *pool);

tardis_error_t *cmd_retry(tardis_invocation_t *invocation)
{
    const apr_array_header_t *names = tardis_arguments_operands(invocation->arguments);
    const char *text = apr_psprintf(invocation->pool, "%s started it again", user_name(invocation->pool));
    for (int i = 0; i < names->nelts; i++) {
        tardis_error_t *error = retry_one(invocation, APR_ARRAY_IDX(names, i, const char *), text);
        /* One that cannot be restarted does not keep the others from it; for a single one its own status
         * tells why. */
        if (error && (names->nelts == 1 || error->code == TARDIS_DATABASE_UNAVAILABLE))
            return error;
        if (error) {
            tardis_log_problem(invocation->context, TARDIS_LOG_ERROR, APR_ARRAY_IDX(names, i, const char *),
                               error, NULL);
            invocation->exit_status = 1;
        }
    }
    return NULL;
}

static tardis_error_t *retry_one(const tardis_invocation_t *invocation, const char *name, const char *text)
{
    tardis_synced_t *synced;
    tardis_error_t *error = experiment_named(invocation, name, &synced);
    if (!error)
        error = tardis_synced_retry(invocation->context, synced->experiment_id, text, invocation->pool);
    if (!error)
        printf("experiment %" APR_UINT64_T_FMT " (%s) is " TARDIS_STATE_INGESTED
               " again; the next tick asks for its files\n",
               synced->experiment_id, synced->uid);
    return error;
}

static const char *user_name(apr_pool_t *pool)
{
    char *name;
    if (apr_uid_name_get(&name, geteuid(), pool) == APR_SUCCESS)
        return name;
    return apr_psprintf(pool, "user %lu", (unsigned long)geteuid());
}
