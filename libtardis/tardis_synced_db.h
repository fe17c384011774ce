/**
 * @file tardis_synced_db.h
 * The consumer's tables: the state of each experiment that came from a provider, its history, problems of its
 * files, and the outbox. Every function needs context->db. Times are the database server's.
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
    const char *title; /**< NULL: a claim has left it out, see tardis_synced_describe() */
    const char *state;
    apr_time_t state_since;
    apr_time_t moved_at;
    apr_uint64_t attempts;
    apr_time_t next_attempt_at; /**< 0: nothing more to do, or held (see tardis_synced_manual.h) */
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

/**
 * The synced_experiment with this provider and uid, locked until the transaction ends; NULL: none. For the
 * ingest.
 */
typedef struct tardis_synced_key_t {
    apr_uint64_t experiment_id;
    const char *state;
    unsigned char document_digest[32];
} tardis_synced_key_t;
tardis_error_t *tardis_synced_lock_by_uid(const tardis_context_t *context, const char *provider_url,
                                          const char *uid, tardis_synced_key_t **key, apr_pool_t *pool);

/**
 * Begins to follow an experiment: state Ingested, due at once unless its provider is held, with an event.
 * Within the ingest's transaction.
 */
tardis_error_t *tardis_synced_insert(const tardis_context_t *context, apr_uint64_t experiment_id,
                                     const char *provider_url, const char *uid,
                                     const unsigned char document_digest[32], apr_pool_t *pool);

/**
 * A changed document has replaced the experiment: back to Ingested, due at once unless it is held, nothing
 * checked, no lease (whoever steps it now loses it), problems removed, with an event. Within the ingest's
 * transaction.
 */
tardis_error_t *tardis_synced_reset(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    const unsigned char document_digest[32], apr_pool_t *pool);

/**
 * `notify_experiment`: makes every pending experiment with this uid due now, with an event; not one that is
 * held.
 * @param found set to how many experiments have this uid, pending or not.
 */
tardis_error_t *tardis_synced_notify(const tardis_context_t *context, const char *uid, int *found,
                                     apr_pool_t *pool);

/* ---- Reading. ---- */

/** The experiment that is followed under this id; @a synced is set to NULL if there is none. */
tardis_error_t *tardis_synced_find(const tardis_context_t *context, apr_uint64_t experiment_id,
                                   tardis_synced_t **synced, apr_pool_t *pool);

/** Those with this uid, one per provider that uses it. @param found set to an array of tardis_synced_t. */
tardis_error_t *tardis_synced_find_uid(const tardis_context_t *context, const char *uid,
                                       apr_array_header_t **found, apr_pool_t *pool);

/**
 * A page of all of them in the order of their ids.
 * @param state only those in this state; NULL: all.
 * @param after only ids above this one; 0: from the first.
 * @param page set to an array of at most @a limit tardis_synced_t; empty: no more.
 */
tardis_error_t *tardis_synced_page(const tardis_context_t *context, const char *state, apr_uint64_t after,
                                   int limit, apr_array_header_t **page, apr_pool_t *pool);

/* ---- Claiming and saving, for the tick (synced_claim_db.c). ---- */

/** Providers that a claim can leave out. */
#define TARDIS_SYNCED_EXCEPT_MAX 16

/** What a tick asks for. */
typedef struct tardis_synced_claim_t {
    const char *lease_owner; /**< a name no other claim has: tardis_process_name() and a number */
    int lease_seconds;
    int limit;          /**< experiments at most */
    apr_time_t from;    /**< only what is due since then or later; 0: all. Not with @a only */
    apr_time_t due_by;  /**< only what was due by then; 0: now */
    apr_uint64_t only;  /**< only this experiment; 0: any */
    const char *states; /**< comma-separated */
    int described;      /**< 0: titles and counts are left out; see tardis_synced_describe() */
    int among_states;   /**< not 0: only what is in one of @a states; 0: only what is in none of them */
    /**
     * Of const char *: nothing of these providers, as far as there are TARDIS_SYNCED_EXCEPT_MAX of them;
     * NULL: of all. Not with @a only.
     */
    const apr_array_header_t *except;
} tardis_synced_claim_t;

