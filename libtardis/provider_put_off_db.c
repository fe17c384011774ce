#include "tardis_provider_health.h"

#include <string.h>

#include "db_transact.h"
#include "tardis_command.h"
#include "tardis_db.h"

/* Rows that one statement changes. */
#define BLOCK 256

/* Seconds that are another number for each state, with its values. */
#define BY_STATE "ELT(FIELD(state, ?, ?, ?, ?), ?, ?, ?, ?)"
#define BY_STATE_VALUES 8
#define IS_UNSEEN "updated_at <= UTC_TIMESTAMP(6) - INTERVAL " BY_STATE " SECOND"

/* Values of the statement that changes a block, before the ids. */
#define MOVE_VALUES (6 + BY_STATE_VALUES)

typedef struct {
    const tardis_put_off_t *put_off;
    int *count;
    int *is_left;
} page_t;

typedef struct {
    const char *provider_url;
    const char *outage;
    apr_time_t from;
    apr_time_t to;
} recall_t;

static tardis_error_t *put_off_page(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *check_left(const tardis_context_t *context, const page_t *page, apr_pool_t *pool);
static tardis_error_t *lock(const tardis_context_t *context, const tardis_put_off_t *put_off,
                            apr_array_header_t **ids, apr_array_header_t **news, apr_pool_t *pool);
static tardis_error_t *tell(const tardis_context_t *context, const tardis_put_off_t *put_off,
                            const apr_array_header_t *news, apr_pool_t *pool);
static tardis_error_t *move(const tardis_context_t *context, const tardis_put_off_t *put_off,
                            const apr_array_header_t *ids, apr_pool_t *pool);
static const char *move_statement(apr_pool_t *pool);
static void by_state(tardis_db_value_t *values, const tardis_put_off_t *put_off, const long *seconds);
static tardis_error_t *recall(const tardis_context_t *context, const void *baton, apr_pool_t *pool);

tardis_error_t *tardis_provider_put_off(const tardis_context_t *context, const tardis_put_off_t *put_off,
                                        int *count, int *is_left, apr_pool_t *pool)
{
    const page_t page = {.put_off = put_off, .count = count, .is_left = is_left};
    return db_transact(context, put_off_page, &page, pool);
}

static tardis_error_t *put_off_page(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const page_t *page = baton;
    apr_array_header_t *ids;
    apr_array_header_t *news;
    *page->count = 0;
    tardis_error_t *error = check_left(context, page, pool);
    if (error || !*page->is_left)
        return error;
    error = lock(context, page->put_off, &ids, &news, pool);
    if (error)
        return error;
    *page->count = ids->nelts;
    error = tell(context, page->put_off, news, pool);
    return error ? error : move(context, page->put_off, ids, pool);
}

/* Whoever finds that it answers again makes due what was put off; nothing may be put off after that. */
static tardis_error_t *check_left(const tardis_context_t *context, const page_t *page, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *page->is_left = 0;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT 1 FROM provider_health WHERE provider_url = ? AND left_until = ? LOCK IN SHARE MODE",
        TARDIS_DB_VALUES(tardis_db_text(page->put_off->provider_url),
                         tardis_db_time(page->put_off->left_until)),
        &rows, pool);
    if (!error)
        *page->is_left = tardis_db_rows_next(rows);
    return error;
}

/* @param news those whose history does not tell of this outage yet. */
static tardis_error_t *lock(const tardis_context_t *context, const tardis_put_off_t *put_off,
                            apr_array_header_t **ids, apr_array_header_t **news, apr_pool_t *pool)
{
    tardis_db_value_t values[3 + 3 * BY_STATE_VALUES + 1] = {tardis_db_text(put_off->outage),
                                                             tardis_db_text(put_off->provider_url),
                                                             tardis_db_signed(put_off->attempts)};
    tardis_db_rows_t *rows;
    by_state(values + 3, put_off, put_off->deadlines);
    by_state(values + 3 + BY_STATE_VALUES, put_off, put_off->unseen);
    by_state(values + 3 + 2 * BY_STATE_VALUES, put_off, put_off->deadlines);
    values[3 + 3 * BY_STATE_VALUES] = tardis_db_signed(put_off->limit);
    *ids = apr_array_make(pool, put_off->limit, sizeof(apr_uint64_t));
    *news = apr_array_make(pool, 16, sizeof(apr_uint64_t));
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT experiment_id, COALESCE(error_text, '') LIKE CONCAT(?, '%') FROM synced_experiment"
        " WHERE next_attempt_at <= UTC_TIMESTAMP(6)"
        " AND (lease_until IS NULL OR lease_until <= UTC_TIMESTAMP(6)) AND provider_url = ?"
        " AND (attempts + 1 < ? OR moved_at > UTC_TIMESTAMP(6) - INTERVAL " BY_STATE " SECOND OR " IS_UNSEEN
        ") AND " BY_STATE " IS NOT NULL ORDER BY next_attempt_at LIMIT ? FOR UPDATE",
        values, sizeof(values) / sizeof(values[0]), &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        apr_uint64_t id = tardis_db_rows_unsigned(rows, 0);
        APR_ARRAY_PUSH(*ids, apr_uint64_t) = id;
        if (!tardis_db_rows_signed(rows, 1))
            APR_ARRAY_PUSH(*news, apr_uint64_t) = id;
    }
    return error;
}

