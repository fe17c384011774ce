#include "config_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>
#include <apr_tables.h>

#define SECRET_LENGTH_MAXIMUM 4096

static const config_entry_t *entry_of(const tardis_config_t *config, const char *name);
static void print_level(const tardis_config_t *config, const char *indent, apr_array_header_t *out,
                        apr_pool_t *pool);
static const char *print_value(const config_entry_t *entry, apr_pool_t *pool);
static const char *quoted(const char *text, apr_pool_t *pool);
static tardis_error_t *read_secret(const char **secret, FILE *stream, const char *file, apr_pool_t *pool);

const char *config_interpret(config_entry_t *entry, const char *text, apr_pool_t *pool)
{
    const tardis_option_t *option = entry->option;
    char *end;
    switch (option->type) {
    case TARDIS_OPTION_INTEGER:
        errno = 0;
        entry->integer = strtol(text, &end, 10);
        if (end == text || *end || errno || entry->integer < option->minimum ||
            entry->integer > option->maximum)
            return apr_psprintf(pool, "a number from %ld to %ld", option->minimum, option->maximum);
        return NULL;
    case TARDIS_OPTION_BOOLEAN:
        entry->boolean = strcmp(text, "true") == 0;
        return entry->boolean || strcmp(text, "false") == 0 ? NULL : "true or false";
    case TARDIS_OPTION_TEXT:
    case TARDIS_OPTION_LIST:
    case TARDIS_OPTION_SECTION:
        break;
    }
    return NULL;
}

apr_array_header_t *config_split_list(const char *initial, apr_pool_t *pool)
{
    apr_array_header_t *values = apr_array_make(pool, 4, sizeof(const char *));
    char *state;
    for (char *value = apr_strtok(apr_pstrdup(pool, initial ? initial : ""), ", ", &state); value;
         value = apr_strtok(NULL, ", ", &state))
        APR_ARRAY_PUSH(values, const char *) = value;
    return values;
}

/* A name that is not in the table is a mistake in the program, which is better stopped than misled. */
static const config_entry_t *entry_of(const tardis_config_t *config, const char *name)
{
    const config_entry_t *entry = apr_hash_get(config->entries, name, APR_HASH_KEY_STRING);
    if (!entry) {
        fprintf(stderr, "internal error: the program asks for an option \"%s\" that it does not have\n",
                name);
        abort();
    }
    return entry;
}

const char *tardis_config_text(const tardis_config_t *config, const char *name)
{
    const char *text = entry_of(config, name)->text;
    return text && *text ? text : NULL;
}

long tardis_config_integer(const tardis_config_t *config, const char *name)
{
    return entry_of(config, name)->integer;
}

int tardis_config_boolean(const tardis_config_t *config, const char *name)
{
    return entry_of(config, name)->boolean;
}

const apr_array_header_t *tardis_config_list(const tardis_config_t *config, const char *name)
{
    return entry_of(config, name)->values;
}

const apr_array_header_t *tardis_config_sections(const tardis_config_t *config, const char *name)
{
    return entry_of(config, name)->values;
}

const char *tardis_config_title(const tardis_config_t *section)
{
    return section->title;
}

const char *tardis_config_file(const tardis_config_t *config)
{
    return config->file;
}

const char *tardis_config_where(const tardis_config_t *config, const char *name, apr_pool_t *pool)
{
    int line = entry_of(config, name)->line;
    if (!line)
        line = config->title ? config->line : 0;
    return line ? apr_psprintf(pool, "%s:%d", config->file, line) : config->file;
}

const char *tardis_config_print(const tardis_config_t *config, apr_pool_t *pool)
{
    apr_array_header_t *out = apr_array_make(pool, 64, sizeof(const char *));
    print_level(config, "", out, pool);
    return apr_array_pstrcat(pool, out, 0);
}

