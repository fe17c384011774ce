/**
 * @file tardis_db.h
 * Connections to MySQL or MariaDB. Opening, pooling and transactions are for everybody; the statements in the
 * second half are for the library's own `*_db.c` files only, which put a named operation around each.
 *
 * Every connection talks utf8mb4, has its time zone set to UTC, READ COMMITTED isolation and strict SQL mode,
 * and times out. Errors: TARDIS_DATABASE_UNAVAILABLE (cannot connect, connection lost, server shutting down),
 * TARDIS_DATABASE_BUSY (deadlock, lock wait, Galera conflict: roll back and repeat the transaction),
 * TARDIS_DATABASE_DUPLICATE (a unique key; a column or an index that exists), TARDIS_DATABASE_ERROR (all else,
 * with the server's text).
 */
#ifndef TARDIS_DB_H
#define TARDIS_DB_H

#include <apr_pools.h>
#include <apr_time.h>

#include "tardis_error.h"

/** One connection; used by one thread at a time. */
typedef struct tardis_db_t tardis_db_t;

/** Where the database is. */
typedef struct tardis_db_settings_t {
    const char *option_file; /**< a MySQL option file (user, password, host or socket, database, ssl-*) */
    const char *group;       /**< its group; NULL: "tardis" */
    int connect_timeout;     /**< seconds; 0: 10 */
    int io_timeout;          /**< seconds that one read or write may take; 0: 60 */
} tardis_db_settings_t;

/**
 * Connects. The connection closes when @a pool goes.
 * @return also TARDIS_CONFIG_INVALID if the option file cannot be read, or can be read by everybody.
 */
tardis_error_t *tardis_db_open(tardis_db_t **db, const tardis_db_settings_t *settings, apr_pool_t *pool);

/**
 * Makes sure the connection is usable: costs one poll() on its socket when it is, connects anew when the
 * server has closed it. Call it before the first statement after a pause. Never within a transaction.
 */
tardis_error_t *tardis_db_ensure(tardis_db_t *db, apr_pool_t *pool);

/** A pool of connections for a multi-threaded process; thread-safe. */
typedef struct tardis_db_pool_t tardis_db_pool_t;

/** A pool of at most @a maximum connections, made when first needed, that goes with @a pool. Connects nothing
 * yet. */
tardis_error_t *tardis_db_pool_create(tardis_db_pool_t **db_pool, const tardis_db_settings_t *settings,
                                      int maximum, apr_pool_t *pool);

/**
 * Lends a usable connection (see tardis_db_ensure()) until @a pool is cleared, which gives it back (rolled
 * back if a transaction was left open; closed if it broke). Waits at most 5 s for one to become free.
 */
tardis_error_t *tardis_db_pool_acquire(tardis_db_pool_t *db_pool, tardis_db_t **db, apr_pool_t *pool);

/** Starts a transaction. */
tardis_error_t *tardis_db_begin(tardis_db_t *db, apr_pool_t *pool);

/** Commits. After an error the transaction must be taken as not committed, and repeated if it is idempotent.
 */
tardis_error_t *tardis_db_commit(tardis_db_t *db, apr_pool_t *pool);

/** Ends the transaction that is open, if any, undoing it. Cannot fail: a lost connection undoes it as well.
 */
void tardis_db_rollback(tardis_db_t *db);

/* ---- Statements: for *_db.c only. ---- */

/** Whether the last statement failed because a table does not exist; for tardis_schema_require(). */
int tardis_db_lacks_table(const tardis_db_t *db);

/** What a parameter is. */
typedef enum {
    TARDIS_DB_NULL,
    TARDIS_DB_SIGNED,
    TARDIS_DB_UNSIGNED,
    TARDIS_DB_DOUBLE,
    TARDIS_DB_TEXT,
    TARDIS_DB_BYTES,
    TARDIS_DB_TIME
} tardis_db_type_t;

/** One parameter value; make it with the functions below. What it points to must outlive the call it is used
 * in. */
typedef struct tardis_db_value_t {
    tardis_db_type_t type;
    union {
        apr_int64_t s;
        apr_uint64_t u;
        double d;
        apr_time_t time;
        struct {
            const void *data;
            apr_size_t length;
        } bytes;
    } as;
} tardis_db_value_t;

