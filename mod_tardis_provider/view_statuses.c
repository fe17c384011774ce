#include "provider.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "tardis_uid.h"

/* `uid=`, each byte as %XX, and `&`. */
#define BODY_MAX (TARDIS_STATUS_BATCH_MAX * (4 + 3 * TARDIS_UID_MAX + 1))

/* One byte more than a uid may have tells that it is too long. */
static const tardis_form_field_t fields[] = {
    {"uid", TARDIS_UID_MAX + 1, TARDIS_FIELD_REQUIRED | TARDIS_FIELD_REPEATABLE | TARDIS_FIELD_CUT},
    {NULL, 0, 0},
};

/* The uids that are asked about, and the keys they are answered under. */
typedef struct {
    int count;
    tardis_status_query_t *queries;
    tardis_status_query_t **pointers;
    tardis_status_entry_t *entries;
} batch_t;

static void collect(batch_t *batch, const apr_array_header_t *uids, apr_pool_t *pool);
static const char *key_of(const char *uid, apr_pool_t *pool);
static tardis_error_t *ask(view_t *view, const batch_t *batch);
static void log_bad(const view_t *view, const batch_t *batch);

tardis_error_t *provider_view_statuses(view_t *view)
{
    batch_t batch = {0};
    tardis_form_t *form = tardis_form_create(fields, NULL, NULL, view->pool);
    tardis_error_t *error = view_read_form(view, tardis_form_urlencoded(form, view->pool), BODY_MAX);
    if (error)
        return error;
    collect(&batch, tardis_form_values(form, "uid"), view->pool);
    error = ask(view, &batch);
    if (error)
        return error;
    log_bad(view, &batch);
    apr_size_t length;
    const char *document = tardis_statuses_encode(batch.entries, batch.count, &length, view->pool);
    view_answer(view, HTTP_OK, "application/json", document, length);
    return NULL;
}

/* A uid that is there twice is answered once: an object's members have different names. */
static void collect(batch_t *batch, const apr_array_header_t *uids, apr_pool_t *pool)
{
    apr_size_t count = (apr_size_t)uids->nelts;
    apr_hash_t *seen = apr_hash_make(pool);
    batch->queries = apr_pcalloc(pool, count * sizeof(*batch->queries));
    batch->pointers = apr_palloc(pool, count * sizeof(*batch->pointers));
    batch->entries = apr_palloc(pool, count * sizeof(*batch->entries));
    for (int i = 0; i < uids->nelts; i++) {
        const char *uid = APR_ARRAY_IDX(uids, i, const char *);
        const char *key = key_of(uid, pool);
        if (apr_hash_get(seen, key, APR_HASH_KEY_STRING))
            continue;
        apr_hash_set(seen, key, APR_HASH_KEY_STRING, key);
        tardis_status_query_t *query = &batch->queries[batch->count];
        query->uid = uid;
        query->pool = pool;
        batch->pointers[batch->count] = query;
        batch->entries[batch->count++].key = key;
    }
}

/*
 * The uid itself; of a malformed one what can be shown in any JSON, which is never the key of a right one:
 * `?`, which no uid has, stands for every byte that is not printable ASCII, and for what is beyond 255 bytes.
 */
static const char *key_of(const char *uid, apr_pool_t *pool)
{
    apr_size_t length = strlen(uid);
    char *key = NULL;
    if (length > TARDIS_UID_MAX) {
        key = apr_pstrdup(pool, uid);
        key[TARDIS_UID_MAX] = '?';
    }
    for (apr_size_t i = 0; i < length; i++) {
        if (uid[i] >= ' ' && uid[i] <= '~')
            continue;
        if (!key)
            key = apr_pstrdup(pool, uid);
        key[i] = '?';
    }
    return key ? key : uid;
}

static tardis_error_t *ask(view_t *view, const batch_t *batch)
{
    tardis_sync_settings_t settings = provider_sync_settings(view);
    tardis_error_t *error = provider_lend_database(view);
    if (!error)
        error = tardis_transfer_service_statuses(&view->context, tardis_sync_manager_default(), &settings,
                                                 view->caller, batch->pointers, batch->count, view->pool);
    for (int i = 0; !error && i < batch->count; i++)
        batch->entries[i].status = batch->queries[i].status;
    return error;
}

/* One line, whatever a client asks for. */
static void log_bad(const view_t *view, const batch_t *batch)
{
    const tardis_error_t *first = NULL;
    int bad = 0;
    for (int i = 0; i < batch->count; i++) {
        const tardis_error_t *error = batch->queries[i].error;
        if (error && !first)
            first = error;
        bad += error != NULL;
    }
    if (bad)
        tardis_log(&view->context, TARDIS_LOG_WARNING, "%s: %s [%s]; answered status %d to %d of %d uids",
                   view->about, first->text, tardis_error_name(first->code), TARDIS_STATUS_BAD_REQUEST, bad,
                   batch->count);
}
