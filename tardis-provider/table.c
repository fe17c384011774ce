#include "table.h"

static const char **add_row(apr_array_header_t *table, int columns, apr_pool_t *pool);

apr_array_header_t *table_begin(const char *const *headings, int columns, apr_pool_t *pool)
{
    apr_array_header_t *table = apr_array_make(pool, 16, sizeof(apr_array_header_t *));
    const char **cells = add_row(table, columns, pool);
    for (int i = 0; i < columns; i++)
        cells[i] = headings[i];
    return table;
}

const char **table_row(apr_array_header_t *table, apr_pool_t *pool)
{
    return add_row(table, APR_ARRAY_IDX(table, 0, const apr_array_header_t *)->nelts, pool);
}

static const char **add_row(apr_array_header_t *table, int columns, apr_pool_t *pool)
{
    apr_array_header_t *row = apr_array_make(pool, columns, sizeof(const char *));
    for (int i = 0; i < columns; i++)
        APR_ARRAY_PUSH(row, const char *) = NULL;
    APR_ARRAY_PUSH(table, apr_array_header_t *) = row;
    return (const char **)row->elts;
}
