#include "tardis_outbox.h"

#include "db_transact.h"
#include "notification_rows.h"

/* The end of a lease, as part of a SET. */
#define NO_LEASE "lease_owner = NULL, lease_until = NULL"

/* What one statement is about: a mail, or all under a lease. */
typedef struct {
    const char *lease_owner;
    apr_uint64_t id; /* 0: all */
    const tardis_outbox_failure_t *failure;
    apr_uint64_t *given_up;
} mark_t;

/* A claim, and how much it took. */
typedef struct {
    const tardis_outbox_claim_t *wanted;
    apr_uint64_t *taken;
} take_t;

static tardis_error_t *take(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *release(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *mark_sent(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *mark_failed(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *give_up(const tardis_context_t *context, const mark_t *mark, apr_pool_t *pool);
static tardis_error_t *put_off(const tardis_context_t *context, const mark_t *mark, apr_pool_t *pool);

tardis_error_t *tardis_outbox_now(const tardis_context_t *context, apr_time_t *now, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db, "SELECT UTC_TIMESTAMP(6)", TARDIS_DB_NO_VALUES, &rows, pool);
    if (!error && tardis_db_rows_next(rows))
        *now = tardis_db_rows_time(rows, 0);
    return error;
}

tardis_error_t *tardis_outbox_crowded(const tardis_context_t *context, apr_time_t due_by, long threshold,
                                      int limit, apr_array_header_t **recipients, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *recipients = apr_array_make(pool, 8, sizeof(const char *));
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT recipient FROM notification WHERE next_attempt_at <= ? GROUP BY recipient"
        " HAVING COUNT(*) > ? ORDER BY recipient LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_time(due_by), tardis_db_signed(threshold), tardis_db_signed(limit)), &rows,
        pool);
    while (!error && tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*recipients, const char *) = tardis_db_rows_text(rows, 0);
    return error;
}

tardis_error_t *tardis_outbox_claim(const tardis_context_t *context, const tardis_outbox_claim_t *claim,
                                    apr_uint64_t *taken, apr_pool_t *pool)
{
    const take_t wanted = {.wanted = claim, .taken = taken};
    return db_transact(context, take, &wanted, pool);
}

static tardis_error_t *take(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    static const char any[] =
        "UPDATE notification SET next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL ? SECOND,"
        " lease_until = next_attempt_at, lease_owner = ?"
        " WHERE next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ?";
    static const char to_one[] =
        "UPDATE notification SET next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL ? SECOND,"
        " lease_until = next_attempt_at, lease_owner = ?"
        " WHERE next_attempt_at <= ? AND recipient = ? ORDER BY next_attempt_at LIMIT ?";
    const take_t *given = baton;
    const tardis_outbox_claim_t *wanted = given->wanted;
    const tardis_db_value_t seconds = tardis_db_signed(wanted->lease_seconds);
    const tardis_db_value_t owner = tardis_db_text(wanted->lease_owner);
    const tardis_db_value_t due_by = tardis_db_time(wanted->due_by);
    const tardis_db_value_t limit = tardis_db_signed(wanted->limit);
    tardis_db_changes_t changes = {0};
    tardis_error_t *error =
        wanted->recipient
            ? tardis_db_execute(
                  context->db, to_one,
                  TARDIS_DB_VALUES(seconds, owner, due_by, tardis_db_text(wanted->recipient), limit),
                  &changes, pool)
            : tardis_db_execute(context->db, any, TARDIS_DB_VALUES(seconds, owner, due_by, limit), &changes,
                                pool);
    *given->taken = changes.rows;
    return error;
}

tardis_error_t *tardis_outbox_claimed(const tardis_context_t *context, const char *lease_owner, int limit,
                                      apr_array_header_t **mails, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db, NOTIFICATION_SELECT "WHERE lease_owner = ? ORDER BY id LIMIT ?",
                        TARDIS_DB_VALUES(tardis_db_text(lease_owner), tardis_db_signed(limit)), &rows, pool);
    if (!error)
        *mails = notification_rows_read(rows, pool);
    return error;
}

tardis_error_t *tardis_outbox_release(const tardis_context_t *context, const char *lease_owner,
                                      apr_pool_t *pool)
{
    const mark_t mark = {.lease_owner = lease_owner};
    return db_transact(context, release, &mark, pool);
}

static tardis_error_t *release(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const mark_t *mark = baton;
    return tardis_db_execute(context->db,
                             "UPDATE notification SET next_attempt_at = UTC_TIMESTAMP(6), " NO_LEASE
                             " WHERE lease_owner = ?",
                             TARDIS_DB_VALUES(tardis_db_text(mark->lease_owner)), NULL, pool);
}

tardis_error_t *tardis_outbox_sent(const tardis_context_t *context, const char *lease_owner, apr_uint64_t id,
                                   apr_pool_t *pool)
{
    const mark_t mark = {.lease_owner = lease_owner, .id = id};
    return db_transact(context, mark_sent, &mark, pool);
}

static tardis_error_t *mark_sent(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    static const char one[] =
        "UPDATE notification SET sent_at = UTC_TIMESTAMP(6), next_attempt_at = NULL,"
        " error_code = NULL, error_text = NULL, " NO_LEASE " WHERE lease_owner = ? AND id = ?";
    static const char all[] = "UPDATE notification SET sent_at = UTC_TIMESTAMP(6), next_attempt_at = NULL,"
                              " error_code = NULL, error_text = NULL, " NO_LEASE " WHERE lease_owner = ?";
    const mark_t *mark = baton;
    const tardis_db_value_t values[] = {tardis_db_text(mark->lease_owner), tardis_db_unsigned(mark->id)};
    return tardis_db_execute(context->db, mark->id ? one : all, values, mark->id ? 2 : 1, NULL, pool);
}

tardis_error_t *tardis_outbox_failed(const tardis_context_t *context, const char *lease_owner,
                                     apr_uint64_t id, const tardis_outbox_failure_t *failure,
                                     apr_uint64_t *given_up, apr_pool_t *pool)
{
    const mark_t mark = {.lease_owner = lease_owner, .id = id, .failure = failure, .given_up = given_up};
    return db_transact(context, mark_failed, &mark, pool);
}

static tardis_error_t *mark_failed(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const mark_t *mark = baton;
    *mark->given_up = 0;
    tardis_error_t *error = mark->failure->refused ? give_up(context, mark, pool) : NULL;
    return error ? error : put_off(context, mark, pool);
}

/* Those whose time has ended; they have no lease then, so that put_off() passes them by. */
static tardis_error_t *give_up(const tardis_context_t *context, const mark_t *mark, apr_pool_t *pool)
{
#define GIVE_UP                                                                                              \
    "UPDATE notification SET attempts = attempts + 1, next_attempt_at = NULL, error_code = ?,"               \
    " error_text = ?, refused_since = COALESCE(refused_since, UTC_TIMESTAMP(6)), " NO_LEASE                  \
    " WHERE COALESCE(refused_since, UTC_TIMESTAMP(6)) <= UTC_TIMESTAMP(6) - INTERVAL ? SECOND"               \
    " AND lease_owner = ?"
    const tardis_outbox_failure_t *failure = mark->failure;
    tardis_db_changes_t changes = {0};
    const tardis_db_value_t values[] = {
        tardis_db_text(tardis_error_name(failure->error->code)),
        tardis_db_text(failure->error->text),
        tardis_db_signed(failure->deadline),
        tardis_db_text(mark->lease_owner),
        tardis_db_unsigned(mark->id),
    };
    tardis_error_t *error = tardis_db_execute(context->db, mark->id ? GIVE_UP " AND id = ?" : GIVE_UP, values,
                                              mark->id ? 5 : 4, &changes, pool);
    *mark->given_up = changes.rows;
    return error;
}

static tardis_error_t *put_off(const tardis_context_t *context, const mark_t *mark, apr_pool_t *pool)
{
#define PUT_OFF                                                                                              \
    "UPDATE notification SET attempts = attempts + 1,"                                                       \
    " next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, error_code = ?, error_text = ?,"          \
    " refused_since = IF(?, COALESCE(refused_since, UTC_TIMESTAMP(6)), refused_since), " NO_LEASE            \
    " WHERE lease_owner = ?"
    const tardis_outbox_failure_t *failure = mark->failure;
    const tardis_db_value_t values[] = {
        tardis_db_signed(failure->wait),      tardis_db_text(tardis_error_name(failure->error->code)),
        tardis_db_text(failure->error->text), tardis_db_signed(failure->refused != 0),
        tardis_db_text(mark->lease_owner),    tardis_db_unsigned(mark->id),
    };
    return tardis_db_execute(context->db, mark->id ? PUT_OFF " AND id = ?" : PUT_OFF, values,
                             mark->id ? 6 : 5, NULL, pool);
}
