#include "db_private.h"

#include <poll.h>
#include <pthread.h>

#include <apr_strings.h>

static void start_library(void);
static tardis_error_t *connect_anew(tardis_db_t *db, apr_pool_t *pool);
static tardis_error_t *set_session(tardis_db_t *db, apr_pool_t *pool);
static void set_options(tardis_db_t *db);
static apr_status_t close_connection(void *data);
static int is_closed_by_server(MYSQL *mysql);
static tardis_error_t *send_text(tardis_db_t *db, const char *sql, apr_pool_t *pool);

tardis_error_t *tardis_db_open(tardis_db_t **db, const tardis_db_settings_t *settings, apr_pool_t *pool)
{
    *db = db_create(settings, pool);
    return tardis_db_ensure(*db, pool);
}

tardis_db_t *db_create(const tardis_db_settings_t *settings, apr_pool_t *pool)
{
    static pthread_once_t started = PTHREAD_ONCE_INIT;
    pthread_once(&started, start_library);

    tardis_db_t *db = apr_pcalloc(pool, sizeof(*db));
    db->pool = pool;
    db->settings.option_file = apr_pstrdup(pool, settings->option_file);
    db->settings.group = apr_pstrdup(pool, settings->group ? settings->group : "tardis");
    db->settings.connect_timeout = settings->connect_timeout > 0 ? settings->connect_timeout : 10;
    db->settings.io_timeout = settings->io_timeout > 0 ? settings->io_timeout : 60;
    apr_pool_create(&db->scratch, pool);
    return db;
}

/* The first mysql_init() would do it too, but not safely where several threads connect at once. */
static void start_library(void)
{
    mysql_library_init(0, NULL, NULL);
}

tardis_error_t *tardis_db_ensure(tardis_db_t *db, apr_pool_t *pool)
{
    if (db->in_transaction && !db->lost)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR,
                                   "the database connection was to be renewed within a transaction");
    if (db->mysql && !db->lost && !is_closed_by_server(db->mysql))
        return NULL;
    db_disconnect(db);
    return connect_anew(db, pool);
}

/* Between statements the server has nothing to say: what can be read is its farewell or the end of the
 * stream. */
static int is_closed_by_server(MYSQL *mysql)
{
#ifdef HAVE_MYSQL_GET_SOCKET
    struct pollfd idle = {.fd = (int)mysql_get_socket(mysql), .events = POLLIN};
#else
    struct pollfd idle = {.fd = (int)mysql->net.fd, .events = POLLIN};
#endif
    return poll(&idle, 1, 0) != 0;
}

static tardis_error_t *connect_anew(tardis_db_t *db, apr_pool_t *pool)
{
    tardis_error_t *error = db_option_file_check(&db->settings, pool);
    if (error)
        return error;
    db->mysql = mysql_init(NULL);
    if (!db->mysql)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "out of memory for a database connection");
    apr_pool_create(&db->connection, db->pool);
    apr_pool_cleanup_register(db->connection, db, close_connection, apr_pool_cleanup_null);
    apr_pool_create(&db->cache, db->connection);
    db->statements = apr_hash_make(db->cache);
    set_options(db);
    if (!mysql_real_connect(db->mysql, NULL, NULL, NULL, NULL, 0, NULL, CLIENT_FOUND_ROWS)) {
        error = db_connect_error(db, pool);
        db_disconnect(db);
        return error;
    }
    error = set_session(db, pool);
    if (error)
        db_disconnect(db);
    return error;
}

static apr_status_t close_connection(void *data)
{
    tardis_db_t *db = data;
    mysql_close(db->mysql);
    db->mysql = NULL;
    return APR_SUCCESS;
}

void db_disconnect(tardis_db_t *db)
{
    if (db->connection)
        apr_pool_destroy(db->connection);
    db->connection = NULL;
    db->cache = NULL;
    db->statements = NULL;
    db->lost = 0;
    db->in_transaction = 0;
}

static void set_options(tardis_db_t *db)
{
    unsigned connect_timeout = (unsigned)db->settings.connect_timeout;
    unsigned io_timeout = (unsigned)db->settings.io_timeout;
    unsigned no_local_files = 0;
    mysql_options(db->mysql, MYSQL_READ_DEFAULT_FILE, db->settings.option_file);
    mysql_options(db->mysql, MYSQL_READ_DEFAULT_GROUP, db->settings.group);
    mysql_options(db->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(db->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout);
    mysql_options(db->mysql, MYSQL_OPT_READ_TIMEOUT, &io_timeout);
    mysql_options(db->mysql, MYSQL_OPT_WRITE_TIMEOUT, &io_timeout);
    mysql_options(db->mysql, MYSQL_OPT_LOCAL_INFILE, &no_local_files);
}

/* The isolation level has no variable whose name MySQL and MariaDB share, hence a statement of its own. */
static tardis_error_t *set_session(tardis_db_t *db, apr_pool_t *pool)
{
    static const char *const statements[] = {
        "SET NAMES utf8mb4, time_zone = '+00:00',"
        " sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        NULL,
    };
    for (int i = 0; statements[i]; i++) {
        tardis_error_t *error = send_text(db, statements[i], pool);
        if (error)
            return error;
    }
    return NULL;
}

tardis_error_t *tardis_db_begin(tardis_db_t *db, apr_pool_t *pool)
{
    if (db->in_transaction)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "a transaction was begun within another");
    tardis_error_t *error = send_text(db, "START TRANSACTION", pool);
    db->in_transaction = error == NULL;
    return error;
}

tardis_error_t *tardis_db_commit(tardis_db_t *db, apr_pool_t *pool)
{
    if (!db->in_transaction)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "a commit without a transaction");
    tardis_error_t *error = send_text(db, "COMMIT", pool);
    if (error)
        tardis_db_rollback(db);
    db->in_transaction = 0;
    return error;
}

static tardis_error_t *send_text(tardis_db_t *db, const char *sql, apr_pool_t *pool)
{
    if (!db->mysql || db->lost)
        return db_lost_error(pool);
    db->last_error = 0;
    if (mysql_query(db->mysql, sql))
        return db_error(db, mysql_errno(db->mysql), mysql_error(db->mysql), pool);
    return NULL;
}

void tardis_db_rollback(tardis_db_t *db)
{
    if (!db->in_transaction)
        return;
    db->in_transaction = 0;
    if (db->mysql && !db->lost && mysql_query(db->mysql, "ROLLBACK"))
        db->lost = 1;
}

int tardis_db_lacks_table(const tardis_db_t *db)
{
    return db->last_error == 1146;
}
