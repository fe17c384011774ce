#include "tardis_sync_manager.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_command.h"
#include "tardis_transfer_db.h"
#include "tardis_uid.h"

static tardis_error_t *start_transfer(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                                      const tardis_sync_client_t *client, const char *uid,
                                      const char *dest_path, apr_pool_t *pool);
static tardis_error_t *status(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                              const tardis_sync_client_t *client, const char *uid, tardis_status_t **answer,
                              apr_pool_t *pool);
static tardis_status_t *status_of(const tardis_transfer_t *transfer, apr_pool_t *pool);
static tardis_status_code_t wire_code(const char *state);

const tardis_sync_manager_t *tardis_sync_manager_default(void)
{
    static const tardis_sync_manager_t manager = {
        .name = "database",
        .start_transfer = start_transfer,
        .status = status,
    };
    return &manager;
}

static tardis_error_t *start_transfer(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                                      const tardis_sync_client_t *client, const char *uid,
                                      const char *dest_path, apr_pool_t *pool)
{
    tardis_transfer_request_t request = {
        .site_name = client->site_name,
        .site_url = client->site_url,
        .dest_path = dest_path,
    };
    tardis_error_t *error = tardis_uid_parse(uid, settings->institution, &request.experiment_id, pool);
    if (!error)
        error = tardis_transfer_request(context, &request, pool);
    if (error && error->code == TARDIS_UID_UNKNOWN)
        return tardis_error_create(pool, TARDIS_UID_UNKNOWN, "unknown UID: %s", uid);
    return error;
}

static tardis_error_t *status(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                              const tardis_sync_client_t *client, const char *uid, tardis_status_t **answer,
                              apr_pool_t *pool)
{
    apr_uint64_t experiment_id;
    tardis_transfer_t *transfer;
    int exists;
    tardis_error_t *error = tardis_uid_parse(uid, settings->institution, &experiment_id, pool);
    if (!error)
        error = tardis_transfer_find(context, experiment_id, client->site_url, &transfer, &exists, pool);
    if (error)
        return error;
    if (!exists)
        return tardis_error_create(pool, TARDIS_UID_UNKNOWN, "there is no experiment %" APR_UINT64_T_FMT,
                                   experiment_id);
    if (!transfer)
        return tardis_error_create(pool, TARDIS_NOT_REQUESTED, "%s was never requested by %s", uid,
                                   client->site_name);
    *answer = status_of(transfer, pool);
    if ((*answer)->status == TARDIS_STATUS_COMPLETE)
        return tardis_transfer_told_complete(context, transfer, pool);
    return NULL;
}

static tardis_status_t *status_of(const tardis_transfer_t *transfer, apr_pool_t *pool)
{
    tardis_status_t *answer = apr_pcalloc(pool, sizeof(*answer));
    answer->status = wire_code(transfer->state);
    answer->timestamp = transfer->updated_at;
    answer->message = transfer->error_text ? transfer->error_text : "";
    answer->code = transfer->error_code ? transfer->error_code : "";
    answer->error = "";
    answer->progress = apr_psprintf(pool, "%" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT " files, %s of %s",
                                    transfer->files_done, transfer->files_total,
                                    tardis_format_bytes(transfer->bytes_done, pool),
                                    tardis_format_bytes(transfer->bytes_total, pool));
    answer->files_done = (apr_int64_t)transfer->files_done;
    answer->files_total = (apr_int64_t)transfer->files_total;
    answer->bytes_done = (apr_int64_t)transfer->bytes_done;
    answer->bytes_total = (apr_int64_t)transfer->bytes_total;
    return answer;
}

static tardis_status_code_t wire_code(const char *state)
{
    static const struct {
        const char *state;
        tardis_status_code_t code;
    } codes[] = {
        {TARDIS_TRANSFER_STATE_QUEUED, TARDIS_STATUS_IN_PROGRESS},
        {TARDIS_TRANSFER_STATE_SENDING, TARDIS_STATUS_IN_PROGRESS},
        {TARDIS_TRANSFER_STATE_COMPLETE, TARDIS_STATUS_COMPLETE},
        {TARDIS_TRANSFER_STATE_FAILED, TARDIS_STATUS_FAILED},
        {TARDIS_TRANSFER_STATE_CANCELLED, TARDIS_STATUS_FAILED},
    };
    for (apr_size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(codes[i].state, state) == 0)
            return codes[i].code;
    }
    return TARDIS_STATUS_SERVER_ERROR;
}
