/**
 * @file tick_report.h
 * What a tick has done, as its last line or as JSON.
 */
#ifndef TICK_REPORT_H
#define TICK_REPORT_H

#include "outbox.h"
#include "tick_count.h"

/** What there is to tell. */
typedef struct tick_report_t {
    const tick_counts_t *counts;
    const outbox_counts_t *mails;
    apr_interval_time_t took;
    const tardis_error_t *error; /**< of the tick itself; NULL: none */
} tick_report_t;

/** Prints the line that cron mails. */
void tick_report_line(const tick_report_t *report, apr_pool_t *pool);

/** Prints the same as one JSON object, with the error. @return TARDIS_IO_ERROR. */
tardis_error_t *tick_report_json(const tick_report_t *report, apr_pool_t *pool);

#endif
