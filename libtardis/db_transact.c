#include "db_transact.h"

#include "tardis_db.h"
#include "tardis_digest.h"

/* How often a transaction that met another one is begun. */
#define TRIES 8

static tardis_error_t *run_once(const tardis_context_t *context, db_transaction_fn *work, const void *baton,
                                apr_pool_t *pool);
static void pause_after(int attempt);

tardis_error_t *db_transact(const tardis_context_t *context, db_transaction_fn *work, const void *baton,
                            apr_pool_t *pool)
{
    for (int attempt = 1;; attempt++) {
        tardis_error_t *error = run_once(context, work, baton, pool);
        if (!error || error->code != TARDIS_DATABASE_BUSY || attempt == TRIES)
            return error;
        pause_after(attempt);
    }
}

static tardis_error_t *run_once(const tardis_context_t *context, db_transaction_fn *work, const void *baton,
                                apr_pool_t *pool)
{
    tardis_error_t *error = tardis_db_begin(context->db, pool);
    if (!error)
        error = work(context, baton, pool);
    if (!error)
        error = tardis_db_commit(context->db, pool);
    if (error)
        tardis_db_rollback(context->db);
    return error;
}

/* Up to 65 ms, longer each time. Two that met would meet again if both waited equally long. */
static void pause_after(int attempt)
{
    unsigned char random[2];
    tardis_random_bytes(random, sizeof(random));
    apr_sleep((apr_interval_time_t)(random[0] << 8 | random[1]) * attempt);
}
