/**
 * @file tardis_status_share.h
 * Statuses for the many threads of one process, which share their queries: while one thread (the leader) asks
 * the sync manager, those that come meanwhile wait; then one of them asks for all of them at once. Every
 * answer is read after its request came, so sharing makes none older than it would be alone. Thread-safe.
 */
#ifndef TARDIS_STATUS_SHARE_H
#define TARDIS_STATUS_SHARE_H

#include <apr_pools.h>

#include "tardis_sync_manager.h"

/** What the threads share. */
typedef struct tardis_status_share_t tardis_status_share_t;

/** One request. Requests are asked together if manager, institution and client are the same, never otherwise.
 */
typedef struct tardis_status_ask_t {
    tardis_context_t *context; /**< the request's own */
    const tardis_sync_manager_t *manager;
    const tardis_sync_settings_t *settings;
    const tardis_sync_client_t *client;
    const char *uid;
    /** Puts into the context what the manager needs, such as a database connection. Called if the request
     * leads. */
    tardis_error_t *(*prepare)(void *baton);
    void *baton; /**< handed to prepare */
} tardis_status_ask_t;

/** Nobody waits yet. @return TARDIS_INTERNAL_ERROR: no lock. */
tardis_error_t *tardis_status_share_create(tardis_status_share_t **share, apr_pool_t *pool);

/**
 * As tardis_transfer_service_status(): what goes wrong with a shared query is returned to each request that
 * shared it.
 * @param pool the request's; while this thread waits, the leader makes the answer in it.
 */
tardis_error_t *tardis_status_share_ask(tardis_status_share_t *share, const tardis_status_ask_t *ask,
                                        tardis_status_t **status, apr_pool_t *pool);

#endif
