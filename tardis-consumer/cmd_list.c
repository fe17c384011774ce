#include "commands.h"

#include <apr_strings.h>

#include "list_leases.h"
#include "tardis_search.h"

/* Experiments read from the database at a time. */
#define PAGE 1000

const tardis_command_option_t cmd_list_options[] = {
    {"state", "STATE", 0, "only those in this state"},
    TARDIS_SEARCH_OPTIONS,
    {"leases", NULL, 0, "who has which experiment in hand, and until when"},
    {"json", NULL, 0, "print a JSON array"},
    {NULL, NULL, 0, NULL},
};

/* What is listed, and how far. */
typedef struct {
    const char *state;         /* NULL: any */
    apr_array_header_t *found; /* NULL: not searched */
    apr_uint64_t after;
    int over;
} listing_t;

static tardis_error_t *check_state(const char *name, apr_pool_t *pool);
static tardis_error_t *list_who_has(tardis_invocation_t *invocation, const listing_t *listing);
static tardis_error_t *print_rows(tardis_invocation_t *invocation, listing_t *listing);
static tardis_error_t *read_page(const tardis_invocation_t *invocation, listing_t *listing,
                                 apr_array_header_t **page, apr_hash_t **holds, apr_pool_t *pool);
static void keep_found(apr_array_header_t *page, const apr_array_header_t *found);
static void add_row(apr_array_header_t *rows, const tardis_synced_t *synced, int held, apr_pool_t *pool);
static apr_array_header_t *new_row(apr_array_header_t *rows, apr_pool_t *pool);
static tardis_error_t *print_json(tardis_invocation_t *invocation, listing_t *listing);

tardis_error_t *cmd_list(tardis_invocation_t *invocation)
{
    const tardis_arguments_t *arguments = invocation->arguments;
    listing_t listing = {.state = tardis_arguments_value(arguments, "state")};
    tardis_error_t *error = listing.state ? check_state(listing.state, invocation->pool) : NULL;
    if (!error)
        error = tardis_search(invocation->context, arguments, &listing.found, invocation->pool);
    if (error)
        return error;
    if (tardis_arguments_has(arguments, "leases"))
        return list_who_has(invocation, &listing);
    return tardis_arguments_has(arguments, "json") ? print_json(invocation, &listing)
                                                   : print_rows(invocation, &listing);
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

static tardis_error_t *list_who_has(tardis_invocation_t *invocation, const listing_t *listing)
{
    if (listing->state || listing->found)
        return tardis_error_create(invocation->pool, TARDIS_USAGE,
                                   "--leases goes with no other option but --json");
    return list_leases(invocation, tardis_arguments_has(invocation->arguments, "json"));
}

static tardis_error_t *print_rows(tardis_invocation_t *invocation, listing_t *listing)
{
    static const char *const headings[] = {"ID",    "UID",      "STATE",        "SINCE",
                                           "FILES", "PROGRESS", "NEXT ATTEMPT", "ERROR"};
    apr_pool_t *pool = invocation->pool;
    apr_array_header_t *rows = apr_array_make(pool, PAGE, sizeof(apr_array_header_t *));
    apr_array_header_t *heading = new_row(rows, pool);
    apr_array_header_t *page;
    apr_hash_t *holds;
    for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        APR_ARRAY_PUSH(heading, const char *) = headings[i];
    while (!listing->over) {
        tardis_error_t *error = read_page(invocation, listing, &page, &holds, pool);
        if (error)
            return error;
        for (int i = 0; i < page->nelts; i++) {
            const tardis_synced_t *synced = &APR_ARRAY_IDX(page, i, tardis_synced_t);
            add_row(rows, synced,
                    apr_hash_get(holds, &synced->experiment_id, sizeof(synced->experiment_id)) != NULL,
                    pool);
        }
    }
    tardis_print_table(stdout, rows, pool);
    return NULL;
}

/* A page, and which of it are held. */
static tardis_error_t *read_page(const tardis_invocation_t *invocation, listing_t *listing,
                                 apr_array_header_t **page, apr_hash_t **holds, apr_pool_t *pool)
{
    int limit = tardis_search_page(listing->found, PAGE);
    *page = apr_array_make(pool, 1, sizeof(tardis_synced_t));
    listing->over = !tardis_search_skip(listing->found, &listing->after);
    if (listing->over)
        return NULL;
    tardis_error_t *error =
        tardis_synced_page(invocation->context, listing->state, listing->after, limit, page, pool);
    if (error)
        return error;
    listing->over = (*page)->nelts < limit;
    if ((*page)->nelts > 0)
        listing->after = APR_ARRAY_IDX(*page, (*page)->nelts - 1, tardis_synced_t).experiment_id;
    keep_found(*page, listing->found);
    if ((*page)->nelts == 0)
        return NULL;
    return tardis_synced_holds(invocation->context, APR_ARRAY_IDX(*page, 0, tardis_synced_t).experiment_id,
                               listing->after, holds, pool);
}

static void keep_found(apr_array_header_t *page, const apr_array_header_t *found)
{
    int kept = 0;
    for (int i = 0; i < page->nelts; i++) {
        const tardis_synced_t synced = APR_ARRAY_IDX(page, i, tardis_synced_t);
        if (tardis_search_has(found, synced.experiment_id))
            APR_ARRAY_IDX(page, kept++, tardis_synced_t) = synced;
    }
    page->nelts = kept;
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
static tardis_error_t *print_json(tardis_invocation_t *invocation, listing_t *listing)
{
    apr_pool_t *pool;
    apr_array_header_t *page;
    apr_hash_t *holds;
    tardis_error_t *error = NULL;
    int printed = 0;
    apr_pool_create(&pool, invocation->pool);
    while (!error && !listing->over) {
        apr_pool_clear(pool);
        error = read_page(invocation, listing, &page, &holds, pool);
        for (int i = 0; !error && i < page->nelts; i++) {
            const tardis_synced_t *synced = &APR_ARRAY_IDX(page, i, tardis_synced_t);
            json_t *object = experiment_json(synced);
            json_object_set_new(object, "held",
                                manual_hold_json(apr_hash_get(holds, &synced->experiment_id,
                                                              sizeof(synced->experiment_id))));
            fputs(printed++ ? ",\n" : "[\n", stdout);
            json_dumpf(object, stdout, JSON_INDENT(2));
            json_decref(object);
        }
    }
    if (!error)
        puts(printed ? "\n]" : "[]");
    error = tardis_error_copy(invocation->pool, error);
    apr_pool_destroy(pool);
    return error;
}