/** What was taken. */
typedef struct tardis_synced_claimed_t {
    apr_array_header_t *experiments; /**< of tardis_synced_t, in the order of their ids; may be empty */
    int more;                        /**< 0: there was nothing else to take */
    /**
     * All that is due since earlier was taken, by this claim or by others: the next one may begin here and
     * need not pass by what was moved. Not what became due again meanwhile.
     */
    apr_time_t through;
} tardis_synced_claimed_t;

/**
 * Takes what is due, longest due first, under a lease that others leave alone until it ends. Each experiment
 * is taken by exactly one claim, whatever runs at the same time; one whose lease has ended is due again by
 * itself.
 */
tardis_error_t *tardis_synced_claim(const tardis_context_t *context, const tardis_synced_claim_t *claim,
                                    tardis_synced_claimed_t *claimed, apr_pool_t *pool);

/** Reads what a claim has left out: title, file_count and byte_count. Does nothing if they are there. */
tardis_error_t *tardis_synced_describe(const tardis_context_t *context, tardis_synced_t *synced,
                                       apr_pool_t *pool);

/** What there is to do. */
typedef struct tardis_synced_due_t {
    int experiments; /**< not 0: at least one experiment is due and not under a lease */
    int mails;       /**< not 0: at least one mail is due */
    int set_back;    /**< not 0: experiments were saved at a time that is still to come */
} tardis_synced_due_t;

/** Asks whether anything is due, by one query. */
tardis_error_t *tardis_synced_due(const tardis_context_t *context, tardis_synced_due_t *due,
                                  apr_pool_t *pool);

/**
 * After the clock of the database was set back: what waits does so from now on for as long as it was to wait,
 * leases last from now on, and mail and providers that were to be tried later are tried now.
 */
tardis_error_t *tardis_synced_mend_clock(const tardis_context_t *context, int lease_seconds,
                                         apr_pool_t *pool);

/**
 * Makes what is pending due now: one experiment, or all that nobody steps (@a only 0). One that is being
 * stepped is due as soon as that is saved.
 */
tardis_error_t *tardis_synced_hurry(const tardis_context_t *context, apr_uint64_t only, apr_pool_t *pool);

/**
 * Lengthens the lease of all that are still held under it.
 * @param experiments what was taken: tardis_synced_t.
 */
tardis_error_t *tardis_synced_renew(const tardis_context_t *context, const char *lease_owner,
                                    int lease_seconds, const apr_array_header_t *experiments,
                                    apr_pool_t *pool);

/**
 * Gives back what is still held under the lease, due at once, as if it had not been taken.
 * @param experiments what was taken: tardis_synced_t.
 */
tardis_error_t *tardis_synced_release(const tardis_context_t *context, const char *lease_owner,
                                      const apr_array_header_t *experiments, apr_pool_t *pool);

/** What one step led to. */
typedef struct tardis_synced_outcome_t {
    apr_uint64_t experiment_id;
    const char *lease_owner;     /**< the claim it was taken under */
    const char *state;           /**< from now on; the same as before: it stays */
    int entered;                 /**< not 0: it has just come into this state */
    int moved;                   /**< not 0: something moved, or its deadline begins anew */
    apr_uint64_t attempts;       /**< failed ones in a row */
    apr_interval_time_t wait;    /**< until the next step; 0: due at once; -1: nothing more to do */
    const char *status_document; /**< the provider's answer; NULL: keep what there is */
    const char *error_code;      /**< NULL: none */
    const char *error_text;
    apr_array_header_t *events;        /**< of tardis_synced_event_t; may be empty */
    apr_array_header_t *notifications; /**< of tardis_notification_t: mail to send; may be empty */
    int saved;                         /**< set: 0 if the lease was lost; nothing of it was written then */
} tardis_synced_outcome_t;

/**
 * Saves outcomes (an array of tardis_synced_outcome_t *) with their events and mail in one transaction, and
 * ends their leases. A notification by the provider that came meanwhile (tardis_synced_notify()) makes the
 * experiment due at once. After an error nothing was written.
 */
tardis_error_t *tardis_synced_save(const tardis_context_t *context, const apr_array_header_t *outcomes,
                                   apr_pool_t *pool);

/** How far the check of an experiment's files has come. */
typedef struct tardis_synced_checkpoint_t {
    apr_uint64_t experiment_id;
    const char *lease_owner;
    int lease_seconds; /**< the lease is lengthened to this from now */
    apr_uint64_t checked_through;
    apr_uint64_t bytes_checked;
    int moved;                    /**< not 0: bytes were read since the last one */
    apr_array_header_t *problems; /**< of tardis_file_problem_t: new ones, in files up to checked_through */
} tardis_synced_checkpoint_t;

