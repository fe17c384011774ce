/*
 * Drives tardis_db.h and tardis_schema.h for t/db/: reads commands, one a line, and answers each with lines
 * "row VALUE<tab>VALUE..." and at last "ok TEXT" or "error CODE TEXT".
 *
 *   db_client OPTION-FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "tardis_context.h"
#include "tardis_db.h"
#include "tardis_schema.h"

typedef struct {
    tardis_db_settings_t settings;
    tardis_context_t context;
    tardis_db_pool_t *db_pool;
    apr_pool_t *pool; /* of the process */
    const char *answer;
} client_t;

typedef tardis_error_t *command_fn(client_t *client, const char *argument, apr_pool_t *pool);

static command_fn do_connect, do_ensure, do_begin, do_commit, do_rollback, do_execute, do_query, do_values,
    do_nested;
static command_fn do_bulk, do_upgrade, do_require, do_check, do_describe;
static command_fn do_pool_create, do_pool_query, do_pool_leave, do_pool_exhaust, do_pool_threads;

static const struct {
    const char *name;
    command_fn *run;
} commands[] = {
    {"connect", do_connect},
    {"ensure", do_ensure},
    {"begin", do_begin},
    {"commit", do_commit},
    {"rollback", do_rollback},
    {"execute", do_execute}, /* a statement */
    {"query", do_query},     /* a query */
    {"values", do_values},   /* NULLs and one value of each type there and back */
    {"nested", do_nested},   /* a query within itself */
    {"bulk", do_bulk},       /* this many rows into the table bulk */
    {"upgrade", do_upgrade}, /* provider or consumer */
    {"require", do_require}, /* likewise */
    {"check", do_check},     /* likewise */
    {"describe", do_describe},
    {"pool-create", do_pool_create},   /* maximum */
    {"pool-query", do_pool_query},     /* a query on a borrowed connection */
    {"pool-leave", do_pool_leave},     /* a statement within a transaction that is left open */
    {"pool-exhaust", do_pool_exhaust}, /* borrows this many at once */
    {"pool-threads", do_pool_threads}, /* this many threads, 50 rounds each */
};

static void answer_line(client_t *client, const char *line, apr_pool_t *pool);
static void print_rows(tardis_db_rows_t *rows, int columns);

int main(int argc, char **argv)
{
    char line[16384];
    apr_pool_t *pool;
    apr_pool_t *scratch;
    if (argc != 2) {
        fprintf(stderr, "usage: db_client OPTION-FILE\n");
        return 64;
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&scratch, pool);
    client_t client = {.settings = {.option_file = argv[1], .connect_timeout = 5}, .pool = pool};
    client.context.pool = pool;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        answer_line(&client, line, scratch);
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

static void answer_line(client_t *client, const char *line, apr_pool_t *pool)
{
    size_t length = strcspn(line, " ");
    const char *argument = line[length] ? line + length + 1 : line + length;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strlen(commands[i].name) != length || strncmp(commands[i].name, line, length) != 0)
            continue;
        client->answer = "";
        tardis_error_t *error = commands[i].run(client, argument, pool);
        if (error)
            printf("error %s %s\n", tardis_error_name(error->code), error->text);
        else
            printf("ok %s\n", client->answer);
        return;
    }
    printf("error unknown_command %s\n", line);
}

static tardis_error_t *do_connect(client_t *client, const char *argument, apr_pool_t *pool)
{
    (void)argument;
    (void)pool;
    return tardis_db_open(&client->context.db, &client->settings, client->pool);
}

static tardis_error_t *do_ensure(client_t *client, const char *argument, apr_pool_t *pool)
{
    (void)argument;
    return tardis_db_ensure(client->context.db, pool);
}

static tardis_error_t *do_begin(client_t *client, const char *argument, apr_pool_t *pool)
{
    (void)argument;
    return tardis_db_begin(client->context.db, pool);
}

static tardis_error_t *do_commit(client_t *client, const char *argument, apr_pool_t *pool)
{
    (void)argument;
    return tardis_db_commit(client->context.db, pool);
}

static tardis_error_t *do_rollback(client_t *client, const char *argument, apr_pool_t *pool)
{
    (void)argument;
    (void)pool;
    tardis_db_rollback(client->context.db);
    return NULL;
}

static tardis_error_t *do_execute(client_t *client, const char *argument, apr_pool_t *pool)
{
    tardis_db_changes_t changes = {0};
    tardis_error_t *error =
        tardis_db_execute(client->context.db, argument, TARDIS_DB_NO_VALUES, &changes, pool);
    client->answer =
        apr_psprintf(pool, "%" APR_UINT64_T_FMT " %" APR_UINT64_T_FMT, changes.rows, changes.insert_id);
    return error;
}

/* The number of columns comes first: "2 SELECT a, b FROM t". */
static tardis_error_t *do_query(client_t *client, const char *argument, apr_pool_t *pool)
{
    char *sql;
    tardis_db_rows_t *rows;
    int columns = (int)strtol(argument, &sql, 10);
    tardis_error_t *error = tardis_db_query(client->context.db, sql + 1, TARDIS_DB_NO_VALUES, &rows, pool);
    if (!error)
        print_rows(rows, columns);
    return error;
}

