/**
 * @file tardis_provider_health.h
 * What the consumer knows of its providers: whether they answer, since when they do not, and until when they
 * are left alone; and what is put off meanwhile. Every function needs context->db. Times are the database
 * server's.
 *
 * What follows from a failure is decided elsewhere (the tick); here it is kept, so that ticks on all hosts
 * know the same.
 */
#ifndef TARDIS_PROVIDER_HEALTH_H
#define TARDIS_PROVIDER_HEALTH_H

#include "tardis_synced_db.h"

/** One provider. */
typedef struct tardis_provider_health_t {
    const char *provider_url;
    apr_uint64_t failures; /**< requests in a row that failed of the provider, not of what they were about */
    apr_uint64_t lost;     /**< the last of them, that did not get through */
    apr_time_t failing_since; /**< of the first of them; 0: the last one did not fail */
    apr_uint64_t times_left;  /**< how often in a row it was left alone */
    apr_time_t left_at;       /**< when it was last left alone; 0: never */
    apr_time_t left_until;    /**< then one request tries it; 0: it is asked */
    apr_time_t put_off_until; /**< by then all that was put off meanwhile has come back; 0: nothing was */
    const char *trial_owner;  /**< the process that tries it; NULL: none */
    apr_time_t trial_until;   /**< when that process counts as dead */
    apr_time_t answered_at;   /**< its last sound answer; 0: it never gave one */
    const char *error_code;   /**< of the last failure; NULL: the last request did not fail */
    const char *error_text;
    apr_time_t updated_at; /**< 0: nothing is known of it */
    apr_time_t now;        /**< when this was read */
} tardis_provider_health_t;

/**
 * All providers of which something is known, by one query.
 * @param healths set to an array of tardis_provider_health_t.
 * @param now set to the server's time.
 */
tardis_error_t *tardis_provider_health_all(const tardis_context_t *context, apr_array_header_t **healths,
                                           apr_time_t *now, apr_pool_t *pool);

/** One provider; all zero but its URL if nothing is known of it. */
tardis_error_t *tardis_provider_health_find(const tardis_context_t *context, const char *provider_url,
                                            tardis_provider_health_t *health, apr_pool_t *pool);

/** Changes what it is handed. Called again if the transaction has to be repeated. */
typedef void tardis_provider_health_fn(const void *baton, tardis_provider_health_t *health);

/**
 * Changes what is known of a provider in one transaction that keeps others out, so that the change builds on
 * the latest there is.
 * @param health set to what is known then.
 */
tardis_error_t *tardis_provider_health_change(const tardis_context_t *context, const char *provider_url,
                                              tardis_provider_health_fn *change, const void *baton,
                                              tardis_provider_health_t *health, apr_pool_t *pool);

/** A provider that was left alone so much later than now was so before the server's clock was set back. */
#define TARDIS_PROVIDER_CLOCK_SECONDS 10

/**
 * Asks to be the one that tries a provider whose time to be left alone is over.
 * @param owner a name no other process has: tardis_process_name().
 * @param seconds after which it counts as dead.
 * @param taken set to whether it is: 0 if another one is, or nothing is to be tried.
 */
tardis_error_t *tardis_provider_health_try(const tardis_context_t *context, const char *provider_url,
                                           const char *owner, long seconds, int *taken, apr_pool_t *pool);

/**
 * Ends the time for which a provider is left alone, and makes one of its experiments due, if there is any
 * that waits in one of @a states (comma-separated).
 * @param found set to whether it was left alone; else nothing is done.
 * @param due set to how many experiments were made due.
 */
tardis_error_t *tardis_provider_health_hasten(const tardis_context_t *context, const char *provider_url,
                                              const char *states, int *found, int *due, apr_pool_t *pool);

/* ---- What is due of a provider that is left alone (provider_put_off_db.c). ---- */

/** States in which a provider is asked. */
#define TARDIS_PUT_OFF_STATES_MAX 4

/** What is put off, and until when. */
typedef struct tardis_put_off_t {
    const char *provider_url;
    apr_time_t left_until;      /**< of the provider; if it is no longer, nothing is done */
    apr_interval_time_t spread; /**< each until some time after that, but not longer after than this */
    const char *states[TARDIS_PUT_OFF_STATES_MAX]; /**< only what is in one of them; NULL after the last */
    long deadlines[TARDIS_PUT_OFF_STATES_MAX];     /**< seconds: what may be given up now is left as it is */
    long unseen[TARDIS_PUT_OFF_STATES_MAX]; /**< seconds without a save, after which a deadline begins anew */
    int attempts;           /**< ... which takes so many failed ones in a row, with this one */
    const char *error_code; /**< what it fails of */
    const char *error_text; /**< one that has it already has been put off for the same time: no attempt */
    const char *outage;     /**< how error_text starts: one whose error does so has its event already */
    apr_time_t now;         /**< for the history */
    int limit;              /**< experiments at most */
} tardis_put_off_t;

/**
 * Puts off what is due of a provider, the longest due first, without a step for each.
 * @param count set to how many were put off: fewer than the limit, there are no more.
 * @param is_left set to 0 if the provider is not left alone until then; nothing was done.
 */
tardis_error_t *tardis_provider_put_off(const tardis_context_t *context, const tardis_put_off_t *put_off,
                                        int *count, int *is_left, apr_pool_t *pool);

/**
 * Makes due what was put off, in a part of the time to come.
 * @param outage as above.
 * @param from what is due after this ... @param to ... and not after this.
 */
tardis_error_t *tardis_provider_recall(const tardis_context_t *context, const char *provider_url,
                                       const char *outage, apr_time_t from, apr_time_t to, apr_pool_t *pool);

/* ---- All providers, for people (provider_overview_db.c). ---- */

/** One provider with what comes from it. */
typedef struct tardis_provider_overview_t {
    tardis_provider_health_t health; /**< updated_at 0: nothing is known */
    apr_uint64_t pending;            /**< experiments */
    apr_uint64_t failed;             /**< experiments */
    const char *held_by;             /**< NULL: it is not held */
    const char *hold_reason;
    apr_time_t held_at;
} tardis_provider_overview_t;

/**
 * Every provider that has experiments, is held, or was asked.
 * @param overview set to an array of tardis_provider_overview_t, in the order of their URLs.
 */
tardis_error_t *tardis_provider_overview(const tardis_context_t *context, apr_array_header_t **overview,
                                         apr_pool_t *pool);

#endif
