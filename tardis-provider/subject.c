#include "commands.h"

#include "tardis_uid.h"

tardis_error_t *subject_find(const tardis_invocation_t *invocation, const provider_settings_t *settings,
                             tardis_experiment_t **experiment)
{
    const char *name = APR_ARRAY_IDX(tardis_arguments_operands(invocation->arguments), 0, const char *);
    apr_uint64_t id;
    tardis_error_t *error = tardis_experiment_by_epn(invocation->context, name, experiment, invocation->pool);
    if (!error && !*experiment && !tardis_uid_parse(name, settings->institution, &id, invocation->pool))
        error = tardis_experiment_by_id(invocation->context, id, experiment, invocation->pool);
    if (!error && !*experiment)
        return tardis_error_create(invocation->pool, TARDIS_NOT_FOUND,
                                   "no experiment has the EPN or uid %.300s", name);
    return error;
}
