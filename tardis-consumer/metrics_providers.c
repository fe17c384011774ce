#include "metrics.h"

#include "tardis_provider_health.h"

/* A metric with a value for each provider. */
typedef struct {
    const char *name;
    const char *help;
    void (*write)(const tardis_provider_health_t *health, FILE *out);
    int needs_answer; /* not for one that has never answered */
} provider_metric_t;

static void write_left(const tardis_provider_health_t *health, FILE *out);
static void write_failures(const tardis_provider_health_t *health, FILE *out);
static void write_answer(const tardis_provider_health_t *health, FILE *out);

void metrics_write_providers(const apr_array_header_t *providers, FILE *out)
{
    static const provider_metric_t metrics[] = {
        {"provider_left_alone", "1: the provider is left alone, as it does not answer; 0: it is asked.",
         write_left, 0},
        {"provider_failures", "Requests in a row that failed of the provider.", write_failures, 0},
        {"provider_last_answer_age_seconds", "Time since the provider last gave a sound answer.",
         write_answer, 1},
    };
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        metrics_head(out, metrics[i].name, METRICS_GAUGE, metrics[i].help);
        for (int j = 0; j < providers->nelts; j++) {
            const tardis_provider_health_t *health =
                &APR_ARRAY_IDX(providers, j, const tardis_provider_health_t);
            if (metrics[i].needs_answer && !health->answered_at)
                continue;
            fprintf(out, METRICS_PREFIX "%s", metrics[i].name);
            metrics_label(out, "{", "provider", health->provider_url);
            metrics[i].write(health, out);
        }
    }
}

static void write_left(const tardis_provider_health_t *health, FILE *out)
{
    fprintf(out, "} %d\n", health->left_until != 0);
}

static void write_failures(const tardis_provider_health_t *health, FILE *out)
{
    fprintf(out, "} %" APR_UINT64_T_FMT "\n", health->failures);
}

/* A clock that was set back makes no age. */
static void write_answer(const tardis_provider_health_t *health, FILE *out)
{
    apr_interval_time_t age = health->now > health->answered_at ? health->now - health->answered_at : 0;
    fprintf(out, "} %.3f\n", (double)age / (double)APR_USEC_PER_SEC);
}
