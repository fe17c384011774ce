#include "command_private.h"

#include <string.h>

#include <apr_strings.h>

static void print_tool_help(const command_run_t *run, apr_pool_t *pool);
static void print_command_help(const command_run_t *run, apr_pool_t *pool);
static void print_options(const tardis_command_option_t *options, apr_pool_t *pool);
static void print_entries(const apr_array_header_t *entries, apr_pool_t *pool);

/* A left column and what is said about it. */
typedef struct {
    const char *term;
    const char *help;
} entry_t;

void command_print_help(const command_run_t *run, apr_pool_t *pool)
{
    if (run->command)
        print_command_help(run, pool);
    else
        print_tool_help(run, pool);
}

static void print_tool_help(const command_run_t *run, apr_pool_t *pool)
{
    apr_array_header_t *entries = apr_array_make(pool, 16, sizeof(entry_t));
    for (const tardis_command_t *command = run->commands; command->name; command++) {
        const char *term =
            apr_pstrcat(pool, command->name, *command->operands ? " " : "", command->operands, NULL);
        APR_ARRAY_PUSH(entries, entry_t) = (entry_t){term, command->help};
    }
    printf("Usage: %s [--config FILE] [--verbose] COMMAND [OPTION]... [OPERAND]...\n%s\n\nCommands:\n",
           run->tool->program, run->tool->summary);
    print_entries(entries, pool);
    printf("\nOptions:\n");
    print_options(command_global_options, pool);
    printf("\nThe configuration is read from %s unless --config says otherwise.\n"
           "\"%s COMMAND --help\" tells more about a command.\n",
           run->tool->config_file, run->tool->program);
}

static void print_command_help(const command_run_t *run, apr_pool_t *pool)
{
    const tardis_command_t *command = run->command;
    printf("Usage: %s [--config FILE] [--verbose] %s%s%s%s\n%s\n", run->tool->program, command->name,
           command->options ? " [OPTION]..." : "", *command->operands ? " " : "", command->operands,
           command->help);
    if (!command->options)
        return;
    printf("\nOptions:\n");
    print_options(command->options, pool);
}

static void print_options(const tardis_command_option_t *options, apr_pool_t *pool)
{
    apr_array_header_t *entries = apr_array_make(pool, 8, sizeof(entry_t));
    for (const tardis_command_option_t *option = options; option->name; option++) {
        entry_t entry;
        entry.term =
            apr_pstrcat(pool, "--", option->name, option->argument ? " " : NULL, option->argument, NULL);
        entry.help =
            option->repeatable ? apr_pstrcat(pool, option->help, " (may be repeated)", NULL) : option->help;
        APR_ARRAY_PUSH(entries, entry_t) = entry;
    }
    print_entries(entries, pool);
}

static void print_entries(const apr_array_header_t *entries, apr_pool_t *pool)
{
    size_t width = 0;
    for (int i = 0; i < entries->nelts; i++) {
        size_t length = strlen(APR_ARRAY_IDX(entries, i, entry_t).term);
        width = length > width ? length : width;
    }
    for (int i = 0; i < entries->nelts; i++) {
        entry_t entry = APR_ARRAY_IDX(entries, i, entry_t);
        fputs(apr_psprintf(pool, "  %-*s  %s\n", (int)width, entry.term, entry.help), stdout);
    }
}
