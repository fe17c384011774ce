#include "tardis_provider_health.h"

#include "db_transact.h"
#include "provider_health_rows.h"

typedef struct {
    const char *provider_url;
    tardis_provider_health_fn *change;
    const void *baton;
    tardis_provider_health_t *health;
} change_t;

typedef struct {
    const char *provider_url;
    const char *owner;
    long seconds;
    int *taken;
} trial_t;

typedef struct {
    const char *provider_url;
    const char *states;
    int *found;
    int *due;
} hastening_t;

static tardis_error_t *change_row(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *lock(const tardis_context_t *context, const char *provider_url,
                            tardis_provider_health_t *health, apr_pool_t *pool);
static tardis_error_t *write_row(const tardis_context_t *context, const tardis_provider_health_t *health,
                                 apr_pool_t *pool);
static tardis_error_t *take_trial(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *hasten(const tardis_context_t *context, const void *baton, apr_pool_t *pool);

tardis_provider_health_t provider_health_row(const tardis_db_rows_t *rows, const char *provider_url,
                                             int first)
{
    return (tardis_provider_health_t){
        .provider_url = provider_url,
        .failures = tardis_db_rows_unsigned(rows, first),
        .lost = tardis_db_rows_unsigned(rows, first + 1),
        .failing_since = tardis_db_rows_time(rows, first + 2),
        .times_left = tardis_db_rows_unsigned(rows, first + 3),
        .left_at = tardis_db_rows_time(rows, first + 4),
        .left_until = tardis_db_rows_time(rows, first + 5),
        .put_off_until = tardis_db_rows_time(rows, first + 6),
        .trial_owner = tardis_db_rows_text(rows, first + 7),
        .trial_until = tardis_db_rows_time(rows, first + 8),
        .answered_at = tardis_db_rows_time(rows, first + 9),
        .error_code = tardis_db_rows_text(rows, first + 10),
        .error_text = tardis_db_rows_text(rows, first + 11),
        .updated_at = tardis_db_rows_time(rows, first + 12),
        .now = tardis_db_rows_time(rows, first + 13),
    };
}

/* A row of its own tells the time, also where no provider is known. */
tardis_error_t *tardis_provider_health_all(const tardis_context_t *context, apr_array_header_t **healths,
                                           apr_time_t *now, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *healths = apr_array_make(pool, 8, sizeof(tardis_provider_health_t));
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT h.provider_url, " PROVIDER_HEALTH_COLUMNS
                        " FROM (SELECT 1) one LEFT JOIN provider_health h ON TRUE ORDER BY h.provider_url",
                        TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        const char *url = tardis_db_rows_text(rows, 0);
        const tardis_provider_health_t health = provider_health_row(rows, url, 1);
        *now = health.now;
        if (url)
            *(tardis_provider_health_t *)apr_array_push(*healths) = health;
    }
    return error;
}

tardis_error_t *tardis_provider_health_find(const tardis_context_t *context, const char *provider_url,
                                            tardis_provider_health_t *health, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *health = (tardis_provider_health_t){.provider_url = provider_url};
    tardis_error_t *error = tardis_db_query(
        context->db, "SELECT " PROVIDER_HEALTH_COLUMNS " FROM provider_health h WHERE h.provider_url = ?",
        TARDIS_DB_VALUES(tardis_db_text(provider_url)), &rows, pool);
    if (!error && tardis_db_rows_next(rows))
        *health = provider_health_row(rows, provider_url, 0);
    return error;
}

tardis_error_t *tardis_provider_health_change(const tardis_context_t *context, const char *provider_url,
                                              tardis_provider_health_fn *change, const void *baton,
                                              tardis_provider_health_t *health, apr_pool_t *pool)
{
    const change_t what = {.provider_url = provider_url, .change = change, .baton = baton, .health = health};
    return db_transact(context, change_row, &what, pool);
}

static tardis_error_t *change_row(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const change_t *what = baton;
    tardis_error_t *error = lock(context, what->provider_url, what->health, pool);
    if (!error && !what->health->updated_at) {
        error = tardis_db_execute(context->db,
                                  "INSERT IGNORE INTO provider_health (provider_url, updated_at)"
                                  " VALUES (?, UTC_TIMESTAMP(6))",
                                  TARDIS_DB_VALUES(tardis_db_text(what->provider_url)), NULL, pool);
        if (!error)
            error = lock(context, what->provider_url, what->health, pool);
    }
    if (error)
        return error;
    what->change(what->baton, what->health);
    return write_row(context, what->health, pool);
}

static tardis_error_t *lock(const tardis_context_t *context, const char *provider_url,
                            tardis_provider_health_t *health, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *health = (tardis_provider_health_t){.provider_url = provider_url};
    tardis_error_t *error = tardis_db_query(context->db,
                                            "SELECT " PROVIDER_HEALTH_COLUMNS
                                            " FROM provider_health h WHERE h.provider_url = ? FOR UPDATE",
                                            TARDIS_DB_VALUES(tardis_db_text(provider_url)), &rows, pool);
    if (!error && tardis_db_rows_next(rows))
        *health = provider_health_row(rows, provider_url, 0);
    return error;
}

static tardis_error_t *write_row(const tardis_context_t *context, const tardis_provider_health_t *health,
                                 apr_pool_t *pool)
{
    return tardis_db_execute(
        context->db,
        "UPDATE provider_health SET failures = ?, lost = ?, failing_since = ?, times_left = ?, left_at = ?,"
        " left_until = ?, put_off_until = ?, trial_owner = ?, trial_until = ?, answered_at = ?, error_code = "
        "?, error_text = ?,"
        " updated_at = UTC_TIMESTAMP(6) WHERE provider_url = ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(health->failures), tardis_db_unsigned(health->lost),
                         tardis_db_time(health->failing_since), tardis_db_unsigned(health->times_left),
                         tardis_db_time(health->left_at), tardis_db_time(health->left_until),
                         tardis_db_time(health->put_off_until), tardis_db_text(health->trial_owner),
                         tardis_db_time(health->trial_until), tardis_db_time(health->answered_at),
                         tardis_db_text(health->error_code), tardis_db_text(health->error_text),
                         tardis_db_text(health->provider_url)),
        NULL, pool);
}

