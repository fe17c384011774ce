#include "tardis_transfer_db.h"

#include <string.h>

#include <apr_strings.h>

#include "transfer_rows.h"

static tardis_error_t *restart_queued(const tardis_context_t *context, apr_uint64_t experiment_id,
                                      apr_pool_t *pool);
static tardis_error_t *outdate_complete(const tardis_context_t *context, apr_uint64_t experiment_id,
                                        apr_pool_t *pool);

tardis_error_t *tardis_source_write(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    const char *directory, apr_pool_t *pool)
{
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "INSERT INTO experiment_source (experiment_id, directory) VALUES (?, ?) "
        "ON DUPLICATE KEY UPDATE directory = VALUES(directory)",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_text(directory)), NULL, pool);
    if (!error)
        error = restart_queued(context, experiment_id, pool);
    return error ? error : outdate_complete(context, experiment_id, pool);
}

/* What was sent of another list of files counts for nothing. */
static tardis_error_t *restart_queued(const tardis_context_t *context, apr_uint64_t experiment_id,
                                      apr_pool_t *pool)
{
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "DELETE f FROM transfer_file f JOIN transfer t ON t.id = f.transfer_id WHERE t.experiment_id = ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), NULL, pool);
    if (error)
        return error;
    return tardis_db_execute(
        context->db,
        "UPDATE transfer t JOIN experiment e ON e.id = t.experiment_id SET t.sent_through = 0, t.files_done "
        "= 0, "
        "t.bytes_done = 0, t.files_total = e.file_count, t.bytes_total = e.byte_count, "
        "t.partial_after = NULL, t.partial_digest = NULL, "
        "t.updated_at = UTC_TIMESTAMP(6) WHERE t.experiment_id = ? AND t.state <> 'Complete'",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), NULL, pool);
}

/* A site that asks from now on asks for other files, even if it has not seen that the old ones are sent. */
static tardis_error_t *outdate_complete(const tardis_context_t *context, apr_uint64_t experiment_id,
                                        apr_pool_t *pool)
{
    return tardis_db_execute(
        context->db,
        "UPDATE transfer SET told_complete = TRUE WHERE experiment_id = ? AND state = 'Complete'",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), NULL, pool);
}

tardis_error_t *tardis_source_find(const tardis_context_t *context, apr_uint64_t experiment_id,
                                   const char **directory, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *directory = NULL;
    tardis_error_t *error =
        tardis_db_query(context->db, "SELECT directory FROM experiment_source WHERE experiment_id = ?",
                        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), &rows, pool);
    if (!error && tardis_db_rows_next(rows))
        *directory = tardis_db_rows_text(rows, 0);
    return error;
}

tardis_error_t *tardis_source_hold(const tardis_context_t *context, apr_uint64_t experiment_id,
                                   apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT t.state, t.site_name FROM experiment e LEFT JOIN transfer t ON t.experiment_id = e.id "
        "WHERE e.id = ? FOR UPDATE",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        const char *state = tardis_db_rows_text(rows, 0);
        if (state && strcmp(state, TARDIS_TRANSFER_STATE_SENDING) == 0)
            return tardis_error_create(pool, TARDIS_CONFLICT, "it is being sent to %s; cancel that first",
                                       tardis_db_rows_text(rows, 1));
    }
    return error;
}

tardis_error_t *tardis_source_epn_taken(const tardis_context_t *context, const char *epn,
                                        apr_uint64_t experiment_id, apr_uint64_t *other_id, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *other_id = 0;
    tardis_error_t *error = tardis_db_query(
        context->db, "SELECT id FROM experiment WHERE epn = ? AND id <> ? ORDER BY id LIMIT 1 FOR UPDATE",
        TARDIS_DB_VALUES(tardis_db_text(epn), tardis_db_unsigned(experiment_id)), &rows, pool);
    if (!error && tardis_db_rows_next(rows))
        *other_id = tardis_db_rows_unsigned(rows, 0);
    return error;
}