static void print_rows(tardis_db_rows_t *rows, int columns)
{
    while (tardis_db_rows_next(rows)) {
        printf("row");
        for (int i = 0; i < columns; i++) {
            const char *text = tardis_db_rows_text(rows, i);
            printf("%c%s", i ? '\t' : ' ', text ? text : "NULL");
        }
        printf("\n");
    }
}

static tardis_error_t *do_values(client_t *client, const char *argument, apr_pool_t *pool)
{
    static const char bytes[] = "\0\1'\"\\\xff\0end";
    const apr_time_t time = APR_INT64_C(1795467643123456); /* 2026-11-23 21:00:43.123456 UTC */
    tardis_db_t *db = client->context.db;
    tardis_db_rows_t *rows;
    apr_size_t length;
    (void)argument;
    tardis_error_t *error = tardis_db_execute(
        db, "INSERT INTO typed (low, high, ratio, words, data, at, nothing) VALUES (?, ?, ?, ?, ?, ?, ?)",
        TARDIS_DB_VALUES(tardis_db_signed(INT64_MIN), tardis_db_unsigned(UINT64_MAX), tardis_db_double(0.1),
                         tardis_db_text("\xf0\x9f\x94\xad 'quoted' ?"), tardis_db_bytes(bytes, sizeof(bytes)),
                         tardis_db_time(time), tardis_db_text(NULL)),
        NULL, pool);
    if (!error)
        error =
            tardis_db_query(db,
                            "SELECT low, high, ratio, words, data, at, nothing, high + 0.0, '42' FROM typed"
                            " WHERE low = ? AND high = ? AND words = ? AND data = ? AND at = ?",
                            TARDIS_DB_VALUES(tardis_db_signed(INT64_MIN), tardis_db_unsigned(UINT64_MAX),
                                             tardis_db_text("\xf0\x9f\x94\xad 'quoted' ?"),
                                             tardis_db_bytes(bytes, sizeof(bytes)), tardis_db_time(time)),
                            &rows, pool);
    if (error)
        return error;
    if (!tardis_db_rows_next(rows))
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "the row was not found");
    const void *data = tardis_db_rows_bytes(rows, 4, &length);
    client->answer = apr_psprintf(
        pool, "low=%d high=%d ratio=%d words=%d data=%d at=%d null=%d decimal=%d text=%d",
        tardis_db_rows_signed(rows, 0) == INT64_MIN, tardis_db_rows_unsigned(rows, 1) == UINT64_MAX,
        tardis_db_rows_double(rows, 2) == 0.1,
        strcmp(tardis_db_rows_text(rows, 3), "\xf0\x9f\x94\xad 'quoted' ?") == 0,
        length == sizeof(bytes) && memcmp(data, bytes, length) == 0, tardis_db_rows_time(rows, 5) == time,
        tardis_db_rows_is_null(rows, 6) && !tardis_db_rows_text(rows, 6) &&
            tardis_db_rows_time(rows, 6) == 0 && tardis_db_rows_unsigned(rows, 6) == 0,
        tardis_db_rows_unsigned(rows, 7) == UINT64_MAX, tardis_db_rows_signed(rows, 8) == 42);
    if (tardis_db_rows_next(rows))
        client->answer = "there is a second row";
    return NULL;
}

/* The rows of a statement stay what they were while the same statement runs again, and a transaction ends. */
static tardis_error_t *do_nested(client_t *client, const char *argument, apr_pool_t *pool)
{
    const char *sql = "SELECT ? + 0, words FROM typed UNION ALL SELECT 2, 'last'";
    tardis_db_rows_t *outer;
    tardis_db_rows_t *inner;
    const char *answer = "";
    (void)argument;
    tardis_error_t *error =
        tardis_db_query(client->context.db, sql, TARDIS_DB_VALUES(tardis_db_signed(1)), &outer, pool);
    while (!error && tardis_db_rows_next(outer)) {
        error = tardis_db_query(client->context.db, sql, TARDIS_DB_VALUES(tardis_db_signed(7)), &inner, pool);
        int count = 0;
        while (!error && tardis_db_rows_next(inner))
            count++;
        answer = apr_psprintf(pool, "%s%d:%d ", answer, (int)tardis_db_rows_signed(outer, 0), count);
    }
    client->answer = answer;
    return error;
}

