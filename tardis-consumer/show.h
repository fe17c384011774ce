/**
 * @file show.h
 * What `show` knows of one experiment, and its two ways to say it.
 */
#ifndef SHOW_H
#define SHOW_H

#include "manual.h"
#include "partial.h"
#include "tardis_catalogue.h"

/** All about one experiment. */
typedef struct show_t {
    const tardis_synced_t *synced;
    const consumer_settings_t *settings;
    const fsm_state_t *state;         /**< NULL: the row names none */
    const tardis_synced_hold_t *hold; /**< NULL: it is not held */
    apr_array_header_t *owners;       /**< const char * */
    apr_uint64_t unverifiable;
    apr_array_header_t *problems; /**< of tardis_file_problem_t: the first ones */
    apr_uint64_t problem_count;
    const tardis_partial_retry_t *partial; /**< what is asked for again, see partial_of(); NULL: all files */
    apr_array_header_t *events; /**< of tardis_synced_event_t: the last ones */
    apr_uint64_t event_count;
    apr_array_header_t *notifications; /**< of tardis_notification_t: the first ones */
} show_t;

/** What happens next, and when; one or two sentences. */
const char *show_next(const show_t *show, apr_pool_t *pool);
/** What a person should do about it; NULL: nothing. */
const char *show_advice(const show_t *show, apr_pool_t *pool);

/** Prints it as a page for people. */
void show_print_page(const show_t *show, apr_pool_t *pool);
/** Prints it as a JSON object. */
tardis_error_t *show_print_json(const show_t *show, apr_pool_t *pool);

#endif
