#include "tardis_synced_db.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "db_list.h"
#include "db_transact.h"
#include "synced_rows.h"
#include "notification_rows.h"
#include "tardis_command.h"

/* As many that say the same are worth a statement of their own. */
#define ALIKE_MINIMUM 16

/* One row of a block, locked until the transaction ends. */
typedef struct {
    apr_uint64_t experiment_id;
    const char *lease_owner; /* NULL: none */
    int due_again;
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
    tardis_db_bulk_t *mails;
    const char *host;
} writer_t;

/* What outcomes that say nothing of their own have in common, if they are saved together. */
typedef struct {
    const char *lease_owner; /* the same for all of a claim */
    apr_uint64_t attempts;
    apr_interval_time_t wait;
} shape_t;

/* What a transaction is to save. */
typedef struct {
    const apr_array_header_t *outcomes;
    int each; /* every row by itself */
} save_t;

static tardis_error_t *save_outcomes(const tardis_context_t *context, const void *baton, apr_pool_t *pool);
static tardis_error_t *save_alike(const tardis_context_t *context, const apr_array_header_t *outcomes,
                                  apr_array_header_t **rest, apr_pool_t *pool);
static int says_nothing(const tardis_synced_outcome_t *outcome);
static apr_array_header_t *group_of(apr_hash_t *groups, const tardis_synced_outcome_t *outcome,
                                    apr_pool_t *pool);
static tardis_error_t *update_alike(const tardis_context_t *context, const apr_array_header_t *alike,
                                    apr_pool_t *pool);
static tardis_error_t *save_each(const tardis_context_t *context, const apr_array_header_t *outcomes,
                                 apr_pool_t *pool);
static tardis_error_t *save_block(const tardis_context_t *context, const writer_t *writer,
                                  tardis_synced_outcome_t **outcomes, int count, apr_pool_t *pool);
static tardis_error_t *lock_rows(const tardis_context_t *context, tardis_synced_outcome_t **outcomes,
                                 int count, apr_hash_t **rows, apr_pool_t *pool);
static tardis_error_t *write_row(const writer_t *writer, const held_t *held,
                                 const tardis_synced_outcome_t *outcome, apr_pool_t *pool);
static tardis_error_t *write_events(const writer_t *writer, const held_t *held,
                                    const tardis_synced_outcome_t *outcome, apr_pool_t *pool);
static tardis_error_t *write_mails(const writer_t *writer, const held_t *held,
                                   const tardis_synced_outcome_t *outcome, apr_pool_t *pool);

tardis_error_t *tardis_synced_save(const tardis_context_t *context, const apr_array_header_t *outcomes,
                                   apr_pool_t *pool)
{
    save_t save = {.outcomes = outcomes};
    tardis_error_t *error = db_transact(context, save_outcomes, &save, pool);
    if (!error || error->code != TARDIS_LEASE_LOST)
        return error;
    save.each = 1;
    return db_transact(context, save_outcomes, &save, pool);
}

/* LEASE_LOST: one of those that were saved together was taken over, and the number does not tell which. */
static tardis_error_t *save_outcomes(const tardis_context_t *context, const void *baton, apr_pool_t *pool)
{
    const save_t *save = baton;
    apr_array_header_t *rest;
    if (save->each)
        return save_each(context, save->outcomes, pool);
    tardis_error_t *error = save_alike(context, save->outcomes, &rest, pool);
    return error ? error : save_each(context, rest, pool);
}

