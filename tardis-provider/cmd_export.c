#include "commands.h"
#include "tardis_ingest.h"

const tardis_command_option_t export_options[] = {
    {"output", "FILE", 0, "write to FILE, which is replaced at once and whole"},
    {NULL, NULL, 0, NULL},
};

tardis_error_t *export_run(tardis_invocation_t *invocation)
{
    provider_settings_t *settings;
    tardis_experiment_t *experiment;
    tardis_error_t *error = provider_settings_read(invocation, &settings);
    if (!error)
        error = subject_find(invocation, settings, &experiment);
    return error ? error
                 : tardis_mets_export(invocation->context, experiment->id,
                                      tardis_arguments_value(invocation->arguments, "output"),
                                      invocation->pool);
}
