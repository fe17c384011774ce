/**
 * @file tardis_synced_manual.h
 * What a person does to experiments that the consumer follows: starts failed ones again, gives one up, holds
 * and releases; and who has leases. Every function needs context->db. See tardis_synced_retry() for one.
 *
 * A held experiment has no next_attempt_at and no lease: nothing takes it, and a step that was in flight
 * finds its lease lost and writes nothing. Whoever makes an experiment due asks whether it is held.
 */
#ifndef TARDIS_SYNCED_MANUAL_H
#define TARDIS_SYNCED_MANUAL_H

#include <apr_hash.h>

#include "tardis_synced_db.h"

/* ---- Starting failed ones again (synced_manual_db.c). ---- */

/** Which failed experiments are meant. */
typedef struct tardis_synced_failed_t {
    const char *error_code;   /**< NULL: whatever they failed of */
    const char *provider_url; /**< NULL: of every provider */
} tardis_synced_failed_t;

/**
 * A page of what is in FailPermanent, in the order of the ids.
 * @param after only ids above this one; 0: from the first.
 * @param page set to an array of at most @a limit tardis_synced_t; empty: no more.
 */
tardis_error_t *tardis_synced_failed_page(const tardis_context_t *context,
                                          const tardis_synced_failed_t *failed, apr_uint64_t after, int limit,
                                          apr_array_header_t **page, apr_pool_t *pool);

/**
 * tardis_synced_retry() for a page of experiments in one transaction. One that is not in FailPermanent any
 * more is left alone.
 * @param page of tardis_synced_t.
 * @param restarted set to the ids of those that were restarted: an array of apr_uint64_t.
 */
tardis_error_t *tardis_synced_retry_page(const tardis_context_t *context, const apr_array_header_t *page,
                                         const char *text, apr_array_header_t **restarted, apr_pool_t *pool);

/* ---- Giving up (synced_manual_db.c). ---- */

/** An experiment that a person gives up. */
typedef struct tardis_synced_cancel_t {
    apr_uint64_t experiment_id;
    const char *state;                       /**< what it is in; in any other it is left alone */
    const char *error_code;                  /**< name of a typed error */
    const char *error_text;                  /**< also of the event */
    const apr_array_header_t *notifications; /**< of tardis_notification_t: mail to send */
} tardis_synced_cancel_t;

/**
 * FailPermanent with this error, an event, and mail; a hold and a lease end.
 * @param done set to 0 if it was no longer in the state; nothing was written then.
 */
tardis_error_t *tardis_synced_cancel(const tardis_context_t *context, const tardis_synced_cancel_t *cancel,
                                     int *done, apr_pool_t *pool);

/* ---- Holding (synced_hold_db.c). ---- */

/** Who stopped an experiment, when and why. */
typedef struct tardis_synced_hold_t {
    const char *provider_url; /**< the provider, all of whose experiments are held; NULL: this one is */
    const char *reason;
    const char *held_by;
    apr_time_t held_at; /**< set when read */
} tardis_synced_hold_t;

/**
 * Holds a pending experiment, with an event. One that is held already gets the new reason.
 * @param again set to whether it was.
 * @return TARDIS_NOT_FOUND; TARDIS_CONFLICT if nothing is to be done about it anyway.
 */
tardis_error_t *tardis_synced_hold(const tardis_context_t *context, apr_uint64_t experiment_id,
                                   const tardis_synced_hold_t *hold, int *again, apr_pool_t *pool);

/**
 * Ends that: it is due at once, unless its provider is held, with an event. Its deadline begins anew: nothing
 * could move meanwhile.
 * @param text of the event.
 * @return TARDIS_NOT_FOUND; TARDIS_CONFLICT if it was not held, or only its provider is.
 */
tardis_error_t *tardis_synced_unhold(const tardis_context_t *context, apr_uint64_t experiment_id,
                                     const char *text, apr_pool_t *pool);

/**
 * Those that are held among the experiments @a first to @a last.
 * @param holds set to a hash from id (an apr_uint64_t) to tardis_synced_hold_t *: the experiment's own, or
 * else its provider's.
 */
tardis_error_t *tardis_synced_holds(const tardis_context_t *context, apr_uint64_t first, apr_uint64_t last,
                                    apr_hash_t **holds, apr_pool_t *pool);

/**
 * What was just made due is not if it, or its provider, is held. After the row was written, in the same
 * transaction, so that no hold that begins meanwhile misses it.
 */
tardis_error_t *tardis_synced_respect_hold(const tardis_context_t *context, apr_uint64_t experiment_id,
                                           apr_pool_t *pool);

/* ---- Holding a provider (provider_hold_db.c). A provider may have a million experiments, so they are
 * stopped, and made due again, page by page: first _begin, then _page until it has none left, then _end. Who
 * is killed in between runs it again. ---- */

/** One hold or release of a provider on its way. */
typedef struct tardis_provider_hold_t {
    const char *provider_url;
    int held;                 /**< not 0: it is held; 0: it is released */
    const char *text;         /**< of the event that each experiment gets */
    const char *after;        /**< uid of the last one that was looked at; starts as "" */
    int finished;             /**< set when there are none left */
    apr_uint64_t experiments; /**< counts those that were stopped, or made due */
} tardis_provider_hold_t;

/**
 * Notes that a provider is held: what is registered from now on is not stepped. One that is held already gets
 * the new reason.
 * @param again set to whether it was.
 */
tardis_error_t *tardis_provider_hold_begin(const tardis_context_t *context, const tardis_synced_hold_t *hold,
                                           int *again, apr_pool_t *pool);

/** Notes that it is no longer held. @return TARDIS_CONFLICT if it was not. */
tardis_error_t *tardis_provider_release_begin(const tardis_context_t *context, const char *provider_url,
                                              apr_pool_t *pool);

/**
 * Stops the next pending experiments of the provider, or makes them due again; one that is held itself
 * stays so. @a pool may be cleared after each call, except for what @a on holds, which is in @a kept.
 * @return TARDIS_CONFLICT if somebody has released, or held, the provider meanwhile.
 */
tardis_error_t *tardis_provider_hold_page(const tardis_context_t *context, tardis_provider_hold_t *on,
                                          apr_pool_t *kept, apr_pool_t *pool);

/** Ends a release: nothing remembers that the provider was held. */
tardis_error_t *tardis_provider_release_end(const tardis_context_t *context, const char *provider_url,
                                            apr_pool_t *pool);

/** Whether any experiment comes from a provider. */
tardis_error_t *tardis_provider_has_experiments(const tardis_context_t *context, const char *provider_url,
                                                int *has, apr_pool_t *pool);

/* ---- Leases (synced_manual_db.c). ---- */

/** A page of what is under a lease, ended or not, in the order of the ids; as tardis_synced_page(). */
tardis_error_t *tardis_synced_leased_page(const tardis_context_t *context, apr_uint64_t after, int limit,
                                          apr_array_header_t **page, apr_pool_t *pool);

#endif