static tardis_error_t *do_bulk(client_t *client, const char *argument, apr_pool_t *pool)
{
    tardis_db_bulk_t *bulk;
    apr_pool_t *iteration;
    int rows = atoi(argument);
    apr_pool_create(&iteration, pool);
    tardis_error_t *error = tardis_db_begin(client->context.db, pool);
    if (!error)
        error =
            tardis_db_bulk_open(&bulk, client->context.db, "INSERT INTO bulk (number, name) VALUES", 2, pool);
    for (int i = 1; !error && i <= rows; i++) {
        apr_pool_clear(iteration);
        /* Every thousandth row is long, so that the bound on memory is met as well. */
        const char *name = apr_psprintf(iteration, "name %d%*s", i, i % 1000 ? 0 : 600000, "");
        error = tardis_db_bulk_add(bulk, TARDIS_DB_VALUES(tardis_db_signed(i), tardis_db_text(name)), pool);
    }
    if (!error)
        error = tardis_db_bulk_finish(bulk, pool);
    if (!error)
        error = tardis_db_commit(client->context.db, pool);
    if (error)
        tardis_db_rollback(client->context.db);
    return error;
}

static tardis_schema_side_t side_of(const char *argument)
{
    return strcmp(argument, "provider") == 0 ? TARDIS_SCHEMA_PROVIDER : TARDIS_SCHEMA_CONSUMER;
}

static void print_lines(const apr_array_header_t *lines)
{
    for (int i = 0; i < lines->nelts; i++)
        printf("row %s\n", APR_ARRAY_IDX(lines, i, const char *));
}

static tardis_error_t *do_upgrade(client_t *client, const char *argument, apr_pool_t *pool)
{
    apr_array_header_t *applied;
    tardis_error_t *error = tardis_schema_upgrade(&client->context, side_of(argument), &applied, pool);
    print_lines(applied);
    return error;
}

static tardis_error_t *do_require(client_t *client, const char *argument, apr_pool_t *pool)
{
    return tardis_schema_require(&client->context, side_of(argument), pool);
}

static tardis_error_t *do_check(client_t *client, const char *argument, apr_pool_t *pool)
{
    apr_array_header_t *differences;
    tardis_error_t *error = tardis_schema_check(&client->context, side_of(argument), &differences, pool);
    if (!error)
        print_lines(differences);
    return error;
}

static tardis_error_t *do_describe(client_t *client, const char *argument, apr_pool_t *pool)
{
    apr_array_header_t *lines;
    (void)argument;
    tardis_error_t *error = tardis_schema_describe(&client->context, &lines, pool);
    if (!error)
        print_lines(lines);
    return error;
}

static tardis_error_t *do_pool_create(client_t *client, const char *argument, apr_pool_t *pool)
{
    (void)pool;
    return tardis_db_pool_create(&client->db_pool, &client->settings, atoi(argument), client->pool);
}

static tardis_error_t *do_pool_query(client_t *client, const char *argument, apr_pool_t *pool)
{
    tardis_db_t *db;
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_pool_acquire(client->db_pool, &db, pool);
    if (!error)
        error = tardis_db_query(db, argument, TARDIS_DB_NO_VALUES, &rows, pool);
    if (!error)
        print_rows(rows, 1);
    return error;
}

static tardis_error_t *do_pool_leave(client_t *client, const char *argument, apr_pool_t *pool)
{
    tardis_db_t *db;
    tardis_error_t *error = tardis_db_pool_acquire(client->db_pool, &db, pool);
    if (!error)
        error = tardis_db_begin(db, pool);
    if (!error)
        error = tardis_db_execute(db, argument, TARDIS_DB_NO_VALUES, NULL, pool);
    return error;
}

static tardis_error_t *do_pool_exhaust(client_t *client, const char *argument, apr_pool_t *pool)
{
    tardis_db_t *db;
    tardis_error_t *error = NULL;
    for (int i = atoi(argument); !error && i > 0; i--)
        error = tardis_db_pool_acquire(client->db_pool, &db, pool);
    return error;
}

typedef struct {
    client_t *client;
    int failures;
} worker_t;

/* Each thread counts a row up; a connection that two threads held at once would lose counts or answer
 * nonsense. */
static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *data)
{
    worker_t *worker = data;
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (int round = 0; round < 50; round++) {
        tardis_db_t *db;
        tardis_error_t *error = tardis_db_pool_acquire(worker->client->db_pool, &db, pool);
        if (!error)
            error = tardis_db_execute(db, "UPDATE counter SET value = value + ?",
                                      TARDIS_DB_VALUES(tardis_db_signed(1)), NULL, pool);
        worker->failures += error != NULL;
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static tardis_error_t *do_pool_threads(client_t *client, const char *argument, apr_pool_t *pool)
{
    int count = atoi(argument);
    int failures = 0;
    apr_thread_t **threads = apr_pcalloc(pool, sizeof(*threads) * (apr_size_t)count);
    worker_t *workers = apr_pcalloc(pool, sizeof(*workers) * (apr_size_t)count);
    for (int i = 0; i < count; i++) {
        workers[i].client = client;
        if (apr_thread_create(&threads[i], NULL, work, &workers[i], pool) != APR_SUCCESS)
            return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "no thread");
    }
    for (int i = 0; i < count; i++) {
        apr_status_t rv;
        apr_thread_join(&rv, threads[i]);
        failures += workers[i].failures;
    }
    client->answer = apr_psprintf(pool, "failures=%d", failures);
    return NULL;
}
