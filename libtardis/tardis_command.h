/**
 * @file tardis_command.h
 * What the command-line tools share: the table of commands, options, --help, the context, signals.
 */
#ifndef TARDIS_COMMAND_H
#define TARDIS_COMMAND_H

#include <stdio.h>

#include "tardis_config.h"
#include "tardis_context.h"
#include "tardis_schema.h"

/** One command-line option of a command; a table ends with a NULL name. Long options only. */
typedef struct tardis_command_option_t {
    const char *name;     /**< without the dashes */
    const char *argument; /**< name of its argument for --help; NULL: a switch */
    int repeatable;
    const char *help;
} tardis_command_option_t;

/** The options and operands one invocation was given. */
typedef struct tardis_arguments_t tardis_arguments_t;
/** Whether the option was given. */
int tardis_arguments_has(const tardis_arguments_t *arguments, const char *name);
/** The last value that was given; NULL: none. */
const char *tardis_arguments_value(const tardis_arguments_t *arguments, const char *name);
/** All values that were given: const char *. Never NULL. */
const apr_array_header_t *tardis_arguments_values(const tardis_arguments_t *arguments, const char *name);
/** Operands (what is not an option), in order: const char *. */
const apr_array_header_t *tardis_arguments_operands(const tardis_arguments_t *arguments);

/** What a command runs with. */
typedef struct tardis_invocation_t {
    tardis_context_t *context;        /**< log to stderr; db open if the command asked for it */
    const tardis_config_t *config;
    const tardis_arguments_t *arguments;
    const char *program;              /**< "tardis-provider" or "tardis-consumer" */
    apr_pool_t *pool;
    int exit_status;                  /**< set by a command that ran but whose subject failed (1) */
} tardis_invocation_t;

/** What a command needs before it runs. */
enum {
    TARDIS_NEEDS_CONFIG = 1,
    TARDIS_NEEDS_DATABASE = 2, /**< implies config */
    TARDIS_NEEDS_SCHEMA = 4,   /**< implies database; refuses to run on another schema version */
    TARDIS_NEEDS_HTTP = 8      /**< implies config; creates context->http */
};

/** One command; a table ends with a NULL name. "schema upgrade" is one name of two words. */
typedef struct tardis_command_t {
    const char *name;
    const char *operands; /**< for --help: "DIR", "<id|uid>...", "" */
    int minimum_operands;
    int maximum_operands; /**< -1: any number */
    unsigned needs;
    const tardis_command_option_t *options; /**< may be NULL */
    const char *help;     /**< one line */
    tardis_error_t *(*run)(tardis_invocation_t *invocation);
} tardis_command_t;

/**
 * The options that every tool has, to put first in its table; tardis_tool_main() reads them to open the
 * database and to create the HTTP engine. Where a tool has integers called `parallel`,
 * `parallel_per_provider` or `send_parallel`, they bound the engine's connections in all, and to one host.
 */
#define TARDIS_COMMON_OPTIONS                                                                                \
    {"mysql_option_file", TARDIS_OPTION_TEXT, TARDIS_SYSCONFDIR "/mysql.cnf", 0, 0,                          \
     "MySQL option file with user, password, host or socket, and database", NULL},                           \
    {"mysql_group", TARDIS_OPTION_TEXT, "tardis", 0, 0, "group of the option file", NULL},                   \
    {"ca_file", TARDIS_OPTION_TEXT, NULL, 0, 0,                                                              \
     "PEM file of the certificate authorities to trust; unset: the system's", NULL},                         \
    {"connect_timeout", TARDIS_OPTION_INTEGER, "10", 1, 3600, "seconds to reach another host", NULL},        \
    {"stall_timeout", TARDIS_OPTION_INTEGER, "60", 1, 86400,                                                 \
     "seconds without a byte after which a connection is given up", NULL},                                   \
    {"total_timeout", TARDIS_OPTION_INTEGER, "300", 1, 86400,                                                \
     "seconds that one request may take in all (file contents are bounded by stall_timeout alone)", NULL}

/** A tool. */
typedef struct tardis_tool_t {
    const char *program;
    const char *summary;       /**< one line */
    const char *config_file;   /**< default of --config */
    tardis_schema_side_t side;
    const tardis_option_t *options;
    const tardis_command_t *commands;
    /** What `config show` checks of the options beyond each by itself; NULL: nothing. */
    tardis_error_t *(*check)(const tardis_config_t *config, apr_pool_t *pool);
} tardis_tool_t;

/**
 * Runs the tool: parses `[--config FILE] [--verbose] COMMAND [options] [operands]`, also --help (of the tool
 * and of each command) and --version, sets up what the command needs, runs it, prints its error ("program:
 * text [code]" and the advice) to stderr, and returns the exit status. Adds the commands `schema upgrade`,
 * `schema check` and `config show` to the table. SIGTERM and SIGINT make tardis_command_interrupted() true;
 * SIGPIPE is ignored.
 */
int tardis_tool_main(const tardis_tool_t *tool, int argc, const char *const *argv);

/**
 * Whether the tool was told to stop: finish what is in flight, save, and return. Async-signal-safe, any
 * thread.
 */
int tardis_command_interrupted(void);

/** A name for this process in leases: "host:pid:start seconds"; at most 200 bytes of ASCII. */
const char *tardis_process_name(apr_pool_t *pool);
/** This host's name, for the history. */
const char *tardis_host_name(apr_pool_t *pool);
/** Microseconds by a clock that nobody sets: for how long something takes. */
apr_time_t tardis_clock(void);

/** One word of a command line as a POSIX shell has to be given it: as it is, or in single quotes. */
const char *tardis_shell_quote(const char *text, apr_pool_t *pool);
/**
 * How a command line of @a program begins that reads the configuration which was read, from any directory:
 * "tardis-consumer", or "tardis-consumer --config /srv/consumer.conf" if that is not @a initial.
 * @param initial the file that is read without --config.
 */
const char *tardis_command_line(const char *program, const tardis_config_t *config, const char *initial,
                                apr_pool_t *pool);

/**
 * Pads and prints rows as aligned columns for people: rows are arrays of const char * (NULL: "-"). First row:
 * headings.
 */
void tardis_print_table(FILE *out, const apr_array_header_t *rows, apr_pool_t *pool);

/** 1234567 -> "1.2 MB". */
const char *tardis_format_bytes(apr_uint64_t bytes, apr_pool_t *pool);
/** A time as RFC 3339 in UTC, "2026-11-23T21:07:23Z"; 0 -> "-". */
const char *tardis_format_time(apr_time_t time, apr_pool_t *pool);

#endif
