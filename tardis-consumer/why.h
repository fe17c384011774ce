/**
 * @file why.h
 * What `why` knows of one experiment, what follows from it, and its two ways to say it.
 */
#ifndef WHY_H
#define WHY_H

#include "manual.h"
#include "tardis_provider_health.h"
#include "partial.h"
#include "tardis_status.h"
#include "tardis_synced_report.h"

/** Whose turn it is. */
typedef enum { WHY_NOBODY, WHY_PROVIDER, WHY_CONSUMER, WHY_NETWORK } why_turn_t;

/** A command that a person is to run. */
typedef struct why_command_t {
    int at_provider; /**< not 0: the provider's administrator runs it; 0: this site's */
    const char *text;
} why_command_t;

/** All about one experiment that the story needs. */
typedef struct why_t {
    const tardis_synced_t *synced;
    const consumer_settings_t *settings;
    const char *ca_file;              /**< NULL: the system's authorities are trusted */
    const fsm_state_t *state;         /**< NULL: the row names none */
    const tardis_status_t *status;    /**< the provider's last answer; NULL: none that can be read */
    const tardis_synced_hold_t *hold; /**< NULL: nobody holds it */
    const tardis_provider_health_t *left; /**< its provider, which is left alone; NULL: it is asked */
    tardis_synced_story_t *story;
    apr_uint64_t unverifiable;    /**< files without a digest */
    const tardis_partial_retry_t *partial; /**< what is asked for again, see partial_of(); NULL: all files */
    apr_array_header_t *problems; /**< of tardis_file_problem_t: the first ones */
    apr_uint64_t problem_count;
    apr_array_header_t *mails; /**< of tardis_notification_t: about how it came into its state */

    /* What follows from it, see why_judge(). */
    why_turn_t turn;
    const char *reason;           /**< why it is theirs; the end of a sentence, without a full stop */
    const char *advice;           /**< what a person does; NULL: nothing */
    apr_array_header_t *commands; /**< of why_command_t, in the order in which to run them; may be empty */
} why_t;

/** Finds out whose turn it is and what is to be done: fills in the second part. */
void why_judge(why_t *why, apr_pool_t *pool);

/** Whether steps are still to be made. */
int why_is_pending(const why_t *why);
/** Whether a tick has it in hand now. */
int why_is_leased(const why_t *why);
/** How long it has been due without a tick that took it; 0: a tick may still come for it in good time. */
apr_interval_time_t why_overdue(const why_t *why);
/** When it is given up if nothing moves; 0: it never is. */
apr_time_t why_deadline(const why_t *why);

/** Where it is, in a few sentences. */
const char *why_place(const why_t *why, apr_pool_t *pool);
/** What will happen next by itself, and when, in a few sentences. */
const char *why_next(const why_t *why, apr_pool_t *pool);

/** Prints it as a page for people. */
void why_print_page(const why_t *why, apr_pool_t *pool);
/** Prints it as a JSON object. */
tardis_error_t *why_print_json(const why_t *why, apr_pool_t *pool);

#endif
