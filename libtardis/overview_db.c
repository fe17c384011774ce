#include "tardis_transfer_db.h"

#include "transfer_rows.h"

static tardis_overview_t *from_row(const tardis_db_rows_t *rows, apr_pool_t *pool);

tardis_error_t *tardis_overview_page(const tardis_context_t *context, apr_uint64_t after_id, int limit,
                                     apr_array_header_t **lines, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *lines = apr_array_make(pool, limit, sizeof(tardis_overview_t *));
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT e.id, e.epn, e.title, e.file_count, e.byte_count, COALESCE(t.site_name, r.site_name), "
        "s.site_url, "
        "r.state, t.state, t.files_done, t.bytes_done, COALESCE(t.updated_at, r.updated_at, e.updated_at), "
        "COALESCE(t.error_code, IF(t.id IS NULL, r.error_code, NULL)), t.partial_after IS NOT NULL, "
        "t.files_total "
        "FROM (SELECT id, epn, title, file_count, byte_count, updated_at FROM experiment WHERE id > ? "
        "ORDER BY id LIMIT ?) e "
        "LEFT JOIN (SELECT experiment_id, site_url FROM registration UNION "
        "SELECT experiment_id, site_url FROM transfer) s ON s.experiment_id = e.id "
        "LEFT JOIN registration r ON r.experiment_id = s.experiment_id AND r.site_url = s.site_url "
        "LEFT JOIN transfer t ON t.experiment_id = s.experiment_id AND t.site_url = s.site_url "
        "ORDER BY e.id, 6, s.site_url",
        TARDIS_DB_VALUES(tardis_db_unsigned(after_id), tardis_db_signed(limit)), &rows, pool);
    while (!error && tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*lines, tardis_overview_t *) = from_row(rows, pool);
    return error;
}

static tardis_overview_t *from_row(const tardis_db_rows_t *rows, apr_pool_t *pool)
{
    tardis_overview_t *line = apr_pcalloc(pool, sizeof(*line));
    line->experiment_id = tardis_db_rows_unsigned(rows, 0);
    line->epn = tardis_db_rows_text(rows, 1);
    line->title = tardis_db_rows_text(rows, 2);
    line->file_count = tardis_db_rows_unsigned(rows, 3);
    line->byte_count = tardis_db_rows_unsigned(rows, 4);
    line->site_name = tardis_db_rows_text(rows, 5);
    line->site_url = tardis_db_rows_text(rows, 6);
    line->registration_state = tardis_db_rows_text(rows, 7);
    line->transfer_state = tardis_db_rows_text(rows, 8);
    line->files_done = tardis_db_rows_unsigned(rows, 9);
    line->bytes_done = tardis_db_rows_unsigned(rows, 10);
    line->updated_at = tardis_db_rows_time(rows, 11);
    line->error_code = tardis_db_rows_text(rows, 12);
    line->partial = tardis_db_rows_signed(rows, 13) != 0;
    line->files_total = tardis_db_rows_unsigned(rows, 14);
    return line;
}
