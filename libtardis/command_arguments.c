#include "command_private.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "suggest.h"

struct tardis_arguments_t {
    apr_hash_t *options; /* of apr_array_header_t * of const char *, by name; a switch has the value "" */
    apr_array_header_t *operands;
};

typedef struct {
    tardis_arguments_t *arguments;
    const tardis_command_option_t *options;
    int argc;
    const char *const *argv;
    int *next;
    apr_pool_t *pool;
} parser_t;

const tardis_command_option_t command_global_options[] = {
    {"config", "FILE", 0, "read this configuration file"},
    {"verbose", NULL, 0, "log what is done, in detail, to standard error"},
    {"help", NULL, 0, "print help and exit; after a command: its options"},
    {"version", NULL, 0, "print the version and exit"},
    {NULL, NULL, 0, NULL},
};

static tardis_error_t *parse_option(parser_t *parser, const char *text);
static const tardis_command_option_t *find_option(const tardis_command_option_t *options, const char *name);
static tardis_error_t *unknown_option(const parser_t *parser, const char *name);
static const tardis_command_t *find_command(const tardis_command_t *commands, const char *first,
                                            const char *second, int *words, apr_pool_t *pool);
static tardis_error_t *unknown_command(const command_run_t *run, const char *first, const char *second,
                                       apr_pool_t *pool);
static tardis_error_t *check_operands(const command_run_t *run, apr_pool_t *pool);

tardis_error_t *command_parse(command_run_t *run, int argc, const char *const *argv, apr_pool_t *pool)
{
    tardis_arguments_t *global;
    int next = 1;
    int words;
    tardis_error_t *error =
        command_parse_options(&global, command_global_options, 1, &next, argc, argv, pool);
    if (error)
        return error;
    run->verbose = tardis_arguments_has(global, "verbose");
    run->help = tardis_arguments_has(global, "help");
    run->version = tardis_arguments_has(global, "version");
    if (tardis_arguments_has(global, "config"))
        run->config_file = tardis_arguments_value(global, "config");
    if (run->version || (next == argc && run->help))
        return NULL;
    if (next == argc)
        return tardis_error_create(pool, TARDIS_USAGE, "no command was given");

    const char *second = next + 1 < argc ? argv[next + 1] : NULL;
    run->command = find_command(run->commands, argv[next], second, &words, pool);
    if (!run->command)
        return unknown_command(run, argv[next], second, pool);
    next += words;
    tardis_arguments_t *arguments;
    error = command_parse_options(&arguments, run->command->options, 0, &next, argc, argv, pool);
    if (error)
        return tardis_error_prefix(pool, error, "%s", run->command->name);
    run->invocation.arguments = arguments;
    run->help = run->help || tardis_arguments_has(arguments, "help");
    return run->help ? NULL : check_operands(run, pool);
}

tardis_error_t *command_parse_options(tardis_arguments_t **arguments, const tardis_command_option_t *options,
                                      int stop, int *next, int argc, const char *const *argv,
                                      apr_pool_t *pool)
{
    *arguments = apr_pcalloc(pool, sizeof(**arguments));
    (*arguments)->options = apr_hash_make(pool);
    (*arguments)->operands = apr_array_make(pool, 4, sizeof(const char *));
    parser_t parser = {*arguments, options, argc, argv, next, pool};
    int ended = 0;
    while (*next < argc) {
        const char *text = argv[*next];
        int is_operand = ended || text[0] != '-' || !text[1];
        if (is_operand && stop)
            break;
        ++*next;
        if (is_operand) {
            APR_ARRAY_PUSH((*arguments)->operands, const char *) = text;
        } else if (strcmp(text, "--") == 0) {
            ended = 1;
        } else {
            tardis_error_t *error = parse_option(&parser, text);
            if (error)
                return error;
        }
    }
    return NULL;
}

static tardis_error_t *parse_option(parser_t *parser, const char *text)
{
    apr_pool_t *pool = parser->pool;
    if (text[1] != '-')
        return tardis_error_create(pool, TARDIS_USAGE, "unknown option %s: options begin with two dashes",
                                   text);
    const char *equals = strchr(text, '=');
    const char *name = equals ? apr_pstrmemdup(pool, text + 2, (apr_size_t)(equals - text - 2)) : text + 2;
    const char *value = equals ? equals + 1 : NULL;
    const tardis_command_option_t *option = find_option(parser->options, name);
    if (!option && strcmp(name, "help") == 0)
        option = find_option(command_global_options, name);
    if (!option)
        return unknown_option(parser, name);
    if (!option->argument && value)
        return tardis_error_create(pool, TARDIS_USAGE, "option --%s takes no value", name);
    if (option->argument && !value) {
        if (*parser->next == parser->argc)
            return tardis_error_create(pool, TARDIS_USAGE, "option --%s needs its %s", name,
                                       option->argument);
        value = parser->argv[(*parser->next)++];
    }
    apr_array_header_t *values = apr_hash_get(parser->arguments->options, option->name, APR_HASH_KEY_STRING);
    if (!values) {
        values = apr_array_make(pool, 1, sizeof(const char *));
        apr_hash_set(parser->arguments->options, option->name, APR_HASH_KEY_STRING, values);
    } else if (option->argument && !option->repeatable) {
        return tardis_error_create(pool, TARDIS_USAGE, "option --%s may be given only once", name);
    }
    APR_ARRAY_PUSH(values, const char *) = value ? value : "";
    return NULL;
}

