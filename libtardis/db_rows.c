#include "db_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* Where one column of the row being fetched is put. Text is fetched once its length is known. */
typedef struct {
    tardis_db_type_t type;
    union {
        apr_int64_t s;
        double d;
        MYSQL_TIME time;
    } as;
    unsigned long length;
    db_flag_t is_null;
} landing_t;

static void bind_column(MYSQL_BIND *bind, landing_t *landing, const MYSQL_FIELD *field);
static db_row_t *copy_row(MYSQL_STMT *statement, const landing_t *landings, int columns, int *failed,
                          apr_pool_t *pool);
static int copy_bytes(MYSQL_STMT *statement, unsigned column, apr_size_t length, tardis_db_value_t *cell,
                      apr_pool_t *pool);
static apr_time_t time_of(const MYSQL_TIME *time);

tardis_db_rows_t *db_rows_fetch(MYSQL_STMT *statement, int *failed, apr_pool_t *scratch, apr_pool_t *pool)
{
    tardis_db_rows_t *rows = apr_pcalloc(pool, sizeof(*rows));
    rows->pool = pool;
    MYSQL_RES *metadata = mysql_stmt_result_metadata(statement);
    if (!metadata)
        return rows;
    rows->columns = (int)mysql_num_fields(metadata);
    MYSQL_BIND *binds = apr_pcalloc(scratch, sizeof(*binds) * (apr_size_t)rows->columns);
    landing_t *landings = apr_pcalloc(scratch, sizeof(*landings) * (apr_size_t)rows->columns);
    for (int i = 0; i < rows->columns; i++)
        bind_column(&binds[i], &landings[i], mysql_fetch_field_direct(metadata, (unsigned)i));
    mysql_free_result(metadata);

    int outcome = 0;
    *failed = mysql_stmt_bind_result(statement, binds) != 0;
    while (!*failed && (outcome = mysql_stmt_fetch(statement)) != MYSQL_NO_DATA) {
        db_row_t *row = NULL;
        *failed = outcome != 0 && outcome != MYSQL_DATA_TRUNCATED;
        if (!*failed)
            row = copy_row(statement, landings, rows->columns, failed, pool);
        if (*failed)
            break;
        if (rows->last)
            rows->last->next = row;
        else
            rows->first = row;
        rows->last = row;
    }
    return rows;
}

static void bind_column(MYSQL_BIND *bind, landing_t *landing, const MYSQL_FIELD *field)
{
    bind->is_null = &landing->is_null;
    bind->length = &landing->length;
    switch (field->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
        landing->type = field->flags & UNSIGNED_FLAG ? TARDIS_DB_UNSIGNED : TARDIS_DB_SIGNED;
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->is_unsigned = landing->type == TARDIS_DB_UNSIGNED;
        bind->buffer = &landing->as.s;
        break;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
        landing->type = TARDIS_DB_DOUBLE;
        bind->buffer_type = MYSQL_TYPE_DOUBLE;
        bind->buffer = &landing->as.d;
        break;
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP:
        landing->type = TARDIS_DB_TIME;
        bind->buffer_type = MYSQL_TYPE_DATETIME;
        bind->buffer = &landing->as.time;
        bind->buffer_length = sizeof(landing->as.time);
        break;
    default:
        landing->type = TARDIS_DB_BYTES;
        bind->buffer_type = MYSQL_TYPE_STRING;
        break;
    }
}

static db_row_t *copy_row(MYSQL_STMT *statement, const landing_t *landings, int columns, int *failed,
                          apr_pool_t *pool)
{
    db_row_t *row = apr_pcalloc(pool, sizeof(*row) + sizeof(row->cells[0]) * (apr_size_t)columns);
    for (int i = 0; i < columns && !*failed; i++) {
        tardis_db_value_t *cell = &row->cells[i];
        if (landings[i].is_null)
            continue; /* TARDIS_DB_NULL is 0 */
        cell->type = landings[i].type;
        if (cell->type == TARDIS_DB_BYTES)
            *failed = copy_bytes(statement, (unsigned)i, landings[i].length, cell, pool);
        else if (cell->type == TARDIS_DB_DOUBLE)
            cell->as.d = landings[i].as.d;
        else if (cell->type == TARDIS_DB_TIME)
            cell->as.time = time_of(&landings[i].as.time);
        else
            cell->as.s = landings[i].as.s;
    }
    return row;
}

static int copy_bytes(MYSQL_STMT *statement, unsigned column, apr_size_t length, tardis_db_value_t *cell,
                      apr_pool_t *pool)
{
    char *data = apr_palloc(pool, length + 1);
    db_flag_t is_null = 0;
    unsigned long fetched = 0;
    MYSQL_BIND bind = {
        .buffer_type = MYSQL_TYPE_STRING, .buffer = data, .is_null = &is_null, .length = &fetched};
    bind.buffer_length = (unsigned long)length;
    data[length] = '\0';
    cell->as.bytes.data = data;
    cell->as.bytes.length = length;
    return length > 0 && mysql_stmt_fetch_column(statement, &bind, column, 0) != 0;
}

