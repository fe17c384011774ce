#include "tardis_partial_retry.h"

#include <string.h>

#include "catalogue_private.h"
#include "db_transact.h"
#include "tardis_status.h"

/* What decides whether some files are enough. */
#define PLAN                                                                                                 \
    "SELECT s.checked_through, e.file_count, s.status_document, p.sending, p.agreed,"                        \
    " (SELECT COUNT(*) FROM file_problem f WHERE f.experiment_id = s.experiment_id)"                         \
    " FROM synced_experiment s JOIN experiment e ON e.id = s.experiment_id"                                  \
    " LEFT JOIN partial_retry p ON p.experiment_id = s.experiment_id"                                        \
    " WHERE s.experiment_id = ? AND s.state = '" TARDIS_STATE_FAILED "'"

/* A change under a lease. */
typedef struct {
    apr_uint64_t experiment_id;
    const char *lease_owner;
    apr_uint64_t sending;
} change_t;

static tardis_error_t *read_plan(const tardis_context_t *context, const char *statement,
                                 apr_uint64_t experiment_id, int *failed, tardis_partial_retry_t **partial,
                                 apr_pool_t *pool);
static apr_uint64_t sending_of(const tardis_db_rows_t *rows, apr_pool_t *pool);
static tardis_error_t *agree(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *forget(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *save(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *held(const tardis_context_t *context, const char *statement,
                            apr_uint64_t experiment_id, const char *lease_owner, apr_pool_t *pool);

tardis_error_t *tardis_partial_retry_find(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          tardis_partial_retry_t **partial, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *partial = NULL;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT p.sending, p.agreed, p.files, p.checked_through, e.file_count FROM partial_retry p"
        " JOIN experiment e ON e.id = p.experiment_id WHERE p.experiment_id = ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), &rows, pool);
    if (error || !tardis_db_rows_next(rows))
        return error;
    *partial = apr_palloc(pool, sizeof(**partial));
    **partial = (tardis_partial_retry_t){
        .sending = tardis_db_rows_unsigned(rows, 0),
        .agreed = tardis_db_rows_signed(rows, 1) != 0,
        .files = tardis_db_rows_unsigned(rows, 2),
        .checked_through = tardis_db_rows_unsigned(rows, 3),
        .all = tardis_db_rows_unsigned(rows, 4),
    };
    return NULL;
}

tardis_error_t *tardis_partial_retry_plan(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          tardis_partial_retry_t **partial, apr_pool_t *pool)
{
    int failed;
    return read_plan(context, PLAN, experiment_id, &failed, partial, pool);
}

static tardis_error_t *read_plan(const tardis_context_t *context, const char *statement,
                                 apr_uint64_t experiment_id, int *failed, tardis_partial_retry_t **partial,
                                 apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *partial = NULL;
    *failed = 0;
    tardis_error_t *error = tardis_db_query(context->db, statement,
                                            TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), &rows, pool);
    if (error || !tardis_db_rows_next(rows))
        return error;
    *failed = 1;
    apr_uint64_t files = tardis_db_rows_unsigned(rows, 5);
    apr_uint64_t all = tardis_db_rows_unsigned(rows, 1);
    if (tardis_db_rows_unsigned(rows, 0) < all || !files || files > TARDIS_GET_FILES_MAX)
        return NULL;
    apr_uint64_t sending = sending_of(rows, pool);
    if (!sending)
        return NULL;
    *partial = apr_palloc(pool, sizeof(**partial));
    **partial = (tardis_partial_retry_t){.sending = sending, .files = files, .all = all};
    return NULL;
}

/*
 * The last sending that is known to be of no file that counts as proven; 0: there is none. The files were
 * checked after the sending that the provider last called Complete. If it was agreed which files that is of,
 * it has to be the one that was agreed; and if the provider never called that one Complete, nothing was
 * checked after it, but nothing else was sent in it either.
 */
static apr_uint64_t sending_of(const tardis_db_rows_t *rows, apr_pool_t *pool)
{
    const char *document = tardis_db_rows_text(rows, 2);
    apr_uint64_t kept = tardis_db_rows_unsigned(rows, 3);
    tardis_status_t *status = NULL;
    if (document && tardis_status_decode(document, strlen(document), &status, pool))
        return 0;
    if (!status || status->status != TARDIS_STATUS_COMPLETE)
        return kept;
    apr_uint64_t told = status->sending > 0 ? (apr_uint64_t)status->sending : 0;
    return !kept || (tardis_db_rows_signed(rows, 4) && told == kept) ? told : 0;
}

tardis_error_t *tardis_partial_retry_begin(const tardis_context_t *context, apr_uint64_t experiment_id,
                                           int *failed, tardis_partial_retry_t **partial, apr_pool_t *pool)
{
    tardis_error_t *error = read_plan(context, PLAN " FOR UPDATE", experiment_id, failed, partial, pool);
    if (error || !*failed)
        return error;
    if (!*partial)
        return tardis_file_problem_clear(context, experiment_id, pool);
    return tardis_db_execute(
        context->db,
        "INSERT INTO partial_retry (experiment_id, sending, files) VALUES (?, ?, ?)"
        " ON DUPLICATE KEY UPDATE sending = VALUES(sending), agreed = FALSE, files = VALUES(files),"
        " checked_through = 0",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_unsigned((*partial)->sending),
                         tardis_db_unsigned((*partial)->files)),
        NULL, pool);
}

tardis_error_t *tardis_partial_retry_agree(const tardis_context_t *context, apr_uint64_t experiment_id,
                                           const char *lease_owner, apr_uint64_t sending, apr_pool_t *pool)
{
    const change_t change = {experiment_id, lease_owner, sending};
    return db_transact(context, agree, &change, pool);
}

static tardis_error_t *agree(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    tardis_error_t *error = held(context,
                                 "UPDATE synced_experiment SET updated_at = UTC_TIMESTAMP(6)"
                                 " WHERE experiment_id = ? AND lease_owner = ?",
                                 change->experiment_id, change->lease_owner, pool);
    if (error)
        return error;
    return tardis_db_execute(
        context->db,
        "UPDATE partial_retry SET sending = ?, agreed = TRUE, checked_through = 0 WHERE experiment_id = ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(change->sending), tardis_db_unsigned(change->experiment_id)),
        NULL, pool);
}

tardis_error_t *tardis_partial_retry_forget(const tardis_context_t *context, apr_uint64_t experiment_id,
                                            const char *lease_owner, apr_pool_t *pool)
{
    const change_t change = {experiment_id, lease_owner, 0};
    return db_transact(context, forget, &change, pool);
}

static tardis_error_t *forget(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    tardis_error_t *error = held(context,
                                 "UPDATE synced_experiment SET checked_through = 0, bytes_checked = 0,"
                                 " updated_at = UTC_TIMESTAMP(6) WHERE experiment_id = ? AND lease_owner = ?",
                                 change->experiment_id, change->lease_owner, pool);
    return error ? error : tardis_file_problem_clear(context, change->experiment_id, pool);
}

tardis_error_t *tardis_partial_retry_save(const tardis_context_t *context,
                                          const tardis_partial_check_t *check, apr_pool_t *pool)
{
    return db_transact(context, save, check, pool);
}

static tardis_error_t *save(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const tardis_partial_check_t *check = baton;
    const tardis_db_value_t id = tardis_db_unsigned(check->experiment_id);
    tardis_error_t *error = held(context,
                                 "UPDATE synced_experiment SET updated_at = UTC_TIMESTAMP(6)"
                                 " WHERE experiment_id = ? AND lease_owner = ?",
                                 check->experiment_id, check->lease_owner, pool);
    for (int i = 0; !error && i < check->mended->nelts; i++)
        error = tardis_db_execute(
            context->db, "DELETE FROM file_problem WHERE experiment_id = ? AND file_number = ?",
            TARDIS_DB_VALUES(id, tardis_db_unsigned(APR_ARRAY_IDX(check->mended, i, apr_uint32_t))), NULL,
            pool);
    if (!error)
        error = tardis_file_problem_add(context, check->experiment_id, check->problems, pool);
    if (error)
        return error;
    return tardis_db_execute(context->db,
                             "UPDATE partial_retry SET checked_through = ? WHERE experiment_id = ?",
                             TARDIS_DB_VALUES(tardis_db_unsigned(check->checked_through), id), NULL, pool);
}

/* @param statement changes the row, which has to be under this lease. */
static tardis_error_t *held(const tardis_context_t *context, const char *statement,
                            apr_uint64_t experiment_id, const char *lease_owner, apr_pool_t *pool)
{
    tardis_db_changes_t changes;
    tardis_error_t *error = tardis_db_execute(
        context->db, statement,
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_text(lease_owner)), &changes, pool);
    if (!error && changes.rows != 1)
        return tardis_error_create(pool, TARDIS_LEASE_LOST,
                                   "experiment %" APR_UINT64_T_FMT " was taken over by another process",
                                   experiment_id);
    return error;
}

tardis_error_t *tardis_partial_retry_files(const tardis_context_t *context, apr_uint64_t experiment_id,
                                           apr_uint32_t after, int limit, apr_array_header_t **files,
                                           apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT d.number, " CATALOGUE_DATAFILE_COLUMNS
                        " FROM file_problem f JOIN datafile d ON d.experiment_id = f.experiment_id"
                        " AND d.number = f.file_number WHERE f.experiment_id = ? AND f.file_number > ?"
                        " ORDER BY f.file_number LIMIT ?",
                        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_unsigned(after),
                                         tardis_db_signed(limit)),
                        &rows, pool);
    return error ? error : catalogue_datafiles_read(rows, files, pool);
}
