#include "import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "tardis_uid.h"

/* One option's value, where it goes, and how long it may be in characters (bytes where the column counts
 * bytes). */
typedef struct {
    const char *name;
    apr_size_t maximum;
    int in_bytes;
    int lines; /* may have line breaks and tabs */
    int is_address;
} text_rule_t;

#define DESCRIPTION_MAX (1024 * 1024)

static const text_rule_t rules[] = {
    {"title", TARDIS_TEXT_MAX, 1, 0, 0},    {"description", DESCRIPTION_MAX, 1, 1, 0},
    {"epn", TARDIS_EPN_MAX, 0, 0, 0},       {"owner", TARDIS_OWNER_MAX, 0, 0, 1},
    {"author", TARDIS_TEXT_MAX, 1, 0, 0},   {"institution", TARDIS_INSTITUTION_MAX, 0, 0, 0},
    {"url", TARDIS_TEXT_MAX, 1, 0, 0},      {"start-time", TARDIS_TIME_MAX, 0, 0, 0},
    {"end-time", TARDIS_TIME_MAX, 0, 0, 0},
};

static tardis_error_t *check_texts(const tardis_arguments_t *arguments, apr_pool_t *pool);
static tardis_error_t *check_text(const text_rule_t *rule, const char *value, apr_pool_t *pool);
static apr_size_t characters(const char *text);
static int is_address(const char *value);
static tardis_error_t *find_directory(const tardis_invocation_t *invocation, const char **directory);
static const char *value_or(const tardis_arguments_t *arguments, const char *name, const char *otherwise);

const tardis_command_option_t import_options[] = {
    {"title", "TEXT", 0, "title of the experiment (required)"},
    {"epn", "EPN", 0, "the facility's proposal number"},
    {"description", "TEXT", 0, "what it is about"},
    {"owner", "EMAIL", 1, "an owner; decides which sites it is sent to"},
    {"author", "NAME", 1, "an author"},
    {"institution", "NAME", 0, "the institution that did it (default: institution of the configuration)"},
    {"url", "URL", 0, "where more is said about it"},
    {"start-time", "TIME", 0, "when it began"},
    {"end-time", "TIME", 0, "when it ended"},
    {"update", NULL, 0, "replace the experiment with this EPN"},
    {"quiet", NULL, 0, "no progress bar"},
    {NULL, NULL, 0, NULL},
};

tardis_error_t *import_arguments(const tardis_invocation_t *invocation, const provider_settings_t *settings,
                                 import_t *import)
{
    const tardis_arguments_t *arguments = invocation->arguments;
    apr_pool_t *pool = invocation->pool;
    tardis_experiment_t *experiment = &import->experiment;
    memset(import, 0, sizeof(*import));
    if (!*value_or(arguments, "title", ""))
        return tardis_error_create(pool, TARDIS_USAGE, "--title is required");
    if (tardis_arguments_has(arguments, "update") && !tardis_arguments_has(arguments, "epn"))
        return tardis_error_create(pool, TARDIS_USAGE,
                                   "--update needs --epn: it says which experiment is meant");
    tardis_error_t *error = check_texts(arguments, pool);
    if (error)
        return error;
    experiment->title = tardis_arguments_value(arguments, "title");
    experiment->epn = tardis_arguments_value(arguments, "epn");
    experiment->description = value_or(arguments, "description", "");
    experiment->institution = value_or(arguments, "institution", settings->institution);
    experiment->url = tardis_arguments_value(arguments, "url");
    experiment->start_time = tardis_arguments_value(arguments, "start-time");
    experiment->end_time = tardis_arguments_value(arguments, "end-time");
    import->owners = tardis_arguments_values(arguments, "owner");
    import->authors = tardis_arguments_values(arguments, "author");
    import->quiet = tardis_arguments_has(arguments, "quiet");
    return find_directory(invocation, &import->directory);
}

static tardis_error_t *check_texts(const tardis_arguments_t *arguments, apr_pool_t *pool)
{
    for (apr_size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const apr_array_header_t *values = tardis_arguments_values(arguments, rules[i].name);
        for (int v = 0; v < values->nelts; v++) {
            tardis_error_t *error = check_text(&rules[i], APR_ARRAY_IDX(values, v, const char *), pool);
            if (error)
                return error;
        }
    }
    return NULL;
}

static tardis_error_t *check_text(const text_rule_t *rule, const char *value, apr_pool_t *pool)
{
    apr_size_t length = strlen(value);
    if (!length && strcmp(rule->name, "description") != 0)
        return tardis_error_create(pool, TARDIS_USAGE, "--%s is empty", rule->name);
    if (!tardis_text_is_clean(value, length, rule->lines ? "\t\n" : ""))
        return tardis_error_create(pool, TARDIS_USAGE, "--%s must be UTF-8 without control characters",
                                   rule->name);
    if ((rule->in_bytes ? length : characters(value)) > rule->maximum)
        return tardis_error_create(pool, TARDIS_USAGE, "--%s is longer than %d %s", rule->name,
                                   (int)rule->maximum, rule->in_bytes ? "bytes" : "characters");
    if (rule->is_address && !is_address(value))
        return tardis_error_create(pool, TARDIS_USAGE, "--%s must be an e-mail address, not \"%s\"",
                                   rule->name, value);
    return NULL;
}

static apr_size_t characters(const char *text)
{
    apr_size_t count = 0;
    for (const char *c = text; *c; c++)
        count += ((unsigned char)*c & 0xc0) != 0x80;
    return count;
}

/* What no site's email-endswith could match, or no mail could reach. */
static int is_address(const char *value)
{
    const char *at = strrchr(value, '@');
    return at && at > value && at[1] && !strpbrk(value, " ,;<>");
}

static tardis_error_t *find_directory(const tardis_invocation_t *invocation, const char **directory)
{
    const char *operand = APR_ARRAY_IDX(tardis_arguments_operands(invocation->arguments), 0, const char *);
    char *resolved = realpath(operand, NULL);
    if (!resolved)
        return tardis_error_from_status(invocation->pool, TARDIS_FILE_UNREADABLE, errno, "%s", operand);
    *directory = apr_pstrdup(invocation->pool, resolved);
    free(resolved);
    if (!tardis_text_is_clean(*directory, strlen(*directory), ""))
        return tardis_error_create(invocation->pool, TARDIS_NAME_INVALID,
                                   "the name of the directory must be UTF-8 without control characters");
    return NULL;
}

static const char *value_or(const tardis_arguments_t *arguments, const char *name, const char *otherwise)
{
    const char *value = tardis_arguments_value(arguments, name);
    return value ? value : otherwise;
}
