#include "tardis_synced_manual.h"

#include <string.h>

#include <apr_strings.h>

#include "db_transact.h"
#include "tardis_db.h"

/* An experiment, and what becomes of it. */
typedef struct {
    apr_uint64_t experiment_id;
    const tardis_synced_hold_t *hold;
    int *again;
    const char *text;
} change_t;

static tardis_error_t *hold_one(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *unhold_one(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *lock(const tardis_context_t *context, apr_uint64_t experiment_id, const char **state,
                            apr_pool_t *pool);
static tardis_error_t *not_held(const tardis_context_t *context, apr_uint64_t experiment_id,
                                apr_pool_t *pool);

tardis_error_t *tardis_synced_hold(const tardis_context_t *context, apr_uint64_t experiment_id,
                                   const tardis_synced_hold_t *hold, int *again, apr_pool_t *pool)
{
    const change_t change = {.experiment_id = experiment_id, .hold = hold, .again = again};
    return db_transact(context, hold_one, &change, pool);
}

static tardis_error_t *hold_one(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    const tardis_db_value_t id = tardis_db_unsigned(change->experiment_id);
    const tardis_db_value_t reason = tardis_db_text(change->hold->reason);
    const tardis_db_value_t held_by = tardis_db_text(change->hold->held_by);
    const char *state;
    tardis_db_changes_t removed;
    tardis_error_t *error = lock(context, change->experiment_id, &state, pool);
    if (error)
        return error;
    if (strcmp(state, TARDIS_STATE_COMPLETE) == 0 || strcmp(state, TARDIS_STATE_FAILED) == 0)
        return tardis_error_create(pool, TARDIS_CONFLICT,
                                   "experiment %" APR_UINT64_T_FMT " is %s: there is nothing to hold",
                                   change->experiment_id, state);
    error = tardis_db_execute(context->db, "DELETE FROM experiment_hold WHERE experiment_id = ?",
                              TARDIS_DB_VALUES(id), &removed, pool);
    if (!error)
        error = tardis_db_execute(context->db,
                                  "INSERT INTO experiment_hold (experiment_id, reason, held_by, held_at)"
                                  " VALUES (?, ?, ?, UTC_TIMESTAMP(6))",
                                  TARDIS_DB_VALUES(id, reason, held_by), NULL, pool);
    if (!error)
        error = tardis_db_execute(context->db,
                                  "UPDATE synced_experiment SET next_attempt_at = NULL, lease_owner = NULL,"
                                  " lease_until = NULL, updated_at = UTC_TIMESTAMP(6)"
                                  " WHERE experiment_id = ?",
                                  TARDIS_DB_VALUES(id), NULL, pool);
    if (error)
        return error;
    *change->again = removed.rows > 0;
    const tardis_synced_event_t event = {
        .kind = "manual",
        .text = apr_psprintf(pool, "%s holds it: %s", change->hold->held_by, change->hold->reason)};
    return tardis_synced_event_add(context, change->experiment_id, &event, pool);
}

tardis_error_t *tardis_synced_unhold(const tardis_context_t *context, apr_uint64_t experiment_id,
                                     const char *text, apr_pool_t *pool)
{
    const change_t change = {.experiment_id = experiment_id, .text = text};
    return db_transact(context, unhold_one, &change, pool);
}

static tardis_error_t *unhold_one(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    const tardis_db_value_t id = tardis_db_unsigned(change->experiment_id);
    const char *state;
    tardis_db_changes_t removed;
    tardis_error_t *error = lock(context, change->experiment_id, &state, pool);
    if (!error)
        error = tardis_db_execute(context->db, "DELETE FROM experiment_hold WHERE experiment_id = ?",
                                  TARDIS_DB_VALUES(id), &removed, pool);
    if (error)
        return error;
    if (removed.rows == 0)
        return not_held(context, change->experiment_id, pool);
    error = tardis_db_execute(context->db,
                              "UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6),"
                              " moved_at = UTC_TIMESTAMP(6), updated_at = UTC_TIMESTAMP(6)"
                              " WHERE experiment_id = ?",
                              TARDIS_DB_VALUES(id), NULL, pool);
    if (!error)
        error = tardis_synced_respect_hold(context, change->experiment_id, pool);
    const tardis_synced_event_t event = {.kind = "manual", .text = change->text};
    return error ? error : tardis_synced_event_add(context, change->experiment_id, &event, pool);
}

static tardis_error_t *lock(const tardis_context_t *context, apr_uint64_t experiment_id, const char **state,
                            apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db, "SELECT state FROM synced_experiment WHERE experiment_id = ? FOR UPDATE",
                        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), &rows, pool);
    if (error)
        return error;
    if (!tardis_db_rows_next(rows))
        return tardis_error_create(pool, TARDIS_NOT_FOUND, "no experiment %" APR_UINT64_T_FMT " is followed",
                                   experiment_id);
    *state = tardis_db_rows_text(rows, 0);
    return NULL;
}

