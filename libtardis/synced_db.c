#include "tardis_synced_db.h"

#include <string.h>

#include "db_transact.h"
#include "synced_rows.h"
#include "tardis_synced_manual.h"

static tardis_error_t *notify(const tardis_context_t *context, const void *baton, apr_pool_t *pool);

tardis_error_t *tardis_synced_lock_by_uid(const tardis_context_t *context, const char *provider_url,
                                          const char *uid, tardis_synced_key_t **key, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT experiment_id, state, document_digest FROM synced_experiment"
                        " WHERE provider_url = ? AND uid = ? FOR UPDATE",
                        TARDIS_DB_VALUES(tardis_db_text(provider_url), tardis_db_text(uid)), &rows, pool);
    if (error)
        return error;
    *key = NULL;
    if (!tardis_db_rows_next(rows))
        return NULL;
    apr_size_t length;
    const void *digest = tardis_db_rows_bytes(rows, 2, &length);
    *key = apr_pcalloc(pool, sizeof(**key));
    (*key)->experiment_id = tardis_db_rows_unsigned(rows, 0);
    (*key)->state = tardis_db_rows_text(rows, 1);
    if (!digest || length != sizeof((*key)->document_digest))
        return tardis_error_create(pool, TARDIS_DATABASE_ROW_INVALID,
                                   "experiment %" APR_UINT64_T_FMT ": document_digest is not 32 bytes",
                                   (*key)->experiment_id);
    memcpy((*key)->document_digest, digest, length);
    return NULL;
}

tardis_error_t *tardis_synced_insert(const tardis_context_t *context, apr_uint64_t experiment_id,
                                     const char *provider_url, const char *uid,
                                     const unsigned char document_digest[32], apr_pool_t *pool)
{
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "INSERT INTO synced_experiment (experiment_id, uid, provider_url, document_digest, state,"
        " state_since, moved_at, next_attempt_at, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, '" TARDIS_STATE_INGESTED "', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6),"
        " UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_text(uid), tardis_db_text(provider_url),
                         tardis_db_bytes(document_digest, 32)),
        NULL, pool);
    if (!error)
        error = tardis_synced_respect_hold(context, experiment_id, pool);
    if (error)
        return error;
    const tardis_synced_event_t event = {
        .kind = "registration", .to_state = TARDIS_STATE_INGESTED, .text = "registered"};
    return tardis_synced_event_add(context, experiment_id, &event, pool);
}

tardis_error_t *tardis_synced_reset(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    const unsigned char document_digest[32], apr_pool_t *pool)
{
    tardis_db_changes_t changes;
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE synced_experiment SET document_digest = ?, state = '" TARDIS_STATE_INGESTED "',"
        " state_since = UTC_TIMESTAMP(6), moved_at = UTC_TIMESTAMP(6), attempts = 0,"
        " next_attempt_at = UTC_TIMESTAMP(6), lease_owner = NULL, lease_until = NULL, status_document = NULL,"
        " checked_through = 0, bytes_checked = 0, error_code = NULL, error_text = NULL,"
        " updated_at = UTC_TIMESTAMP(6) WHERE experiment_id = ?",
        TARDIS_DB_VALUES(tardis_db_bytes(document_digest, 32), tardis_db_unsigned(experiment_id)), &changes,
        pool);
    if (error)
        return error;
    if (changes.rows != 1)
        return tardis_error_create(pool, TARDIS_NOT_FOUND, "experiment %" APR_UINT64_T_FMT " is not followed",
                                   experiment_id);
    error = tardis_synced_respect_hold(context, experiment_id, pool);
    if (!error)
        error = tardis_file_problem_clear(context, experiment_id, pool);
    if (error)
        return error;
    const tardis_synced_event_t event = {.kind = "registration",
                                         .to_state = TARDIS_STATE_INGESTED,
                                         .text = "registered again with a changed document"};
    return tardis_synced_event_add(context, experiment_id, &event, pool);
}

/* A uid that was notified of. */
typedef struct {
    const char *uid;
    int *found;
} notified_t;

tardis_error_t *tardis_synced_notify(const tardis_context_t *context, const char *uid, int *found,
                                     apr_pool_t *pool)
{
    const notified_t notified = {.uid = uid, .found = found};
    return db_transact(context, notify, &notified, pool);
}

static tardis_error_t *notify(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    static const tardis_synced_event_t event = {.kind = "notify",
                                                .text = "the provider says that something has changed"};
    const notified_t *notified = baton;
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db, "SELECT experiment_id, next_attempt_at FROM synced_experiment WHERE uid = ? FOR UPDATE",
        TARDIS_DB_VALUES(tardis_db_text(notified->uid)), &rows, pool);
    *notified->found = 0;
    while (!error && tardis_db_rows_next(rows)) {
        apr_uint64_t experiment_id = tardis_db_rows_unsigned(rows, 0);
        *notified->found += 1;
        if (tardis_db_rows_is_null(rows, 1))
            continue;
        error = tardis_db_execute(
            context->db,
            "UPDATE synced_experiment SET next_attempt_at = " SYNCED_AT_ONCE " WHERE experiment_id = ?",
            TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), NULL, pool);
        if (!error)
            error = tardis_synced_event_add(context, experiment_id, &event, pool);
    }
    return error;
}

tardis_error_t *tardis_synced_find(const tardis_context_t *context, apr_uint64_t experiment_id,
                                   tardis_synced_t **synced, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(context->db, SYNCED_SELECT "WHERE s.experiment_id = ?",
                                            TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), &rows, pool);
    if (error)
        return error;
    apr_array_header_t *found = synced_rows_read(rows, pool);
    *synced = found->nelts ? &APR_ARRAY_IDX(found, 0, tardis_synced_t) : NULL;
    return NULL;
}

tardis_error_t *tardis_synced_describe(const tardis_context_t *context, tardis_synced_t *synced,
                                       apr_pool_t *pool)
{
    tardis_synced_t *found;
    if (synced->title)
        return NULL;
    tardis_error_t *error = tardis_synced_find(context, synced->experiment_id, &found, pool);
    if (!error && !found)
        error = tardis_error_create(pool, TARDIS_LEASE_LOST,
                                    "experiment %" APR_UINT64_T_FMT " is no longer followed",
                                    synced->experiment_id);
    if (error)
        return error;
    synced->title = found->title;
    synced->file_count = found->file_count;
    synced->byte_count = found->byte_count;
    return NULL;
}

tardis_error_t *tardis_synced_find_uid(const tardis_context_t *context, const char *uid,
                                       apr_array_header_t **found, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db, SYNCED_SELECT "WHERE s.uid = ? ORDER BY s.experiment_id",
                        TARDIS_DB_VALUES(tardis_db_text(uid)), &rows, pool);
    if (!error)
        *found = synced_rows_read(rows, pool);
    return error;
}

tardis_error_t *tardis_synced_page(const tardis_context_t *context, const char *state, apr_uint64_t after,
                                   int limit, apr_array_header_t **page, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        SYNCED_SELECT "WHERE s.experiment_id > ? AND s.state = COALESCE(?, s.state)"
                      " ORDER BY s.experiment_id LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(after), tardis_db_text(state), tardis_db_signed(limit)), &rows,
        pool);
    if (!error)
        *page = synced_rows_read(rows, pool);
    return error;
}