static apr_time_t time_of(const MYSQL_TIME *time)
{
    apr_time_exp_t exploded = {0};
    apr_time_t result;
    if (time->year == 0)
        return 0;
    exploded.tm_year = (apr_int32_t)time->year - 1900;
    exploded.tm_mon = (apr_int32_t)time->month - 1;
    exploded.tm_mday = (apr_int32_t)time->day;
    exploded.tm_hour = (apr_int32_t)time->hour;
    exploded.tm_min = (apr_int32_t)time->minute;
    exploded.tm_sec = (apr_int32_t)time->second;
    exploded.tm_usec = (apr_int32_t)time->second_part;
    return apr_time_exp_get(&result, &exploded) == APR_SUCCESS ? result : 0;
}

int tardis_db_rows_next(tardis_db_rows_t *rows)
{
    rows->current = rows->started ? (rows->current ? rows->current->next : NULL) : rows->first;
    rows->started = 1;
    return rows->current != NULL;
}

int tardis_db_rows_is_null(const tardis_db_rows_t *rows, int column)
{
    return rows->current->cells[column].type == TARDIS_DB_NULL;
}

apr_int64_t tardis_db_rows_signed(const tardis_db_rows_t *rows, int column)
{
    const tardis_db_value_t *cell = &rows->current->cells[column];
    if (cell->type == TARDIS_DB_DOUBLE)
        return (apr_int64_t)cell->as.d;
    if (cell->type == TARDIS_DB_BYTES)
        return strtoll(cell->as.bytes.data, NULL, 10);
    return cell->type == TARDIS_DB_NULL ? 0 : cell->as.s;
}

apr_uint64_t tardis_db_rows_unsigned(const tardis_db_rows_t *rows, int column)
{
    const tardis_db_value_t *cell = &rows->current->cells[column];
    if (cell->type == TARDIS_DB_DOUBLE)
        return (apr_uint64_t)cell->as.d;
    if (cell->type == TARDIS_DB_BYTES)
        return strtoull(cell->as.bytes.data, NULL, 10);
    return cell->type == TARDIS_DB_NULL ? 0 : cell->as.u;
}

double tardis_db_rows_double(const tardis_db_rows_t *rows, int column)
{
    const tardis_db_value_t *cell = &rows->current->cells[column];
    if (cell->type == TARDIS_DB_DOUBLE)
        return cell->as.d;
    if (cell->type == TARDIS_DB_BYTES)
        return strtod(cell->as.bytes.data, NULL);
    if (cell->type == TARDIS_DB_UNSIGNED)
        return (double)cell->as.u;
    return cell->type == TARDIS_DB_NULL ? 0 : (double)cell->as.s;
}

const char *tardis_db_rows_text(const tardis_db_rows_t *rows, int column)
{
    const tardis_db_value_t *cell = &rows->current->cells[column];
    switch (cell->type) {
    case TARDIS_DB_SIGNED:
        return apr_psprintf(rows->pool, "%" APR_INT64_T_FMT, cell->as.s);
    case TARDIS_DB_UNSIGNED:
        return apr_psprintf(rows->pool, "%" APR_UINT64_T_FMT, cell->as.u);
    case TARDIS_DB_DOUBLE:
        return apr_psprintf(rows->pool, "%.17g", cell->as.d);
    case TARDIS_DB_TIME: {
        apr_time_exp_t t;
        apr_time_exp_gmt(&t, cell->as.time);
        return apr_psprintf(rows->pool, "%04d-%02d-%02d %02d:%02d:%02d.%06d", t.tm_year + 1900, t.tm_mon + 1,
                            t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_usec);
    }
    case TARDIS_DB_TEXT:
    case TARDIS_DB_BYTES:
        return cell->as.bytes.data;
    case TARDIS_DB_NULL:
        break;
    }
    return NULL;
}

const void *tardis_db_rows_bytes(const tardis_db_rows_t *rows, int column, apr_size_t *length)
{
    const tardis_db_value_t *cell = &rows->current->cells[column];
    if (cell->type == TARDIS_DB_BYTES) {
        *length = cell->as.bytes.length;
        return cell->as.bytes.data;
    }
    const char *text = tardis_db_rows_text(rows, column);
    *length = text ? strlen(text) : 0;
    return text;
}

apr_time_t tardis_db_rows_time(const tardis_db_rows_t *rows, int column)
{
    const tardis_db_value_t *cell = &rows->current->cells[column];
    return cell->type == TARDIS_DB_TIME ? cell->as.time : 0;
}
