/**
 * @file tick_count.h
 * What a tick did: counts of how its steps ended, and a line in the log for each that is worth one.
 */
#ifndef TICK_COUNT_H
#define TICK_COUNT_H

#include "fsm.h"

/** What the steps led to; each is counted once, after it was saved. */
typedef struct tick_counts_t {
    int stepped;
    int moved_on; /**< to a state that is neither Complete nor FailPermanent */
    int complete;
    int failed;  /**< to FailPermanent */
    int waiting; /**< stayed, without an error; also those whose lease was lost */
    int errors;  /**< stayed, with an error */
    int put_off; /**< stayed, as their provider is left alone; also those that were put off without a step */
    apr_uint64_t bytes_checked; /**< of files that were read to check them */
} tick_counts_t;

/** Counts and logs a step that has ended and was saved, as far as its lease was still held. */
void tick_count(tick_counts_t *counts, const fsm_step_t *step);

#endif
