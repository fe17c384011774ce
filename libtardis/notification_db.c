#include "tardis_synced_db.h"

#include "notification_rows.h"

#define INSERT_NOTIFICATION                                                                                  \
    "INSERT INTO notification (experiment_id, recipient, subject, body, about_state, about_code,"            \
    " created_at, next_attempt_at) VALUES"

tardis_error_t *tardis_notification_add(const tardis_context_t *context,
                                        const tardis_notification_t *notification, apr_pool_t *pool)
{
    return tardis_db_execute(
        context->db, INSERT_NOTIFICATION " (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        TARDIS_DB_VALUES(tardis_db_unsigned(notification->experiment_id),
                         tardis_db_text(notification->recipient), tardis_db_text(notification->subject),
                         tardis_db_text(notification->body), tardis_db_text(notification->about_state),
                         tardis_db_text(notification->about_code)),
        NULL, pool);
}

tardis_error_t *notification_bulk_open(tardis_db_bulk_t **bulk, const tardis_context_t *context,
                                       apr_pool_t *pool)
{
    return tardis_db_bulk_open(bulk, context->db, INSERT_NOTIFICATION, 8, pool);
}

tardis_error_t *notification_bulk_add(tardis_db_bulk_t *bulk, const tardis_notification_t *notification,
                                      apr_time_t now, apr_pool_t *pool)
{
    const tardis_db_value_t values[] = {
        tardis_db_unsigned(notification->experiment_id),
        tardis_db_text(notification->recipient),
        tardis_db_text(notification->subject),
        tardis_db_text(notification->body),
        tardis_db_text(notification->about_state),
        tardis_db_text(notification->about_code),
        tardis_db_time(now),
        tardis_db_time(now),
    };
    return tardis_db_bulk_add(bulk, values, sizeof(values) / sizeof(values[0]), pool);
}

tardis_error_t *tardis_notification_list(const tardis_context_t *context, apr_uint64_t experiment_id,
                                         int limit, apr_array_header_t **notifications, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db, NOTIFICATION_SELECT "WHERE experiment_id = ? ORDER BY id LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_signed(limit)), &rows, pool);
    if (!error)
        *notifications = notification_rows_read(rows, pool);
    return error;
}

apr_array_header_t *notification_rows_read(tardis_db_rows_t *rows, apr_pool_t *pool)
{
    apr_array_header_t *found = apr_array_make(pool, 8, sizeof(tardis_notification_t));
    while (tardis_db_rows_next(rows)) {
        *(tardis_notification_t *)apr_array_push(found) = (tardis_notification_t){
            .id = tardis_db_rows_unsigned(rows, 0),
            .experiment_id = tardis_db_rows_unsigned(rows, 1),
            .recipient = tardis_db_rows_text(rows, 2),
            .subject = tardis_db_rows_text(rows, 3),
            .body = tardis_db_rows_text(rows, 4),
            .about_state = tardis_db_rows_text(rows, 5),
            .about_code = tardis_db_rows_text(rows, 6),
            .created_at = tardis_db_rows_time(rows, 7),
            .sent_at = tardis_db_rows_time(rows, 8),
            .attempts = tardis_db_rows_unsigned(rows, 9),
            .next_attempt_at = tardis_db_rows_time(rows, 10),
            .error_code = tardis_db_rows_text(rows, 11),
            .error_text = tardis_db_rows_text(rows, 12),
        };
    }
    return found;
}
