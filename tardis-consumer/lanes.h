/**
 * @file lanes.h
 * Steps that wait to be begun, in a lane for each provider, so that a provider that is slow holds up only its
 * own.
 *
 * A provider that several requests in a row could not reach, or that did not answer them in time, is given
 * up: what waits in its lane ends with the same error and no request, until a request to it succeeds.
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

/** A step has ended; one that was not under way in a lane does not matter. */
void lanes_done(lanes_t *lanes, fsm_step_t *step);

/**
 * How a request ended that was not one step's: @a error NULL is success. For what lanes_given_up() is judged
 * by.
 */
void lanes_report(lanes_t *lanes, const char *provider_url, const tardis_error_t *error);

/** Whether the provider is given up. */
int lanes_given_up(const lanes_t *lanes, const char *provider_url);

/**
 * Takes a waiting step out of the lane of a provider that is given up; NULL: there is none.
 * @param error set to what it is to fail with.
 */
fsm_step_t *lanes_hopeless(lanes_t *lanes, const tardis_error_t **error);

/** Takes a waiting step out without beginning it; NULL: none waits. */
fsm_step_t *lanes_drop(lanes_t *lanes);

/** How many steps wait. */
int lanes_waiting(const lanes_t *lanes);
/** How many steps are under way. */
int lanes_in_flight(const lanes_t *lanes);

/**
 * The providers whose lanes do not move: steps wait, as many as may be are under way, and none has ended for
 * a moment. Taking more of theirs would only keep the others waiting.
 * @param waiting set to how many steps wait in the other lanes.
 * @return their URLs, const char *.
 */
apr_array_header_t *lanes_stuck(const lanes_t *lanes, int *waiting, apr_pool_t *pool);

#endif
