#include "tardis_synced_manual.h"

#include <apr_strings.h>

#include "db_transact.h"
#include "synced_rows.h"
#include "tardis_partial_retry.h"

/* One or more experiments to restart. */
typedef struct {
    apr_uint64_t experiment_id;
    const apr_array_header_t *page;
    const char *text;
    apr_array_header_t *restarted;
} restart_t;

/* One to give up. */
typedef struct {
    const tardis_synced_cancel_t *wanted;
    int *done;
} cancel_t;

static tardis_error_t *restart_one(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *restart_page(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *restart(const tardis_context_t *context, apr_uint64_t experiment_id, const char *text,
                               int *done, apr_pool_t *pool);
static tardis_error_t *cancel(const tardis_context_t *context, const void *baton, apr_pool_t *pool);

tardis_error_t *tardis_synced_failed_page(const tardis_context_t *context,
                                          const tardis_synced_failed_t *failed, apr_uint64_t after, int limit,
                                          apr_array_header_t **page, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        SYNCED_SELECT "WHERE s.experiment_id > ? AND s.state = '" TARDIS_STATE_FAILED "'"
                      " AND (? IS NULL OR s.error_code = ?) AND s.provider_url = COALESCE(?, s.provider_url)"
                      " ORDER BY s.experiment_id LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(after), tardis_db_text(failed->error_code),
                         tardis_db_text(failed->error_code), tardis_db_text(failed->provider_url),
                         tardis_db_signed(limit)),
        &rows, pool);
    if (!error)
        *page = synced_rows_read(rows, pool);
    return error;
}

tardis_error_t *tardis_synced_retry(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    const char *text, apr_pool_t *pool)
{
    const restart_t baton = {.experiment_id = experiment_id, .text = text};
    return db_transact(context, restart_one, &baton, pool);
}

static tardis_error_t *restart_one(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const restart_t *wanted = baton;
    tardis_synced_t *synced;
    int done;
    tardis_error_t *error = restart(context, wanted->experiment_id, wanted->text, &done, pool);
    if (error || done)
        return error;
    error = tardis_synced_find(context, wanted->experiment_id, &synced, pool);
    if (error)
        return error;
    if (!synced)
        return tardis_error_create(pool, TARDIS_NOT_FOUND, "no experiment %" APR_UINT64_T_FMT " is followed",
                                   wanted->experiment_id);
    return tardis_error_create(pool, TARDIS_CONFLICT,
                               "experiment %" APR_UINT64_T_FMT " is %s; only a " TARDIS_STATE_FAILED
                               " one can be restarted",
                               wanted->experiment_id, synced->state);
}

tardis_error_t *tardis_synced_retry_page(const tardis_context_t *context, const apr_array_header_t *page,
                                         const char *text, apr_array_header_t **restarted, apr_pool_t *pool)
{
    *restarted = apr_array_make(pool, page->nelts, sizeof(apr_uint64_t));
    const restart_t baton = {.page = page, .text = text, .restarted = *restarted};
    return db_transact(context, restart_page, &baton, pool);
}

static tardis_error_t *restart_page(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const restart_t *wanted = baton;
    tardis_error_t *error = NULL;
    apr_array_clear(wanted->restarted);
    for (int i = 0; !error && i < wanted->page->nelts; i++) {
        apr_uint64_t id = APR_ARRAY_IDX(wanted->page, i, tardis_synced_t).experiment_id;
        int done;
        error = restart(context, id, wanted->text, &done, pool);
        if (!error && done)
            APR_ARRAY_PUSH(wanted->restarted, apr_uint64_t) = id;
    }
    return error;
}

