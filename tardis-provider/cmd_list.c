#include "commands.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>
#include <jansson.h>

#include "table.h"
#include "tardis_search.h"
#include "tardis_uid.h"

/* How many experiments are read at a time. */
#define PAGE_EXPERIMENTS 1000
/* How much of a title fits into a table. */
#define TITLE_SHOWN 40

/* What an experiment is that no site has been told of. */
#define STATE_IMPORTED "Imported"

static tardis_error_t *check_state(const char *state, apr_pool_t *pool);
static tardis_error_t *gather(const tardis_invocation_t *invocation, apr_array_header_t **lines);
static const char *state_of(const tardis_overview_t *line);
static void print_lines(const provider_settings_t *settings, const apr_array_header_t *lines,
                        apr_pool_t *pool);
static const char *files_of(const tardis_overview_t *line, apr_pool_t *pool);
static const char *shorten(const char *title, apr_pool_t *pool);
static tardis_error_t *print_json(const provider_settings_t *settings, const apr_array_header_t *lines,
                                  apr_pool_t *pool);
static json_t *line_json(const provider_settings_t *settings, const tardis_overview_t *line,
                         apr_pool_t *pool);

const tardis_command_option_t list_options[] = {
    {"state", "STATE", 0,
     "only what is Imported, Pending, Registered, Refused, Queued, Sending, Complete, Failed or Cancelled"},
    TARDIS_SEARCH_OPTIONS,
    {"json", NULL, 0, "as JSON"},
    {NULL, NULL, 0, NULL},
};

static const char *const states[] = {
    STATE_IMPORTED,
    TARDIS_REGISTRATION_STATE_PENDING,
    TARDIS_REGISTRATION_STATE_REGISTERED,
    TARDIS_REGISTRATION_STATE_REFUSED,
    TARDIS_TRANSFER_STATE_QUEUED,
    TARDIS_TRANSFER_STATE_SENDING,
    TARDIS_TRANSFER_STATE_COMPLETE,
    TARDIS_TRANSFER_STATE_FAILED,
    TARDIS_TRANSFER_STATE_CANCELLED,
    NULL,
};

tardis_error_t *list_run(tardis_invocation_t *invocation)
{
    provider_settings_t *settings;
    apr_array_header_t *lines;
    const char *state = tardis_arguments_value(invocation->arguments, "state");
    tardis_error_t *error = provider_settings_read(invocation, &settings);
    if (!error && state)
        error = check_state(state, invocation->pool);
    if (!error)
        error = gather(invocation, &lines);
    if (error)
        return error;
    if (tardis_arguments_has(invocation->arguments, "json"))
        return print_json(settings, lines, invocation->pool);
    print_lines(settings, lines, invocation->pool);
    return NULL;
}

static tardis_error_t *check_state(const char *state, apr_pool_t *pool)
{
    const char *all = states[0];
    for (int i = 0; states[i]; i++) {
        if (strcmp(states[i], state) == 0)
            return NULL;
        if (i)
            all = apr_pstrcat(pool, all, ", ", states[i], NULL);
    }
    return tardis_error_create(pool, TARDIS_USAGE, "no state is called %s; there are %s", state, all);
}

static tardis_error_t *gather(const tardis_invocation_t *invocation, apr_array_header_t **lines)
{
    const char *state = tardis_arguments_value(invocation->arguments, "state");
    apr_array_header_t *page;
    apr_array_header_t *found;
    apr_uint64_t after = 0;
    *lines = apr_array_make(invocation->pool, 64, sizeof(const tardis_overview_t *));
    tardis_error_t *error =
        tardis_search(invocation->context, invocation->arguments, &found, invocation->pool);
    while (!error && tardis_search_skip(found, &after)) {
        error = tardis_overview_page(invocation->context, after, tardis_search_page(found, PAGE_EXPERIMENTS),
                                     &page, invocation->pool);
        if (error || !page->nelts)
            return error;
        for (int i = 0; i < page->nelts; i++) {
            const tardis_overview_t *line = APR_ARRAY_IDX(page, i, const tardis_overview_t *);
            after = line->experiment_id;
            if (tardis_search_has(found, after) && (!state || strcmp(state_of(line), state) == 0))
                APR_ARRAY_PUSH(*lines, const tardis_overview_t *) = line;
        }
    }
    return error;
}