static tardis_error_t *not_held(const tardis_context_t *context, apr_uint64_t experiment_id, apr_pool_t *pool)
{
    apr_hash_t *holds;
    tardis_error_t *error = tardis_synced_holds(context, experiment_id, experiment_id, &holds, pool);
    if (error)
        return error;
    const tardis_synced_hold_t *hold = apr_hash_get(holds, &experiment_id, sizeof(experiment_id));
    if (hold)
        return tardis_error_create(pool, TARDIS_CONFLICT,
                                   "experiment %" APR_UINT64_T_FMT " is not held by itself, but its provider"
                                   " is; release --provider %s releases them all",
                                   experiment_id, hold->provider_url);
    return tardis_error_create(pool, TARDIS_CONFLICT, "experiment %" APR_UINT64_T_FMT " is not held",
                               experiment_id);
}

tardis_error_t *tardis_synced_holds(const tardis_context_t *context, apr_uint64_t first, apr_uint64_t last,
                                    apr_hash_t **holds, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *holds = apr_hash_make(pool);
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT s.experiment_id, IF(h.experiment_id IS NULL, p.provider_url, NULL),"
        " COALESCE(h.reason, p.reason), COALESCE(h.held_by, p.held_by), COALESCE(h.held_at, p.held_at)"
        " FROM synced_experiment s LEFT JOIN experiment_hold h ON h.experiment_id = s.experiment_id"
        " LEFT JOIN provider_hold p ON p.provider_url = s.provider_url"
        " WHERE s.experiment_id BETWEEN ? AND ? AND s.next_attempt_at IS NULL"
        " AND s.state NOT IN ('" TARDIS_STATE_COMPLETE "', '" TARDIS_STATE_FAILED "')"
        " AND (h.experiment_id IS NOT NULL OR p.provider_url IS NOT NULL)",
        TARDIS_DB_VALUES(tardis_db_unsigned(first), tardis_db_unsigned(last)), &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        apr_uint64_t *id = apr_palloc(pool, sizeof(*id));
        tardis_synced_hold_t *hold = apr_palloc(pool, sizeof(*hold));
        *id = tardis_db_rows_unsigned(rows, 0);
        *hold = (tardis_synced_hold_t){.provider_url = tardis_db_rows_text(rows, 1),
                                       .reason = tardis_db_rows_text(rows, 2),
                                       .held_by = tardis_db_rows_text(rows, 3),
                                       .held_at = tardis_db_rows_time(rows, 4)};
        apr_hash_set(*holds, id, sizeof(*id), hold);
    }
    return error;
}

tardis_error_t *tardis_synced_respect_hold(const tardis_context_t *context, apr_uint64_t experiment_id,
                                           apr_pool_t *pool)
{
    const tardis_db_value_t id = tardis_db_unsigned(experiment_id);
    return tardis_db_execute(
        context->db,
        "UPDATE synced_experiment SET next_attempt_at = NULL WHERE experiment_id = ?"
        " AND (EXISTS (SELECT 1 FROM experiment_hold h WHERE h.experiment_id = ?)"
        " OR provider_url IN (SELECT p.provider_url FROM provider_hold p WHERE p.released_at IS NULL))",
        TARDIS_DB_VALUES(id, id), NULL, pool);
}
