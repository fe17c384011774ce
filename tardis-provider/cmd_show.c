#include "show.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "table.h"
#include "tardis_uid.h"

/* How much of the history is shown. */
#define EVENTS_SHOWN 200

static tardis_error_t *gather(const tardis_invocation_t *invocation, const provider_settings_t *settings,
                              page_t *page);
static void print_experiment(const page_t *page, apr_pool_t *pool);
static void field(const char *name, const char *value, apr_pool_t *pool);
static void print_registrations(const page_t *page, apr_pool_t *pool);
static void print_transfers(const page_t *page, apr_pool_t *pool);
static void print_events(const page_t *page, apr_pool_t *pool);
static const char *site_name(const page_t *page, const char *site_url);
static const char *problem(const char *code, const char *text, apr_pool_t *pool);

const tardis_command_option_t show_options[] = {
    {"json", NULL, 0, "as JSON"},
    {NULL, NULL, 0, NULL},
};

tardis_error_t *show_run(tardis_invocation_t *invocation)
{
    provider_settings_t *settings;
    page_t page = {0};
    tardis_error_t *error = provider_settings_read(invocation, &settings);
    if (!error)
        error = gather(invocation, settings, &page);
    if (error)
        return error;
    if (tardis_arguments_has(invocation->arguments, "json"))
        return show_json(&page, invocation->pool);
    print_experiment(&page, invocation->pool);
    print_registrations(&page, invocation->pool);
    print_transfers(&page, invocation->pool);
    print_events(&page, invocation->pool);
    return NULL;
}

static tardis_error_t *gather(const tardis_invocation_t *invocation, const provider_settings_t *settings,
                              page_t *page)
{
    const tardis_context_t *context = invocation->context;
    apr_pool_t *pool = invocation->pool;
    tardis_experiment_t *experiment;
    tardis_error_t *error = subject_find(invocation, settings, &experiment);
    if (error)
        return error;
    page->experiment = experiment;
    page->uid = tardis_uid_format(settings->institution, experiment->id, pool);
    error = tardis_source_find(context, experiment->id, &page->directory, pool);
    if (!error)
        error = tardis_experiment_unverifiable(context, experiment->id, &page->unverifiable, pool);
    if (!error)
        error = tardis_experiment_owners(context, experiment->id, &page->owners, pool);
    if (!error)
        error = tardis_experiment_authors(context, experiment->id, &page->authors, pool);
    if (!error)
        error = tardis_registration_list(context, experiment->id, &page->registrations, pool);
    if (!error)
        error = tardis_transfer_list(context, experiment->id, &page->transfers, pool);
    if (!error)
        error = tardis_transfer_events(context, experiment->id, EVENTS_SHOWN, &page->events, pool);
    return error;
}

static void print_experiment(const page_t *page, apr_pool_t *pool)
{
    const tardis_experiment_t *experiment = page->experiment;
    field("uid", page->uid, pool);
    field("EPN", experiment->epn, pool);
    field("title", experiment->title, pool);
    field("description", *experiment->description ? experiment->description : NULL, pool);
    field("institution", experiment->institution, pool);
    field("directory", page->directory, pool);
    field("owners", page->owners->nelts ? apr_array_pstrcat(pool, page->owners, ',') : NULL, pool);
    field("authors", page->authors->nelts ? apr_array_pstrcat(pool, page->authors, ';') : NULL, pool);
    field("start", experiment->start_time, pool);
    field("end", experiment->end_time, pool);
    field("url", experiment->url, pool);
    field("files", apr_psprintf(pool, "%" APR_UINT64_T_FMT ", %s", experiment->file_count,
                                tardis_format_bytes(experiment->byte_count, pool)), pool);
    if (page->unverifiable)
        field("unverifiable",
              apr_psprintf(pool, "%" APR_UINT64_T_FMT " files have no digest", page->unverifiable), pool);
    field("imported", tardis_format_time(experiment->created_at, pool), pool);
    if (apr_time_sec(experiment->updated_at) != apr_time_sec(experiment->created_at))
        field("updated", tardis_format_time(experiment->updated_at, pool), pool);
}

static void field(const char *name, const char *value, apr_pool_t *pool)
{
    char *line = apr_pstrdup(pool, value ? value : "-");
    for (char *c = line; (c = strpbrk(c, "\r\n\t")) != NULL;)
        *c = ' ';
    printf("%-13s %s\n", name, tardis_text_tame(line));
}

