#include "tardis_synced_db.h"

#include "db_transact.h"
#include "synced_rows.h"

/* Rows that a transaction changes at most. */
#define BATCH 5000
#define LIMIT " LIMIT 5000"

/* One statement that puts something right, with its values. */
typedef struct {
    const char *sql;
    const tardis_db_value_t *values;
    int count;
    apr_uint64_t *changed;
} repair_t;

/* As long as it was to wait, but from now: updated_at tells when that was decided. */
#define RESCHEDULE                                                                                           \
    "UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL"                             \
    " GREATEST(TIMESTAMPDIFF(MICROSECOND, updated_at, next_attempt_at), 0) MICROSECOND,"                     \
    " state_since = LEAST(state_since, UTC_TIMESTAMP(6)), moved_at = LEAST(moved_at, UTC_TIMESTAMP(6)),"     \
    " updated_at = UTC_TIMESTAMP(6)"                                                                         \
    " WHERE next_attempt_at IS NOT NULL AND lease_owner IS NULL AND updated_at > " SYNCED_AHEAD LIMIT
/* As if it was taken just now: who has it may be at work. */
#define SHORTEN                                                                                              \
    "UPDATE synced_experiment SET next_attempt_at = LEAST(next_attempt_at, UTC_TIMESTAMP(6)),"               \
    " lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND,"                                                   \
    " updated_at = LEAST(updated_at, UTC_TIMESTAMP(6)),"                                                     \
    " state_since = LEAST(state_since, UTC_TIMESTAMP(6)), moved_at = LEAST(moved_at, UTC_TIMESTAMP(6))"      \
    " WHERE next_attempt_at IS NOT NULL AND lease_until > " SYNCED_AHEAD " + INTERVAL ? SECOND" LIMIT
/* An attempt that comes too early harms nobody. */
#define SEND                                                                                                 \
    "UPDATE notification SET next_attempt_at = UTC_TIMESTAMP(6)"                                             \
    " WHERE next_attempt_at > UTC_TIMESTAMP(6) AND lease_owner IS NULL" LIMIT
#define TRY                                                                                                  \
    "UPDATE provider_health SET left_until = LEAST(left_until, UTC_TIMESTAMP(6)),"                           \
    " trial_until = LEAST(trial_until, UTC_TIMESTAMP(6)), updated_at = UTC_TIMESTAMP(6)"                     \
    " WHERE updated_at > " SYNCED_AHEAD LIMIT

static tardis_error_t *repair_all(const tardis_context_t *context, repair_t *repair, apr_pool_t *pool);
static tardis_error_t *repair_some(const tardis_context_t *context, const void *baton, apr_pool_t *pool);

tardis_error_t *tardis_synced_mend_clock(const tardis_context_t *context, int lease_seconds, apr_pool_t *pool)
{
    const tardis_db_value_t seconds[] = {tardis_db_signed(lease_seconds), tardis_db_signed(lease_seconds)};
    apr_uint64_t changed;
    repair_t repairs[] = {
        {SHORTEN, seconds, 2, &changed},
        {SEND, NULL, 0, &changed},
        {TRY, NULL, 0, &changed},
        {RESCHEDULE, NULL, 0, &changed}, /* the last, as these rows tell that the clock was set back */
    };
    tardis_error_t *error = NULL;
    for (size_t i = 0; i < sizeof(repairs) / sizeof(repairs[0]) && !error; i++)
        error = repair_all(context, &repairs[i], pool);
    return error;
}

static tardis_error_t *repair_all(const tardis_context_t *context, repair_t *repair, apr_pool_t *pool)
{
    tardis_error_t *error;
    do
        error = db_transact(context, repair_some, repair, pool);
    while (!error && *repair->changed == BATCH);
    return error;
}

static tardis_error_t *repair_some(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const repair_t *repair = baton;
    tardis_db_changes_t changes;
    tardis_error_t *error =
        tardis_db_execute(context->db, repair->sql, repair->values, repair->count, &changes, pool);
    *repair->changed = error ? 0 : changes.rows;
    return error;
}
