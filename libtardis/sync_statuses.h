/*
 * The statuses of the default sync manager; not installed.
 */
#ifndef SYNC_STATUSES_H
#define SYNC_STATUSES_H

#include "tardis_sync_manager.h"

/* The manager's slot `statuses`. */
tardis_error_t *sync_statuses(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                              const tardis_sync_client_t *client, tardis_status_query_t *const *queries,
                              int count, apr_pool_t *pool);

#endif
