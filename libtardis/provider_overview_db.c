#include "provider_health_rows.h"

tardis_error_t *tardis_provider_overview(const tardis_context_t *context, apr_array_header_t **overview,
                                         apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *overview = apr_array_make(pool, 8, sizeof(tardis_provider_overview_t));
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT u.provider_url, CAST(COALESCE(c.pending, 0) AS UNSIGNED),"
        " CAST(COALESCE(c.failed, 0) AS UNSIGNED), p.held_by, p.reason, p.held_at, " PROVIDER_HEALTH_COLUMNS
        " FROM (SELECT DISTINCT provider_url FROM synced_experiment"
        " UNION SELECT provider_url FROM provider_health"
        " UNION SELECT provider_url FROM provider_hold WHERE released_at IS NULL) u"
        " LEFT JOIN (SELECT provider_url,"
        " SUM(state NOT IN ('" TARDIS_STATE_COMPLETE "', '" TARDIS_STATE_FAILED "')) AS pending,"
        " SUM(state = '" TARDIS_STATE_FAILED "') AS failed FROM synced_experiment GROUP BY provider_url) c"
        " ON c.provider_url = u.provider_url"
        " LEFT JOIN provider_health h ON h.provider_url = u.provider_url"
        " LEFT JOIN provider_hold p ON p.provider_url = u.provider_url AND p.released_at IS NULL"
        " ORDER BY u.provider_url",
        TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        *(tardis_provider_overview_t *)apr_array_push(*overview) = (tardis_provider_overview_t){
            .pending = tardis_db_rows_unsigned(rows, 1),
            .failed = tardis_db_rows_unsigned(rows, 2),
            .held_by = tardis_db_rows_text(rows, 3),
            .hold_reason = tardis_db_rows_text(rows, 4),
            .held_at = tardis_db_rows_time(rows, 5),
            .health = provider_health_row(rows, tardis_db_rows_text(rows, 0), 6),
        };
    }
    return error;
}
