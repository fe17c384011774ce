#include "tardis_provider_health.h"

#include <apr_strings.h>

#include "db_transact.h"
#include "tardis_command.h"
#include "tardis_db.h"

typedef struct {
    const tardis_put_off_t *put_off;
    const char *mark; /* a lease that is never seen outside of the transaction */
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
static tardis_error_t *mark(const tardis_context_t *context, const page_t *page, apr_pool_t *pool);
static tardis_error_t *tell(const tardis_context_t *context, const page_t *page, apr_pool_t *pool);
static tardis_error_t *move(const tardis_context_t *context, const page_t *page, apr_pool_t *pool);
static tardis_error_t *recall(const tardis_context_t *context, const void *baton, apr_pool_t *pool);

tardis_error_t *tardis_provider_put_off(const tardis_context_t *context, const tardis_put_off_t *put_off,
                                        int *count, int *is_left, apr_pool_t *pool)
{
    const page_t page = {.put_off = put_off,
                         .mark = apr_pstrcat(pool, tardis_process_name(pool), ":0", NULL),
                         .count = count,
                         .is_left = is_left};
    return db_transact(context, put_off_page, &page, pool);
}

static tardis_error_t *put_off_page(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const page_t *page = baton;
    *page->count = 0;
    tardis_error_t *error = check_left(context, page, pool);
    if (error || !*page->is_left)
        return error;
    error = mark(context, page, pool);
    if (!error && *page->count > 0)
        error = tell(context, page, pool);
    if (!error && *page->count > 0)
        error = move(context, page, pool);
    return error;
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

static tardis_error_t *mark(const tardis_context_t *context, const page_t *page, apr_pool_t *pool)
{
    const tardis_put_off_t *put_off = page->put_off;
    const char *const *states = put_off->states;
    const tardis_db_value_t state[] = {tardis_db_text(states[0]), tardis_db_text(states[1]),
                                       tardis_db_text(states[2]), tardis_db_text(states[3])};
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE synced_experiment SET lease_owner = ?, lease_until = UTC_TIMESTAMP(6)"
        " WHERE next_attempt_at <= UTC_TIMESTAMP(6)"
        " AND (lease_until IS NULL OR lease_until <= UTC_TIMESTAMP(6)) AND provider_url = ?"
        " AND FIELD(state, ?, ?, ?, ?) > 0 AND (attempts + 1 < ? OR moved_at > UTC_TIMESTAMP(6)"
        " - INTERVAL ELT(FIELD(state, ?, ?, ?, ?), ?, ?, ?, ?) SECOND) ORDER BY next_attempt_at LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_text(page->mark), tardis_db_text(put_off->provider_url), state[0], state[1],
                         state[2], state[3], tardis_db_signed(put_off->attempts), state[0], state[1],
                         state[2], state[3], tardis_db_signed(put_off->deadlines[0]),
                         tardis_db_signed(put_off->deadlines[1]), tardis_db_signed(put_off->deadlines[2]),
                         tardis_db_signed(put_off->deadlines[3]), tardis_db_signed(put_off->limit)),
        &changes, pool);
    *page->count = (int)changes.rows;
    return error;
}

static tardis_error_t *tell(const tardis_context_t *context, const page_t *page, apr_pool_t *pool)
{
    const tardis_put_off_t *put_off = page->put_off;
    return tardis_db_execute(
        context->db,
        "INSERT INTO synced_event (experiment_id, at, host, kind, code, text)"
        " SELECT experiment_id, UTC_TIMESTAMP(6), ?, 'error', ?, ? FROM synced_experiment"
        " WHERE lease_owner = ? AND COALESCE(error_text, '') NOT LIKE CONCAT(?, '%')",
        TARDIS_DB_VALUES(tardis_db_text(tardis_host_name(pool)), tardis_db_text(put_off->error_code),
                         tardis_db_text(put_off->error_text), tardis_db_text(page->mark),
                         tardis_db_text(put_off->outage)),
        NULL, pool);
}

/* Not at random: statements are replicated. The order is another one each time, so that it is not always the
 * same one by which the provider is tried. Columns are assigned from left to right. */
static tardis_error_t *move(const tardis_context_t *context, const page_t *page, apr_pool_t *pool)
{
    const tardis_put_off_t *put_off = page->put_off;
    const tardis_db_value_t until = tardis_db_time(put_off->left_until);
    const tardis_db_value_t text = tardis_db_text(put_off->error_text);
    return tardis_db_execute(
        context->db,
        "UPDATE synced_experiment SET next_attempt_at ="
        " ? + INTERVAL CRC32(CONCAT(experiment_id, ' ', ?)) % 1000 * ? MICROSECOND,"
        " attempts = attempts + (COALESCE(error_text, '') <> ?), error_code = ?, error_text = ?,"
        " lease_owner = NULL, lease_until = NULL, updated_at = UTC_TIMESTAMP(6) WHERE lease_owner = ?",
        TARDIS_DB_VALUES(until, until, tardis_db_signed(put_off->spread / 1000), text,
                         tardis_db_text(put_off->error_code), text, tardis_db_text(page->mark)),
        NULL, pool);
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
