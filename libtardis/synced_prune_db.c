#include "tardis_synced_report.h"

#include "db_transact.h"
#include "tardis_db.h"

enum {
    PAGE = 200,     /* experiments looked at in one call */
    ROWS_MAX = 1000 /* removed by one statement */
};

/* What goes: neither how the experiment came here nor how it ended. Two parameters: the experiment and the
 * event that tells of its end. */
#define EVENTS_TO_GO "synced_event WHERE experiment_id = ? AND kind <> 'registration' AND id <> ?"
#define MAILS_TO_GO "notification WHERE experiment_id = ? AND next_attempt_at IS NULL"
/* Two parameters: whether failed ones may be trimmed as well, and the days. */
#define FINISHED                                                                                             \
    "s.state IN ('" TARDIS_STATE_COMPLETE "', IF(?, '" TARDIS_STATE_FAILED "', '" TARDIS_STATE_COMPLETE      \
    "')) AND s.state_since < UTC_TIMESTAMP(6) - INTERVAL ? DAY"
/* The event by which an experiment came into the state that it is in; 0: none. */
#define LAST_EVENT                                                                                           \
    "COALESCE((SELECT MAX(f.id) FROM synced_event f WHERE f.experiment_id = s.experiment_id"                 \
    " AND f.kind = 'transition' AND f.to_state = s.state), 0)"

/* Experiments that may have something to trim, and how far one transaction came with them. */
typedef struct {
    const tardis_synced_prune_t *prune;
    const apr_array_header_t *ids; /* of apr_uint64_t */
    int from;                      /* the first of them that is not trimmed yet */
    int *to;                       /* the first of them that the transaction left */
    tardis_synced_pruned_t *removed;
} trim_t;

static tardis_error_t *find(const tardis_context_t *context, const tardis_synced_prune_t *prune,
                            apr_uint64_t after, tardis_db_rows_t **rows, apr_pool_t *pool);
static tardis_error_t *trim_all(const tardis_context_t *context, const tardis_synced_prune_t *prune,
                                const apr_array_header_t *ids, tardis_synced_pruned_t *pruned,
                                apr_pool_t *pool);
