#include "tardis_synced_db.h"

#include "db_transact.h"
#include "synced_rows.h"

/* A lease is in two columns at once: lease_until ends it, and next_attempt_at equals lease_until, so that an
 * experiment whose process was killed is due again by itself. A notification that comes meanwhile lowers
 * next_attempt_at alone, which is how saving and renewing recognize it. Columns are assigned from left to
 * right, so next_attempt_at comes first. */
#define NOTIFIED "next_attempt_at < lease_until"

static tardis_error_t *take(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *hurry(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *renew(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *release(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *save_checkpoint(const tardis_context_t *context, const void *baton, apr_pool_t *pool);

tardis_error_t *tardis_synced_claim(const tardis_context_t *context, const tardis_synced_claim_t *claim,
                                    apr_array_header_t **claimed, apr_pool_t *pool)
{
    tardis_error_t *error = db_transact(context, take, claim, pool);
    if (error)
        return error;
    tardis_db_rows_t *rows;
    error = tardis_db_query(context->db, SYNCED_SELECT "WHERE s.lease_owner = ? ORDER BY s.experiment_id",
                            TARDIS_DB_VALUES(tardis_db_text(claim->lease_owner)), &rows, pool);
    if (!error)
        *claimed = synced_rows_read(rows, pool);
    return error;
}

/* Two statements: with a condition on the primary key in it, the server would not walk the index of what is
 * due. */
#define TAKE(condition)                                                                                      \
    "UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL ? SECOND,"                   \
    " lease_until = next_attempt_at, lease_owner = ?"                                                        \
    " WHERE next_attempt_at <= COALESCE(?, UTC_TIMESTAMP(6))"                                                \
    " AND (lease_until IS NULL OR lease_until <= UTC_TIMESTAMP(6))"                                          \
    " AND (FIND_IN_SET(state, ?) > 0) = ?" condition " ORDER BY next_attempt_at LIMIT ?"

static tardis_error_t *take(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const tardis_synced_claim_t *claim = baton;
    const tardis_db_value_t lease_seconds = tardis_db_signed(claim->lease_seconds);
    const tardis_db_value_t lease_owner = tardis_db_text(claim->lease_owner);
    const tardis_db_value_t due_by = tardis_db_time(claim->due_by);
    const tardis_db_value_t states = tardis_db_text(claim->states);
    const tardis_db_value_t among = tardis_db_signed(claim->among_states != 0);
    const tardis_db_value_t limit = tardis_db_signed(claim->limit);
    if (claim->only)
        return tardis_db_execute(context->db, TAKE(" AND experiment_id = ?"),
                                 TARDIS_DB_VALUES(lease_seconds, lease_owner, due_by, states, among,
                                                  tardis_db_unsigned(claim->only), limit),
                                 NULL, pool);
    if (!claim->except || claim->except->nelts == 0)
        return tardis_db_execute(context->db, TAKE(""),
                                 TARDIS_DB_VALUES(lease_seconds, lease_owner, due_by, states, among, limit),
                                 NULL, pool);
    tardis_db_value_t values[5 + TARDIS_SYNCED_EXCEPT_MAX + 1] = {lease_seconds, lease_owner, due_by, states,
                                                                  among};
    for (int i = 0; i < TARDIS_SYNCED_EXCEPT_MAX; i++)
        values[5 + i] =
            tardis_db_text(i < claim->except->nelts ? APR_ARRAY_IDX(claim->except, i, const char *) : "");
    values[5 + TARDIS_SYNCED_EXCEPT_MAX] = limit;
    return tardis_db_execute(
        context->db, TAKE(" AND provider_url NOT IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        values, sizeof(values) / sizeof(values[0]), NULL, pool);
}

tardis_error_t *tardis_synced_due(const tardis_context_t *context, tardis_synced_due_t *due, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT EXISTS (SELECT 1 FROM synced_experiment WHERE next_attempt_at <= UTC_TIMESTAMP(6)"
        " AND (lease_until IS NULL OR lease_until <= UTC_TIMESTAMP(6))),"
        " EXISTS (SELECT 1 FROM notification WHERE next_attempt_at <= UTC_TIMESTAMP(6))",
        NULL, 0, &rows, pool);
    *due = (tardis_synced_due_t){0};
    if (!error && tardis_db_rows_next(rows)) {
        due->experiments = tardis_db_rows_signed(rows, 0) != 0;
        due->mails = tardis_db_rows_signed(rows, 1) != 0;
    }
    return error;
}

tardis_error_t *tardis_synced_hurry(const tardis_context_t *context, apr_uint64_t only, apr_pool_t *pool)
{
    return db_transact(context, hurry, &only, pool);
}

static tardis_error_t *hurry(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    apr_uint64_t only = *(const apr_uint64_t *)baton;
    return tardis_db_execute(
        context->db,
        "UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6)"
        " WHERE next_attempt_at > UTC_TIMESTAMP(6) AND experiment_id BETWEEN ? AND ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(only), tardis_db_unsigned(only ? only : APR_UINT64_MAX)), NULL,
        pool);
}

/* A lease and what is to become of it. */
typedef struct {
    const char *owner;
    int seconds;
} lease_t;

tardis_error_t *tardis_synced_renew(const tardis_context_t *context, const char *lease_owner,
                                    int lease_seconds, apr_pool_t *pool)
{
    const lease_t lease = {.owner = lease_owner, .seconds = lease_seconds};
    return db_transact(context, renew, &lease, pool);
}

static tardis_error_t *renew(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const lease_t *lease = baton;
    return tardis_db_execute(context->db,
                             "UPDATE synced_experiment SET next_attempt_at ="
                             " IF(" NOTIFIED ", next_attempt_at, UTC_TIMESTAMP(6) + INTERVAL ? SECOND),"
                             " lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND WHERE lease_owner = ?",
                             TARDIS_DB_VALUES(tardis_db_signed(lease->seconds),
                                              tardis_db_signed(lease->seconds), tardis_db_text(lease->owner)),
                             NULL, pool);
}

tardis_error_t *tardis_synced_release(const tardis_context_t *context, const char *lease_owner,
                                      apr_pool_t *pool)
{
    return db_transact(context, release, lease_owner, pool);
}

static tardis_error_t *release(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    return tardis_db_execute(context->db,
                             "UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6),"
                             " lease_owner = NULL, lease_until = NULL WHERE lease_owner = ?",
                             TARDIS_DB_VALUES(tardis_db_text(baton)), NULL, pool);
}

tardis_error_t *tardis_synced_save_checkpoint(const tardis_context_t *context,
                                              const tardis_synced_checkpoint_t *checkpoint, apr_pool_t *pool)
{
    return db_transact(context, save_checkpoint, checkpoint, pool);
}

static tardis_error_t *save_checkpoint(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const tardis_synced_checkpoint_t *checkpoint = baton;
    tardis_db_changes_t changes;
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE synced_experiment SET next_attempt_at ="
        " IF(" NOTIFIED ", next_attempt_at, UTC_TIMESTAMP(6) + INTERVAL ? SECOND),"
        " lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND, checked_through = ?, bytes_checked = ?,"
        " moved_at = IF(?, UTC_TIMESTAMP(6), moved_at), updated_at = UTC_TIMESTAMP(6)"
        " WHERE experiment_id = ? AND lease_owner = ?",
        TARDIS_DB_VALUES(
            tardis_db_signed(checkpoint->lease_seconds), tardis_db_signed(checkpoint->lease_seconds),
            tardis_db_unsigned(checkpoint->checked_through), tardis_db_unsigned(checkpoint->bytes_checked),
            tardis_db_signed(checkpoint->moved != 0), tardis_db_unsigned(checkpoint->experiment_id),
            tardis_db_text(checkpoint->lease_owner)),
        &changes, pool);
    if (error)
        return error;
    if (changes.rows != 1)
        return tardis_error_create(pool, TARDIS_LEASE_LOST,
                                   "experiment %" APR_UINT64_T_FMT " was taken over by another process",
                                   checkpoint->experiment_id);
    return tardis_file_problem_add(context, checkpoint->experiment_id, checkpoint->problems, pool);
}