/* Parameters of statements; text and bytes are not copied and must live until the statement has run. */
tardis_db_value_t tardis_db_signed(apr_int64_t value);    /**< a whole number */
tardis_db_value_t tardis_db_unsigned(apr_uint64_t value); /**< a whole number that is never negative */
tardis_db_value_t tardis_db_double(double value);         /**< a number */
tardis_db_value_t tardis_db_text(const char *value);      /**< NULL gives NULL */
tardis_db_value_t tardis_db_bytes(const void *data, apr_size_t length); /**< NULL data gives NULL */
tardis_db_value_t tardis_db_time(apr_time_t value); /**< microseconds since the epoch; 0 gives NULL */

/** The last two arguments of the calls below: `TARDIS_DB_VALUES(tardis_db_unsigned(id),
 * tardis_db_text(name))`. */
#define TARDIS_DB_VALUES(...)                                                                                \
    (const tardis_db_value_t[]){__VA_ARGS__},                                                                \
        (int)(sizeof((const tardis_db_value_t[]){__VA_ARGS__}) / sizeof(tardis_db_value_t))
/** The same for a statement without parameters. */
#define TARDIS_DB_NO_VALUES NULL, 0

/** What a statement changed. */
typedef struct tardis_db_changes_t {
    apr_uint64_t rows;      /**< affected rows: matched ones, also where an UPDATE left them as they were */
    apr_uint64_t insert_id; /**< AUTO_INCREMENT value of the (first) inserted row */
} tardis_db_changes_t;

/**
 * Runs a statement that returns no rows, prepared once per connection and text of @a sql.
 * @a changes may be NULL.
 */
tardis_error_t *tardis_db_execute(tardis_db_t *db, const char *sql, const tardis_db_value_t *values,
                                  int count, tardis_db_changes_t *changes, apr_pool_t *pool);

/** Rows of a query: buffered, so that other statements may run on the connection meanwhile. */
typedef struct tardis_db_rows_t tardis_db_rows_t;

/** Runs a query. The rows live in @a pool. */
tardis_error_t *tardis_db_query(tardis_db_t *db, const char *sql, const tardis_db_value_t *values, int count,
                                tardis_db_rows_t **rows, apr_pool_t *pool);

/** Steps to the next row (first call: to the first). Returns 0 when there is none. */
int tardis_db_rows_next(tardis_db_rows_t *rows);

/* Columns of the current row, counted from 0. Text and bytes live as long as the rows' pool. NULL columns
 * read as NULL or 0. Numbers are converted by the client library where the column is text. */
int tardis_db_rows_is_null(const tardis_db_rows_t *rows, int column);
apr_int64_t tardis_db_rows_signed(const tardis_db_rows_t *rows, int column);
apr_uint64_t tardis_db_rows_unsigned(const tardis_db_rows_t *rows, int column);
double tardis_db_rows_double(const tardis_db_rows_t *rows, int column);
const char *tardis_db_rows_text(const tardis_db_rows_t *rows, int column);
const void *tardis_db_rows_bytes(const tardis_db_rows_t *rows, int column, apr_size_t *length);
apr_time_t tardis_db_rows_time(const tardis_db_rows_t *rows, int column); /**< NULL reads as 0 */

/** A bulk INSERT: rows are gathered and sent many at a time through prepared multi-row statements. */
typedef struct tardis_db_bulk_t tardis_db_bulk_t;

/**
 * @param insert "INSERT INTO t (a, b) VALUES" (a literal).
 * @param columns how many values a row has.
 * Values are copied, so they need not outlive tardis_db_bulk_add(). The memory held is bounded.
 */
tardis_error_t *tardis_db_bulk_open(tardis_db_bulk_t **bulk, tardis_db_t *db, const char *insert, int columns,
                                    apr_pool_t *pool);
/** As tardis_db_bulk_open(). @param ending follows the rows: " ON DUPLICATE KEY UPDATE ..." (a literal). */
tardis_error_t *tardis_db_bulk_open_ending(tardis_db_bulk_t **bulk, tardis_db_t *db, const char *insert,
                                           int columns, const char *ending, apr_pool_t *pool);
tardis_error_t *tardis_db_bulk_add(tardis_db_bulk_t *bulk, const tardis_db_value_t *values, int count,
                                   apr_pool_t *pool);
/** Sends what is still held. Must be called before the transaction is committed. */
tardis_error_t *tardis_db_bulk_finish(tardis_db_bulk_t *bulk, apr_pool_t *pool);

#endif
