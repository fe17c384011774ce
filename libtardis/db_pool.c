#include "db_private.h"

#include <apr_reslist.h>
#include <apr_strings.h>

/* A connection that nobody wanted for this long is closed. */
#define IDLE_LIMIT apr_time_from_sec(300)
/* How long one may wait for a connection to become free. */
#define WAIT_LIMIT apr_time_from_sec(5)

struct tardis_db_pool_t {
    tardis_db_settings_t settings;
    int maximum;
    apr_reslist_t *handles; /* of tardis_db_t */
};

typedef struct {
    tardis_db_pool_t *db_pool;
    tardis_db_t *db;
} loan_t;

static apr_status_t create_handle(void **handle, void *params, apr_pool_t *pool);
static apr_status_t destroy_handle(void *handle, void *params, apr_pool_t *pool);
static apr_status_t give_back(void *data);

tardis_error_t *tardis_db_pool_create(tardis_db_pool_t **db_pool, const tardis_db_settings_t *settings,
                                      int maximum, apr_pool_t *pool)
{
    tardis_db_pool_t *result = apr_pcalloc(pool, sizeof(*result));
    result->settings = *settings;
    result->settings.option_file = apr_pstrdup(pool, settings->option_file);
    result->settings.group = apr_pstrdup(pool, settings->group);
    result->maximum = maximum;
    apr_status_t rv = apr_reslist_create(&result->handles, 0, maximum, maximum, IDLE_LIMIT, create_handle,
                                         destroy_handle, result, pool);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_INTERNAL_ERROR, rv, "a pool of %d database connections",
                                        maximum);
    apr_reslist_timeout_set(result->handles, WAIT_LIMIT);
    *db_pool = result;
    return NULL;
}

/*
 * Does not connect: this runs under the list's lock, where one slow connect would hold up every thread. The
 * handle's pool has no parent, because a parent could destroy it before the list does.
 */
static apr_status_t create_handle(void **handle, void *params, apr_pool_t *pool)
{
    const tardis_db_pool_t *db_pool = params;
    apr_pool_t *own;
    (void)pool;
    apr_status_t rv = apr_pool_create(&own, NULL);
    if (rv == APR_SUCCESS)
        *handle = db_create(&db_pool->settings, own);
    return rv;
}

static apr_status_t destroy_handle(void *handle, void *params, apr_pool_t *pool)
{
    tardis_db_t *db = handle;
    (void)params;
    (void)pool;
    apr_pool_destroy(db->pool);
    return APR_SUCCESS;
}

tardis_error_t *tardis_db_pool_acquire(tardis_db_pool_t *db_pool, tardis_db_t **db, apr_pool_t *pool)
{
    void *handle;
    /* Oracle's library wants to know every thread that uses a connection made by another; what it keeps for
     * one is small, and goes with the process. */
    mysql_thread_init();
    apr_status_t rv = apr_reslist_acquire(db_pool->handles, &handle);
    if (APR_STATUS_IS_TIMEUP(rv))
        return tardis_error_create(pool, TARDIS_DATABASE_UNAVAILABLE,
                                   "all %d database connections of this process are in use",
                                   db_pool->maximum);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_DATABASE_UNAVAILABLE, rv, "no database connection");

    loan_t *loan = apr_palloc(pool, sizeof(*loan));
    loan->db_pool = db_pool;
    loan->db = handle;
    tardis_error_t *error = tardis_db_ensure(loan->db, pool);
    if (error) {
        apr_reslist_release(db_pool->handles, handle);
        return error;
    }
    apr_pool_cleanup_register(pool, loan, give_back, apr_pool_cleanup_null);
    *db = loan->db;
    return NULL;
}

static apr_status_t give_back(void *data)
{
    loan_t *loan = data;
    tardis_db_rollback(loan->db);
    if (loan->db->lost)
        db_disconnect(loan->db);
    return apr_reslist_release(loan->db_pool->handles, loan->db);
}
