#include "tardis_synced_db.h"

#include "tardis_db.h"

tardis_error_t *tardis_file_problem_add(const tardis_context_t *context, apr_uint64_t experiment_id,
                                        const apr_array_header_t *problems, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    for (int i = 0; i < problems->nelts && !error; i++) {
        const tardis_file_problem_t *problem = &APR_ARRAY_IDX(problems, i, tardis_file_problem_t);
        error = tardis_db_execute(
            context->db,
            "INSERT INTO file_problem (experiment_id, file_number, code, text, found_at)"
            " VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE code = VALUES(code),"
            " text = VALUES(text), found_at = VALUES(found_at)",
            TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_unsigned(problem->file_number),
                             tardis_db_text(problem->code), tardis_db_text(problem->text)),
            NULL, pool);
    }
    return error;
}

tardis_error_t *tardis_file_problem_first(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          int limit, apr_array_header_t **problems, apr_uint64_t *total,
                                          apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT file_number, code, text, COUNT(*) OVER () FROM file_problem WHERE experiment_id = ?"
        " ORDER BY file_number LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_signed(limit)), &rows, pool);
    if (error)
        return error;
    *problems = apr_array_make(pool, 8, sizeof(tardis_file_problem_t));
    *total = 0;
    while (tardis_db_rows_next(rows)) {
        tardis_file_problem_t *problem = apr_array_push(*problems);
        problem->file_number = tardis_db_rows_unsigned(rows, 0);
        problem->code = tardis_db_rows_text(rows, 1);
        problem->text = tardis_db_rows_text(rows, 2);
        *total = tardis_db_rows_unsigned(rows, 3);
    }
    return NULL;
}

tardis_error_t *tardis_file_problem_clear(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          apr_pool_t *pool)
{
    const tardis_db_value_t id = tardis_db_unsigned(experiment_id);
    tardis_error_t *error =
        tardis_db_execute(context->db, "DELETE FROM file_problem WHERE experiment_id = ?",
                          TARDIS_DB_VALUES(id), NULL, pool);
    if (error)
        return error;
    return tardis_db_execute(context->db, "DELETE FROM partial_retry WHERE experiment_id = ?",
                             TARDIS_DB_VALUES(id), NULL, pool);
}
