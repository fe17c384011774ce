#include "schedule.h"

#include <string.h>

/* The part of the estimated time left that is waited: it may be wrong by as much again. */
#define PART_OF_LEFT 0.5
/* The part of the time without movement. */
#define PART_OF_STILL 0.25

static double planned(const schedule_t *schedule);
static double left_by(apr_int64_t before, apr_int64_t done, apr_int64_t total, double elapsed);

apr_interval_time_t schedule_wait(const schedule_t *schedule)
{
    double wanted = planned(schedule);
    apr_interval_time_t wait = schedule->shortest;
    if (wanted >= (double)schedule->longest)
        return schedule->longest;
    while (wait <= schedule->longest / 2 && (double)(wait * 2) <= wanted)
        wait *= 2;
    return wait;
}

/* In microseconds, whatever the bounds. */
static double planned(const schedule_t *schedule)
{
    const tardis_status_t *before = schedule->before;
    const tardis_status_t *status = schedule->status;
    double elapsed = (double)schedule->now - (double)schedule->moved_at;
    if (!schedule_has_moved(before, status))
        return elapsed * PART_OF_STILL;
    if (!before || elapsed <= 0)
        return 0;
    double left = left_by(before->bytes_done, status->bytes_done, status->bytes_total, elapsed);
    if (left < 0)
        left = left_by(before->files_done, status->files_done, status->files_total, elapsed);
    return left * PART_OF_LEFT;
}

/* How long the rest takes at the rate at which it went from `before` to `done`; negative: they do not tell.
 */
static double left_by(apr_int64_t before, apr_int64_t done, apr_int64_t total, double elapsed)
{
    if (before < 0 || done <= before || total < done)
        return -1;
    return elapsed / ((double)done - (double)before) * ((double)total - (double)done);
}

int schedule_has_moved(const tardis_status_t *before, const tardis_status_t *status)
{
    if (!before || before->files_done != status->files_done || before->bytes_done != status->bytes_done)
        return 1;
    int has_figures = status->files_done >= 0 || status->bytes_done >= 0;
    return !has_figures && strcmp(before->progress, status->progress) != 0;
}
