#include "tick_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <apr_strings.h>

#define REDRAW_INTERVAL (APR_USEC_PER_SEC / 5)
#define LINE_MAX_BYTES 512
#define USUAL_WIDTH 80
/* From the left, and nothing on the rest of the line. */
#define CLEAR "\r\033[K"

struct tick_live_t {
    tardis_context_t *context;
    tardis_log_fn *log; /* what the context had */
    void *log_baton;
    apr_time_t started;
    apr_time_t drawn; /* 0: nothing is there */
};

static int can_draw(void);
static void log_above(void *baton, tardis_log_level_t level, const char *line);
static int width(void);

tick_live_t *tick_live_start(tardis_context_t *context, apr_pool_t *pool)
{
    if (!can_draw())
        return NULL;
    tick_live_t *live = apr_pcalloc(pool, sizeof(*live));
    live->context = context;
    live->log = context->log;
    live->log_baton = context->log_baton;
    live->started = tardis_clock();
    context->log = log_above;
    context->log_baton = live;
    return live;
}

static int can_draw(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

static void log_above(void *baton, tardis_log_level_t level, const char *line)
{
    tick_live_t *live = baton;
    if (live->drawn)
        fputs(CLEAR, stderr);
    live->drawn = 0;
    if (live->log)
        live->log(live->log_baton, level, line);
}

void tick_live_update(tick_live_t *live, const tick_counts_t *counts, int in_flight, int waiting)
{
    char line[LINE_MAX_BYTES];
    apr_time_t now = tardis_clock();
    if (!live || now - live->drawn < REDRAW_INTERVAL)
        return;
    double seconds = (double)(now - live->started) / (double)APR_USEC_PER_SEC;
    apr_snprintf(line, sizeof(line),
                 "tick: %d stepped, %.0f/s, %d moved on, %d complete, %d failed, %d errors, %d put off; "
                 "%d in flight, %d to go; %.0f s",
                 counts->stepped, seconds > 0 ? counts->stepped / seconds : 0.0, counts->moved_on,
                 counts->complete, counts->failed, counts->errors, counts->put_off, in_flight, waiting,
                 seconds);
    fprintf(stderr, CLEAR "%.*s", width() - 1, line);
    fflush(stderr);
    live->drawn = now;
}

/* Asked each time: the window may be made smaller meanwhile, and a line that is too long would stay. */
static int width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : USUAL_WIDTH;
}

void tick_live_end(tick_live_t *live)
{
    if (!live)
        return;
    if (live->drawn)
        fputs(CLEAR, stderr);
    live->context->log = live->log;
    live->context->log_baton = live->log_baton;
}
