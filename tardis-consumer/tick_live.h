/**
 * @file tick_live.h
 * What a tick is doing, in one line on a terminal that is drawn anew a few times a second.
 */
#ifndef TICK_LIVE_H
#define TICK_LIVE_H

#include "tardis_context.h"
#include "tick_count.h"

typedef struct tick_live_t tick_live_t;

/**
 * Begins, if standard error is a terminal that can: otherwise NULL, which the functions below take as well.
 * Log lines of @a context then go where the line was, which moves down.
 */
tick_live_t *tick_live_start(tardis_context_t *context, apr_pool_t *pool);

/** Draws what there is to tell, unless it was drawn a moment ago. */
void tick_live_update(tick_live_t *live, const tick_counts_t *counts, int in_flight, int waiting);

/** Takes the line away, and lets go of the log. */
void tick_live_end(tick_live_t *live);

#endif
