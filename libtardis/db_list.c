#include "db_list.h"

#include <stdlib.h>
#include <string.h>

/* How many ids a statement has is one of these, so that a connection prepares few; what is left of it is
 * filled with an id that is in it. */
static const int sizes[] = {1, 4, 16, 64, 256, DB_LIST_MAXIMUM};

static int by_number(const void *a, const void *b);
static const char *prepare(const db_list_t *list, const apr_uint64_t *ids, int count,
                           tardis_db_value_t *values, int *value_count, apr_pool_t *pool);
static const char *statement_of(const db_list_t *list, int size, apr_pool_t *pool);

tardis_error_t *db_list_execute(const tardis_context_t *context, const db_list_t *list, apr_uint64_t *ids,
                                int count, apr_uint64_t *rows, apr_pool_t *pool)
{
    tardis_db_value_t values[DB_LIST_VALUES_MAXIMUM + DB_LIST_MAXIMUM];
    apr_uint64_t changed = 0;
    qsort(ids, (size_t)count, sizeof(*ids), by_number);
    for (int from = 0; from < count; from += DB_LIST_MAXIMUM) {
        int some = count - from < DB_LIST_MAXIMUM ? count - from : DB_LIST_MAXIMUM;
        int value_count;
        tardis_db_changes_t changes;
        const char *sql = prepare(list, ids + from, some, values, &value_count, pool);
        tardis_error_t *error = tardis_db_execute(context->db, sql, values, value_count, &changes, pool);
        if (error)
            return error;
        changed += changes.rows;
    }
    if (rows)
        *rows = changed;
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    apr_uint64_t left = *(const apr_uint64_t *)a;
    apr_uint64_t right = *(const apr_uint64_t *)b;
    return left < right ? -1 : left > right;
}

tardis_error_t *db_list_query(const tardis_context_t *context, const db_list_t *list, const apr_uint64_t *ids,
                              int count, tardis_db_rows_t **rows, apr_pool_t *pool)
{
    tardis_db_value_t values[DB_LIST_VALUES_MAXIMUM + DB_LIST_MAXIMUM];
    int value_count;
    const char *sql = prepare(list, ids, count, values, &value_count, pool);
    return tardis_db_query(context->db, sql, values, value_count, rows, pool);
}

static const char *prepare(const db_list_t *list, const apr_uint64_t *ids, int count,
                           tardis_db_value_t *values, int *value_count, apr_pool_t *pool)
{
    const int *size = sizes;
    while (*size < count)
        size++;
    for (int i = 0; i < list->count; i++)
        values[i] = list->values[i];
    for (int i = 0; i < *size; i++)
        values[list->count + i] = tardis_db_unsigned(ids[i < count ? i : 0]);
    *value_count = list->count + *size;
    return statement_of(list, *size, pool);
}

/* "<start>(?,?,?<ending>" */
static const char *statement_of(const db_list_t *list, int size, apr_pool_t *pool)
{
    apr_size_t start_length = strlen(list->start);
    apr_size_t ending_length = strlen(list->ending);
    char *sql = apr_palloc(pool, start_length + 2 * (apr_size_t)size + ending_length + 2);
    char *end = sql + start_length;
    memcpy(sql, list->start, start_length);
    for (int i = 0; i < size; i++) {
        *end++ = i ? ',' : '(';
        *end++ = '?';
    }
    memcpy(end, list->ending, ending_length + 1);
    return sql;
}
