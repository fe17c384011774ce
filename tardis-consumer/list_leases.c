#include "list_leases.h"

#include <string.h>

#include <apr_strings.h>

/* Experiments read from the database at a time. */
#define PAGE 1000

/* What the name of a lease tells: "host:pid:start seconds:n", where the host may have colons. */
typedef struct {
    const char *host;
    const char *pid; /* NULL: the name is none of ours */
    apr_time_t started;
} holder_t;

static holder_t holder_of(const char *lease_owner, apr_pool_t *pool);
static void add_row(apr_array_header_t *rows, const tardis_synced_t *synced, apr_pool_t *pool);
static json_t *lease_json(const tardis_synced_t *synced, apr_pool_t *pool);

tardis_error_t *list_leases(const tardis_invocation_t *invocation, int as_json)
{
    static const char *const headings[] = {"ID",  "UID",     "STATE", "HOST",
                                           "PID", "STARTED", "UNTIL", "EXPIRED"};
    apr_pool_t *pool = invocation->pool;
    apr_array_header_t *rows = apr_array_make(pool, 64, sizeof(apr_array_header_t *));
    apr_array_header_t *heading = apr_array_make(pool, 8, sizeof(const char *));
    json_t *array = json_array();
    apr_array_header_t *page;
    apr_uint64_t after = 0;
    tardis_error_t *error;
    APR_ARRAY_PUSH(rows, apr_array_header_t *) = heading;
    for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        APR_ARRAY_PUSH(heading, const char *) = headings[i];
    do {
        error = tardis_synced_leased_page(invocation->context, after, PAGE, &page, pool);
        for (int i = 0; !error && i < page->nelts; i++) {
            const tardis_synced_t *synced = &APR_ARRAY_IDX(page, i, tardis_synced_t);
            after = synced->experiment_id;
            if (as_json)
                json_array_append_new(array, lease_json(synced, pool));
            else
                add_row(rows, synced, pool);
        }
    } while (!error && page->nelts == PAGE);
    if (!error && as_json)
        return json_print(array, pool);
    json_decref(array);
    if (!error)
        tardis_print_table(stdout, rows, pool);
    return error;
}

static holder_t holder_of(const char *lease_owner, apr_pool_t *pool)
{
    char *name = apr_pstrdup(pool, lease_owner);
    char *part[3]; /* n, start, pid: from the end */
    for (int i = 0; i < 3; i++) {
        char *colon = strrchr(name, ':');
        if (!colon || colon[1 + strspn(colon + 1, "0123456789")] || !colon[1])
            return (holder_t){.host = lease_owner};
        *colon = '\0';
        part[i] = colon + 1;
    }
    return (holder_t){
        .host = name, .pid = part[2], .started = apr_time_from_sec(apr_strtoi64(part[1], NULL, 10))};
}

static void add_row(apr_array_header_t *rows, const tardis_synced_t *synced, apr_pool_t *pool)
{
    const holder_t holder = holder_of(synced->lease_owner, pool);
    apr_array_header_t *row = apr_array_make(pool, 8, sizeof(const char *));
    APR_ARRAY_PUSH(rows, apr_array_header_t *) = row;
    APR_ARRAY_PUSH(row, const char *) = apr_psprintf(pool, "%" APR_UINT64_T_FMT, synced->experiment_id);
    APR_ARRAY_PUSH(row, const char *) = synced->uid;
    APR_ARRAY_PUSH(row, const char *) = synced->state;
    APR_ARRAY_PUSH(row, const char *) = holder.host;
    APR_ARRAY_PUSH(row, const char *) = holder.pid;
    APR_ARRAY_PUSH(row, const char *) = tardis_format_time(holder.started, pool);
    APR_ARRAY_PUSH(row, const char *) = tardis_format_time(synced->lease_until, pool);
    APR_ARRAY_PUSH(row, const char *) = synced->lease_until > synced->now ? "no" : "yes";
}

static json_t *lease_json(const tardis_synced_t *synced, apr_pool_t *pool)
{
    const holder_t holder = holder_of(synced->lease_owner, pool);
    json_t *object = json_object();
    json_object_set_new(object, "id", json_integer((json_int_t)synced->experiment_id));
    json_object_set_new(object, "uid", json_text(synced->uid));
    json_object_set_new(object, "provider_url", json_text(synced->provider_url));
    json_object_set_new(object, "state", json_text(synced->state));
    json_object_set_new(object, "lease_owner", json_text(synced->lease_owner));
    json_object_set_new(object, "host", json_text(holder.host));
    json_object_set_new(object, "pid",
                        holder.pid ? json_integer(apr_strtoi64(holder.pid, NULL, 10)) : json_null());
    json_object_set_new(object, "started_at", json_time(holder.started));
    json_object_set_new(object, "lease_until", json_time(synced->lease_until));
    json_object_set_new(object, "expired", json_boolean(synced->lease_until <= synced->now));
    return object;
}
