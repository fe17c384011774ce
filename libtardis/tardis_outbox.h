/**
 * @file tardis_outbox.h
 * Delivery of the mail that state changes left in the database (see tardis_notification_add()): by any number
 * of processes at once, each mail by one of them. Every function needs context->db. Times are the database
 * server's.
 *
 * A process takes mails under a lease, which others leave alone until it ends, and then says what became of
 * them. What it says counts only as long as the lease is its own. A mail whose lease has ended is due again
 * by itself, so a process may be killed at any point.
 */
#ifndef TARDIS_OUTBOX_H
#define TARDIS_OUTBOX_H

#include "tardis_synced_db.h"

/** The database server's clock: what became due later is for a later delivery. */
tardis_error_t *tardis_outbox_now(const tardis_context_t *context, apr_time_t *now, apr_pool_t *pool);

/**
 * Who has more than @a threshold mails due by @a due_by.
 * @param recipients set to an array of at most @a limit const char *; empty: nobody.
 */
tardis_error_t *tardis_outbox_crowded(const tardis_context_t *context, apr_time_t due_by, long threshold,
                                      int limit, apr_array_header_t **recipients, apr_pool_t *pool);

/** What a process wants to deliver. */
typedef struct tardis_outbox_claim_t {
    const char *lease_owner; /**< a name no other claim has: tardis_process_name() and a number */
    int lease_seconds;
    apr_time_t due_by;     /**< only what was due by then */
    const char *recipient; /**< only mail to this one; NULL: to any */
    int limit;             /**< mails at most */
} tardis_outbox_claim_t;

/**
 * Takes mails, longest due first. May be called again under the same lease, for more.
 * @param taken set to how many there were.
 */
tardis_error_t *tardis_outbox_claim(const tardis_context_t *context, const tardis_outbox_claim_t *claim,
                                    apr_uint64_t *taken, apr_pool_t *pool);

/** The first @a limit of what is held under the lease, oldest first: an array of tardis_notification_t. */
tardis_error_t *tardis_outbox_claimed(const tardis_context_t *context, const char *lease_owner, int limit,
                                      apr_array_header_t **mails, apr_pool_t *pool);

/** Gives back what is held under the lease, due at once, as if it had not been taken. */
tardis_error_t *tardis_outbox_release(const tardis_context_t *context, const char *lease_owner,
                                      apr_pool_t *pool);

/**
 * The mail server has accepted a mail, or one that stands for all under the lease (@a id 0). All are marked
 * or none.
 */
tardis_error_t *tardis_outbox_sent(const tardis_context_t *context, const char *lease_owner, apr_uint64_t id,
                                   apr_pool_t *pool);

/** Why a mail was not accepted. */
typedef struct tardis_outbox_failure_t {
    const tardis_error_t *error;
    int refused;              /**< not 0: this recipient or this mail; 0: it may be the same for any other */
    long deadline;            /**< seconds after its first refusal at which a mail is given up */
    apr_interval_time_t wait; /**< until it is due again */
} tardis_outbox_failure_t;

/**
 * A mail was not accepted, or one that stands for all under the lease (@a id 0). It is due again after a
 * wait, or given up: never tried again, and kept with its error. All are marked or none.
 * @param given_up set to how many were given up.
 */
tardis_error_t *tardis_outbox_failed(const tardis_context_t *context, const char *lease_owner,
                                     apr_uint64_t id, const tardis_outbox_failure_t *failure,
                                     apr_uint64_t *given_up, apr_pool_t *pool);

/* ---- For one mail that stands for many. ---- */

/** What is held under a lease, in numbers. */
typedef struct tardis_outbox_sum_t {
    apr_uint64_t mails;
    apr_uint64_t complete; /**< that tell of Complete */
    apr_uint64_t failed;   /**< that tell of FailPermanent */
    apr_uint64_t first_id;
    apr_uint64_t attempts; /**< of the one that was tried most */
} tardis_outbox_sum_t;

/** Counts what is held under the lease. */
tardis_error_t *tardis_outbox_sum(const tardis_context_t *context, const char *lease_owner,
                                  tardis_outbox_sum_t *sum, apr_pool_t *pool);

/** One mail as a digest tells of it. */
typedef struct tardis_outbox_item_t {
    apr_uint64_t experiment_id;
    const char *about_state; /**< see tardis_notification_t; NULL: not known */
    const char *about_code;  /**< NULL: none */
    const char *subject;
    const char *title;
    const char *uid;        /**< NULL: it is not followed any more */
    const char *state;      /**< it is in now; NULL: it is not followed any more */
    const char *error_text; /**< its last error; NULL: none */
} tardis_outbox_item_t;

/**
 * The first @a limit mails under the lease: those about FailPermanent first, those about Complete last, each
 * kind oldest first. @param items set to an array of tardis_outbox_item_t.
 */
tardis_error_t *tardis_outbox_items(const tardis_context_t *context, const char *lease_owner, int limit,
                                    apr_array_header_t **items, apr_pool_t *pool);

#endif
