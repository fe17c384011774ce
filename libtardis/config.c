#include "config_private.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>
#include <confuse.h>

#include "suggest.h"

/* libconfuse hands its callbacks no baton; ours hangs on an option of this name, which cannot be written in a
 * file. */
#define BATON_NAME "\001baton"

typedef struct {
    const char *file;
    apr_pool_t *pool;
    tardis_error_t *error; /* the first one */
    apr_hash_t *lines;     /* of int *, by the address of a cfg_t and the name of an option */
} reader_t;

/* One table of options: that of the file, or that of its sections of one name. */
typedef struct {
    reader_t *reader;
    const tardis_option_t *options;
} level_t;

static cfg_opt_t *confuse_options(reader_t *reader, const tardis_option_t *options);
static const level_t *level_of(const cfg_t *cfg);
static void note_problem(cfg_t *cfg, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
static void refuse(reader_t *reader, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int take_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result);
static const tardis_option_t *find_option(const tardis_option_t *options, const char *name);
static int *line_of(reader_t *reader, const cfg_t *cfg, const char *name);
static tardis_config_t *copy_level(reader_t *reader, cfg_t *cfg, const tardis_option_t *options);
static void copy_values(reader_t *reader, cfg_t *cfg, config_entry_t *entry);

tardis_error_t *tardis_config_read(tardis_config_t **config, const char *file, const tardis_option_t *options,
                                   apr_pool_t *pool)
{
    reader_t reader = {.file = apr_pstrdup(pool, file), .pool = pool, .lines = apr_hash_make(pool)};
    char *text;
    tardis_error_t *error = config_load(&text, file, pool);
    if (error)
        return error;
    cfg_t *cfg = cfg_init(confuse_options(&reader, options), CFGF_NONE);
    cfg_set_error_function(cfg, note_problem);
    int outcome = cfg_parse_buf(cfg, text);
    if (outcome != CFG_SUCCESS && !reader.error)
        refuse(&reader, cfg->line, "cannot be understood");
    if (!reader.error)
        *config = copy_level(&reader, cfg, options);
    cfg_free(cfg);
    return reader.error;
}

/* Every value is text to libconfuse, so that all of them are checked, and complained about, in one place. */
static cfg_opt_t *confuse_options(reader_t *reader, const tardis_option_t *options)
{
    int count = 0;
    while (options[count].name)
        count++;
    level_t *level = apr_palloc(reader->pool, sizeof(*level));
    level->reader = reader;
    level->options = options;
    cfg_opt_t *result = apr_pcalloc(reader->pool, sizeof(*result) * (apr_size_t)(count + 2));
    for (int i = 0; i < count; i++) {
        result[i].name = options[i].name;
        result[i].type = CFGT_STR;
        result[i].flags = CFGF_NODEFAULT;
        if (options[i].type == TARDIS_OPTION_LIST)
            result[i].flags |= CFGF_LIST;
        if (options[i].type != TARDIS_OPTION_SECTION) {
            result[i].parsecb = take_value;
        } else {
            result[i].type = CFGT_SEC;
            result[i].flags = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
            result[i].subopts = confuse_options(reader, options[i].section);
        }
    }
    result[count].name = BATON_NAME;
    result[count].type = CFGT_PTR;
    result[count].flags = CFGF_NODEFAULT;
    result[count].simple_value.ptr = (void **)level;
    return result;
}

static const level_t *level_of(const cfg_t *cfg)
{
    const cfg_opt_t *opt = cfg->opts;
    while (strcmp(opt->name, BATON_NAME) != 0)
        opt++;
    return (const level_t *)opt->simple_value.ptr;
}

/* What libconfuse itself finds wrong. */
static void note_problem(cfg_t *cfg, const char *format, va_list arguments)
{
    const level_t *level = level_of(cfg);
    apr_pool_t *pool = level->reader->pool;
    if (strncmp(format, "no such option", 14) == 0) {
        const char *name = va_arg(arguments, const char *);
        const char *best = NULL;
        for (const tardis_option_t *option = level->options; option->name; option++)
            suggest_consider(&best, name, option->name, pool);
        refuse(level->reader, cfg->line, "no option is called \"%s\"%s", name, suggest_text(best, pool));
        return;
    }
    refuse(level->reader, cfg->line, "%s", apr_pvsprintf(pool, format, arguments));
}

static void refuse(reader_t *reader, int line, const char *format, ...)
{
    va_list arguments;
    if (reader->error)
        return;
    va_start(arguments, format);
    reader->error = tardis_error_create(reader->pool, TARDIS_CONFIG_INVALID, "%s:%d: %s", reader->file, line,
                                        apr_pvsprintf(reader->pool, format, arguments));
    va_end(arguments);
}

/* Called for each value, of lists too. */
static int take_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
    const level_t *level = level_of(cfg);
    reader_t *reader = level->reader;
    config_entry_t entry = {.option = find_option(level->options, opt->name)};
    int *line = line_of(reader, cfg, opt->name);
    const char *allowed = config_interpret(&entry, text, reader->pool);
    if (*line && cfg_opt_size(opt) == 1) {
        refuse(reader, cfg->line, "%s is set for the second time (first on line %d)", opt->name, *line);
    } else if (allowed) {
        refuse(reader, cfg->line, "%s must be %s, not \"%s\"", opt->name, allowed, text);
    } else {
        *line = cfg->line;
        *(const char **)result = text;
    }
    return reader->error ? -1 : 0;
}

