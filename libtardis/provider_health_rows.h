/**
 * @file provider_health_rows.h
 * Rows of provider_health, for the files that read them.
 */
#ifndef PROVIDER_HEALTH_ROWS_H
#define PROVIDER_HEALTH_ROWS_H

#include "tardis_db.h"
#include "tardis_provider_health.h"

/** The columns that provider_health_row() takes, in their order, of the table that is named h. */
#define PROVIDER_HEALTH_COLUMNS                                                                              \
    "h.failures, h.lost, h.failing_since, h.times_left, h.left_at, h.left_until, h.put_off_until,"           \
    " h.trial_owner, h.trial_until, h.answered_at, h.error_code, h.error_text, h.updated_at,"                \
    " UTC_TIMESTAMP(6)"

/** The current row's health. @param first the number of the first of those columns. */
tardis_provider_health_t provider_health_row(const tardis_db_rows_t *rows, const char *provider_url,
                                             int first);

#endif
