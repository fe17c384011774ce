/**
 * @file db_transact.h
 * Transactions that are repeated while others are in the way; for the library's own *_db.c files.
 */
#ifndef DB_TRANSACT_H
#define DB_TRANSACT_H

#include "tardis_context.h"

/**
 * The statements of one transaction. Called again if it has to be repeated, so it must not count on being
 * called once.
 */
typedef tardis_error_t *db_transaction_fn(const tardis_context_t *context, const void *baton,
                                          apr_pool_t *pool);

/**
 * Runs @a work in a transaction: all of it happens or nothing. Repeated a few times, after short random
 * pauses, while it ends in TARDIS_DATABASE_BUSY.
 */
tardis_error_t *db_transact(const tardis_context_t *context, db_transaction_fn *work, const void *baton,
                            apr_pool_t *pool);

#endif
