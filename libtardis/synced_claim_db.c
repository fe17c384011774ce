#include "tardis_synced_db.h"

#include "db_list.h"
#include "db_transact.h"
#include "synced_rows.h"

/* How often a claim begins anew when others have taken all that it had found. */
#define TRIES 16

/* What was found, to be taken. */
typedef struct {
    const tardis_synced_claim_t *claim;
    apr_uint64_t *ids;
    int count;
} found_t;

/* A lease and what is to become of it. */
typedef struct {
    const char *owner;
    int seconds;
    apr_uint64_t *ids;
    int count;
} lease_t;

static tardis_error_t *find(const tardis_context_t *context, const tardis_synced_claim_t *claim,
                            tardis_synced_claimed_t *claimed, found_t *found, apr_pool_t *pool);
static tardis_error_t *find_due(const tardis_context_t *context, const tardis_synced_claim_t *claim,
                                tardis_db_rows_t **rows, apr_pool_t *pool);
static tardis_error_t *take(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *read_taken(const tardis_context_t *context, const found_t *found,
                                  apr_array_header_t *experiments, apr_pool_t *pool);
static tardis_error_t *hurry(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static lease_t lease_of(const char *lease_owner, const apr_array_header_t *experiments, apr_pool_t *pool);
static tardis_error_t *renew(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *release(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *save_checkpoint(const tardis_context_t *context, const void *baton, apr_pool_t *pool);

/* What is due is found without locks, taken by its ids under the condition that it is free still, and read
 * after that. So claims and saves wait for each other only where they are about the same rows. */
tardis_error_t *tardis_synced_claim(const tardis_context_t *context, const tardis_synced_claim_t *claim,
                                    tardis_synced_claimed_t *claimed, apr_pool_t *pool)
{
    *claimed =
        (tardis_synced_claimed_t){.experiments = apr_array_make(pool, claim->limit, sizeof(tardis_synced_t))};
    for (int attempt = 0; attempt < TRIES; attempt++) {
        found_t found;
        tardis_error_t *error = find(context, claim, claimed, &found, pool);
        if (!error && found.count > 0)
            error = db_transact(context, take, &found, pool);
        if (!error && found.count > 0)
            error = read_taken(context, &found, claimed->experiments, pool);
        if (error || found.count == 0 || claimed->experiments->nelts > 0)
            return error;
    }
    return NULL;
}

static tardis_error_t *find(const tardis_context_t *context, const tardis_synced_claim_t *claim,
                            tardis_synced_claimed_t *claimed, found_t *found, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = find_due(context, claim, &rows, pool);
    *found = (found_t){.claim = claim};
    if (error)
        return error;
    found->ids = apr_palloc(pool, sizeof(*found->ids) * (apr_size_t)claim->limit);
    while (tardis_db_rows_next(rows)) {
        found->ids[found->count++] = tardis_db_rows_unsigned(rows, 0);
        claimed->through = tardis_db_rows_time(rows, 1);
    }
    claimed->more = found->count == claim->limit;
    return NULL;
}

/* The condition for what a claim is about. */
#define WANTED                                                                                               \
    "next_attempt_at <= COALESCE(?, UTC_TIMESTAMP(6)) AND " SYNCED_FREE                                      \
    " AND (FIND_IN_SET(COALESCE(state, ''), ?) > 0) = ?"

/* Different statements: with a condition on the primary key in it, the server would not walk the index of
 * what is due. */
#define FIND "SELECT experiment_id, next_attempt_at FROM synced_experiment"
#define FIND_DUE                                                                                             \
    FIND " FORCE INDEX (synced_experiment_due) WHERE next_attempt_at >= COALESCE(?, '0001-01-01') "          \
         "AND " WANTED
#define LONGEST_FIRST " ORDER BY next_attempt_at LIMIT ?"

static tardis_error_t *find_due(const tardis_context_t *context, const tardis_synced_claim_t *claim,
                                tardis_db_rows_t **rows, apr_pool_t *pool)
{
    const tardis_db_value_t from = tardis_db_time(claim->from);
    const tardis_db_value_t due_by = tardis_db_time(claim->due_by);
    const tardis_db_value_t states = tardis_db_text(claim->states);
    const tardis_db_value_t among = tardis_db_signed(claim->among_states != 0);
    const tardis_db_value_t limit = tardis_db_signed(claim->limit);
    if (claim->only)
        return tardis_db_query(context->db, FIND " WHERE " WANTED " AND experiment_id = ?",
                               TARDIS_DB_VALUES(due_by, states, among, tardis_db_unsigned(claim->only)), rows,
                               pool);
    if (!claim->except || claim->except->nelts == 0)
        return tardis_db_query(context->db, FIND_DUE LONGEST_FIRST,
                               TARDIS_DB_VALUES(from, due_by, states, among, limit), rows, pool);
    tardis_db_value_t values[4 + TARDIS_SYNCED_EXCEPT_MAX + 1] = {from, due_by, states, among};
    for (int i = 0; i < TARDIS_SYNCED_EXCEPT_MAX; i++)
        values[4 + i] =
            tardis_db_text(i < claim->except->nelts ? APR_ARRAY_IDX(claim->except, i, const char *) : "");
    values[4 + TARDIS_SYNCED_EXCEPT_MAX] = limit;
    return tardis_db_query(
        context->db,
        FIND_DUE " AND provider_url NOT IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" LONGEST_FIRST,
        values, sizeof(values) / sizeof(values[0]), rows, pool);
}

static tardis_error_t *take(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const found_t *found = baton;
    const tardis_synced_claim_t *claim = found->claim;
    const tardis_db_value_t values[] = {
        tardis_db_signed(claim->lease_seconds),
        tardis_db_text(claim->lease_owner),
        tardis_db_time(claim->due_by),
        tardis_db_text(claim->states),
        tardis_db_signed(claim->among_states != 0),
    };
    const db_list_t list = {
        .start = "UPDATE synced_experiment FORCE INDEX (PRIMARY) SET"
                 " lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND, lease_owner = ?"
                 " WHERE " WANTED " AND experiment_id IN ",
        .ending = ")",
        .values = values,
        .count = sizeof(values) / sizeof(values[0]),
    };
    return db_list_execute(context, &list, found->ids, found->count, NULL, pool);
}

#define OF_LEASE "WHERE s.lease_owner = ? AND s.experiment_id IN "

static tardis_error_t *read_taken(const tardis_context_t *context, const found_t *found,
                                  apr_array_header_t *experiments, apr_pool_t *pool)
{
    const tardis_db_value_t lease_owner = tardis_db_text(found->claim->lease_owner);
    const db_list_t list = {
        .start = found->claim->described ? SYNCED_SELECT OF_LEASE : SYNCED_SELECT_BARE OF_LEASE,
        .ending = ") ORDER BY s.experiment_id",
        .values = &lease_owner,
        .count = 1,
    };
    tardis_error_t *error = NULL;
    for (int from = 0; from < found->count && !error; from += DB_LIST_MAXIMUM) {
        int some = found->count - from < DB_LIST_MAXIMUM ? found->count - from : DB_LIST_MAXIMUM;
        tardis_db_rows_t *rows;
        error = db_list_query(context, &list, found->ids + from, some, &rows, pool);
        if (!error)
            synced_rows_add(rows, experiments);
    }
    return error;
}

tardis_error_t *tardis_synced_due(const tardis_context_t *context, tardis_synced_due_t *due, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT EXISTS (SELECT 1 FROM synced_experiment WHERE next_attempt_at <= UTC_TIMESTAMP(6)"
        " AND " SYNCED_FREE "),"
        " EXISTS (SELECT 1 FROM notification WHERE next_attempt_at <= UTC_TIMESTAMP(6)),"
        " EXISTS (SELECT 1 FROM (SELECT updated_at FROM synced_experiment WHERE next_attempt_at IS NOT NULL"
        " ORDER BY next_attempt_at LIMIT 100) AS first WHERE updated_at > " SYNCED_AHEAD ")",
        NULL, 0, &rows, pool);
    *due = (tardis_synced_due_t){0};
    if (!error && tardis_db_rows_next(rows)) {
        due->experiments = tardis_db_rows_signed(rows, 0) != 0;
        due->mails = tardis_db_rows_signed(rows, 1) != 0;
        due->set_back = tardis_db_rows_signed(rows, 2) != 0;
    }
    return error;
}

tardis_error_t *tardis_synced_hurry(const tardis_context_t *context, apr_uint64_t only, apr_pool_t *pool)
{
    return db_transact(context, hurry, &only, pool);
}

/* What somebody has now is being stepped. Who asks for one of them wants an answer that is newer than that.
 */
static tardis_error_t *hurry(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    apr_uint64_t only = *(const apr_uint64_t *)baton;
    if (!only)
        return tardis_db_execute(context->db,
                                 "UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6)"
                                 " WHERE next_attempt_at > UTC_TIMESTAMP(6) AND " SYNCED_FREE,
                                 TARDIS_DB_NO_VALUES, NULL, pool);
    return tardis_db_execute(context->db,
                             "UPDATE synced_experiment SET next_attempt_at = IF(" SYNCED_FREE
                             ", LEAST(next_attempt_at, UTC_TIMESTAMP(6)), lease_until)"
                             " WHERE experiment_id = ? AND next_attempt_at IS NOT NULL",
                             TARDIS_DB_VALUES(tardis_db_unsigned(only)), NULL, pool);
}

tardis_error_t *tardis_synced_renew(const tardis_context_t *context, const char *lease_owner,
                                    int lease_seconds, const apr_array_header_t *experiments,
                                    apr_pool_t *pool)
{
    lease_t lease = lease_of(lease_owner, experiments, pool);
    lease.seconds = lease_seconds;
    return db_transact(context, renew, &lease, pool);
}

static lease_t lease_of(const char *lease_owner, const apr_array_header_t *experiments, apr_pool_t *pool)
{
    lease_t lease = {.owner = lease_owner, .count = experiments->nelts};
    lease.ids = apr_palloc(pool, sizeof(*lease.ids) * (apr_size_t)lease.count);
    for (int i = 0; i < lease.count; i++)
        lease.ids[i] = APR_ARRAY_IDX(experiments, i, tardis_synced_t).experiment_id;
    return lease;
}

/* Columns are assigned from left to right. */
#define LENGTHEN                                                                                             \
    " next_attempt_at = IF(" SYNCED_DUE_AGAIN ", UTC_TIMESTAMP(6) + INTERVAL ? SECOND, next_attempt_at),"    \
    " lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND"

static tardis_error_t *renew(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const lease_t *lease = baton;
    const tardis_db_value_t values[] = {tardis_db_signed(lease->seconds), tardis_db_signed(lease->seconds),
                                        tardis_db_text(lease->owner)};
    const db_list_t list = {
        .start = "UPDATE synced_experiment FORCE INDEX (PRIMARY) SET" LENGTHEN
                 " WHERE lease_owner = ? AND experiment_id IN ",
        .ending = ")",
        .values = values,
        .count = sizeof(values) / sizeof(values[0]),
    };
    return db_list_execute(context, &list, lease->ids, lease->count, NULL, pool);
}

tardis_error_t *tardis_synced_release(const tardis_context_t *context, const char *lease_owner,
                                      const apr_array_header_t *experiments, apr_pool_t *pool)
{
    const lease_t lease = lease_of(lease_owner, experiments, pool);
    return db_transact(context, release, &lease, pool);
}

static tardis_error_t *release(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const lease_t *lease = baton;
    const tardis_db_value_t owner = tardis_db_text(lease->owner);
    const db_list_t list = {
        .start = "UPDATE synced_experiment FORCE INDEX (PRIMARY) SET"
                 " next_attempt_at = LEAST(next_attempt_at, UTC_TIMESTAMP(6)), lease_owner = NULL,"
                 " lease_until = NULL WHERE lease_owner = ? AND experiment_id IN ",
        .ending = ")",
        .values = &owner,
        .count = 1,
    };
    return db_list_execute(context, &list, lease->ids, lease->count, NULL, pool);
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
        "UPDATE synced_experiment SET" LENGTHEN ", checked_through = ?, bytes_checked = ?,"
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