/* Most of many transfers are where they were: nothing is to be saved but when to ask again. */
static tardis_error_t *save_alike(const tardis_context_t *context, const apr_array_header_t *outcomes,
                                  apr_array_header_t **rest, apr_pool_t *pool)
{
    apr_hash_t *groups = apr_hash_make(pool);
    *rest = apr_array_make(pool, 16, sizeof(tardis_synced_outcome_t *));
    for (int i = 0; i < outcomes->nelts; i++) {
        tardis_synced_outcome_t *outcome = APR_ARRAY_IDX(outcomes, i, tardis_synced_outcome_t *);
        apr_array_header_t *group = says_nothing(outcome) ? group_of(groups, outcome, pool) : *rest;
        APR_ARRAY_PUSH(group, tardis_synced_outcome_t *) = outcome;
    }
    tardis_error_t *error = NULL;
    for (apr_hash_index_t *index = apr_hash_first(pool, groups); index && !error;
         index = apr_hash_next(index)) {
        apr_array_header_t *group;
        apr_hash_this(index, NULL, NULL, (void **)&group);
        if (group->nelts < ALIKE_MINIMUM)
            apr_array_cat(*rest, group);
        else
            error = update_alike(context, group, pool);
    }
    return error;
}

static int says_nothing(const tardis_synced_outcome_t *outcome)
{
    return !outcome->entered && !outcome->moved && outcome->wait >= 0 && !outcome->status_document &&
           !outcome->error_code && !outcome->error_text && outcome->events->nelts == 0 &&
           outcome->notifications->nelts == 0;
}

static apr_array_header_t *group_of(apr_hash_t *groups, const tardis_synced_outcome_t *outcome,
                                    apr_pool_t *pool)
{
    const shape_t shape = {outcome->lease_owner, outcome->attempts, outcome->wait};
    apr_array_header_t *group = apr_hash_get(groups, &shape, sizeof(shape));
    if (group)
        return group;
    group = apr_array_make(pool, DB_LIST_MAXIMUM, sizeof(outcome));
    apr_hash_set(groups, apr_pmemdup(pool, &shape, sizeof(shape)), sizeof(shape), group);
    return group;
}

static tardis_error_t *update_alike(const tardis_context_t *context, const apr_array_header_t *alike,
                                    apr_pool_t *pool)
{
    const tardis_synced_outcome_t *first = APR_ARRAY_IDX(alike, 0, const tardis_synced_outcome_t *);
    const tardis_db_value_t values[] = {tardis_db_signed(first->wait), tardis_db_unsigned(first->attempts),
                                        tardis_db_text(first->lease_owner)};
    const db_list_t list = {
        .start = "UPDATE synced_experiment FORCE INDEX (PRIMARY) SET next_attempt_at ="
                 " UTC_TIMESTAMP(6) + INTERVAL IF(" SYNCED_DUE_AGAIN ", 0, ?) MICROSECOND,"
                 " lease_owner = NULL, lease_until = NULL, attempts = ?, error_code = NULL,"
                 " error_text = NULL, updated_at = UTC_TIMESTAMP(6)"
                 " WHERE lease_owner = ? AND experiment_id IN ",
        .ending = ")",
        .values = values,
        .count = sizeof(values) / sizeof(values[0]),
    };
    apr_uint64_t *ids = apr_palloc(pool, sizeof(*ids) * (apr_size_t)alike->nelts);
    apr_uint64_t changed;
    for (int i = 0; i < alike->nelts; i++) {
        tardis_synced_outcome_t *outcome = APR_ARRAY_IDX(alike, i, tardis_synced_outcome_t *);
        ids[i] = outcome->experiment_id;
        outcome->saved = 1;
    }
    tardis_error_t *error = db_list_execute(context, &list, ids, alike->nelts, &changed, pool);
    if (!error && changed != (apr_uint64_t)alike->nelts)
        error = tardis_error_create(pool, TARDIS_LEASE_LOST, "an experiment was taken over");
    return error;
}

/* Every row that is "inserted" is there and locked, so it is only ever updated. What the update leaves alone
 * is given as it was read. */
