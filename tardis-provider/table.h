/*
 * Rows for tardis_print_table().
 */
#ifndef PROVIDER_TABLE_H
#define PROVIDER_TABLE_H

#include <apr_tables.h>

/* A table that begins with @a headings, which have @a columns entries. */
apr_array_header_t *table_begin(const char *const *headings, int columns, apr_pool_t *pool);

/* Adds a row of as many cells as the headings have; returns its cells, all NULL, to be filled in. */
const char **table_row(apr_array_header_t *table, apr_pool_t *pool);

#endif
