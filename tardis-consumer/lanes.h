/**
 * @file lanes.h
 * Steps that wait to be begun, in a lane for each provider, so that a provider that is slow holds up only its
 * own.
 */
#ifndef LANES_H
#define LANES_H

#include "fsm.h"

typedef struct lanes_t lanes_t;

/** @param total steps under way at most. @param each of one provider at most. */
lanes_t *lanes_create(int total, int each, apr_pool_t *pool);

/** Puts a step at the end of its provider's lane. */
void lanes_add(lanes_t *lanes, fsm_step_t *step);

/**
 * The next step to begin, of each provider in turn; NULL: none waits, or the bounds are reached. It counts
 * as under way.
 */
fsm_step_t *lanes_next(lanes_t *lanes);

/** A step is no longer under way; one that never was in a lane does not matter. */
void lanes_done(lanes_t *lanes, const fsm_step_t *step);

/** Takes a waiting step out without beginning it; NULL: none waits. */
fsm_step_t *lanes_drop(lanes_t *lanes);

/** How many steps wait. */
int lanes_waiting(const lanes_t *lanes);
/** How many steps are under way. */
int lanes_in_flight(const lanes_t *lanes);

#endif
