#include "tardis_synced_db.h"

#include "db_transact.h"
#include "tardis_db.h"

#define SELECT_NOTIFICATION                                                                                  \
    "SELECT id, experiment_id, recipient, subject, body, created_at, sent_at, attempts, next_attempt_at,"    \
    " error_code, error_text FROM notification "

static tardis_error_t *take(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static apr_array_header_t *read_rows(tardis_db_rows_t *rows, apr_pool_t *pool);

tardis_error_t *tardis_notification_add(const tardis_context_t *context,
                                        const tardis_notification_t *notification, apr_pool_t *pool)
{
    return tardis_db_execute(
        context->db,
        "INSERT INTO notification (experiment_id, recipient, subject, body, created_at, next_attempt_at)"
        " VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        TARDIS_DB_VALUES(tardis_db_unsigned(notification->experiment_id),
                         tardis_db_text(notification->recipient), tardis_db_text(notification->subject),
                         tardis_db_text(notification->body)),
        NULL, pool);
}

/* A claim of mails. */
typedef struct {
    const char *lease_owner;
    int lease_seconds;
    int limit;
} claim_t;

tardis_error_t *tardis_notification_claim(const tardis_context_t *context, const char *lease_owner,
                                          int lease_seconds, int limit, apr_array_header_t **claimed,
                                          apr_pool_t *pool)
{
    const claim_t claim = {.lease_owner = lease_owner, .lease_seconds = lease_seconds, .limit = limit};
    tardis_error_t *error = db_transact(context, take, &claim, pool);
    if (error)
        return error;
    tardis_db_rows_t *rows;
    error = tardis_db_query(
        context->db, SELECT_NOTIFICATION "WHERE lease_owner = ? AND next_attempt_at IS NOT NULL ORDER BY id",
        TARDIS_DB_VALUES(tardis_db_text(lease_owner)), &rows, pool);
    if (!error)
        *claimed = read_rows(rows, pool);
    return error;
}

static tardis_error_t *take(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const claim_t *claim = baton;
    return tardis_db_execute(context->db,
                             "UPDATE notification SET next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL ? SECOND,"
                             " lease_until = next_attempt_at, lease_owner = ?"
                             " WHERE next_attempt_at <= UTC_TIMESTAMP(6) ORDER BY next_attempt_at LIMIT ?",
                             TARDIS_DB_VALUES(tardis_db_signed(claim->lease_seconds),
                                              tardis_db_text(claim->lease_owner),
                                              tardis_db_signed(claim->limit)),
                             NULL, pool);
}

tardis_error_t *tardis_notification_sent(const tardis_context_t *context, apr_uint64_t id,
                                         const char *lease_owner, apr_pool_t *pool)
{
    return tardis_db_execute(context->db,
                             "UPDATE notification SET sent_at = UTC_TIMESTAMP(6), next_attempt_at = NULL,"
                             " lease_owner = NULL, lease_until = NULL, error_code = NULL, error_text = NULL"
                             " WHERE id = ? AND lease_owner = ?",
                             TARDIS_DB_VALUES(tardis_db_unsigned(id), tardis_db_text(lease_owner)), NULL,
                             pool);
}

tardis_error_t *tardis_notification_failed(const tardis_context_t *context, apr_uint64_t id,
                                           const char *lease_owner, const tardis_error_t *failure,
                                           apr_interval_time_t wait, apr_pool_t *pool)
{
    return tardis_db_execute(
        context->db,
        "UPDATE notification SET attempts = attempts + 1,"
        " next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, lease_owner = NULL,"
        " lease_until = NULL, error_code = ?, error_text = ? WHERE id = ? AND lease_owner = ?",
        TARDIS_DB_VALUES(tardis_db_signed(wait), tardis_db_text(tardis_error_name(failure->code)),
                         tardis_db_text(failure->text), tardis_db_unsigned(id), tardis_db_text(lease_owner)),
        NULL, pool);
}

tardis_error_t *tardis_notification_list(const tardis_context_t *context, apr_uint64_t experiment_id,
                                         int limit, apr_array_header_t **notifications, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db, SELECT_NOTIFICATION "WHERE experiment_id = ? ORDER BY id LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_signed(limit)), &rows, pool);
    if (!error)
        *notifications = read_rows(rows, pool);
    return error;
}

static apr_array_header_t *read_rows(tardis_db_rows_t *rows, apr_pool_t *pool)
{
    apr_array_header_t *found = apr_array_make(pool, 8, sizeof(tardis_notification_t));
    while (tardis_db_rows_next(rows)) {
        *(tardis_notification_t *)apr_array_push(found) = (tardis_notification_t){
            .id = tardis_db_rows_unsigned(rows, 0),
            .experiment_id = tardis_db_rows_unsigned(rows, 1),
            .recipient = tardis_db_rows_text(rows, 2),
            .subject = tardis_db_rows_text(rows, 3),
            .body = tardis_db_rows_text(rows, 4),
            .created_at = tardis_db_rows_time(rows, 5),
            .sent_at = tardis_db_rows_time(rows, 6),
            .attempts = tardis_db_rows_unsigned(rows, 7),
            .next_attempt_at = tardis_db_rows_time(rows, 8),
            .error_code = tardis_db_rows_text(rows, 9),
            .error_text = tardis_db_rows_text(rows, 10),
        };
    }
    return found;
}
