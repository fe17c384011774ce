#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "tardis_command.h"

#define BAR_WIDTH 20
#define REDRAW_INTERVAL (APR_USEC_PER_SEC / 10)

struct progress_t {
    const char *what;
    apr_uint64_t files;
    apr_uint64_t bytes;
    apr_uint64_t first_bytes; /* what was there before this run */
    int begun;
    apr_time_t started;
    apr_time_t drawn;
    apr_pool_t *scratch;
};

static const char *remaining(const progress_t *progress, double rate, apr_uint64_t bytes);

progress_t *progress_start(const char *what, apr_uint64_t files, apr_uint64_t bytes, int quiet,
                           apr_pool_t *pool)
{
    if (quiet || !isatty(STDERR_FILENO))
        return NULL;
    progress_t *progress = apr_pcalloc(pool, sizeof(*progress));
    progress->what = what;
    progress->files = files;
    progress->bytes = bytes;
    progress->started = apr_time_now();
    apr_pool_create(&progress->scratch, pool);
    return progress;
}

void progress_update(progress_t *progress, apr_uint64_t files, apr_uint64_t bytes)
{
    apr_time_t now = apr_time_now();
    if (!progress || now - progress->drawn < REDRAW_INTERVAL)
        return;
    if (!progress->begun) {
        progress->begun = 1;
        progress->first_bytes = bytes;
    }
    apr_pool_t *pool = progress->scratch;
    double part = progress->bytes ? (double)bytes / (double)progress->bytes : 1.0;
    double seconds = (double)(now - progress->started) / APR_USEC_PER_SEC;
    double rate = seconds > 0 ? (double)(bytes - progress->first_bytes) / seconds : 0;
    int filled = (int)(part * BAR_WIDTH);
    filled = filled > BAR_WIDTH ? BAR_WIDTH : filled;
    fprintf(stderr,
            "\r%s [%.*s%*s] %3d%%  %" APR_UINT64_T_FMT "/%" APR_UINT64_T_FMT
            " files  %s of %s  %s/s  %s\033[K",
            progress->what, filled, "####################", BAR_WIDTH - filled, "", (int)(part * 100), files,
            progress->files, tardis_format_bytes(bytes, pool), tardis_format_bytes(progress->bytes, pool),
            tardis_format_bytes((apr_uint64_t)rate, pool), remaining(progress, rate, bytes));
    fflush(stderr);
    progress->drawn = now;
    apr_pool_clear(pool);
}

static const char *remaining(const progress_t *progress, double rate, apr_uint64_t bytes)
{
    if (rate < 1 || bytes >= progress->bytes)
        return "";
    long seconds = (long)((double)(progress->bytes - bytes) / rate);
    return apr_psprintf(progress->scratch, "%ld:%02ld:%02ld left", seconds / 3600, seconds / 60 % 60,
                        seconds % 60);
}

void progress_end(progress_t *progress)
{
    if (progress && progress->drawn)
        fputs("\r\033[K", stderr);
}
