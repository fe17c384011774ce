#include "db_private.h"

#include <string.h>

#include <apr_strings.h>

static tardis_error_t *prepared(MYSQL_STMT **statement, tardis_db_t *db, const char *sql, apr_pool_t *pool);
static apr_status_t close_statement(void *data);
static void forget_statements(tardis_db_t *db);
static tardis_error_t *check_parameters(MYSQL_STMT *statement, const char *sql, int count, apr_pool_t *pool);
static tardis_error_t *statement_error(tardis_db_t *db, MYSQL_STMT *statement, apr_pool_t *pool);

tardis_error_t *tardis_db_execute(tardis_db_t *db, const char *sql, const tardis_db_value_t *values,
                                  int count, tardis_db_changes_t *changes, apr_pool_t *pool)
{
    return db_run(db, sql, values, count, NULL, changes, pool);
}

tardis_error_t *tardis_db_query(tardis_db_t *db, const char *sql, const tardis_db_value_t *values, int count,
                                tardis_db_rows_t **rows, apr_pool_t *pool)
{
    return db_run(db, sql, values, count, rows, NULL, pool);
}

tardis_error_t *db_run(tardis_db_t *db, const char *sql, const tardis_db_value_t *values, int count,
                       tardis_db_rows_t **rows, tardis_db_changes_t *changes, apr_pool_t *pool)
{
    MYSQL_STMT *statement = NULL;
    tardis_error_t *error = prepared(&statement, db, sql, pool);
    if (!error)
        error = check_parameters(statement, sql, count, pool);
    if (error)
        return error;

    apr_pool_clear(db->scratch);
    int failed =
        (count > 0 && mysql_stmt_bind_param(statement, db_bind_values(values, count, db->scratch))) ||
        mysql_stmt_execute(statement);
    if (!failed && changes) {
        changes->rows = mysql_stmt_affected_rows(statement);
        changes->insert_id = mysql_stmt_insert_id(statement);
    }
    if (!failed && rows)
        *rows = db_rows_fetch(statement, &failed, db->scratch, pool);
    if (failed)
        error = statement_error(db, statement, pool);
    if (!db->lost)
        mysql_stmt_free_result(statement);
    /* What the server does not know any more, or cannot keep up to date, is prepared anew next time. */
    if (!db->lost && (db->last_error == 1243 || db->last_error == 1615))
        forget_statements(db);
    return error;
}

static tardis_error_t *prepared(MYSQL_STMT **statement, tardis_db_t *db, const char *sql, apr_pool_t *pool)
{
    if (!db->mysql || db->lost)
        return db_lost_error(pool);
    db->last_error = 0;
    *statement = apr_hash_get(db->statements, sql, APR_HASH_KEY_STRING);
    if (*statement)
        return NULL;
    if (apr_hash_count(db->statements) >= DB_STATEMENTS_MAXIMUM)
        forget_statements(db);
    *statement = mysql_stmt_init(db->mysql);
    if (!*statement)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "out of memory for a database statement");
    if (mysql_stmt_prepare(*statement, sql, (unsigned long)strlen(sql))) {
        tardis_error_t *error =
            db_error(db, mysql_stmt_errno(*statement), mysql_stmt_error(*statement), pool);
        mysql_stmt_close(*statement);
        return error;
    }
    apr_pool_cleanup_register(db->cache, *statement, close_statement, apr_pool_cleanup_null);
    apr_hash_set(db->statements, apr_pstrdup(db->cache, sql), APR_HASH_KEY_STRING, *statement);
    return NULL;
}

static apr_status_t close_statement(void *data)
{
    mysql_stmt_close(data);
    return APR_SUCCESS;
}

static void forget_statements(tardis_db_t *db)
{
    apr_pool_clear(db->cache);
    db->statements = apr_hash_make(db->cache);
}

static tardis_error_t *check_parameters(MYSQL_STMT *statement, const char *sql, int count, apr_pool_t *pool)
{
    unsigned long wanted = mysql_stmt_param_count(statement);
    if (wanted == (unsigned long)count)
        return NULL;
    return tardis_error_create(pool, TARDIS_INTERNAL_ERROR,
                               "a statement needs %lu values and was given %d: %.200s", wanted, count, sql);
}

/* MariaDB's library leaves what went wrong while rows were fetched, a deadlock say, on the connection alone.
 */
static tardis_error_t *statement_error(tardis_db_t *db, MYSQL_STMT *statement, apr_pool_t *pool)
{
    if (mysql_stmt_errno(statement))
        return db_error(db, mysql_stmt_errno(statement), mysql_stmt_error(statement), pool);
    return db_error(db, mysql_errno(db->mysql), mysql_error(db->mysql), pool);
}
