#include "tardis_sync_manager.h"

#include "sync_statuses.h"
#include "tardis_transfer_db.h"
#include "tardis_uid.h"

static tardis_error_t *start_transfer(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                                      const tardis_sync_client_t *client, const char *uid,
                                      const char *dest_path, apr_pool_t *pool);
static tardis_error_t *start_partial(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                                     const tardis_sync_client_t *client, const char *uid,
                                     const char *dest_path, tardis_sync_partial_t *partial, apr_pool_t *pool);
static tardis_error_t *status(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                              const tardis_sync_client_t *client, const char *uid, tardis_status_t **answer,
                              apr_pool_t *pool);

const tardis_sync_manager_t *tardis_sync_manager_default(void)
{
    static const tardis_sync_manager_t manager = {
        .name = "database",
        .start_transfer = start_transfer,
        .status = status,
        .statuses = sync_statuses,
        .start_partial = start_partial,
    };
    return &manager;
}

static tardis_error_t *start_transfer(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                                      const tardis_sync_client_t *client, const char *uid,
                                      const char *dest_path, apr_pool_t *pool)
{
    tardis_sync_partial_t all = {0};
    return start_partial(context, settings, client, uid, dest_path, &all, pool);
}

static tardis_error_t *start_partial(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                                     const tardis_sync_client_t *client, const char *uid,
                                     const char *dest_path, tardis_sync_partial_t *partial, apr_pool_t *pool)
{
    tardis_transfer_grant_t grant;
    tardis_transfer_request_t request = {
        .site_name = client->site_name,
        .site_url = client->site_url,
        .dest_path = dest_path,
        .files = partial->files,
        .sending = partial->sending,
    };
    tardis_error_t *error = tardis_uid_parse(uid, settings->institution, &request.experiment_id, pool);
    if (!error)
        error = tardis_transfer_request(context, &request, &grant, pool);
    if (!error) {
        partial->granted = grant.files;
        partial->granted_sending = grant.sending;
    }
    if (error && error->code == TARDIS_UID_UNKNOWN)
        return tardis_error_create(pool, TARDIS_UID_UNKNOWN, "unknown UID: %s", uid);
    return error;
}

static tardis_error_t *status(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                              const tardis_sync_client_t *client, const char *uid, tardis_status_t **answer,
                              apr_pool_t *pool)
{
    tardis_status_query_t query = {.uid = uid, .pool = pool};
    tardis_status_query_t *const queries[] = {&query};
    tardis_error_t *error = sync_statuses(context, settings, client, queries, 1, pool);
    *answer = query.status;
    return error ? error : query.error;
}