static tardis_error_t *save_each(const tardis_context_t *context, const apr_array_header_t *outcomes,
                                 apr_pool_t *pool)
{
    writer_t writer = {.host = tardis_host_name(pool)};
    tardis_error_t *error = tardis_db_bulk_open_ending(
        &writer.rows, context->db,
        "INSERT INTO synced_experiment (experiment_id, uid, provider_url, document_digest, created_at, state,"
        " state_since, moved_at, attempts, next_attempt_at, status_document, error_code, error_text,"
        " updated_at) VALUES",
        14,
        " ON DUPLICATE KEY UPDATE state = VALUES(state), state_since = VALUES(state_since),"
        " moved_at = VALUES(moved_at), attempts = VALUES(attempts),"
        " next_attempt_at = VALUES(next_attempt_at),"
        " lease_owner = NULL, lease_until = NULL,"
        " status_document = COALESCE(VALUES(status_document), status_document),"
        " error_code = VALUES(error_code), error_text = VALUES(error_text), updated_at = VALUES(updated_at)",
        pool);
    if (!error)
        error = tardis_db_bulk_open(&writer.events, context->db,
                                    "INSERT INTO synced_event (experiment_id, at, host, kind, from_state,"
                                    " to_state, code, text) VALUES",
                                    8, pool);
    if (!error)
        error = notification_bulk_open(&writer.mails, context, pool);
    for (int from = 0; from < outcomes->nelts && !error; from += DB_LIST_MAXIMUM) {
        int count = outcomes->nelts - from < DB_LIST_MAXIMUM ? outcomes->nelts - from : DB_LIST_MAXIMUM;
        error = save_block(context, &writer, &APR_ARRAY_IDX(outcomes, from, tardis_synced_outcome_t *), count,
                           pool);
    }
    if (!error)
        error = tardis_db_bulk_finish(writer.rows, pool);
    if (!error)
        error = tardis_db_bulk_finish(writer.events, pool);
    return error ? error : tardis_db_bulk_finish(writer.mails, pool);
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
        if (!error)
            error = write_mails(writer, held, outcome, pool);
    }
    return error;
}

/* @param rows set to the rows by their id: held_t. */
static tardis_error_t *lock_rows(const tardis_context_t *context, tardis_synced_outcome_t **outcomes,
                                 int count, apr_hash_t **rows, apr_pool_t *pool)
{
    static const db_list_t list = {
        .start =
            "SELECT experiment_id, lease_owner, " SYNCED_DUE_AGAIN ", uid, provider_url, document_digest,"
            " state_since, moved_at, created_at, UTC_TIMESTAMP(6) FROM synced_experiment"
            " WHERE experiment_id IN ",
        .ending = ") FOR UPDATE",
    };
    apr_uint64_t ids[DB_LIST_MAXIMUM];
    tardis_db_rows_t *found;
    for (int i = 0; i < count; i++)
        ids[i] = outcomes[i]->experiment_id;
    *rows = apr_hash_make(pool);
    tardis_error_t *error = db_list_query(context, &list, ids, count, &found, pool);
    while (!error && tardis_db_rows_next(found)) {
        held_t *held = apr_palloc(pool, sizeof(*held));
        *held = (held_t){
            .experiment_id = tardis_db_rows_unsigned(found, 0),
            .lease_owner = tardis_db_rows_text(found, 1),
            .due_again = tardis_db_rows_signed(found, 2) != 0,
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

static tardis_error_t *write_row(const writer_t *writer, const held_t *held,
                                 const tardis_synced_outcome_t *outcome, apr_pool_t *pool)
{
    apr_time_t next = outcome->wait < 0 ? 0 : held->now + (held->due_again ? 0 : outcome->wait);
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
            tardis_db_unsigned(held->experiment_id),
            tardis_db_time(held->now),
            tardis_db_text(writer->host),
            tardis_db_text(event->kind),
            tardis_db_text(event->from_state),
            tardis_db_text(event->to_state),
            tardis_db_text(event->code),
            tardis_db_text(event->text),
        };
        error = tardis_db_bulk_add(writer->events, values, sizeof(values) / sizeof(values[0]), pool);
    }
    return error;
}

static tardis_error_t *write_mails(const writer_t *writer, const held_t *held,
                                   const tardis_synced_outcome_t *outcome, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    for (int i = 0; i < outcome->notifications->nelts && !error; i++)
        error = notification_bulk_add(
            writer->mails, &APR_ARRAY_IDX(outcome->notifications, i, tardis_notification_t), held->now, pool);
    return error;
}
