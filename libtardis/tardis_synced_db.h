/**
 * @file tardis_synced_db.h
 * The consumer's tables: the state of each experiment that came from a provider, its history, problems of its files, and the
 * outbox. Every function needs context->db. Times are the database server's.
 */
#ifndef TARDIS_SYNCED_DB_H
#define TARDIS_SYNCED_DB_H

#include <apr_tables.h>
#include <apr_time.h>

#include "tardis_context.h"

/** The states, as the database and the tools spell them. */
#define TARDIS_STATE_INGESTED "Ingested"
#define TARDIS_STATE_REQUESTED "Requested"
#define TARDIS_STATE_IN_PROGRESS "InProgress"
#define TARDIS_STATE_CHECKING "CheckingIntegrity"
#define TARDIS_STATE_COMPLETE "Complete"
#define TARDIS_STATE_FAILED "FailPermanent"

/** One experiment that is followed. */
typedef struct tardis_synced_t {
    apr_uint64_t experiment_id;
    const char *uid;
    const char *provider_url;
    const char *title;
    const char *state;
    apr_time_t state_since;
    apr_time_t moved_at;
    apr_uint64_t attempts;
    apr_time_t next_attempt_at; /**< 0: nothing more to do */
    const char *lease_owner;    /**< NULL: none */
    apr_time_t lease_until;
    const char *status_document; /**< NULL: no answer yet */
    apr_uint64_t checked_through;
    apr_uint64_t bytes_checked;
    apr_uint64_t file_count;
    apr_uint64_t byte_count;
    const char *error_code; /**< NULL: none */
    const char *error_text;
    apr_time_t created_at;
    apr_time_t updated_at;
    apr_time_t now; /**< the database server's clock when this was read */
} tardis_synced_t;

/** The synced_experiment with this provider and uid, locked until the transaction ends; NULL: none. For the ingest. */
typedef struct tardis_synced_key_t {
    apr_uint64_t experiment_id;
    const char *state;
    unsigned char document_digest[32];
} tardis_synced_key_t;
tardis_error_t *tardis_synced_lock_by_uid(const tardis_context_t *context, const char *provider_url, const char *uid,
                                          tardis_synced_key_t **key, apr_pool_t *pool);

/** Begins to follow an experiment: state Ingested, due at once, with an event. Within the ingest's transaction. */
tardis_error_t *tardis_synced_insert(const tardis_context_t *context, apr_uint64_t experiment_id, const char *provider_url,
                                     const char *uid, const unsigned char document_digest[32], apr_pool_t *pool);

/**
 * A changed document has replaced the experiment: back to Ingested, due at once, nothing checked, no lease (whoever steps it
 * now loses it), problems removed, with an event. Within the ingest's transaction.
 */
tardis_error_t *tardis_synced_reset(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    const unsigned char document_digest[32], apr_pool_t *pool);

/**
 * `notify_experiment`: makes every pending experiment with this uid due now, with an event.
 * @param found set to how many experiments have this uid, pending or not.
 */
tardis_error_t *tardis_synced_notify(const tardis_context_t *context, const char *uid, int *found, apr_pool_t *pool);

/* ---- History: append-only. ---- */

/** One event. */
typedef struct tardis_synced_event_t {
    apr_time_t at;          /**< set when read; when written the server's clock decides */
    const char *host;       /**< set when read; when written this host's name */
    const char *kind;       /**< registration, transition, request, error, manual or notify */
    const char *from_state; /**< NULL: none */
    const char *to_state;   /**< NULL: the state did not change */
    const char *code;       /**< name of a typed error; NULL: none */
    const char *text;       /**< for a person */
} tardis_synced_event_t;

/** Adds an event, now, from this host. Within the transaction of what it tells about. */
tardis_error_t *tardis_synced_event_add(const tardis_context_t *context, apr_uint64_t experiment_id,
                                        const tardis_synced_event_t *event, apr_pool_t *pool);

/**
 * The last @a limit events, oldest first.
 * @param events set to an array of tardis_synced_event_t.
 * @param total set to how many there are in all.
 */
tardis_error_t *tardis_synced_event_last(const tardis_context_t *context, apr_uint64_t experiment_id, int limit,
                                         apr_array_header_t **events, apr_uint64_t *total, apr_pool_t *pool);

/* ---- Files that are not as promised. ---- */

/** Removes the problems of an experiment. Within the caller's transaction. */
tardis_error_t *tardis_file_problem_clear(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          apr_pool_t *pool);

#endif
