#include "commands.h"

#include <errno.h>
#include <stdlib.h>

#include <apr_strings.h>

#include "manual.h"
#include "outbox.h"
#include "tardis_synced_report.h"
#include "tick.h"
#include "tick_report.h"

/* A minute's cron must not pile up. */
#define TIME_LIMIT 50
#define TIME_LIMIT_MAX 86400

const tardis_command_option_t cmd_tick_options[] = {
    {"quiet", NULL, 0, "print nothing unless something failed for good"},
    {"json", NULL, 0, "print the summary as JSON"},
    {"time-limit", "SECONDS", 0, "take nothing more after this long (default: 50)"},
    {"now", NULL, 0, "step every pending experiment, also those that are not due"},
    {"only", "ID", 0, "step this experiment only, also if it is not due"},
    {NULL, NULL, 0, NULL},
};

static tardis_error_t *read_options(const tardis_invocation_t *invocation, tick_options_t *options);
static tardis_error_t *refuse_held(const tardis_invocation_t *invocation, const tardis_synced_t *synced);
static tardis_error_t *read_time_limit(const tardis_invocation_t *invocation, long *seconds);
static tardis_error_t *mend_clock(const tardis_context_t *context, const consumer_settings_t *settings,
                                  tardis_synced_due_t *due, apr_pool_t *pool);
static void keep_quiet(tardis_context_t *context, apr_pool_t *pool);
static void log_errors(void *baton, tardis_log_level_t level, const char *line);
static int over(void *baton);
static void add_figures(const tardis_context_t *context, const tick_report_t *report, apr_pool_t *pool);

tardis_error_t *cmd_tick(tardis_invocation_t *invocation)
{
    apr_pool_t *pool = invocation->pool;
    apr_time_t started = tardis_clock();
    const tardis_context_t *context = invocation->context;
    int quiet = tardis_arguments_has(invocation->arguments, "quiet");
    int json = tardis_arguments_has(invocation->arguments, "json");
    consumer_settings_t *settings;
    tick_options_t options;
    tick_counts_t counts = {0};
    outbox_counts_t mails = {0};
    tardis_synced_due_t due;
    tardis_error_t *error = consumer_settings_read(invocation->config, &settings, pool);
    if (!error)
        error = consumer_settings_read_keys(invocation->config, settings, pool);
    if (!error)
        error = consumer_settings_read_templates(invocation->config, settings, pool);
    if (!error)
        error = read_options(invocation, &options);
    if (error)
        return error;
    if (options.only || tardis_arguments_has(invocation->arguments, "now"))
        error = tardis_synced_hurry(context, options.only, pool);
    if (!error)
        error = tardis_synced_due(context, &due, pool);
    if (!error && due.set_back)
        error = mend_clock(context, settings, &due, pool);
    if (quiet)
        keep_quiet(invocation->context, pool);
    options.live = quiet || json ? NULL : tick_live_start(invocation->context, pool);
    if (!error && due.experiments)
        error = tick_run(context, settings, &options, &counts, pool);
    /* Mail is about an end, which may have come just now. */
    if (!error && (due.mails || counts.complete || counts.failed) && !tardis_command_interrupted())
        error = outbox_deliver(context, settings, over, &options, &mails, pool);
    int failed = error || counts.failed || mails.given_up;
    const tick_report_t report = {
        .counts = &counts, .mails = &mails, .took = tardis_clock() - started, .error = error};
    tick_live_end(options.live);
    add_figures(context, &report, pool);
    if (quiet && !failed)
        return NULL;
    tardis_error_t *not_told = NULL;
    if (json)
        not_told = tick_report_json(&report, pool);
    else
        tick_report_line(&report, pool);
    return error ? error : not_told;
}

