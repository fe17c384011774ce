#include "tardis_sync_manager.h"

#include <apr_strings.h>

#include "tardis_uid.h"

static tardis_error_t *ask(const tardis_context_t *context, const tardis_sync_manager_t *manager,
                           const tardis_sync_settings_t *settings, const tardis_sync_client_t *client,
                           tardis_status_query_t *const *queries, int count, apr_pool_t *pool);
static tardis_error_t *ask_one_by_one(const tardis_context_t *context, const tardis_sync_manager_t *manager,
                                      const tardis_sync_settings_t *settings,
                                      const tardis_sync_client_t *client,
                                      tardis_status_query_t *const *queries, int count);
static int is_answer(const tardis_error_t *error);
static tardis_status_t *bad_request(const tardis_status_query_t *query);

tardis_error_t *tardis_transfer_service_status(const tardis_context_t *context,
                                               const tardis_sync_manager_t *manager,
                                               const tardis_sync_settings_t *settings,
                                               const tardis_sync_client_t *client, const char *uid,
                                               tardis_status_t **status, apr_pool_t *pool)
{
    tardis_status_query_t query = {.uid = uid, .pool = pool};
    tardis_status_query_t *const queries[] = {&query};
    tardis_error_t *error =
        tardis_transfer_service_statuses(context, manager, settings, client, queries, 1, pool);
    if (!error)
        *status = query.status;
    return error;
}

tardis_error_t *
tardis_transfer_service_statuses(const tardis_context_t *context, const tardis_sync_manager_t *manager,
                                 const tardis_sync_settings_t *settings, const tardis_sync_client_t *client,
                                 tardis_status_query_t *const *queries, int count, apr_pool_t *pool)
{
    tardis_status_query_t **right = apr_palloc(pool, sizeof(*right) * (apr_size_t)count);
    int known = 0;
    for (int i = 0; i < count; i++) {
        queries[i]->status = NULL;
        queries[i]->error = tardis_uid_check(queries[i]->uid, queries[i]->pool);
        if (!queries[i]->error)
            right[known++] = queries[i];
    }
    tardis_error_t *error = known ? ask(context, manager, settings, client, right, known, pool) : NULL;
    if (error)
        return error;
    for (int i = 0; i < count; i++) {
        if (queries[i]->error)
            queries[i]->status = bad_request(queries[i]);
    }
    return NULL;
}

static tardis_error_t *ask(const tardis_context_t *context, const tardis_sync_manager_t *manager,
                           const tardis_sync_settings_t *settings, const tardis_sync_client_t *client,
                           tardis_status_query_t *const *queries, int count, apr_pool_t *pool)
{
    if (manager->statuses)
        return manager->statuses(context, settings, client, queries, count, pool);
    return ask_one_by_one(context, manager, settings, client, queries, count);
}

static tardis_error_t *ask_one_by_one(const tardis_context_t *context, const tardis_sync_manager_t *manager,
                                      const tardis_sync_settings_t *settings,
                                      const tardis_sync_client_t *client,
                                      tardis_status_query_t *const *queries, int count)
{
    for (int i = 0; i < count; i++) {
        tardis_status_query_t *query = queries[i];
        query->error = manager->status(context, settings, client, query->uid, &query->status, query->pool);
        if (query->error && !is_answer(query->error))
            return query->error;
    }
    return NULL;
}

static int is_answer(const tardis_error_t *error)
{
    return error->code == TARDIS_UID_INVALID || error->code == TARDIS_UID_UNKNOWN ||
           error->code == TARDIS_NOT_REQUESTED;
}

/* The original says "invalid UID: " for every uid it has no transfer of, and puts it into `error` alone. */
static tardis_status_t *bad_request(const tardis_status_query_t *query)
{
    const tardis_error_t *error = query->error;
    tardis_status_t *status = apr_pcalloc(query->pool, sizeof(*status));
    status->status = TARDIS_STATUS_BAD_REQUEST;
    status->timestamp = apr_time_now();
    status->error = error->code == TARDIS_UID_UNKNOWN
                        ? apr_psprintf(query->pool, "invalid UID: %s", query->uid)
                        : error->text;
    status->message = status->error;
    status->progress = "";
    status->code = tardis_error_name(error->code);
    status->files_done = status->files_total = status->bytes_done = status->bytes_total = -1;
    status->sending = -1;
    return status;
}
