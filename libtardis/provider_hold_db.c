#include "tardis_synced_manual.h"

#include <apr_strings.h>

#include "db_transact.h"
#include "tardis_command.h"
#include "tardis_db.h"

/* Experiments in one transaction. */
#define PAGE 1000

#define PENDING "state NOT IN ('" TARDIS_STATE_COMPLETE "', '" TARDIS_STATE_FAILED "')"
/* Of a page, those that are to be stopped, and those that are to go on. */
#define OF_PAGE "provider_url = ? AND uid > ? AND uid <= ? AND " PENDING
#define RUNNING OF_PAGE " AND next_attempt_at IS NOT NULL"
#define STOPPED                                                                                              \
    OF_PAGE " AND next_attempt_at IS NULL AND NOT EXISTS"                                                    \
            " (SELECT 1 FROM experiment_hold h WHERE h.experiment_id = synced_experiment.experiment_id)"
/* Their history, before the condition is no longer true; and what becomes of them. */
#define TELL(condition)                                                                                      \
    "INSERT INTO synced_event (experiment_id, at, host, kind, text)"                                         \
    " SELECT experiment_id, UTC_TIMESTAMP(6), ?, 'manual', ? FROM synced_experiment WHERE " condition
#define STOP                                                                                                 \
    "UPDATE synced_experiment SET next_attempt_at = NULL, lease_owner = NULL, lease_until = NULL,"           \
    " updated_at = UTC_TIMESTAMP(6) WHERE " RUNNING
#define GO_ON                                                                                                \
    "UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6), moved_at = UTC_TIMESTAMP(6),"          \
    " updated_at = UTC_TIMESTAMP(6) WHERE " STOPPED

typedef struct {
    const tardis_synced_hold_t *hold;
    int *again;
} beginning_t;

/* A page on its way. */
typedef struct {
    const tardis_provider_hold_t *on;
    const char **last; /* uid; NULL: there are no more */
    apr_uint64_t *changed;
} page_t;

