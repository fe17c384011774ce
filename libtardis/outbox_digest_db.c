#include "tardis_outbox.h"

#include "tardis_db.h"

tardis_error_t *tardis_outbox_sum(const tardis_context_t *context, const char *lease_owner,
                                  tardis_outbox_sum_t *sum, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *sum = (tardis_outbox_sum_t){0};
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT COUNT(*), COUNT(IF(about_state = '" TARDIS_STATE_COMPLETE "', 1, NULL)),"
                        " COUNT(IF(about_state = '" TARDIS_STATE_FAILED "', 1, NULL)), MIN(id), MAX(attempts)"
                        " FROM notification WHERE lease_owner = ?",
                        TARDIS_DB_VALUES(tardis_db_text(lease_owner)), &rows, pool);
    if (error || !tardis_db_rows_next(rows))
        return error;
    *sum = (tardis_outbox_sum_t){
        .mails = tardis_db_rows_unsigned(rows, 0),
        .complete = tardis_db_rows_unsigned(rows, 1),
        .failed = tardis_db_rows_unsigned(rows, 2),
        .first_id = tardis_db_rows_unsigned(rows, 3),
        .attempts = tardis_db_rows_unsigned(rows, 4),
    };
    return NULL;
}

/* Chosen before they are joined, for there may be very many of them. */
tardis_error_t *tardis_outbox_items(const tardis_context_t *context, const char *lease_owner, int limit,
                                    apr_array_header_t **items, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *items = apr_array_make(pool, 16, sizeof(tardis_outbox_item_t));
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT n.experiment_id, n.about_state, n.about_code, n.subject, e.title, s.uid, s.state,"
        " s.error_text FROM (SELECT id, experiment_id, about_state, about_code, subject,"
        " CASE about_state WHEN '" TARDIS_STATE_FAILED "' THEN 1 WHEN '" TARDIS_STATE_COMPLETE "' THEN 3"
        " ELSE 2 END AS rank_of_kind FROM notification WHERE lease_owner = ?"
        " ORDER BY rank_of_kind, id LIMIT ?) n"
        " JOIN experiment e ON e.id = n.experiment_id"
        " LEFT JOIN synced_experiment s ON s.experiment_id = n.experiment_id ORDER BY n.rank_of_kind, n.id",
        TARDIS_DB_VALUES(tardis_db_text(lease_owner), tardis_db_signed(limit)), &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        *(tardis_outbox_item_t *)apr_array_push(*items) = (tardis_outbox_item_t){
            .experiment_id = tardis_db_rows_unsigned(rows, 0),
            .about_state = tardis_db_rows_text(rows, 1),
            .about_code = tardis_db_rows_text(rows, 2),
            .subject = tardis_db_rows_text(rows, 3),
            .title = tardis_db_rows_text(rows, 4),
            .uid = tardis_db_rows_text(rows, 5),
            .state = tardis_db_rows_text(rows, 6),
            .error_text = tardis_db_rows_text(rows, 7),
        };
    }
    return error;
}
