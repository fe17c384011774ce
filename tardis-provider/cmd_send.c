#include "commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "send.h"
#include "tardis_db.h"

/* Seconds that a run takes new work for, so that one started every minute by cron ends before the next. */
#define TIME_LIMIT 50

/* One kind of work. */
typedef struct {
    tardis_error_t *(*run)(send_t *send, int *did, apr_pool_t *pool);
    int until_none; /* quick: all that is due is done before the next kind */
} send_step_t;

static tardis_error_t *prepare(tardis_invocation_t *invocation, send_t *send);
static tardis_error_t *whole_number(const tardis_invocation_t *invocation, const char *option, long maximum,
                                    long *value);
static tardis_error_t *run_steps(send_t *send, int *did);
static void summarise(const send_t *send, apr_time_t started);

const tardis_command_option_t send_options[] = {
    {"time-limit", "SECONDS", 0,
     "take no new work after so long (default 50); what is in flight is finished"},
    {"parallel", "N", 0, "files of a transfer that move at a time (default: send_parallel)"},
    {"quiet", NULL, 0, "no summary and no progress bar"},
    {NULL, NULL, 0, NULL},
};

tardis_error_t *send_run(tardis_invocation_t *invocation)
{
    send_t send;
    int did = 1;
    apr_time_t started = apr_time_now();
    tardis_error_t *error = prepare(invocation, &send);
    if (error)
        return error;
    while (!error && did && !send_is_over(&send))
        error = run_steps(&send, &did);
    if (!send.quiet)
        summarise(&send, started);
    return error;
}

static tardis_error_t *prepare(tardis_invocation_t *invocation, send_t *send)
{
    provider_settings_t *settings;
    long limit = TIME_LIMIT;
    tardis_error_t *error = provider_settings_read_public(invocation, &settings);
    if (error)
        return error;
    long parallel = settings->send_parallel;
    error = whole_number(invocation, "time-limit", 7 * 86400, &limit);
    if (!error)
        error = whole_number(invocation, "parallel", 256, &parallel);
    *send = (send_t){
        .invocation = invocation,
        .context = invocation->context,
        .settings = settings,
        .lease = provider_lease(settings, invocation->pool),
        .book = site_book_create(invocation->context, settings, invocation->pool),
        .until = apr_time_now() + apr_time_from_sec(limit),
        .parallel = (int)parallel,
        .quiet = tardis_arguments_has(invocation->arguments, "quiet"),
    };
    return error;
}

static tardis_error_t *whole_number(const tardis_invocation_t *invocation, const char *option, long maximum,
                                    long *value)
{
    const char *text = tardis_arguments_value(invocation->arguments, option);
    char *end;
    if (!text)
        return NULL;
    *value = strtol(text, &end, 10);
    if (!*text || *end || *value < 1 || *value > maximum)
        return tardis_error_create(invocation->pool, TARDIS_USAGE, "--%s takes a number from 1 to %ld",
                                   option, maximum);
    return NULL;
}

/* Registrations first: they are quick, and what they cause can only come due afterwards. */
static tardis_error_t *run_steps(send_t *send, int *did)
{
    static const send_step_t steps[] = {{send_registration, 1}, {send_notification, 1}, {send_transfer, 0}};
    apr_pool_t *pool;
    tardis_error_t *error = NULL;
    *did = 0;
    apr_pool_create(&pool, send->invocation->pool);
    for (apr_size_t i = 0; !error && i < sizeof(steps) / sizeof(steps[0]); i++) {
        int found;
        do {
            apr_pool_clear(pool);
            found = 0;
            if (!send_is_over(send))
                error = tardis_db_ensure(send->context->db, pool);
            if (!error && !send_is_over(send))
                error = steps[i].run(send, &found, pool);
            *did |= found;
        } while (!error && found && steps[i].until_none);
    }
    error = tardis_error_copy(send->invocation->pool, error);
    apr_pool_destroy(pool);
    return error;
}

int send_is_over(const send_t *send)
{
    return apr_time_now() >= send->until || tardis_command_interrupted();
}

static void summarise(const send_t *send, apr_time_t started)
{
    apr_pool_t *pool = send->invocation->pool;
    printf("send: %" APR_UINT64_T_FMT " registered, %" APR_UINT64_T_FMT
           " refused; transfers: %" APR_UINT64_T_FMT " complete, %" APR_UINT64_T_FMT
           " failed, %" APR_UINT64_T_FMT " to be tried again, %" APR_UINT64_T_FMT
           " to be continued; %" APR_UINT64_T_FMT " files, %s in %.1f s\n",
           send->registered, send->refused, send->completed, send->failed, send->postponed, send->paused,
           send->files, tardis_format_bytes(send->bytes, pool),
           (double)(apr_time_now() - started) / APR_USEC_PER_SEC);
}
