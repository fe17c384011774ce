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
    tardis_outbox_figures_t outbox;
} metrics_t;

/**
 * Writes all of it to @a out, whose error indicator tells whether that went well. A state of the state
 * machine that no experiment is in has zeros, so that a graph does not end.
 */
void metrics_write(const metrics_t *metrics, FILE *out, apr_pool_t *pool);

#endif
