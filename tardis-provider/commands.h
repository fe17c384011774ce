/*
 * The commands of tardis-provider, one file each, and what they share.
 */
#ifndef PROVIDER_COMMANDS_H
#define PROVIDER_COMMANDS_H

#include "settings.h"
#include "tardis_catalogue.h"
#include "tardis_command.h"

extern const tardis_command_option_t import_options[];
extern const tardis_command_option_t export_options[];
extern const tardis_command_option_t transfer_options[];
extern const tardis_command_option_t send_options[];
extern const tardis_command_option_t list_options[];
extern const tardis_command_option_t show_options[];
extern const tardis_command_option_t site_options[]; /* of retry and cancel */
extern const tardis_command_option_t key_add_options[];
extern const tardis_command_option_t key_list_options[];

tardis_error_t *import_run(tardis_invocation_t *invocation);
tardis_error_t *export_run(tardis_invocation_t *invocation);
tardis_error_t *transfer_run(tardis_invocation_t *invocation);
tardis_error_t *send_run(tardis_invocation_t *invocation);
tardis_error_t *list_run(tardis_invocation_t *invocation);
tardis_error_t *show_run(tardis_invocation_t *invocation);
tardis_error_t *retry_run(tardis_invocation_t *invocation);
tardis_error_t *cancel_run(tardis_invocation_t *invocation);
tardis_error_t *key_add_run(tardis_invocation_t *invocation);
tardis_error_t *key_list_run(tardis_invocation_t *invocation);
tardis_error_t *key_remove_run(tardis_invocation_t *invocation);

/*
 * The experiment that the first operand names: by its EPN, or else by its uid.
 * @return TARDIS_NOT_FOUND.
 */
tardis_error_t *subject_find(const tardis_invocation_t *invocation, const provider_settings_t *settings,
                             tardis_experiment_t **experiment);

#endif