tardis_error_t *tardis_provider_health_try(const tardis_context_t *context, const char *provider_url,
                                           const char *owner, long seconds, int *taken, apr_pool_t *pool)
{
    const trial_t trial = {.provider_url = provider_url, .owner = owner, .seconds = seconds, .taken = taken};
    return db_transact(context, take_trial, &trial, pool);
}

static tardis_error_t *take_trial(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const trial_t *trial = baton;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE provider_health SET trial_owner = ?, trial_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND,"
        " updated_at = UTC_TIMESTAMP(6) WHERE provider_url = ? AND (left_until <= UTC_TIMESTAMP(6)"
        " OR (left_until IS NOT NULL AND left_at > UTC_TIMESTAMP(6) + INTERVAL ? SECOND))"
        " AND (trial_until IS NULL OR trial_until <= UTC_TIMESTAMP(6)"
        " OR trial_until > UTC_TIMESTAMP(6) + INTERVAL ? SECOND)",
        TARDIS_DB_VALUES(tardis_db_text(trial->owner), tardis_db_signed(trial->seconds),
                         tardis_db_text(trial->provider_url), tardis_db_signed(TARDIS_PROVIDER_CLOCK_SECONDS),
                         tardis_db_signed(trial->seconds)),
        &changes, pool);
    *trial->taken = changes.rows == 1;
    return error;
}

tardis_error_t *tardis_provider_health_hasten(const tardis_context_t *context, const char *provider_url,
                                              const char *states, int *found, int *due, apr_pool_t *pool)
{
    const hastening_t hastening = {
        .provider_url = provider_url, .states = states, .found = found, .due = due};
    return db_transact(context, hasten, &hastening, pool);
}

/* Those that nobody holds have a time for their next attempt. */
static tardis_error_t *hasten(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const hastening_t *hastening = baton;
    const tardis_db_value_t url = tardis_db_text(hastening->provider_url);
    tardis_db_changes_t changes;
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE provider_health SET left_until = LEAST(left_until, UTC_TIMESTAMP(6)), trial_owner = NULL,"
        " trial_until = NULL, updated_at = UTC_TIMESTAMP(6) WHERE provider_url = ? AND left_until IS NOT "
        "NULL",
        TARDIS_DB_VALUES(url), &changes, pool);
    *hastening->found = !error && changes.rows > 0;
    *hastening->due = 0;
    if (error || !*hastening->found)
        return error;
    error =
        tardis_db_execute(context->db,
                          "UPDATE synced_experiment SET next_attempt_at ="
                          " LEAST(next_attempt_at, UTC_TIMESTAMP(6))"
                          " WHERE provider_url = ? AND next_attempt_at IS NOT NULL AND lease_owner IS NULL"
                          " AND FIND_IN_SET(state, ?) > 0 ORDER BY next_attempt_at LIMIT 1",
                          TARDIS_DB_VALUES(url, tardis_db_text(hastening->states)), &changes, pool);
    *hastening->due = !error && changes.rows > 0;
    return error;
}