static tardis_error_t *tell(const tardis_context_t *context, const tardis_put_off_t *put_off,
                            const apr_array_header_t *news, apr_pool_t *pool)
{
    tardis_db_bulk_t *events;
    tardis_error_t *error = tardis_db_bulk_open(
        &events, context->db, "INSERT INTO synced_event (experiment_id, at, host, kind, code, text) VALUES",
        6, pool);
    for (int i = 0; i < news->nelts && !error; i++) {
        const tardis_db_value_t values[] = {tardis_db_unsigned(APR_ARRAY_IDX(news, i, apr_uint64_t)),
                                            tardis_db_time(put_off->now),
                                            tardis_db_text(tardis_host_name(pool)),
                                            tardis_db_text("error"),
                                            tardis_db_text(put_off->error_code),
                                            tardis_db_text(put_off->error_text)};
        error = tardis_db_bulk_add(events, values, sizeof(values) / sizeof(values[0]), pool);
    }
    return error ? error : tardis_db_bulk_finish(events, pool);
}

/* Not at random: statements are replicated. The order is another one each time, so that it is not always the
 * same one by which the provider is tried. What is left of a block is filled with an id that is in it. */
static tardis_error_t *move(const tardis_context_t *context, const tardis_put_off_t *put_off,
                            const apr_array_header_t *ids, apr_pool_t *pool)
{
    const tardis_db_value_t until = tardis_db_time(put_off->left_until);
    const tardis_db_value_t text = tardis_db_text(put_off->error_text);
    tardis_db_value_t values[MOVE_VALUES + BLOCK] = {
        until, until, tardis_db_signed(put_off->spread / 1000), text, tardis_db_text(put_off->error_code),
        text};
    by_state(values + MOVE_VALUES - BY_STATE_VALUES, put_off, put_off->unseen);
    const char *sql = move_statement(pool);
    tardis_error_t *error = NULL;
    for (int from = 0; from < ids->nelts && !error; from += BLOCK) {
        for (int i = 0; i < BLOCK; i++)
            values[MOVE_VALUES + i] =
                tardis_db_unsigned(APR_ARRAY_IDX(ids, from + i < ids->nelts ? from + i : from, apr_uint64_t));
        error = tardis_db_execute(context->db, sql, values, MOVE_VALUES + BLOCK, NULL, pool);
    }
    return error;
}

/* Columns are assigned from left to right: attempts looks at the text before. */
static const char *move_statement(apr_pool_t *pool)
{
    static const char start[] =
        "UPDATE synced_experiment FORCE INDEX (PRIMARY) SET next_attempt_at ="
        " ? + INTERVAL CRC32(CONCAT(experiment_id, ' ', ?)) % 1000 * ? MICROSECOND,"
        " attempts = attempts + (COALESCE(error_text, '') <> ?), error_code = ?, error_text = ?,"
        " moved_at = IF(" IS_UNSEEN ", UTC_TIMESTAMP(6), moved_at), lease_owner = NULL, lease_until = NULL,"
        " updated_at = UTC_TIMESTAMP(6) WHERE experiment_id IN (?";
    const apr_size_t length = sizeof(start) - 1;
    char *sql = apr_palloc(pool, length + 2 * BLOCK);
    memcpy(sql, start, length);
    for (apr_size_t i = 0; i < BLOCK - 1; i++)
        memcpy(sql + length + 2 * i, ",?", 2);
    memcpy(sql + length + 2 * (BLOCK - 1), ")", 2);
    return sql;
}

static void by_state(tardis_db_value_t *values, const tardis_put_off_t *put_off, const long *seconds)
{
    for (int i = 0; i < TARDIS_PUT_OFF_STATES_MAX; i++) {
        values[i] = tardis_db_text(put_off->states[i]);
        values[TARDIS_PUT_OFF_STATES_MAX + i] = tardis_db_signed(seconds[i]);
    }
}

tardis_error_t *tardis_provider_recall(const tardis_context_t *context, const char *provider_url,
                                       const char *outage, apr_time_t from, apr_time_t to, apr_pool_t *pool)
{
    const recall_t what = {.provider_url = provider_url, .outage = outage, .from = from, .to = to};
    return db_transact(context, recall, &what, pool);
}

static tardis_error_t *recall(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const recall_t *what = baton;
    return tardis_db_execute(
        context->db,
        "UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6) WHERE next_attempt_at > ?"
        " AND next_attempt_at <= ? AND next_attempt_at > UTC_TIMESTAMP(6) AND provider_url = ?"
        " AND lease_owner IS NULL AND error_text LIKE CONCAT(?, '%')",
        TARDIS_DB_VALUES(tardis_db_time(what->from), tardis_db_time(what->to),
                         tardis_db_text(what->provider_url), tardis_db_text(what->outage)),
        NULL, pool);
}
