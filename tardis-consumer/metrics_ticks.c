#include "metrics.h"

#include <stddef.h>

/* A metric with a value for each host: where it is in tardis_tick_figures_t. */
typedef struct {
    const char *name;
    const char *type;
    const char *help;
    size_t offset;
    int is_time; /* an apr_time_t or apr_interval_time_t, told in seconds; else an apr_uint64_t */
} tick_metric_t;

#define FIGURE(member) offsetof(tardis_tick_figures_t, member)

/* clang-format off */
static const tick_metric_t tick_metrics[] = {
    {"ticks_total", METRICS_COUNTER, "Ticks that have ended, also those with nothing to do.",
     FIGURE(ticks), 0},
    {"ticks_failed_total", METRICS_COUNTER, "Ticks that ended with an error of their own.",
     FIGURE(ticks_failed), 0},
    {"tick_seconds_total", METRICS_COUNTER, "Time that ticks took.", FIGURE(took), 1},
    {"steps_total", METRICS_COUNTER, "Steps of experiments that ticks have ended.", FIGURE(stepped), 0},
    {"step_errors_total", METRICS_COUNTER, "Steps that ended with an error and are tried again.",
     FIGURE(step_errors), 0},
    {"completed_total", METRICS_COUNTER, "Experiments that ticks have found complete.", FIGURE(completed), 0},
    {"failed_total", METRICS_COUNTER, "Experiments that ticks have given up.", FIGURE(failed), 0},
    {"bytes_checked_total", METRICS_COUNTER, "Bytes of files that ticks have read to check them.",
     FIGURE(bytes_checked), 0},
    {"mails_sent_total", METRICS_COUNTER, "Mails that the mail server has accepted of ticks.",
     FIGURE(mails_sent), 0},
    {"last_tick_end_timestamp_seconds", METRICS_GAUGE,
     "When the last tick ended, by the database server's clock.", FIGURE(last_ended_at), 1},
    {"last_tick_seconds", METRICS_GAUGE, "Time that the last tick took.", FIGURE(last_took), 1},
};
/* clang-format on */

void metrics_write_ticks(const apr_array_header_t *ticks, FILE *out)
{
    for (size_t i = 0; i < sizeof(tick_metrics) / sizeof(tick_metrics[0]); i++) {
        const tick_metric_t *metric = &tick_metrics[i];
        metrics_head(out, metric->name, metric->type, metric->help);
        for (int host = 0; host < ticks->nelts; host++) {
            const tardis_tick_figures_t *figures = &APR_ARRAY_IDX(ticks, host, const tardis_tick_figures_t);
            const void *value = (const char *)figures + metric->offset;
            fprintf(out, METRICS_PREFIX "%s", metric->name);
            metrics_label(out, "{", "host", figures->host);
            if (metric->is_time)
                fprintf(out, "} %.6f\n", (double)*(const apr_time_t *)value / (double)APR_USEC_PER_SEC);
            else
                fprintf(out, "} %" APR_UINT64_T_FMT "\n", *(const apr_uint64_t *)value);
        }
    }
}
