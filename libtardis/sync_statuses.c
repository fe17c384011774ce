#include "sync_statuses.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "tardis_command.h"
#include "tardis_transfer_db.h"
#include "tardis_uid.h"
#include "transfer_status_db.h"

/* A uid that names an experiment, and what is asked about it. The lookups are handed on by themselves. */
typedef struct {
    apr_uint64_t experiment_id;
    tardis_status_query_t *query;
} named_t;

static int parse_all(named_t *named, const tardis_sync_settings_t *settings,
                     tardis_status_query_t *const *queries, int count);
static int by_experiment(const void *a, const void *b);
static void answer(const named_t *named, const transfer_lookup_t *lookup, const tardis_sync_client_t *client);
static tardis_error_t *tell(const tardis_context_t *context, const transfer_lookup_t *lookups, int count,
                            apr_pool_t *pool);
static tardis_status_t *status_of(const transfer_brief_t *transfer, apr_pool_t *pool);
static tardis_status_code_t wire_code(const char *state);

tardis_error_t *sync_statuses(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                              const tardis_sync_client_t *client, tardis_status_query_t *const *queries,
                              int count, apr_pool_t *pool)
{
    named_t *named = apr_palloc(pool, sizeof(*named) * (apr_size_t)count);
    int known = parse_all(named, settings, queries, count);
    if (!known)
        return NULL;
    qsort(named, (size_t)known, sizeof(*named), by_experiment);
    transfer_lookup_t *lookups = apr_pcalloc(pool, sizeof(*lookups) * (apr_size_t)known);
    for (int i = 0; i < known; i++)
        lookups[i].experiment_id = named[i].experiment_id;
    tardis_error_t *error = transfer_look_up(context, client->site_url, lookups, known, pool);
    if (!error)
        error = tell(context, lookups, known, pool);
    for (int i = 0; !error && i < known; i++)
        answer(&named[i], &lookups[i], client);
    return error;
}

static int parse_all(named_t *named, const tardis_sync_settings_t *settings,
                     tardis_status_query_t *const *queries, int count)
{
    int known = 0;
    for (int i = 0; i < count; i++) {
        tardis_status_query_t *query = queries[i];
        query->error =
            tardis_uid_parse(query->uid, settings->institution, &named[known].experiment_id, query->pool);
        if (!query->error)
            named[known++].query = query;
    }
    return known;
}

static int by_experiment(const void *a, const void *b)
{
    apr_uint64_t first = ((const named_t *)a)->experiment_id, second = ((const named_t *)b)->experiment_id;
    return first < second ? -1 : first > second;
}

/* Before anybody is answered: a site that was told of completion must be known to have been told. */
static tardis_error_t *tell(const tardis_context_t *context, const transfer_lookup_t *lookups, int count,
                            apr_pool_t *pool)
{
    apr_uint64_t *ids = NULL;
    int complete = 0;
    for (int i = 0; i < count; i++) {
        const transfer_brief_t *transfer = lookups[i].transfer;
        if (!transfer || transfer->told_complete || wire_code(transfer->state) != TARDIS_STATUS_COMPLETE)
            continue;
        if (!ids)
            ids = apr_palloc(pool, sizeof(*ids) * (apr_size_t)count);
        ids[complete++] = transfer->id;
    }
    return complete ? transfer_tell_complete(context, ids, complete, pool) : NULL;
}

static void answer(const named_t *named, const transfer_lookup_t *lookup, const tardis_sync_client_t *client)
{
    tardis_status_query_t *query = named->query;
    if (lookup->transfer)
        query->status = status_of(lookup->transfer, query->pool);
    else if (lookup->exists)
        query->error = tardis_error_create(query->pool, TARDIS_NOT_REQUESTED, "%s was never requested by %s",
                                           query->uid, client->site_name);
    else
        query->error = tardis_error_create(query->pool, TARDIS_UID_UNKNOWN,
                                           "there is no experiment %" APR_UINT64_T_FMT, named->experiment_id);
}

static tardis_status_t *status_of(const transfer_brief_t *transfer, apr_pool_t *pool)
{
    tardis_status_t *status = apr_pcalloc(pool, sizeof(*status));
    status->status = wire_code(transfer->state);
    status->timestamp = transfer->updated_at;
    status->message = transfer->error_text ? apr_pstrdup(pool, transfer->error_text) : "";
    status->code = transfer->error_code ? apr_pstrdup(pool, transfer->error_code) : "";
    status->error = "";
    status->progress = apr_psprintf(pool, "%" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT " files%s, %s of %s",
                                    transfer->files_done, transfer->files_total,
                                    transfer->partial ? " again" : "",
                                    tardis_format_bytes(transfer->bytes_done, pool),
                                    tardis_format_bytes(transfer->bytes_total, pool));
    status->files_done = (apr_int64_t)transfer->files_done;
    status->files_total = (apr_int64_t)transfer->files_total;
    status->bytes_done = (apr_int64_t)transfer->bytes_done;
    status->bytes_total = (apr_int64_t)transfer->bytes_total;
    status->sending = (apr_int64_t)transfer->sending;
    return status;
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
