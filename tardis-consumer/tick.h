/**
 * @file tick.h
 * One tick: takes what is due under leases, chunk by chunk, steps each experiment once with many requests in
 * flight, and saves what the steps led to.
 */
#ifndef TICK_H
#define TICK_H

#include "tick_count.h"
#include "tick_live.h"

/** What a tick is told. */
typedef struct tick_options_t {
    apr_uint64_t only;  /**< only this experiment; 0: all */
    int despite;        /**< not 0: ask providers also if they are to be left alone */
    apr_time_t stop_at; /**< by tardis_clock(): take nothing more from then on */
    tick_live_t *live;  /**< NULL: none */
} tick_options_t;

/**
 * Steps what is due. Steps whose action blocks come last, one at a time, so that they hold up no other.
 * Needs context->db and context->http.
 * @return an error of the database: what was not saved is stepped again by a later tick.
 */
tardis_error_t *tick_run(const tardis_context_t *context, const consumer_settings_t *settings,
                         const tick_options_t *options, tick_counts_t *counts, apr_pool_t *pool);

/** Whether a tick with these options should come to an end: its time is up, or the tool was told to stop. */
int tick_is_over(const tick_options_t *options);

#endif
