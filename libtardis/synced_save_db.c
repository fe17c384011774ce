#include "tardis_synced_db.h"

#include <string.h>

#include <apr_hash.h>

#include "db_transact.h"
#include "tardis_command.h"
#include "tardis_db.h"

/* Rows that are locked by one statement at most: 4 to the power of 4. */
#define BLOCK_MAXIMUM 256

/* One row of a block, locked until the transaction ends. */
typedef struct {
    apr_uint64_t experiment_id;
    const char *lease_owner; /* NULL: none */
    int notified;
    const char *uid;
    const char *provider_url;
    const void *document_digest;
    apr_size_t digest_length;
    apr_time_t state_since;
    apr_time_t moved_at;
    apr_time_t created_at;
    apr_time_t now;
} held_t;

/* What a save writes, many rows at a time. */
typedef struct {
    tardis_db_bulk_t *rows;
    tardis_db_bulk_t *events;
    const char *host;
} writer_t;

static tardis_error_t *save_outcomes(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *save_block(const tardis_context_t *context, const writer_t *writer,
                                  tardis_synced_outcome_t **outcomes, int count, apr_pool_t *pool);
static tardis_error_t *lock_rows(const tardis_context_t *context, tardis_synced_outcome_t **outcomes,
                                 int count, apr_hash_t **held, apr_pool_t *pool);
static const char *lock_statement(int count, apr_pool_t *pool);
static tardis_error_t *write_row(const writer_t *writer, const held_t *held,
                                 const tardis_synced_outcome_t *outcome, apr_pool_t *pool);
static tardis_error_t *write_events(const writer_t *writer, const held_t *held,
                                    const tardis_synced_outcome_t *outcome, apr_pool_t *pool);

tardis_error_t *tardis_synced_save(const tardis_context_t *context, const apr_array_header_t *outcomes,
                                   apr_pool_t *pool)
{
    return db_transact(context, save_outcomes, outcomes, pool);
}

/* Every row that is "inserted" is there and locked, so it is only ever updated. What the update leaves alone
 * is given as it was read. */
static tardis_error_t *save_outcomes(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const apr_array_header_t *outcomes = baton;
    writer_t writer = {.host = tardis_host_name(pool)};
    tardis_error_t *error = tardis_db_bulk_open_ending(
        &writer.rows, context->db,
        "INSERT INTO synced_experiment (experiment_id, uid, provider_url, document_digest, created_at, state,"
        " state_since, moved_at, attempts, next_attempt_at, status_document, error_code, error_text,"
        " updated_at) VALUES",
        14,
        " ON DUPLICATE KEY UPDATE state = VALUES(state), state_since = VALUES(state_since),"
        " moved_at = VALUES(moved_at), attempts = VALUES(attempts), next_attempt_at = VALUES(next_attempt_at),"
        " lease_owner = NULL, lease_until = NULL,"
        " status_document = COALESCE(VALUES(status_document), status_document),"
        " error_code = VALUES(error_code), error_text = VALUES(error_text), updated_at = VALUES(updated_at)",
        pool);
    if (!error)
        error = tardis_db_bulk_open(&writer.events, context->db,
                                    "INSERT INTO synced_event (experiment_id, at, host, kind, from_state,"
                                    " to_state, code, text) VALUES",
                                    8, pool);
    for (int from = 0; from < outcomes->nelts && !error; from += BLOCK_MAXIMUM) {
        int count = outcomes->nelts - from < BLOCK_MAXIMUM ? outcomes->nelts - from : BLOCK_MAXIMUM;
        error = save_block(context, &writer, &APR_ARRAY_IDX(outcomes, from, tardis_synced_outcome_t *), count,
                           pool);
    }
    if (!error)
        error = tardis_db_bulk_finish(writer.rows, pool);
    return error ? error : tardis_db_bulk_finish(writer.events, pool);
}

static tardis_error_t *save_block(const tardis_context_t *context, const writer_t *writer,
                                  tardis_synced_outcome_t **outcomes, int count, apr_pool_t *pool)
{
    apr_hash_t *rows;
    tardis_error_t *error = lock_rows(context, outcomes, count, &rows, pool);
    for (int i = 0; i < count && !error; i++) {
        tardis_synced_outcome_t *outcome = outcomes[i];
        const held_t *held = apr_hash_get(rows, &outcome->experiment_id, sizeof(outcome->experiment_id));
        outcome->saved = held && held->lease_owner && strcmp(held->lease_owner, outcome->lease_owner) == 0;
        if (!outcome->saved)
            continue;
        error = write_row(writer, held, outcome, pool);
        if (!error)
            error = write_events(writer, held, outcome, pool);
        for (int j = 0; j < outcome->notifications->nelts && !error; j++)
            error = tardis_notification_add(
                context, &APR_ARRAY_IDX(outcome->notifications, j, tardis_notification_t), pool);
    }
    return error;
}

/* @param rows set to the rows by their id: held_t. */
static tardis_error_t *lock_rows(const tardis_context_t *context, tardis_synced_outcome_t **outcomes,
                                 int count, apr_hash_t **rows, apr_pool_t *pool)
{
    tardis_db_value_t ids[BLOCK_MAXIMUM];
    tardis_db_rows_t *found;
    int size = 1;
    while (size < count)
        size *= 4;
    for (int i = 0; i < size; i++)
        ids[i] = tardis_db_unsigned(outcomes[i < count ? i : 0]->experiment_id);
    *rows = apr_hash_make(pool);
    tardis_error_t *error =
        tardis_db_query(context->db, lock_statement(size, pool), ids, size, &found, pool);
    while (!error && tardis_db_rows_next(found)) {
        held_t *held = apr_palloc(pool, sizeof(*held));
        *held = (held_t){
            .experiment_id = tardis_db_rows_unsigned(found, 0),
            .lease_owner = tardis_db_rows_text(found, 1),
            .notified = tardis_db_rows_signed(found, 2) != 0,
            .uid = tardis_db_rows_text(found, 3),
            .provider_url = tardis_db_rows_text(found, 4),
            .state_since = tardis_db_rows_time(found, 6),
            .moved_at = tardis_db_rows_time(found, 7),
            .created_at = tardis_db_rows_time(found, 8),
            .now = tardis_db_rows_time(found, 9),
        };
        held->document_digest = tardis_db_rows_bytes(found, 5, &held->digest_length);
        apr_hash_set(*rows, &held->experiment_id, sizeof(held->experiment_id), held);
    }
    return error;
}

/* A notification that came since the claim lowered next_attempt_at alone; see synced_claim_db.c. */
static const char *lock_statement(int count, apr_pool_t *pool)
{
    static const char select[] =
        "SELECT experiment_id, lease_owner, next_attempt_at < lease_until, uid, provider_url, document_digest,"
        " state_since, moved_at, created_at, UTC_TIMESTAMP(6) FROM synced_experiment WHERE experiment_id IN (";
    apr_size_t length = sizeof(select) - 1;
    char *sql = apr_palloc(pool, length + 2 * (apr_size_t)count + sizeof(") FOR UPDATE"));
    memcpy(sql, select, length);
    for (int i = 0; i < count; i++) {
        sql[length++] = '?';
        sql[length++] = ',';
    }
    memcpy(sql + length - 1, ") FOR UPDATE", sizeof(") FOR UPDATE"));
    return sql;
}

static tardis_error_t *write_row(const writer_t *writer, const held_t *held,
                                 const tardis_synced_outcome_t *outcome, apr_pool_t *pool)
{
    apr_time_t next = outcome->wait < 0 ? 0 : held->now + (held->notified ? 0 : outcome->wait);
    const tardis_db_value_t values[] = {
        tardis_db_unsigned(held->experiment_id),
        tardis_db_text(held->uid),
        tardis_db_text(held->provider_url),
        tardis_db_bytes(held->document_digest, held->digest_length),
        tardis_db_time(held->created_at),
        tardis_db_text(outcome->state),
        tardis_db_time(outcome->entered ? held->now : held->state_since),
        tardis_db_time(outcome->entered || outcome->moved ? held->now : held->moved_at),
        tardis_db_unsigned(outcome->attempts),
        tardis_db_time(next),
        tardis_db_text(outcome->status_document),
        tardis_db_text(outcome->error_code),
        tardis_db_text(outcome->error_text),
        tardis_db_time(held->now),
    };
    return tardis_db_bulk_add(writer->rows, values, sizeof(values) / sizeof(values[0]), pool);
}

static tardis_error_t *write_events(const writer_t *writer, const held_t *held,
                                    const tardis_synced_outcome_t *outcome, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    for (int i = 0; i < outcome->events->nelts && !error; i++) {
        const tardis_synced_event_t *event = &APR_ARRAY_IDX(outcome->events, i, tardis_synced_event_t);
        const tardis_db_value_t values[] = {
            tardis_db_unsigned(held->experiment_id), tardis_db_time(held->now),
            tardis_db_text(writer->host),            tardis_db_text(event->kind),
            tardis_db_text(event->from_state),       tardis_db_text(event->to_state),
            tardis_db_text(event->code),             tardis_db_text(event->text),
        };
        error = tardis_db_bulk_add(writer->events, values, sizeof(values) / sizeof(values[0]), pool);
    }
    return error;
}