static tardis_error_t *trim(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *trim_one(const tardis_context_t *context, const tardis_synced_prune_t *prune,
                                apr_uint64_t experiment_id, tardis_synced_pruned_t *removed, int *is_done,
                                apr_pool_t *pool);
static tardis_error_t *lock(const tardis_context_t *context, const tardis_synced_prune_t *prune,
                            apr_uint64_t experiment_id, int *is_finished, apr_uint64_t *last_event,
                            apr_pool_t *pool);

tardis_error_t *tardis_synced_prune(const tardis_context_t *context, const tardis_synced_prune_t *prune,
                                    tardis_synced_pruned_t *pruned, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    apr_array_header_t *ids = apr_array_make(pool, PAGE, sizeof(apr_uint64_t));
    tardis_error_t *error = find(context, prune, pruned->last, &rows, pool);
    if (error)
        return error;
    while (tardis_db_rows_next(rows)) {
        pruned->last = tardis_db_rows_unsigned(rows, 0);
        APR_ARRAY_PUSH(ids, apr_uint64_t) = pruned->last;
        if (!prune->only_count)
            continue;
        pruned->experiments++;
        pruned->events += tardis_db_rows_unsigned(rows, 1);
        pruned->mails += tardis_db_rows_unsigned(rows, 2);
    }
    if (ids->nelts < PAGE)
        pruned->last = 0;
    return prune->only_count ? NULL : trim_all(context, prune, ids, pruned, pool);
}

/* The next of those that have anything to trim: most will have been trimmed before. */
static tardis_error_t *find(const tardis_context_t *context, const tardis_synced_prune_t *prune,
                            apr_uint64_t after, tardis_db_rows_t **rows, apr_pool_t *pool)
{
    return tardis_db_query(context->db,
                           "SELECT s.experiment_id,"
                           " (SELECT COUNT(*) FROM synced_event v WHERE v.experiment_id = s.experiment_id"
                           "  AND v.kind <> 'registration' AND v.id <> " LAST_EVENT ") AS events,"
                           " (SELECT COUNT(*) FROM notification n WHERE n.experiment_id = s.experiment_id"
                           "  AND n.next_attempt_at IS NULL) AS mails"
                           " FROM synced_experiment s WHERE s.experiment_id > ? AND " FINISHED
                           " HAVING events + mails > 0 ORDER BY s.experiment_id LIMIT ?",
                           TARDIS_DB_VALUES(tardis_db_unsigned(after), tardis_db_signed(prune->failed != 0),
                                            tardis_db_signed(prune->days), tardis_db_signed(PAGE)),
                           rows, pool);
}

static tardis_error_t *trim_all(const tardis_context_t *context, const tardis_synced_prune_t *prune,
                                const apr_array_header_t *ids, tardis_synced_pruned_t *pruned,
                                apr_pool_t *pool)
{
    tardis_synced_pruned_t removed;
    int to = 0;
    while (to < ids->nelts) {
        const trim_t wanted = {.prune = prune, .ids = ids, .from = to, .to = &to, .removed = &removed};
        tardis_error_t *error = db_transact(context, trim, &wanted, pool);
        if (error)
            return error;
        pruned->experiments += removed.experiments;
        pruned->events += removed.events;
        pruned->mails += removed.mails;
    }
    return NULL;
}

/* As many as make a transaction that is worth its end, and not too long. */
static tardis_error_t *trim(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const trim_t *wanted = baton;
    tardis_synced_pruned_t *removed = wanted->removed;
    tardis_error_t *error = NULL;
    int is_done = 1;
    *removed = (tardis_synced_pruned_t){0};
    *wanted->to = wanted->from;
    while (!error && is_done && *wanted->to < wanted->ids->nelts &&
           removed->events + removed->mails < ROWS_MAX) {
        error = trim_one(context, wanted->prune, APR_ARRAY_IDX(wanted->ids, *wanted->to, apr_uint64_t),
                         removed, &is_done, pool);
        *wanted->to += is_done;
    }
    return error;
}

/* @param is_done set to 0 if there is more to remove of it. */
static tardis_error_t *trim_one(const tardis_context_t *context, const tardis_synced_prune_t *prune,
                                apr_uint64_t experiment_id, tardis_synced_pruned_t *removed, int *is_done,
                                apr_pool_t *pool)
{
    apr_uint64_t last_event = 0;
    tardis_db_changes_t events;
    tardis_db_changes_t mails;
    int is_finished;
    tardis_error_t *error = lock(context, prune, experiment_id, &is_finished, &last_event, pool);
    *is_done = 1;
    if (error || !is_finished)
        return error;
    error = tardis_db_execute(context->db, "DELETE FROM " EVENTS_TO_GO " ORDER BY id LIMIT ?",
                              TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id),
                                               tardis_db_unsigned(last_event), tardis_db_signed(ROWS_MAX)),
                              &events, pool);
    if (!error)
        error = tardis_db_execute(
            context->db, "DELETE FROM " MAILS_TO_GO " ORDER BY id LIMIT ?",
            TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_signed(ROWS_MAX)), &mails, pool);
    if (error)
        return error;
    *is_done = events.rows < ROWS_MAX && mails.rows < ROWS_MAX;
    removed->events += events.rows;
    removed->mails += mails.rows;
    /* Counted when it is done, so that it is counted once. */
    removed->experiments += (apr_uint64_t)*is_done;
    return NULL;
}

/* A person may have started it again since it was found. */
static tardis_error_t *lock(const tardis_context_t *context, const tardis_synced_prune_t *prune,
                            apr_uint64_t experiment_id, int *is_finished, apr_uint64_t *last_event,
                            apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT s.experiment_id FROM synced_experiment s WHERE s.experiment_id = ? AND " FINISHED
        " FOR UPDATE",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_signed(prune->failed != 0),
                         tardis_db_signed(prune->days)),
        &rows, pool);
    *is_finished = !error && tardis_db_rows_next(rows);
    if (error || !*is_finished)
        return error;
    error = tardis_db_query(context->db,
                            "SELECT " LAST_EVENT " FROM synced_experiment s WHERE s.experiment_id = ?",
                            TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), &rows, pool);
    if (!error && tardis_db_rows_next(rows))
        *last_event = tardis_db_rows_unsigned(rows, 0);
    return error;
}