static const tardis_command_option_t *find_option(const tardis_command_option_t *options, const char *name)
{
    for (const tardis_command_option_t *option = options; option && option->name; option++) {
        if (strcmp(option->name, name) == 0)
            return option;
    }
    return NULL;
}

static tardis_error_t *unknown_option(const parser_t *parser, const char *name)
{
    const char *best = NULL;
    if (find_option(command_global_options, name))
        return tardis_error_create(parser->pool, TARDIS_USAGE, "option --%s stands before the command", name);
    for (const tardis_command_option_t *option = parser->options; option && option->name; option++)
        suggest_consider(&best, name, option->name, parser->pool);
    if (best)
        best = apr_pstrcat(parser->pool, "--", best, NULL);
    return tardis_error_create(parser->pool, TARDIS_USAGE, "unknown option --%s%s", name,
                               suggest_text(best, parser->pool));
}

static const tardis_command_t *find_command(const tardis_command_t *commands, const char *first,
                                            const char *second, int *words, apr_pool_t *pool)
{
    const char *both = second ? apr_pstrcat(pool, first, " ", second, NULL) : first;
    for (const tardis_command_t *command = commands; command->name; command++) {
        *words = strchr(command->name, ' ') ? 2 : 1;
        if (strcmp(command->name, *words == 2 ? both : first) == 0)
            return command;
    }
    return NULL;
}

static tardis_error_t *unknown_command(const command_run_t *run, const char *first, const char *second,
                                       apr_pool_t *pool)
{
    const char *best = NULL;
    const char *continuations = NULL;
    size_t length = strlen(first);
    const char *both = second ? apr_pstrcat(pool, first, " ", second, NULL) : first;
    for (const tardis_command_t *command = run->commands; command->name; command++) {
        int is_pair = strchr(command->name, ' ') != NULL;
        suggest_consider(&best, is_pair ? both : first, command->name, pool);
        if (is_pair && strncmp(command->name, first, length) == 0 && command->name[length] == ' ')
            continuations =
                continuations ? apr_pstrcat(pool, continuations, ", ", command->name, NULL) : command->name;
    }
    if (continuations)
        return tardis_error_create(pool, TARDIS_USAGE, "unknown command \"%s\"; there are: %s", both,
                                   continuations);
    return tardis_error_create(pool, TARDIS_USAGE, "unknown command \"%s\"%s", first,
                               suggest_text(best, pool));
}

static tardis_error_t *check_operands(const command_run_t *run, apr_pool_t *pool)
{
    const tardis_command_t *command = run->command;
    const apr_array_header_t *operands = run->invocation.arguments->operands;
    if (operands->nelts < command->minimum_operands)
        return tardis_error_create(pool, TARDIS_USAGE, "%s needs %s", command->name, command->operands);
    if (command->maximum_operands >= 0 && operands->nelts > command->maximum_operands)
        return tardis_error_create(pool, TARDIS_USAGE, "%s: unexpected operand \"%s\"", command->name,
                                   APR_ARRAY_IDX(operands, command->maximum_operands, const char *));
    return NULL;
}

int tardis_arguments_has(const tardis_arguments_t *arguments, const char *name)
{
    return apr_hash_get(arguments->options, name, APR_HASH_KEY_STRING) != NULL;
}

const char *tardis_arguments_value(const tardis_arguments_t *arguments, const char *name)
{
    const apr_array_header_t *values = apr_hash_get(arguments->options, name, APR_HASH_KEY_STRING);
    return values ? APR_ARRAY_IDX(values, values->nelts - 1, const char *) : NULL;
}

const apr_array_header_t *tardis_arguments_values(const tardis_arguments_t *arguments, const char *name)
{
    static const apr_array_header_t none;
    const apr_array_header_t *values = apr_hash_get(arguments->options, name, APR_HASH_KEY_STRING);
    return values ? values : &none;
}

const apr_array_header_t *tardis_arguments_operands(const tardis_arguments_t *arguments)
{
    return arguments->operands;
}
