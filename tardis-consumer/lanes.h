/**
 * @file lanes.h
 * Steps that wait to be begun, in a lane for each provider, so that a provider that is slow holds up only its
 * own.
 *
 * A provider that does not answer is left alone (see health.h): what waits in its lane is put off.
 */
#ifndef LANES_H
#define LANES_H

#include "health.h"

typedef struct lanes_t lanes_t;

/**
 * @param total steps under way at most; those of providers whose steps have not moved for a while do not
 * count, as far as there is not a multiple of that.
 * @param each of one provider at most.
 * @param health is asked which providers may be asked, and told how each step has ended.
 */
lanes_t *lanes_create(int total, int each, health_t *health, apr_pool_t *pool);

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
 * How a request ended that was not one step's: @a error NULL is success. An answer that is an error or
 * nonsense does not count: not every provider can be asked such a question.
 */
void lanes_report(lanes_t *lanes, const char *provider_url, const tardis_error_t *error);

/** Whether the provider is not asked as usual, but left alone or tried: all its steps belong into its lane.
 */
int lanes_given_up(const lanes_t *lanes, const char *provider_url);

/**
 * Takes a waiting step out of the lane of a provider that is not asked now, to be put off; NULL: there is
 * none.
 */
fsm_step_t *lanes_hopeless(lanes_t *lanes);

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
