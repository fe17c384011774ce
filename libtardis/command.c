#include "command_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "tardis_db.h"
#include "tardis_http.h"

static tardis_error_t *run_tool(command_run_t *run, int argc, const char *const *argv);
static const tardis_command_t *all_commands(const tardis_tool_t *tool, apr_pool_t *pool);
static tardis_error_t *run_command(command_run_t *run);
static tardis_error_t *prepare(command_run_t *run, unsigned needs);
static tardis_error_t *create_http(command_run_t *run);
static int option_or_default(const command_run_t *run, const char *name);
static void log_line(void *baton, tardis_log_level_t level, const char *line);
static void print_error(const command_run_t *run, const tardis_error_t *error);
static int finish_output(const char *program);

int tardis_tool_main(const tardis_tool_t *tool, int argc, const char *const *argv)
{
    apr_pool_t *pool;
    process_guard_descriptors();
    process_catch_signals();
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        fprintf(stderr, "%s: cannot start\n", tool->program);
        return EX_OSERR;
    }
    command_run_t *run = apr_pcalloc(pool, sizeof(*run));
    run->tool = tool;
    run->commands = all_commands(tool, pool);
    run->config_file = tool->config_file;
    run->context = (tardis_context_t){.pool = pool, .log = log_line, .log_baton = run};
    run->invocation.context = &run->context;
    run->invocation.program = tool->program;
    run->invocation.pool = pool;
    tardis_error_t *error = run_tool(run, argc, argv);
    if (error)
        print_error(run, error);
    int status = error ? tardis_error_exit_status(error) : run->invocation.exit_status;
    apr_pool_destroy(pool);
    apr_terminate();
    int output = finish_output(tool->program);
    return status ? status : output;
}

static const tardis_command_t *all_commands(const tardis_tool_t *tool, apr_pool_t *pool)
{
    const tardis_command_t *const tables[] = {tool->commands, command_builtin};
    apr_array_header_t *all = apr_array_make(pool, 16, sizeof(tardis_command_t));
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const tardis_command_t *command = tables[i]; command->name; command++)
            APR_ARRAY_PUSH(all, tardis_command_t) = *command;
    }
    APR_ARRAY_PUSH(all, tardis_command_t) = (tardis_command_t){0};
    return (const tardis_command_t *)(const void *)all->elts;
}

static tardis_error_t *run_tool(command_run_t *run, int argc, const char *const *argv)
{
    apr_pool_t *pool = run->context.pool;
    tardis_error_t *error = command_parse(run, argc, argv, pool);
    if (error)
        return error;
    if (run->version)
        printf("%s %s\n", run->tool->program, TARDIS_VERSION);
    else if (run->help)
        command_print_help(run, pool);
    else
        error = run_command(run);
    return error;
}

static tardis_error_t *run_command(command_run_t *run)
{
    unsigned needs = run->command->needs;
    if (needs & TARDIS_NEEDS_SCHEMA)
        needs |= TARDIS_NEEDS_DATABASE;
    if (needs & (TARDIS_NEEDS_DATABASE | TARDIS_NEEDS_HTTP))
        needs |= TARDIS_NEEDS_CONFIG;
    tardis_error_t *error = prepare(run, needs);
    return error ? error : run->command->run(&run->invocation);
}

static tardis_error_t *prepare(command_run_t *run, unsigned needs)
{
    apr_pool_t *pool = run->context.pool;
    tardis_error_t *error = NULL;
    if (needs & TARDIS_NEEDS_CONFIG) {
        tardis_config_t *config = NULL;
        error = tardis_config_read(&config, run->config_file, run->tool->options, pool);
        run->invocation.config = config;
    }
    if (!error && (needs & TARDIS_NEEDS_HTTP))
        error = create_http(run);
    if (!error && (needs & TARDIS_NEEDS_DATABASE))
        error = command_open_database(&run->invocation, 0);
    if (!error && (needs & TARDIS_NEEDS_SCHEMA))
        error = tardis_schema_require(&run->context, run->tool->side, pool);
    return error;
}

static tardis_error_t *create_http(command_run_t *run)
{
    const tardis_config_t *config = run->invocation.config;
    tardis_http_settings_t settings = {
        .ca_file = tardis_config_text(config, "ca_file"),
        .connect_timeout = (int)tardis_config_integer(config, "connect_timeout"),
        .stall_timeout = (int)tardis_config_integer(config, "stall_timeout"),
        .total_timeout = (int)tardis_config_integer(config, "total_timeout"),
        /* Who asks keeps to `parallel`, and does not count what hangs: there are connections left for that. */
        .maximum_connections = option_or_default(run, "parallel") * 4,
        .maximum_host_connections = option_or_default(run, "parallel_per_provider"),
    };
    if (!settings.maximum_host_connections)
        settings.maximum_host_connections = option_or_default(run, "send_parallel");
    return tardis_http_create(&run->context.http, &settings, run->context.pool);
}

/* 0, which leaves it to the HTTP engine, if the tool has no such option. */
static int option_or_default(const command_run_t *run, const char *name)
{
    for (const tardis_option_t *option = run->tool->options; option->name; option++) {
        if (strcmp(option->name, name) == 0)
            return (int)tardis_config_integer(run->invocation.config, name);
    }
    return 0;
}

tardis_error_t *command_open_database(tardis_invocation_t *invocation, int io_timeout)
{
    tardis_db_settings_t settings = {
        .option_file = tardis_config_text(invocation->config, "mysql_option_file"),
        .group = tardis_config_text(invocation->config, "mysql_group"),
        .connect_timeout = (int)tardis_config_integer(invocation->config, "connect_timeout"),
        .io_timeout = io_timeout,
    };
    return tardis_db_open(&invocation->context->db, &settings, invocation->pool);
}

static void log_line(void *baton, tardis_log_level_t level, const char *line)
{
    const command_run_t *run = baton;
    const char *word = level <= TARDIS_LOG_ERROR     ? "error: "
                       : level == TARDIS_LOG_WARNING ? "warning: "
                       : level == TARDIS_LOG_DEBUG   ? "debug: "
                                                     : "";
    if (level == TARDIS_LOG_DEBUG && !run->verbose)
        return;
    fprintf(stderr, "%s: %s%s\n", run->tool->program, word, line);
}

static void print_error(const command_run_t *run, const tardis_error_t *error)
{
    const char *program = run->tool->program;
    const char *name = tardis_error_name(error->code);
    if (error->line)
        fprintf(stderr, "%s: line %ld: %s [%s]\n", program, error->line, error->text, name);
    else
        fprintf(stderr, "%s: %s [%s]\n", program, error->text, name);
    fprintf(stderr, "%s: %s\n", program, tardis_error_advice(error->code));
}

/* A full disk or a closed pipe shows only when the output is flushed. */
static int finish_output(const char *program)
{
    int had_error = ferror(stdout);
    errno = 0;
    if (fclose(stdout) == 0 && !had_error)
        return 0;
    fprintf(stderr, "%s: cannot write to standard output%s%s\n", program, errno ? ": " : "",
            errno ? strerror(errno) : "");
    return EX_IOERR;
}
