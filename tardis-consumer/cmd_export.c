#include "commands.h"
#include "tardis_ingest.h"

const tardis_command_option_t cmd_export_options[] = {
    {"output", "FILE", 0, "write to FILE, which is replaced at once and whole"},
    {NULL, NULL, 0, NULL},
};

tardis_error_t *cmd_export(tardis_invocation_t *invocation)
{
    const char *name = APR_ARRAY_IDX(tardis_arguments_operands(invocation->arguments), 0, const char *);
    tardis_synced_t *synced;
    tardis_error_t *error = experiment_named(invocation, name, &synced);
    return error ? error
                 : tardis_mets_export(invocation->context, synced->experiment_id,
                                      tardis_arguments_value(invocation->arguments, "output"),
                                      invocation->pool);
}
