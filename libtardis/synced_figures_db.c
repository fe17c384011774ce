#include "tardis_synced_report.h"

#include "synced_rows.h"

static apr_interval_time_t age(const tardis_db_rows_t *rows, int column);

#define DUE "s.next_attempt_at <= UTC_TIMESTAMP(6) AND " SYNCED_FREE

/* What is being stepped keeps its time, and is not due until its lease has ended. */
tardis_error_t *tardis_synced_figures(const tardis_context_t *context, apr_array_header_t **figures,
                                      apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *figures = apr_array_make(pool, 8, sizeof(tardis_synced_figures_t));
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT s.state, COUNT(*), TIMESTAMPDIFF(MICROSECOND, MIN(s.state_since), UTC_TIMESTAMP(6)),"
        " CAST(SUM(s.checked_through) AS UNSIGNED), CAST(SUM(s.bytes_checked) AS UNSIGNED),"
        " COUNT(IF(s.lease_until > UTC_TIMESTAMP(6), 1, NULL)),"
        " COUNT(IF(s.lease_until <= UTC_TIMESTAMP(6), 1, NULL)),"
        " COUNT(IF(" DUE ", 1, NULL)),"
        " TIMESTAMPDIFF(MICROSECOND, MIN(IF(" DUE ", s.next_attempt_at, NULL)), UTC_TIMESTAMP(6)),"
        " COUNT(IF(s.next_attempt_at IS NULL, 1, NULL))"
        " FROM synced_experiment s GROUP BY s.state ORDER BY s.state",
        TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        *(tardis_synced_figures_t *)apr_array_push(*figures) = (tardis_synced_figures_t){
            .state = tardis_db_rows_text(rows, 0),
            .experiments = tardis_db_rows_unsigned(rows, 1),
            .oldest_age = age(rows, 2),
            .files_checked = tardis_db_rows_unsigned(rows, 3),
            .bytes_checked = tardis_db_rows_unsigned(rows, 4),
            .leases_held = tardis_db_rows_unsigned(rows, 5),
            .leases_expired = tardis_db_rows_unsigned(rows, 6),
            .due = tardis_db_rows_unsigned(rows, 7),
            .longest_due = age(rows, 8),
            .idle = tardis_db_rows_unsigned(rows, 9),
        };
    }
    return error;
}

/* What is yet to come has no age. */
static apr_interval_time_t age(const tardis_db_rows_t *rows, int column)
{
    apr_int64_t microseconds = tardis_db_rows_signed(rows, column);
    return microseconds > 0 ? microseconds : 0;
}

/* By state they would need a join, which takes longer than everything else together. */
tardis_error_t *tardis_promised_figures(const tardis_context_t *context, tardis_promised_figures_t *figures,
                                        apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *figures = (tardis_promised_figures_t){0};
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT CAST(SUM(file_count) AS UNSIGNED), CAST(SUM(byte_count) AS UNSIGNED) FROM experiment",
        TARDIS_DB_NO_VALUES, &rows, pool);
    if (!error && tardis_db_rows_next(rows)) {
        figures->files = tardis_db_rows_unsigned(rows, 0);
        figures->bytes = tardis_db_rows_unsigned(rows, 1);
    }
    return error;
}

tardis_error_t *tardis_synced_error_figures(const tardis_context_t *context, apr_array_header_t **figures,
                                            apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *figures = apr_array_make(pool, 8, sizeof(tardis_synced_error_figures_t));
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT state, error_code, COUNT(*) FROM synced_experiment"
                        " WHERE error_code IS NOT NULL GROUP BY state, error_code ORDER BY state, error_code",
                        TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        *(tardis_synced_error_figures_t *)apr_array_push(*figures) = (tardis_synced_error_figures_t){
            .state = tardis_db_rows_text(rows, 0),
            .code = tardis_db_rows_text(rows, 1),
            .experiments = tardis_db_rows_unsigned(rows, 2),
        };
    }
    return error;
}

tardis_error_t *tardis_outbox_figures(const tardis_context_t *context, tardis_outbox_figures_t *figures,
                                      apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *figures = (tardis_outbox_figures_t){0};
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT COUNT(next_attempt_at), TIMESTAMPDIFF(MICROSECOND,"
                        " MIN(IF(next_attempt_at IS NULL, NULL, created_at)), UTC_TIMESTAMP(6)),"
                        " COUNT(*) - COUNT(next_attempt_at) FROM notification WHERE sent_at IS NULL",
                        TARDIS_DB_NO_VALUES, &rows, pool);
    if (!error && tardis_db_rows_next(rows)) {
        figures->waiting = tardis_db_rows_unsigned(rows, 0);
        figures->oldest_age = age(rows, 1);
        figures->given_up = tardis_db_rows_unsigned(rows, 2);
    }
    return error;
}