static const tardis_option_t *find_option(const tardis_option_t *options, const char *name)
{
    while (strcmp(options->name, name) != 0)
        options++;
    return options;
}

static int *line_of(reader_t *reader, const cfg_t *cfg, const char *name)
{
    const char *key = apr_psprintf(reader->pool, "%pp %s", (const void *)cfg, name);
    int *line = apr_hash_get(reader->lines, key, APR_HASH_KEY_STRING);
    if (!line) {
        line = apr_pcalloc(reader->pool, sizeof(*line));
        apr_hash_set(reader->lines, key, APR_HASH_KEY_STRING, line);
    }
    return line;
}

static tardis_config_t *copy_level(reader_t *reader, cfg_t *cfg, const tardis_option_t *options)
{
    tardis_config_t *config = apr_pcalloc(reader->pool, sizeof(*config));
    config->file = reader->file;
    config->title = apr_pstrdup(reader->pool, cfg_title(cfg));
    config->line = cfg->line;
    config->options = options;
    config->entries = apr_hash_make(reader->pool);
    for (const tardis_option_t *option = options; option->name; option++) {
        config_entry_t *entry = apr_pcalloc(reader->pool, sizeof(*entry));
        entry->option = option;
        entry->line = *line_of(reader, cfg, option->name);
        copy_values(reader, cfg, entry);
        apr_hash_set(config->entries, option->name, APR_HASH_KEY_STRING, entry);
    }
    return config;
}

static void copy_values(reader_t *reader, cfg_t *cfg, config_entry_t *entry)
{
    const tardis_option_t *option = entry->option;
    unsigned count = cfg_size(cfg, option->name);
    switch (option->type) {
    case TARDIS_OPTION_SECTION:
        entry->values = apr_array_make(reader->pool, (int)count, sizeof(tardis_config_t *));
        for (unsigned i = 0; i < count; i++)
            APR_ARRAY_PUSH(entry->values, tardis_config_t *) =
                copy_level(reader, cfg_getnsec(cfg, option->name, i), option->section);
        break;
    case TARDIS_OPTION_LIST:
        if (!(cfg_getopt(cfg, option->name)->flags & CFGF_MODIFIED)) {
            entry->values = config_split_list(option->initial, reader->pool);
            break;
        }
        entry->values = apr_array_make(reader->pool, (int)count, sizeof(const char *));
        for (unsigned i = 0; i < count; i++)
            APR_ARRAY_PUSH(entry->values, const char *) =
                apr_pstrdup(reader->pool, cfg_getnstr(cfg, option->name, i));
        break;
    default:
        entry->text =
            apr_pstrdup(reader->pool, entry->line ? cfg_getstr(cfg, option->name) : option->initial);
        if (entry->text)
            config_interpret(entry, entry->text, reader->pool);
        break;
    }
}
