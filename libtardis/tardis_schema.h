/**
 * @file tardis_schema.h
 * The numbered steps of the database schema: applying them, and refusing to work on another version.
 */
#ifndef TARDIS_SCHEMA_H
#define TARDIS_SCHEMA_H

#include <apr_tables.h>

#include "tardis_context.h"

/** Whose schema: the catalogue and the provider's tables, or the catalogue and the consumer's. */
typedef enum { TARDIS_SCHEMA_PROVIDER, TARDIS_SCHEMA_CONSUMER } tardis_schema_side_t;

/**
 * Compares the versions in the database with those this library was built for: one query.
 * @return TARDIS_SCHEMA_MISMATCH, whose text says which command mends it, if they differ.
 */
tardis_error_t *tardis_schema_require(const tardis_context_t *context, tardis_schema_side_t side,
                                      apr_pool_t *pool);

/**
 * Applies the steps that are missing, in order. May be run again, by several hosts at once, and after it was
 * killed.
 * @param applied set to an array of `const char *`, such as "catalogue 1": the steps that were applied now.
 */
tardis_error_t *tardis_schema_upgrade(const tardis_context_t *context, tardis_schema_side_t side,
                                      apr_array_header_t **applied, apr_pool_t *pool);

/**
 * Describes the tables of the database, one line for each table, column and index; what the manifests in
 * schema/ are made of.
 * @param lines set to an array of `const char *`, such as "column author.name text not null".
 */
tardis_error_t *tardis_schema_describe(const tardis_context_t *context, apr_array_header_t **lines,
                                       apr_pool_t *pool);

/**
 * Compares tables, columns, types and indexes with what the steps make. Tables of others are ignored.
 * @param differences set to an array of `const char *`, one line each; empty: none.
 */
tardis_error_t *tardis_schema_check(const tardis_context_t *context, tardis_schema_side_t side,
                                    apr_array_header_t **differences, apr_pool_t *pool);

#endif
