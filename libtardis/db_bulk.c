#include "db_private.h"

#include <string.h>

#include <apr_strings.h>

/* Rows per statement: 4 to the power of level. Five statements then suffice for any number of rows. */
#define LEVELS 5
#define ROWS_MAXIMUM 256
/* What is held before it is sent early; far below any max_allowed_packet. */
#define BYTES_MAXIMUM (1024 * 1024)
/* The protocol counts parameters in 16 bits. */
#define PARAMETERS_MAXIMUM 65535

struct tardis_db_bulk_t {
    tardis_db_t *db;
    const char *sql[LEVELS]; /* of 1, 4, 16, 64 and 256 rows; NULL beyond what the parameters allow */
    int columns;
    int rows;                  /* held */
    apr_size_t bytes;          /* held */
    tardis_db_value_t *values; /* of the rows held */
    apr_pool_t *contents;      /* of their text and bytes; cleared when they were sent */
};

static const char *statement_of(const char *insert, int columns, int rows, const char *ending,
                                apr_pool_t *pool);
static tardis_db_value_t keep(tardis_db_bulk_t *bulk, const tardis_db_value_t *value);
static tardis_error_t *send_rows(tardis_db_bulk_t *bulk, apr_pool_t *pool);

tardis_error_t *tardis_db_bulk_open(tardis_db_bulk_t **bulk, tardis_db_t *db, const char *insert, int columns,
                                    apr_pool_t *pool)
{
    return tardis_db_bulk_open_ending(bulk, db, insert, columns, "", pool);
}

tardis_error_t *tardis_db_bulk_open_ending(tardis_db_bulk_t **bulk, tardis_db_t *db, const char *insert,
                                           int columns, const char *ending, apr_pool_t *pool)
{
    if (columns < 1 || columns > PARAMETERS_MAXIMUM)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "a bulk insert of %d columns", columns);
    tardis_db_bulk_t *result = apr_pcalloc(pool, sizeof(*result));
    result->db = db;
    result->columns = columns;
    int rows = 1;
    for (int level = 0; level < LEVELS && rows * columns <= PARAMETERS_MAXIMUM; level++, rows *= 4)
        result->sql[level] = statement_of(insert, columns, rows, ending, pool);
    result->values = apr_palloc(pool, sizeof(*result->values) * (apr_size_t)(ROWS_MAXIMUM * columns));
    apr_pool_create(&result->contents, pool);
    *bulk = result;
    return NULL;
}

/* "<insert> (?,?),(?,?)<ending>" */
static const char *statement_of(const char *insert, int columns, int rows, const char *ending,
                                apr_pool_t *pool)
{
    apr_size_t length = strlen(insert);
    apr_size_t row_length = (apr_size_t)columns * 2 + 2;
    apr_size_t ending_length = strlen(ending);
    char *sql = apr_palloc(pool, length + row_length * (apr_size_t)rows + ending_length + 1);
    char *end = sql + length;
    memcpy(sql, insert, length);
    for (int row = 0; row < rows; row++) {
        *end++ = row ? ',' : ' ';
        for (int column = 0; column < columns; column++) {
            *end++ = column ? ',' : '(';
            *end++ = '?';
        }
        *end++ = ')';
    }
    memcpy(end, ending, ending_length + 1);
    return sql;
}

tardis_error_t *tardis_db_bulk_add(tardis_db_bulk_t *bulk, const tardis_db_value_t *values, int count,
                                   apr_pool_t *pool)
{
    if (count != bulk->columns)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR,
                                   "a bulk insert of %d columns was given %d values", bulk->columns, count);
    for (int i = 0; i < count; i++)
        bulk->values[bulk->rows * count + i] = keep(bulk, &values[i]);
    bulk->rows++;
    if (bulk->rows < ROWS_MAXIMUM && bulk->bytes < BYTES_MAXIMUM)
        return NULL;
    return send_rows(bulk, pool);
}

static tardis_db_value_t keep(tardis_db_bulk_t *bulk, const tardis_db_value_t *value)
{
    tardis_db_value_t kept = *value;
    if (value->type == TARDIS_DB_TEXT || value->type == TARDIS_DB_BYTES) {
        kept.as.bytes.data = apr_pmemdup(bulk->contents, value->as.bytes.data, value->as.bytes.length);
        bulk->bytes += value->as.bytes.length;
    }
    return kept;
}

tardis_error_t *tardis_db_bulk_finish(tardis_db_bulk_t *bulk, apr_pool_t *pool)
{
    return send_rows(bulk, pool);
}

static tardis_error_t *send_rows(tardis_db_bulk_t *bulk, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    int sent = 0;
    int rows = ROWS_MAXIMUM;
    for (int level = LEVELS - 1; level >= 0; level--, rows /= 4) {
        while (!error && bulk->sql[level] && bulk->rows - sent >= rows) {
            error = tardis_db_execute(bulk->db, bulk->sql[level], &bulk->values[sent * bulk->columns],
                                      rows * bulk->columns, NULL, pool);
            sent += rows;
        }
    }
    bulk->rows = 0;
    bulk->bytes = 0;
    apr_pool_clear(bulk->contents);
    return error;
}