/* @param done set to 0 if it is not FailPermanent. */
static tardis_error_t *restart(const tardis_context_t *context, apr_uint64_t experiment_id, const char *text,
                               int *done, apr_pool_t *pool)
{
    tardis_partial_retry_t *partial;
    tardis_error_t *error = tardis_partial_retry_begin(context, experiment_id, done, &partial, pool);
    if (error || !*done)
        return error;
    error = tardis_db_execute(
        context->db,
        "UPDATE synced_experiment SET state = '" TARDIS_STATE_INGESTED "', state_since = UTC_TIMESTAMP(6),"
        " moved_at = UTC_TIMESTAMP(6), attempts = 0, next_attempt_at = UTC_TIMESTAMP(6), lease_owner = NULL,"
        " lease_until = NULL, status_document = NULL, checked_through = IF(?, checked_through, 0),"
        " bytes_checked = IF(?, bytes_checked, 0), error_code = NULL, error_text = NULL,"
        " updated_at = UTC_TIMESTAMP(6) WHERE experiment_id = ?",
        TARDIS_DB_VALUES(tardis_db_signed(partial != NULL), tardis_db_signed(partial != NULL),
                         tardis_db_unsigned(experiment_id)),
        NULL, pool);
    if (!error)
        error = tardis_synced_respect_hold(context, experiment_id, pool);
    if (error)
        return error;
    if (partial)
        text = apr_psprintf(
            pool, "%s; %" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT " files %s asked for again", text,
            partial->files, partial->all, partial->files == 1 ? "is" : "are");
    const tardis_synced_event_t event = {
        .kind = "manual", .from_state = TARDIS_STATE_FAILED, .to_state = TARDIS_STATE_INGESTED, .text = text};
    return tardis_synced_event_add(context, experiment_id, &event, pool);
}

tardis_error_t *tardis_synced_cancel(const tardis_context_t *context, const tardis_synced_cancel_t *wanted,
                                     int *done, apr_pool_t *pool)
{
    const cancel_t baton = {.wanted = wanted, .done = done};
    return db_transact(context, cancel, &baton, pool);
}

static tardis_error_t *cancel(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const cancel_t *given = baton;
    const tardis_synced_cancel_t *wanted = given->wanted;
    const tardis_db_value_t id = tardis_db_unsigned(wanted->experiment_id);
    tardis_db_changes_t changes;
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE synced_experiment SET state = '" TARDIS_STATE_FAILED "', state_since = UTC_TIMESTAMP(6),"
        " moved_at = UTC_TIMESTAMP(6), next_attempt_at = NULL, lease_owner = NULL, lease_until = NULL,"
        " error_code = ?, error_text = ?, updated_at = UTC_TIMESTAMP(6)"
        " WHERE experiment_id = ? AND state = ?",
        TARDIS_DB_VALUES(tardis_db_text(wanted->error_code), tardis_db_text(wanted->error_text), id,
                         tardis_db_text(wanted->state)),
        &changes, pool);
    *given->done = !error && changes.rows == 1;
    if (!*given->done)
        return error;
    const tardis_synced_event_t event = {.kind = "manual",
                                         .from_state = wanted->state,
                                         .to_state = TARDIS_STATE_FAILED,
                                         .code = wanted->error_code,
                                         .text = wanted->error_text};
    error = tardis_db_execute(context->db, "DELETE FROM experiment_hold WHERE experiment_id = ?",
                              TARDIS_DB_VALUES(id), NULL, pool);
    if (!error)
        error = tardis_synced_event_add(context, wanted->experiment_id, &event, pool);
    for (int i = 0; !error && i < wanted->notifications->nelts; i++)
        error = tardis_notification_add(
            context, &APR_ARRAY_IDX(wanted->notifications, i, tardis_notification_t), pool);
    return error;
}

tardis_error_t *tardis_synced_leased_page(const tardis_context_t *context, apr_uint64_t after, int limit,
                                          apr_array_header_t **page, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db,
                        SYNCED_SELECT "WHERE s.lease_owner IS NOT NULL AND s.experiment_id > ?"
                                      " ORDER BY s.experiment_id LIMIT ?",
                        TARDIS_DB_VALUES(tardis_db_unsigned(after), tardis_db_signed(limit)), &rows, pool);
    if (!error)
        *page = synced_rows_read(rows, pool);
    return error;
}