static tardis_error_t *read_options(const tardis_invocation_t *invocation, tick_options_t *options)
{
    const char *only = tardis_arguments_value(invocation->arguments, "only");
    tardis_synced_t *synced = NULL;
    long seconds;
    tardis_error_t *error = read_time_limit(invocation, &seconds);
    if (!error && only)
        error = experiment_named(invocation, only, &synced);
    if (!error && synced)
        error = refuse_held(invocation, synced);
    if (error)
        return error;
    *options = (tick_options_t){.only = synced ? synced->experiment_id : 0,
                                .despite = synced || tardis_arguments_has(invocation->arguments, "now"),
                                .stop_at = tardis_clock() + apr_time_from_sec(seconds)};
    return NULL;
}

/* It would silently step nothing. */
static tardis_error_t *refuse_held(const tardis_invocation_t *invocation, const tardis_synced_t *synced)
{
    const tardis_synced_hold_t *hold;
    apr_pool_t *pool = invocation->pool;
    tardis_error_t *error = manual_hold_of(invocation, synced->experiment_id, &hold);
    if (error || !hold)
        return error;
    return tardis_error_create(pool, TARDIS_CONFLICT, "%s is %s; first: %s release %s",
                               manual_name(synced, pool), manual_hold_text(hold, pool),
                               consumer_command(invocation->config, pool),
                               manual_release_operands(hold, synced->experiment_id, pool));
}

static tardis_error_t *read_time_limit(const tardis_invocation_t *invocation, long *seconds)
{
    const char *given = tardis_arguments_value(invocation->arguments, "time-limit");
    char *end;
    *seconds = TIME_LIMIT;
    if (!given)
        return NULL;
    errno = 0;
    *seconds = strtol(given, &end, 10);
    if (errno || end == given || *end || *seconds < 1 || *seconds > TIME_LIMIT_MAX)
        return tardis_error_create(invocation->pool, TARDIS_USAGE, "--time-limit %.40s: give 1 to %d seconds",
                                   given, TIME_LIMIT_MAX);
    return NULL;
}

/* Nothing is to wait for an hour because a clock was an hour ahead. */
static tardis_error_t *mend_clock(const tardis_context_t *context, const consumer_settings_t *settings,
                                  tardis_synced_due_t *due, apr_pool_t *pool)
{
    tardis_log(context, TARDIS_LOG_WARNING,
               "the database server's clock was set back; what waits does so from now on");
    tardis_error_t *error = tardis_synced_mend_clock(context, settings->lease_seconds, pool);
    return error ? error : tardis_synced_due(context, due, pool);
}

/* Cron mails every line, each minute: what is tried again by itself is no news. */
static void keep_quiet(tardis_context_t *context, apr_pool_t *pool)
{
    context->log_baton = apr_pmemdup(pool, context, sizeof(*context));
    context->log = log_errors;
}

static void log_errors(void *baton, tardis_log_level_t level, const char *line)
{
    const tardis_context_t *told = baton;
    if (level <= TARDIS_LOG_ERROR && told->log)
        told->log(told->log_baton, level, line);
}

static int over(void *baton)
{
    return tick_is_over(baton);
}

/* Figures are worth no failed tick. */
static void add_figures(const tardis_context_t *context, const tick_report_t *report, apr_pool_t *pool)
{
    const tick_counts_t *counts = report->counts;
    apr_interval_time_t took = report->took > 0 ? report->took : 0;
    const tardis_tick_figures_t figures = {
        .ticks = 1,
        .ticks_failed = report->error != NULL,
        .took = took,
        .last_took = took,
        .stepped = (apr_uint64_t)counts->stepped,
        .step_errors = (apr_uint64_t)counts->errors,
        .completed = (apr_uint64_t)counts->complete,
        .failed = (apr_uint64_t)counts->failed,
        .bytes_checked = counts->bytes_checked,
        .mails_sent = (apr_uint64_t)report->mails->sent,
    };
    const tardis_error_t *error = tardis_tick_figures_add(context, &figures, pool);
    if (error)
        tardis_log_problem(context, TARDIS_LOG_WARNING, "figures of this tick", error,
                           "metrics will not tell of it");
}