static void print_registrations(const page_t *page, apr_pool_t *pool)
{
    static const char *const headings[] = {"SITE",         "REGISTRATION", "ATTEMPTS",
                                           "NEXT ATTEMPT", "LOCATION",     "ERROR"};
    if (!page->registrations->nelts)
        return;
    apr_array_header_t *table = table_begin(headings, sizeof(headings) / sizeof(headings[0]), pool);
    for (int i = 0; i < page->registrations->nelts; i++) {
        const tardis_registration_t *registration =
            APR_ARRAY_IDX(page->registrations, i, const tardis_registration_t *);
        const char **row = table_row(table, pool);
        row[0] = registration->site_name;
        row[1] = registration->state;
        row[2] = apr_psprintf(pool, "%" APR_UINT64_T_FMT, registration->attempts);
        row[3] = tardis_format_time(registration->next_attempt_at, pool);
        row[4] = registration->location;
        row[5] = problem(registration->error_code, registration->error_text, pool);
    }
    putchar('\n');
    tardis_print_table(stdout, table, pool);
}

static void print_transfers(const page_t *page, apr_pool_t *pool)
{
    static const char *const headings[] = {"SITE",     "TRANSFER",     "FILES",    "BYTES", "DESTINATION",
                                           "ATTEMPTS", "NEXT ATTEMPT", "FINISHED", "ERROR"};
    if (!page->transfers->nelts)
        return;
    apr_array_header_t *table = table_begin(headings, sizeof(headings) / sizeof(headings[0]), pool);
    for (int i = 0; i < page->transfers->nelts; i++) {
        const tardis_transfer_t *transfer = APR_ARRAY_IDX(page->transfers, i, const tardis_transfer_t *);
        const char **row = table_row(table, pool);
        row[0] = transfer->site_name;
        row[1] = transfer->state;
        row[2] = apr_psprintf(pool, "%" APR_UINT64_T_FMT "/%" APR_UINT64_T_FMT "%s", transfer->files_done,
                              transfer->files_total, transfer->partial ? " again" : "");
        row[3] = apr_psprintf(pool, "%s/%s", tardis_format_bytes(transfer->bytes_done, pool),
                              tardis_format_bytes(transfer->bytes_total, pool));
        row[4] = transfer->dest_path;
        row[5] = apr_psprintf(pool, "%" APR_UINT64_T_FMT, transfer->attempts);
        row[6] = tardis_format_time(transfer->next_attempt_at, pool);
        row[7] = tardis_format_time(transfer->finished_at, pool);
        row[8] = problem(transfer->error_code, transfer->error_text, pool);
    }
    putchar('\n');
    tardis_print_table(stdout, table, pool);
}

static void print_events(const page_t *page, apr_pool_t *pool)
{
    static const char *const headings[] = {"TIME", "HOST", "SITE", "KIND", "WHAT"};
    if (!page->events->nelts)
        return;
    apr_array_header_t *table = table_begin(headings, sizeof(headings) / sizeof(headings[0]), pool);
    for (int i = 0; i < page->events->nelts; i++) {
        const tardis_transfer_event_t *event =
            APR_ARRAY_IDX(page->events, i, const tardis_transfer_event_t *);
        const char **row = table_row(table, pool);
        row[0] = tardis_format_time(event->at, pool);
        row[1] = event->host;
        row[2] = site_name(page, event->site_url);
        row[3] = event->kind;
        row[4] = problem(event->code, event->text, pool);
    }
    putchar('\n');
    tardis_print_table(stdout, table, pool);
}

/* Events know sites by URL, people by name. */
static const char *site_name(const page_t *page, const char *site_url)
{
    for (int i = 0; i < page->transfers->nelts; i++) {
        const tardis_transfer_t *transfer = APR_ARRAY_IDX(page->transfers, i, const tardis_transfer_t *);
        if (strcmp(transfer->site_url, site_url) == 0)
            return transfer->site_name;
    }
    for (int i = 0; i < page->registrations->nelts; i++) {
        const tardis_registration_t *registration =
            APR_ARRAY_IDX(page->registrations, i, const tardis_registration_t *);
        if (strcmp(registration->site_url, site_url) == 0)
            return registration->site_name;
    }
    return site_url;
}

static const char *problem(const char *code, const char *text, apr_pool_t *pool)
{
    return code ? apr_psprintf(pool, "%s [%s]", text ? text : "", code) : text;
}
