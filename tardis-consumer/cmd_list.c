#include "commands.h"

#include <apr_strings.h>

#include "list_leases.h"

/* Experiments read from the database at a time. */
#define PAGE 1000

const tardis_command_option_t cmd_list_options[] = {
    {"state", "STATE", 0, "only those in this state"},
    {"leases", NULL, 0, "who has which experiment in hand, and until when"},
    {"json", NULL, 0, "print a JSON array"},
    {NULL, NULL, 0, NULL},
};

static tardis_error_t *check_state(const char *name, apr_pool_t *pool);
static tardis_error_t *print_rows(tardis_invocation_t *invocation, const char *state);
static tardis_error_t *read_page(const tardis_invocation_t *invocation, const char *state,
                                 apr_uint64_t after, apr_array_header_t **page, apr_hash_t **holds,
                                 apr_pool_t *pool);
static void add_row(apr_array_header_t *rows, const tardis_synced_t *synced, int held, apr_pool_t *pool);
static apr_array_header_t *new_row(apr_array_header_t *rows, apr_pool_t *pool);
static tardis_error_t *print_json(tardis_invocation_t *invocation, const char *state);

tardis_error_t *cmd_list(tardis_invocation_t *invocation)
{
    const char *state = tardis_arguments_value(invocation->arguments, "state");
    tardis_error_t *error = state ? check_state(state, invocation->pool) : NULL;
    if (error)
        return error;
    if (tardis_arguments_has(invocation->arguments, "leases"))
        return state ? tardis_error_create(invocation->pool, TARDIS_USAGE, "give --leases or --state")
                     : list_leases(invocation, tardis_arguments_has(invocation->arguments, "json"));
    return tardis_arguments_has(invocation->arguments, "json") ? print_json(invocation, state)
                                                               : print_rows(invocation, state);
}

static tardis_error_t *check_state(const char *name, apr_pool_t *pool)
{
    const char *allowed = "";
    if (fsm_state_find(name))
        return NULL;
    for (const fsm_state_t *state = fsm_states(); state->name; state++)
        allowed = apr_pstrcat(pool, allowed, *allowed ? ", " : "", state->name, NULL);
    return tardis_error_create(pool, TARDIS_USAGE, "--state %.40s: give one of %s", name, allowed);
}

static tardis_error_t *print_rows(tardis_invocation_t *invocation, const char *state)
{
    static const char *const headings[] = {"ID",    "UID",      "STATE",        "SINCE",
                                           "FILES", "PROGRESS", "NEXT ATTEMPT", "ERROR"};
    apr_pool_t *pool = invocation->pool;
    apr_array_header_t *rows = apr_array_make(pool, PAGE, sizeof(apr_array_header_t *));
    apr_array_header_t *heading = new_row(rows, pool);
    apr_array_header_t *page;
    apr_hash_t *holds;
    apr_uint64_t after = 0;
    for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        APR_ARRAY_PUSH(heading, const char *) = headings[i];
    do {
        tardis_error_t *error = read_page(invocation, state, after, &page, &holds, pool);
        if (error)
            return error;
        for (int i = 0; i < page->nelts; i++) {
            const tardis_synced_t *synced = &APR_ARRAY_IDX(page, i, tardis_synced_t);
            add_row(rows, synced,
                    apr_hash_get(holds, &synced->experiment_id, sizeof(synced->experiment_id)) != NULL,
                    pool);
            after = synced->experiment_id;
        }
    } while (page->nelts == PAGE);
    tardis_print_table(stdout, rows, pool);
    return NULL;
}

/* A page, and which of it are held. */
static tardis_error_t *read_page(const tardis_invocation_t *invocation, const char *state,
                                 apr_uint64_t after, apr_array_header_t **page, apr_hash_t **holds,
                                 apr_pool_t *pool)
{
    tardis_error_t *error = tardis_synced_page(invocation->context, state, after, PAGE, page, pool);
    if (error || (*page)->nelts == 0)
        return error;
    return tardis_synced_holds(
        invocation->context, APR_ARRAY_IDX(*page, 0, tardis_synced_t).experiment_id,
        APR_ARRAY_IDX(*page, (*page)->nelts - 1, tardis_synced_t).experiment_id, holds, pool);
}

static void add_row(apr_array_header_t *rows, const tardis_synced_t *synced, int held, apr_pool_t *pool)
{
    const char *progress = experiment_progress(synced, pool);
    apr_array_header_t *row = new_row(rows, pool);
    APR_ARRAY_PUSH(row, const char *) = apr_psprintf(pool, "%" APR_UINT64_T_FMT, synced->experiment_id);
    APR_ARRAY_PUSH(row, const char *) = synced->uid;
    APR_ARRAY_PUSH(row, const char *) = synced->state;
    APR_ARRAY_PUSH(row, const char *) = tardis_format_time(synced->state_since, pool);
    APR_ARRAY_PUSH(row, const char *) = apr_psprintf(pool, "%" APR_UINT64_T_FMT, synced->file_count);
    APR_ARRAY_PUSH(row, const char *) = *progress ? progress : "-";
    APR_ARRAY_PUSH(row, const char *) = held ? "held" : tardis_format_time(synced->next_attempt_at, pool);
    APR_ARRAY_PUSH(row, const char *) = synced->error_code;
}

static apr_array_header_t *new_row(apr_array_header_t *rows, apr_pool_t *pool)
{
    apr_array_header_t *row = apr_array_make(pool, 8, sizeof(const char *));
    APR_ARRAY_PUSH(rows, apr_array_header_t *) = row;
    return row;
}

/* One experiment at a time: there may be very many. */
static tardis_error_t *print_json(tardis_invocation_t *invocation, const char *state)
{
    apr_pool_t *pool;
    apr_array_header_t *page;
    apr_hash_t *holds;
    tardis_error_t *error = NULL;
    apr_uint64_t after = 0;
    const char *separator = "[\n";
    apr_pool_create(&pool, invocation->pool);
    do {
        apr_pool_clear(pool);
        error = read_page(invocation, state, after, &page, &holds, pool);
        for (int i = 0; !error && i < page->nelts; i++) {
            const tardis_synced_t *synced = &APR_ARRAY_IDX(page, i, tardis_synced_t);
            json_t *object = experiment_json(synced);
            json_object_set_new(object, "held",
                                manual_hold_json(apr_hash_get(holds, &synced->experiment_id,
                                                              sizeof(synced->experiment_id))));
            fputs(separator, stdout);
            json_dumpf(object, stdout, JSON_INDENT(2));
            json_decref(object);
            separator = ",\n";
            after = synced->experiment_id;
        }
    } while (!error && page->nelts == PAGE);
    if (!error)
        puts(after ? "\n]" : "[]");
    error = tardis_error_copy(invocation->pool, error);
    apr_pool_destroy(pool);
    return error;
}