static void print_level(const tardis_config_t *config, const char *indent, apr_array_header_t *out,
                        apr_pool_t *pool)
{
    for (const tardis_option_t *option = config->options; option->name; option++) {
        const config_entry_t *entry = entry_of(config, option->name);
        APR_ARRAY_PUSH(out, const char *) = apr_psprintf(pool, "%s# %s\n", indent, option->help);
        if (option->type != TARDIS_OPTION_SECTION) {
            const char *value = print_value(entry, pool);
            APR_ARRAY_PUSH(out, const char *) =
                value ? apr_psprintf(pool, "%s%s = %s\n", indent, option->name, value)
                      : apr_psprintf(pool, "%s#%s =\n", indent, option->name);
            continue;
        }
        if (entry->values->nelts == 0)
            APR_ARRAY_PUSH(out, const char *) =
                apr_psprintf(pool, "%s#%s \"...\" { }\n", indent, option->name);
        for (int i = 0; i < entry->values->nelts; i++) {
            const tardis_config_t *section = APR_ARRAY_IDX(entry->values, i, tardis_config_t *);
            APR_ARRAY_PUSH(out, const char *) =
                apr_psprintf(pool, "%s%s %s {\n", indent, option->name, quoted(section->title, pool));
            print_level(section, apr_pstrcat(pool, indent, "    ", NULL), out, pool);
            APR_ARRAY_PUSH(out, const char *) = apr_psprintf(pool, "%s}\n", indent);
        }
    }
}

/* NULL: unset. */
static const char *print_value(const config_entry_t *entry, apr_pool_t *pool)
{
    if (entry->option->type == TARDIS_OPTION_TEXT)
        return entry->text ? quoted(entry->text, pool) : NULL;
    if (entry->option->type != TARDIS_OPTION_LIST)
        return entry->text;
    const char *list = "";
    for (int i = 0; i < entry->values->nelts; i++)
        list = apr_pstrcat(pool, list, i ? ", " : "",
                           quoted(APR_ARRAY_IDX(entry->values, i, const char *), pool), NULL);
    return apr_pstrcat(pool, "{", list, "}", NULL);
}

/* libconfuse expands $ { } within quotes, too. */
static const char *quoted(const char *text, apr_pool_t *pool)
{
    char *result = apr_palloc(pool, strlen(text) * 2 + 3);
    char *end = result;
    *end++ = '"';
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\' || *c == '$' || *c == '\n')
            *end++ = '\\';
        *end++ = *c == '\n' ? 'n' : *c;
    }
    *end++ = '"';
    *end = '\0';
    return result;
}

tardis_error_t *tardis_config_secret(const char **secret, const char *file, apr_pool_t *pool)
{
    struct stat info;
    tardis_error_t *error;
    FILE *stream = fopen(file, "r");
    if (!stream || fstat(fileno(stream), &info) != 0)
        error = tardis_error_from_status(pool, TARDIS_CONFIG_INVALID, errno, "secret file %s", file);
    else if (!S_ISREG(info.st_mode))
        error = tardis_error_create(pool, TARDIS_CONFIG_INVALID, "secret file %s: not a regular file", file);
    else if (info.st_mode & (S_IROTH | S_IWOTH))
        error = tardis_error_create(pool, TARDIS_CONFIG_INVALID,
                                    "secret file %s: everybody may read or write it; run \"chmod o-rwx %s\"",
                                    file, file);
    else
        error = read_secret(secret, stream, file, pool);
    if (stream)
        fclose(stream);
    return error;
}

static tardis_error_t *read_secret(const char **secret, FILE *stream, const char *file, apr_pool_t *pool)
{
    char line[SECRET_LENGTH_MAXIMUM + 2];
    setvbuf(stream, NULL, _IONBF, 0);
    size_t length = fread(line, 1, sizeof(line) - 1, stream);
    line[length] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    tardis_error_t *error = NULL;
    if (ferror(stream))
        error = tardis_error_from_status(pool, TARDIS_IO_ERROR, errno, "secret file %s", file);
    else if (!*line)
        error =
            tardis_error_create(pool, TARDIS_CONFIG_INVALID, "secret file %s: its first line is empty", file);
    else if (strlen(line) > SECRET_LENGTH_MAXIMUM)
        error = tardis_error_create(pool, TARDIS_CONFIG_INVALID,
                                    "secret file %s: its first line is longer than %d", file,
                                    SECRET_LENGTH_MAXIMUM);
    else
        *secret = apr_pstrdup(pool, line);
    explicit_bzero(line, sizeof(line));
    return error;
}