static const char *state_of(const tardis_overview_t *line)
{
    return line->transfer_state       ? line->transfer_state
           : line->registration_state ? line->registration_state
                                      : STATE_IMPORTED;
}

static void print_lines(const provider_settings_t *settings, const apr_array_header_t *lines,
                        apr_pool_t *pool)
{
    static const char *const headings[] = {"UID",   "EPN",  "TITLE", "SITE", "STATE",
                                           "FILES", "SIZE", "SINCE", "ERROR"};
    apr_array_header_t *table = table_begin(headings, sizeof(headings) / sizeof(headings[0]), pool);
    for (int i = 0; i < lines->nelts; i++) {
        const tardis_overview_t *line = APR_ARRAY_IDX(lines, i, const tardis_overview_t *);
        const char **row = table_row(table, pool);
        row[0] = tardis_uid_format(settings->institution, line->experiment_id, pool);
        row[1] = line->epn;
        row[2] = shorten(line->title, pool);
        row[3] = line->site_name;
        row[4] = state_of(line);
        row[5] = files_of(line, pool);
        row[6] = tardis_format_bytes(line->byte_count, pool);
        row[7] = tardis_format_time(line->updated_at, pool);
        row[8] = line->error_code;
    }
    tardis_print_table(stdout, table, pool);
}

static const char *files_of(const tardis_overview_t *line, apr_pool_t *pool)
{
    if (!line->transfer_state)
        return apr_psprintf(pool, "%" APR_UINT64_T_FMT, line->file_count);
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT "/%" APR_UINT64_T_FMT "%s", line->files_done,
                        line->partial ? line->files_total : line->file_count, line->partial ? " again" : "");
}

static const char *shorten(const char *title, apr_pool_t *pool)
{
    apr_size_t length = strlen(title);
    if (length <= TITLE_SHOWN)
        return title;
    length = TITLE_SHOWN - 3;
    while (length && ((unsigned char)title[length] & 0xc0) == 0x80)
        length--;
    return apr_pstrcat(pool, apr_pstrndup(pool, title, length), "...", NULL);
}

static tardis_error_t *print_json(const provider_settings_t *settings, const apr_array_header_t *lines,
                                  apr_pool_t *pool)
{
    json_t *array = json_array();
    for (int i = 0; i < lines->nelts; i++)
        json_array_append_new(array,
                              line_json(settings, APR_ARRAY_IDX(lines, i, const tardis_overview_t *), pool));
    int failed = json_dumpf(array, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF;
    json_decref(array);
    return failed ? tardis_error_create(pool, TARDIS_IO_ERROR, "the list could not be written") : NULL;
}

static json_t *line_json(const provider_settings_t *settings, const tardis_overview_t *line, apr_pool_t *pool)
{
    return json_pack("{s:s, s:s?, s:s, s:s?, s:s?, s:s, s:s?, s:s?, s:I, s:I, s:I, s:I, s:s, s:s?, s:b, s:I}",
                     "uid", tardis_uid_format(settings->institution, line->experiment_id, pool), "epn",
                     line->epn, "title", line->title, "site", line->site_name, "site_url", line->site_url,
                     "state", state_of(line), "registration", line->registration_state, "transfer",
                     line->transfer_state, "files", (json_int_t)line->file_count, "files_done",
                     (json_int_t)line->files_done, "bytes", (json_int_t)line->byte_count, "bytes_done",
                     (json_int_t)line->bytes_done, "updated_at", tardis_format_time(line->updated_at, pool),
                     "error", line->error_code, "partial", line->partial, "files_total",
                     (json_int_t)line->files_total);
}
