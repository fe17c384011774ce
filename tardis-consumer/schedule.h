/**
 * @file schedule.h
 * When to ask about a transfer again.
 *
 * The provider's clock has no part in it: the `timestamp` of an answer may be missing, wrong, or the same for
 * ever. What counts is when an answer was new here, by the database's clock.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "tardis_status.h"

/** What is known of a transfer that is under way, now that the provider has answered. */
typedef struct schedule_t {
    apr_interval_time_t shortest; /**< above 0 */
    apr_interval_time_t longest;  /**< at least the shortest */
    /**
     * The answer that was kept; NULL: none. Only one that says something new is kept, so its figures were
     * first seen at moved_at, and were still the same whenever it was asked since.
     */
    const tardis_status_t *before;
    const tardis_status_t *status; /**< the new answer */
    apr_time_t moved_at;           /**< when the figures of `before` were new */
    apr_time_t now;                /**< may be before moved_at: clocks are set */
} schedule_t;

/**
 * How long to wait before asking again, from the shortest to the longest wait.
 *
 * Something moved: the rate since the last movement, of bytes or else of files, tells about when the end will
 * come, and half of that is waited; without figures that tell it, the shortest wait. Nothing moved: a quarter
 * of the time since something did.
 *
 * The wait is the shortest one doubled some times, or the longest, never anything between, and nothing random
 * is in it: of a million transfers that stand still, those with the same wait are saved together
 * (synced_save_db.c), and so there must be few different ones.
 */
apr_interval_time_t schedule_wait(const schedule_t *schedule);

/**
 * Whether anything moved from one answer to the next. Where there are figures they decide: a text may tell of
 * the time that has passed, and differ for ever. @param before NULL: there was none.
 */
int schedule_has_moved(const tardis_status_t *before, const tardis_status_t *status);

#endif
