/**
 * @file db_list.h
 * Statements about many rows by their ids: "... IN (?, ?, ?)"; for the library's own *_db.c files.
 */
#ifndef DB_LIST_H
#define DB_LIST_H

#include "tardis_context.h"
#include "tardis_db.h"

/** Ids that one statement names at most. From 1,000 on MariaDB makes a table of a list. */
#define DB_LIST_MAXIMUM 512
/** Values before the ids at most. */
#define DB_LIST_VALUES_MAXIMUM 32

/** A list of ids, and the statement they are for. */
typedef struct db_list_t {
    const char *start;               /**< "... IN ": a literal */
    const char *ending;              /**< ")" and what follows: a literal */
    const tardis_db_value_t *values; /**< of the parameters in start */
    int count;                       /**< of values, DB_LIST_VALUES_MAXIMUM at most */
} db_list_t;

/**
 * Runs a statement without rows for @a count ids, DB_LIST_MAXIMUM at a time, in the caller's transaction.
 * @param ids put into their order first: who locks many rows does it in the same order as everybody.
 * @param rows set to how many rows it changed in all; may be NULL.
 */
tardis_error_t *db_list_execute(const tardis_context_t *context, const db_list_t *list, apr_uint64_t *ids,
                                int count, apr_uint64_t *rows, apr_pool_t *pool);

/** Runs a query for at most DB_LIST_MAXIMUM ids. */
tardis_error_t *db_list_query(const tardis_context_t *context, const db_list_t *list, const apr_uint64_t *ids,
                              int count, tardis_db_rows_t **rows, apr_pool_t *pool);

#endif