static tardis_error_t *begin_hold(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *begin_release(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *end_release(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *change_page(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *check_direction(const tardis_context_t *context, const tardis_provider_hold_t *on,
                                       apr_pool_t *pool);
static tardis_error_t *lock_page(const tardis_context_t *context, const tardis_provider_hold_t *on,
                                 const char **last, apr_pool_t *pool);

tardis_error_t *tardis_provider_hold_begin(const tardis_context_t *context, const tardis_synced_hold_t *hold,
                                           int *again, apr_pool_t *pool)
{
    const beginning_t beginning = {.hold = hold, .again = again};
    return db_transact(context, begin_hold, &beginning, pool);
}

static tardis_error_t *begin_hold(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const beginning_t *beginning = baton;
    const tardis_synced_hold_t *hold = beginning->hold;
    tardis_db_changes_t changes;
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE provider_hold SET reason = ?, held_by = ?, held_at = UTC_TIMESTAMP(6), released_at = NULL"
        " WHERE provider_url = ?",
        TARDIS_DB_VALUES(tardis_db_text(hold->reason), tardis_db_text(hold->held_by),
                         tardis_db_text(hold->provider_url)),
        &changes, pool);
    if (error)
        return error;
    *beginning->again = changes.rows > 0;
    if (*beginning->again)
        return NULL;
    return tardis_db_execute(context->db,
                             "INSERT INTO provider_hold (provider_url, reason, held_by, held_at)"
                             " VALUES (?, ?, ?, UTC_TIMESTAMP(6))",
                             TARDIS_DB_VALUES(tardis_db_text(hold->provider_url),
                                              tardis_db_text(hold->reason), tardis_db_text(hold->held_by)),
                             NULL, pool);
}

tardis_error_t *tardis_provider_release_begin(const tardis_context_t *context, const char *provider_url,
                                              apr_pool_t *pool)
{
    return db_transact(context, begin_release, provider_url, pool);
}

static tardis_error_t *begin_release(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    tardis_db_changes_t changes;
    tardis_error_t *error = tardis_db_execute(
        context->db, "UPDATE provider_hold SET released_at = UTC_TIMESTAMP(6) WHERE provider_url = ?",
        TARDIS_DB_VALUES(tardis_db_text(baton)), &changes, pool);
    if (error || changes.rows > 0)
        return error;
    return tardis_error_create(pool, TARDIS_CONFLICT, "the provider %s is not held", (const char *)baton);
}

tardis_error_t *tardis_provider_release_end(const tardis_context_t *context, const char *provider_url,
                                            apr_pool_t *pool)
{
    return db_transact(context, end_release, provider_url, pool);
}

static tardis_error_t *end_release(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    return tardis_db_execute(context->db,
                             "DELETE FROM provider_hold WHERE provider_url = ? AND released_at IS NOT NULL",
                             TARDIS_DB_VALUES(tardis_db_text(baton)), NULL, pool);
}

tardis_error_t *tardis_provider_hold_page(const tardis_context_t *context, tardis_provider_hold_t *on,
                                          apr_pool_t *kept, apr_pool_t *pool)
{
    const char *last = NULL;
    apr_uint64_t changed = 0;
    const page_t page = {.on = on, .last = &last, .changed = &changed};
    tardis_error_t *error = db_transact(context, change_page, &page, pool);
    if (error)
        return error;
    on->experiments += changed;
    on->finished = !last;
    on->after = last ? apr_pstrdup(kept, last) : on->after;
    return NULL;
}

static tardis_error_t *change_page(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const page_t *page = baton;
    const tardis_provider_hold_t *on = page->on;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = check_direction(context, on, pool);
    if (!error)
        error = lock_page(context, on, page->last, pool);
    if (error || !*page->last)
        return error;
    const tardis_db_value_t url = tardis_db_text(on->provider_url);
    const tardis_db_value_t after = tardis_db_text(on->after);
    const tardis_db_value_t last = tardis_db_text(*page->last);
    error = tardis_db_execute(
        context->db, on->held ? TELL(RUNNING) : TELL(STOPPED),
        TARDIS_DB_VALUES(tardis_db_text(tardis_host_name(pool)), tardis_db_text(on->text), url, after, last),
        NULL, pool);
    if (!error)
        error = tardis_db_execute(context->db, on->held ? STOP : GO_ON, TARDIS_DB_VALUES(url, after, last),
                                  &changes, pool);
    *page->changed = changes.rows;
    return error;
}

/* Holds and releases of a provider at the same time would leave a mixture: the last that began wins. */
static tardis_error_t *check_direction(const tardis_context_t *context, const tardis_provider_hold_t *on,
                                       apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db, "SELECT released_at FROM provider_hold WHERE provider_url = ? FOR UPDATE",
        TARDIS_DB_VALUES(tardis_db_text(on->provider_url)), &rows, pool);
    if (error)
        return error;
    int held = tardis_db_rows_next(rows) && tardis_db_rows_is_null(rows, 0);
    if (!held == !on->held)
        return NULL;
    return tardis_error_create(pool, TARDIS_CONFLICT, "the provider %s was %s meanwhile", on->provider_url,
                               held ? "held" : "released");
}

/* Locked as they are read, so that one that is being registered now, or is on its way back to Ingested, is
 * waited for: either it is seen here, or its transaction sees the hold. */
static tardis_error_t *lock_page(const tardis_context_t *context, const tardis_provider_hold_t *on,
                                 const char **last, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *last = NULL;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT uid FROM synced_experiment FORCE INDEX (synced_experiment_uid)"
        " WHERE provider_url = ? AND uid > ? ORDER BY uid LIMIT ? FOR UPDATE",
        TARDIS_DB_VALUES(tardis_db_text(on->provider_url), tardis_db_text(on->after), tardis_db_signed(PAGE)),
        &rows, pool);
    while (!error && tardis_db_rows_next(rows))
        *last = tardis_db_rows_text(rows, 0);
    return error;
}

tardis_error_t *tardis_provider_has_experiments(const tardis_context_t *context, const char *provider_url,
                                                int *has, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db, "SELECT 1 FROM synced_experiment WHERE provider_url = ? LIMIT 1",
                        TARDIS_DB_VALUES(tardis_db_text(provider_url)), &rows, pool);
    *has = !error && tardis_db_rows_next(rows);
    return error;
}
