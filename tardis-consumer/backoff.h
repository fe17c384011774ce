/**
 * @file backoff.h
 * How long to wait after an error.
 */
#ifndef BACKOFF_H
#define BACKOFF_H

#include <apr_time.h>

/**
 * Exponential backoff with full jitter: evenly spread between @a minimum and the smaller of minimum doubled
 * @a attempts times and @a maximum, so that many that failed together do not come back together.
 * @param attempts failed ones in a row, from 1.
 * @param minimum seconds; 0 counts as 1 when it is doubled.
 * @param maximum seconds.
 * @param retry_after seconds the other side asked for, or 0: the wait is at least that, and spread as far
 * beyond it, since all were asked for the same; but never above maximum.
 * @param fraction from 0 to 1: where in the range; see backoff_fraction().
 */
apr_interval_time_t backoff_wait(apr_uint64_t attempts, long minimum, long maximum, long retry_after,
                                 double fraction);

/** A random number from 0 to 1. */
double backoff_fraction(void);

#endif
