#include "tardis_catalogue.h"

#include "tardis_db.h"

/* Every query of experiments selects these, in the order in which read_experiment() reads them. */
#define SELECT_EXPERIMENT                                                                                    \
    "SELECT id, epn, title, description, institution, start_time, end_time, url, file_count, byte_count,"    \
    " created_at, updated_at FROM experiment "

static tardis_error_t *first_of(tardis_error_t *error, tardis_db_rows_t *rows,
                                tardis_experiment_t **experiment, apr_pool_t *pool);
static void read_experiment(const tardis_db_rows_t *rows, tardis_experiment_t *experiment);
static tardis_error_t *texts_of(const tardis_context_t *context, const char *sql, apr_uint64_t id,
                                apr_array_header_t **texts, apr_pool_t *pool);

tardis_error_t *tardis_experiment_by_id(const tardis_context_t *context, apr_uint64_t id,
                                        tardis_experiment_t **experiment, apr_pool_t *pool)
{
    tardis_db_rows_t *rows = NULL;
    tardis_error_t *error = tardis_db_query(context->db, SELECT_EXPERIMENT "WHERE id = ?",
                                            TARDIS_DB_VALUES(tardis_db_unsigned(id)), &rows, pool);
    return first_of(error, rows, experiment, pool);
}

tardis_error_t *tardis_experiment_hold(const tardis_context_t *context, apr_uint64_t id,
                                       tardis_experiment_t **experiment, apr_pool_t *pool)
{
    tardis_db_rows_t *rows = NULL;
    tardis_error_t *error = tardis_db_query(context->db, SELECT_EXPERIMENT "WHERE id = ? LOCK IN SHARE MODE",
                                            TARDIS_DB_VALUES(tardis_db_unsigned(id)), &rows, pool);
    return first_of(error, rows, experiment, pool);
}

tardis_error_t *tardis_experiment_by_epn(const tardis_context_t *context, const char *epn,
                                         tardis_experiment_t **experiment, apr_pool_t *pool)
{
    tardis_db_rows_t *rows = NULL;
    tardis_error_t *error =
        tardis_db_query(context->db, SELECT_EXPERIMENT "WHERE epn = ? ORDER BY id LIMIT 1",
                        TARDIS_DB_VALUES(tardis_db_text(epn)), &rows, pool);
    return first_of(error, rows, experiment, pool);
}

static tardis_error_t *first_of(tardis_error_t *error, tardis_db_rows_t *rows,
                                tardis_experiment_t **experiment, apr_pool_t *pool)
{
    *experiment = NULL;
    if (error || !tardis_db_rows_next(rows))
        return error;
    *experiment = apr_palloc(pool, sizeof(**experiment));
    read_experiment(rows, *experiment);
    return NULL;
}

static void read_experiment(const tardis_db_rows_t *rows, tardis_experiment_t *experiment)
{
    *experiment = (tardis_experiment_t){
        .id = tardis_db_rows_unsigned(rows, 0),
        .epn = tardis_db_rows_text(rows, 1),
        .title = tardis_db_rows_text(rows, 2),
        .description = tardis_db_rows_text(rows, 3),
        .institution = tardis_db_rows_text(rows, 4),
        .start_time = tardis_db_rows_text(rows, 5),
        .end_time = tardis_db_rows_text(rows, 6),
        .url = tardis_db_rows_text(rows, 7),
        .file_count = tardis_db_rows_unsigned(rows, 8),
        .byte_count = tardis_db_rows_unsigned(rows, 9),
        .created_at = tardis_db_rows_time(rows, 10),
        .updated_at = tardis_db_rows_time(rows, 11),
    };
}

tardis_error_t *tardis_experiment_page(const tardis_context_t *context, apr_uint64_t after_id, int limit,
                                       apr_array_header_t **experiments, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db, SELECT_EXPERIMENT "WHERE id > ? ORDER BY id LIMIT ?",
                        TARDIS_DB_VALUES(tardis_db_unsigned(after_id), tardis_db_signed(limit)), &rows, pool);
    if (error)
        return error;
    *experiments = apr_array_make(pool, 16, sizeof(tardis_experiment_t));
    while (tardis_db_rows_next(rows))
        read_experiment(rows, apr_array_push(*experiments));
    return NULL;
}

tardis_error_t *tardis_experiment_authors(const tardis_context_t *context, apr_uint64_t id,
                                          apr_array_header_t **names, apr_pool_t *pool)
{
    return texts_of(context, "SELECT name FROM author WHERE experiment_id = ? ORDER BY number", id, names,
                    pool);
}

tardis_error_t *tardis_experiment_owners(const tardis_context_t *context, apr_uint64_t id,
                                         apr_array_header_t **emails, apr_pool_t *pool)
{
    return texts_of(context, "SELECT email FROM owner WHERE experiment_id = ? ORDER BY number", id, emails,
                    pool);
}

static tardis_error_t *texts_of(const tardis_context_t *context, const char *sql, apr_uint64_t id,
                                apr_array_header_t **texts, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db, sql, TARDIS_DB_VALUES(tardis_db_unsigned(id)), &rows, pool);
    if (error)
        return error;
    *texts = apr_array_make(pool, 8, sizeof(const char *));
    while (tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*texts, const char *) = tardis_db_rows_text(rows, 0);
    return NULL;
}

tardis_error_t *tardis_experiment_unverifiable(const tardis_context_t *context, apr_uint64_t id,
                                               apr_uint64_t *count, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db, "SELECT COUNT(*) FROM datafile WHERE experiment_id = ? AND digest IS NULL",
        TARDIS_DB_VALUES(tardis_db_unsigned(id)), &rows, pool);
    if (error)
        return error;
    *count = tardis_db_rows_next(rows) ? tardis_db_rows_unsigned(rows, 0) : 0;
    return NULL;
}
