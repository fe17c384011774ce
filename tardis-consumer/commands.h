/**
 * @file commands.h
 * The commands of tardis-consumer, one file each, and what several of them share.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <jansson.h>

#include "fsm.h"

extern const tardis_command_option_t cmd_tick_options[];
tardis_error_t *cmd_tick(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_list_options[];
tardis_error_t *cmd_list(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_show_options[];
tardis_error_t *cmd_show(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_why_options[];
tardis_error_t *cmd_why(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_retry_options[];
tardis_error_t *cmd_retry(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_cancel_options[];
tardis_error_t *cmd_cancel(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_hold_options[];
tardis_error_t *cmd_hold(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_release_options[];
tardis_error_t *cmd_release(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_providers_options[];
tardis_error_t *cmd_providers(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_metrics_options[];
tardis_error_t *cmd_metrics(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_prune_options[];
tardis_error_t *cmd_prune(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_register_options[];
tardis_error_t *cmd_register(tardis_invocation_t *invocation);

extern const tardis_command_option_t cmd_export_options[];
tardis_error_t *cmd_export(tardis_invocation_t *invocation);

/**
 * The experiment that a person means by @a name: its id, or its uid (experiment.c).
 * @return TARDIS_NOT_FOUND, or TARDIS_USAGE if several providers use the uid; the text lists them.
 */
tardis_error_t *experiment_named(const tardis_invocation_t *invocation, const char *name,
                                 tardis_synced_t **synced);

/**
 * How far an experiment is, for people: what the provider last said, or how much is checked; "" if there is
 * nothing to say.
 */
const char *experiment_progress(const tardis_synced_t *synced, apr_pool_t *pool);

/**
 * A sentence on how many more answers like the last one end it, with a space before it; "" unless it is about
 * to end so, see fsm_attempts_left().
 */
const char *experiment_attempts_left(const tardis_synced_t *synced);

/**
 * When the provider last answered the question how far the transfer is; 0: the last answer was none that
 * tells, or the question is not asked.
 */
apr_time_t experiment_answered_at(const tardis_synced_t *synced);

/** An experiment as JSON, to be released by the caller. */
json_t *experiment_json(const tardis_synced_t *synced);

/** A time as JSON: RFC 3339 text, or null for 0. */
json_t *json_time(apr_time_t time);
/** Text as JSON, or null for NULL. */
json_t *json_text(const char *text);

/** Prints @a document to stdout and releases it. */
tardis_error_t *json_print(json_t *document, apr_pool_t *pool);

#endif
