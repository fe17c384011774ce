/**
 * @file gather.h
 * Questions about the status of many experiments of one provider, asked together (protocol.md, "Extensions").
 *
 * Whether a provider can do that is found out once in a tick, and only if more than a handful of its
 * experiments are due. If it cannot, or answers such a question with nonsense, each is asked about by itself.
 */
#ifndef GATHER_H
#define GATHER_H

#include "fsm.h"
#include "lanes.h"

typedef struct gather_t gather_t;

/** @param lanes where a step goes that is not asked about together with others. */
gather_t *gather_create(const fsm_t *fsm, lanes_t *lanes, apr_pool_t *pool);

/** Takes a step that was not begun, or puts it into its lane. */
void gather_add(gather_t *gather, fsm_step_t *step);

/** Asks what can be asked now. To be called when the steps of a claim were added, and after answers. */
void gather_flush(gather_t *gather);

/** Takes a waiting step out without beginning it; NULL: none waits. */
fsm_step_t *gather_drop(gather_t *gather);

/** How many steps wait here. */
int gather_waiting(const gather_t *gather);
/** How many steps are under way here. */
int gather_in_flight(const gather_t *gather);
/** Whether a provider has told that it can be asked about many. */
int gather_worthwhile(const gather_t *gather);

#endif
