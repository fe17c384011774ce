/**
 * @file command_private.h
 * What the files command*.c and process.c share.
 *
 * command.c runs a tool, command_arguments.c parses its command line, command_help.c prints --help,
 * command_builtin.c holds the commands that every tool has, command_format.c prints for people, process.c
 * knows about this process.
 */
#ifndef TARDIS_COMMAND_PRIVATE_H
#define TARDIS_COMMAND_PRIVATE_H

#include "tardis_command.h"

/** One run of a tool; the invocation comes first so that a built-in command finds the rest. */
typedef struct {
    tardis_invocation_t invocation;
    tardis_context_t context;
    const tardis_tool_t *tool;
    const tardis_command_t *commands; /**< the tool's and the built-in ones; ends with a NULL name */
    const tardis_command_t *command;  /**< the one to run; NULL: none was named */
    const char *config_file;
    int verbose;
    int help;
    int version;
} command_run_t;

/** The options that stand before the command; ends with a NULL name. */
extern const tardis_command_option_t command_global_options[] __attribute__((visibility("hidden")));

/** The commands that every tool has; ends with a NULL name. */
extern const tardis_command_t command_builtin[] __attribute__((visibility("hidden")));

/** Fills in what the command line says. TARDIS_USAGE if it cannot be understood. */
tardis_error_t *command_parse(command_run_t *run, int argc, const char *const *argv, apr_pool_t *pool);

/**
 * Parses options and operands; @a next counts the arguments that were read, and stops at an operand if @a
 * stop.
 */
tardis_error_t *command_parse_options(tardis_arguments_t **arguments, const tardis_command_option_t *options,
                                      int stop, int *next, int argc, const char *const *argv,
                                      apr_pool_t *pool);

/** Prints --help of the tool, or of the command that was named with it. */
void command_print_help(const command_run_t *run, apr_pool_t *pool);

/** Connects to the database that the configuration names. @a io_timeout as in tardis_db_settings_t. */
tardis_error_t *command_open_database(tardis_invocation_t *invocation, int io_timeout);

/** Makes SIGTERM and SIGINT set tardis_command_interrupted(), and ignores SIGPIPE. */
void process_catch_signals(void);

/**
 * Occupies standard input, output and error where they are closed, so that no file or socket takes their
 * place.
 */
void process_guard_descriptors(void);

#endif
