/**
 * @file metrics.h
 * Figures as Prometheus reads them: the text exposition format, version 0.0.4.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdio.h>

#include "tardis_synced_report.h"

/** What there is to tell. */
typedef struct metrics_t {
    apr_array_header_t *states; /**< of tardis_synced_figures_t */
    apr_array_header_t *errors; /**< of tardis_synced_error_figures_t */
    tardis_promised_figures_t promised;
    tardis_outbox_figures_t outbox;
    apr_array_header_t *providers; /**< of tardis_provider_health_t */
    apr_array_header_t *ticks;     /**< of tardis_tick_figures_t */
} metrics_t;

/**
 * Writes all of it to @a out, whose error indicator tells whether that went well. A state of the state
 * machine that no experiment is in has zeros, so that a graph does not end.
 */
void metrics_write(const metrics_t *metrics, FILE *out, apr_pool_t *pool);

/** The part of that which is about providers. @param providers of tardis_provider_health_t. */
void metrics_write_providers(const apr_array_header_t *providers, FILE *out);

/** The part that is about ticks. @param ticks of tardis_tick_figures_t. */
void metrics_write_ticks(const apr_array_header_t *ticks, FILE *out);

/** What the names of all metrics begin with. */
#define METRICS_PREFIX "tardis_consumer_"
/** The types of metrics: one that goes up and down, and one that only grows, whose name ends in _total. */
#define METRICS_GAUGE "gauge"
#define METRICS_COUNTER "counter"
/** The help and the type of a metric. @param name without the prefix. */
void metrics_head(FILE *out, const char *name, const char *type, const char *help);
/** A label with its value, escaped. @param before "{" or ",". */
void metrics_label(FILE *out, const char *before, const char *name, const char *value);

#endif
