/**
 * @file db_private.h
 * What the files db*.c share. Only they include it, and through it mysql.h.
 *
 * db.c connects, db_option_file.c checks its file first, db_pool.c lends connections, db_statements.c runs
 * statements, db_values.c translates parameters, db_rows.c holds results, db_bulk.c inserts many rows,
 * db_errors.c classifies what the server says.
 */
#ifndef TARDIS_DB_PRIVATE_H
#define TARDIS_DB_PRIVATE_H

#include "build.h"

#include <mysql.h>
#include <stdbool.h>

#include <apr_hash.h>

#include "tardis_db.h"

/* Oracle's library uses bool since 8.0, MariaDB's and older ones have my_bool. */
#if !defined(MARIADB_BASE_VERSION) && MYSQL_VERSION_ID >= 80001
typedef bool db_flag_t;
#else
typedef my_bool db_flag_t;
#endif

/**
 * Prepared statements that one connection keeps; when there are more, all are closed and the cache starts
 * anew.
 */
#define DB_STATEMENTS_MAXIMUM 128

struct tardis_db_t {
    tardis_db_settings_t settings;
    apr_pool_t *pool;       /**< lives as long as the handle */
    apr_pool_t *connection; /**< lives as long as one connection; its cleanup closes mysql */
    apr_pool_t *cache;      /**< holds the prepared statements; its cleanups close them */
    apr_pool_t *scratch;    /**< cleared by each statement */
    MYSQL *mysql;           /**< NULL: not connected */
    apr_hash_t *statements; /**< of MYSQL_STMT *, by the text of the statement */
    int lost;               /**< the connection broke: nothing more is sent on it */
    int in_transaction;
    unsigned last_error; /**< the server's number for the last statement; 0: it succeeded */
};

struct tardis_db_rows_t {
    apr_pool_t *pool;
    int columns;
    struct db_row_t *first;
    struct db_row_t *last;
    struct db_row_t *current; /**< NULL: before the first or after the last */
    int started;
};

/** One row of a result; numbers, times and strings as the column's type has them. */
typedef struct db_row_t {
    struct db_row_t *next;
    tardis_db_value_t cells[];
} db_row_t;

/** A handle that is not connected yet. */
tardis_db_t *db_create(const tardis_db_settings_t *settings, apr_pool_t *pool);

/** Closes the connection, if there is one. */
void db_disconnect(tardis_db_t *db);

/**
 * The typed error for @a number and @a text of the server or the client library; notes whether the connection
 * broke.
 */
tardis_error_t *db_error(tardis_db_t *db, unsigned number, const char *text, apr_pool_t *pool);

/** The typed error of an attempt to connect that failed. */
tardis_error_t *db_connect_error(tardis_db_t *db, apr_pool_t *pool);

/**
 * Refuses an option file that is not there, that everybody may read, or that lacks the group:
 * TARDIS_CONFIG_INVALID.
 */
tardis_error_t *db_option_file_check(const tardis_db_settings_t *settings, apr_pool_t *pool);

/** The error of a statement on a connection that is already known to be broken. */
tardis_error_t *db_lost_error(apr_pool_t *pool);

/** Translates @a count values to parameters that point into them or into @a pool. */
MYSQL_BIND *db_bind_values(const tardis_db_value_t *values, int count, apr_pool_t *pool);

/**
 * Copies all rows of the executed @a statement to @a pool.
 * @param failed set to 1 if fetching failed; the statement's error tells why.
 */
tardis_db_rows_t *db_rows_fetch(MYSQL_STMT *statement, int *failed, apr_pool_t *scratch, apr_pool_t *pool);

/** As tardis_db_query() and tardis_db_execute(): @a rows and @a changes may both be NULL. */
tardis_error_t *db_run(tardis_db_t *db, const char *sql, const tardis_db_value_t *values, int count,
                       tardis_db_rows_t **rows, tardis_db_changes_t *changes, apr_pool_t *pool);

#endif