/** Saves how far the check is. @return TARDIS_LEASE_LOST (nothing was written) or a database error. */
tardis_error_t *tardis_synced_save_checkpoint(const tardis_context_t *context,
                                              const tardis_synced_checkpoint_t *checkpoint, apr_pool_t *pool);

/**
 * Restarts a FailPermanent experiment: Ingested, due at once unless its provider is held, its history kept.
 * Nothing counts as checked, and its problems are removed, unless only the files with problems are asked for
 * again (tardis_partial_retry.h).
 * @param text of the event that tells who did it; which files are asked for is added to it.
 * @return TARDIS_NOT_FOUND, or TARDIS_CONFLICT if it is in another state.
 */
tardis_error_t *tardis_synced_retry(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    const char *text, apr_pool_t *pool);

/* ---- History: append-only. ---- */

/**
 * One event. A `request` is a question for the files, an `answer` what came back, and what the provider says of
 * the transfer: at first, and whenever it says something else than figures. No event for each answer: a
 * million transfers that are asked about every minute would write a million rows a minute; the last answer is
 * in the row. The events of a step are saved with its outcome, so a step that was killed has none.
 */
typedef struct tardis_synced_event_t {
    apr_time_t at;          /**< set when read; when written the server's clock decides */
    const char *host;       /**< set when read; when written this host's name */
    const char *kind;       /**< registration, transition, request, answer, error, manual, notify */
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
tardis_error_t *tardis_synced_event_last(const tardis_context_t *context, apr_uint64_t experiment_id,
                                         int limit, apr_array_header_t **events, apr_uint64_t *total,
                                         apr_pool_t *pool);

/* ---- Files that are not as promised. ---- */

/** Removes the problems of an experiment, and that it was to be asked for less than all files. Within the
 * caller's transaction. */
tardis_error_t *tardis_file_problem_clear(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          apr_pool_t *pool);

/** One file that is not as promised. */
typedef struct tardis_file_problem_t {
    apr_uint64_t file_number;
    const char *code; /**< name of a typed error */
    const char *text; /**< starts with the file's path */
} tardis_file_problem_t;

/** Adds problems (an array of tardis_file_problem_t), or replaces them. Within the caller's transaction. */
tardis_error_t *tardis_file_problem_add(const tardis_context_t *context, apr_uint64_t experiment_id,
                                        const apr_array_header_t *problems, apr_pool_t *pool);

/**
 * The first @a limit problems in the order of the files.
 * @param problems set to an array of tardis_file_problem_t.
 * @param total set to how many there are in all.
 */
tardis_error_t *tardis_file_problem_first(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          int limit, apr_array_header_t **problems, apr_uint64_t *total,
                                          apr_pool_t *pool);

/* ---- The outbox (notification_db.c); tardis_outbox.h delivers it. ---- */

/** One mail to one recipient. */
typedef struct tardis_notification_t {
    apr_uint64_t id; /**< set when read */
    apr_uint64_t experiment_id;
    const char *recipient; /**< an e-mail address */
    const char *subject;   /**< UTF-8, one line */
    const char *body;      /**< UTF-8, lines ending in LF */
    const char *about_state; /**< the state that was come into; NULL: an earlier version wrote it */
    const char *about_code;  /**< the name of a typed error; NULL: none */
    apr_time_t created_at; /**< set when read, as are those below */
    apr_time_t sent_at;    /**< 0: not yet */
    apr_uint64_t attempts;
    apr_time_t next_attempt_at; /**< 0: nothing more to do: it was sent, or (not sent) given up */
    const char *error_code; /**< NULL: none */
    const char *error_text;
} tardis_notification_t;

/** Puts a mail into the outbox, due at once. Within the transaction of the state change it tells about. */
tardis_error_t *tardis_notification_add(const tardis_context_t *context,
                                        const tardis_notification_t *notification, apr_pool_t *pool);

/** The mails about an experiment, oldest first, at most @a limit: an array of tardis_notification_t. */
tardis_error_t *tardis_notification_list(const tardis_context_t *context, apr_uint64_t experiment_id,
                                         int limit, apr_array_header_t **notifications, apr_pool_t *pool);

#endif
