/**
 * @file tardis_synced_report.h
 * What the consumer's tables tell as a whole: the story of one experiment, figures over all of them, and the
 * removal of history that nobody needs any more. Every function needs context->db. Times are the database
 * server's.
 */
#ifndef TARDIS_SYNCED_REPORT_H
#define TARDIS_SYNCED_REPORT_H

#include "tardis_synced_db.h"

/* ---- The story of one experiment (synced_story_db.c). ---- */

/** All failures of one kind since the experiment was last started. */
typedef struct tardis_synced_failure_t {
    const char *code; /**< name of a typed error */
    const char *text; /**< of the latest one */
    apr_uint64_t count;
    apr_time_t first_at;
    apr_time_t last_at;
} tardis_synced_failure_t;

/** What the history tells of one experiment. It is started by its registration and by each retry. */
typedef struct tardis_synced_story_t {
    apr_uint64_t starts;          /**< how often it was started, as far as the history goes back */
    apr_uint64_t failures_before; /**< how many steps had failed when it was last started */
    apr_array_header_t *failures; /**< of tardis_synced_failure_t since it was last started, latest first */
    apr_array_header_t *way; /**< of tardis_synced_event_t: its start and its states since, oldest first */
} tardis_synced_story_t;

/** The story of an experiment; an empty one if it has no history. */
tardis_error_t *tardis_synced_story(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    tardis_synced_story_t **story, apr_pool_t *pool);

/* ---- Figures over all experiments (synced_figures_db.c). ---- */

/** The experiments in one state. */
typedef struct tardis_synced_figures_t {
    const char *state;
    apr_uint64_t experiments;
    apr_interval_time_t oldest_age; /**< since the one that is longest in this state came into it */
    apr_uint64_t files_checked;
    apr_uint64_t bytes_checked;
    apr_uint64_t leases_held;
    apr_uint64_t leases_expired;     /**< their ticks ended without giving them back */
    apr_uint64_t idle;               /**< no tick will take them: held, if they are pending */
    apr_uint64_t due;                /**< and held by nobody */
    apr_interval_time_t longest_due; /**< since the one that is longest due was due; 0: none is */
} tardis_synced_figures_t;

/** What providers have promised, of experiments in any state. */
typedef struct tardis_promised_figures_t {
    apr_uint64_t files;
    apr_uint64_t bytes;
} tardis_promised_figures_t;

/** How many experiments in one state have one error now. */
typedef struct tardis_synced_error_figures_t {
    const char *state;
    const char *code;
    apr_uint64_t experiments;
} tardis_synced_error_figures_t;

/** Mail that was not sent yet. */
typedef struct tardis_outbox_figures_t {
    apr_uint64_t waiting;
    apr_interval_time_t oldest_age; /**< since the oldest one was written; 0: none waits */
    apr_uint64_t given_up;          /**< the mail server has refused them for too long */
} tardis_outbox_figures_t;

/** @param figures set to an array of tardis_synced_figures_t, in the order of the states' names. */
tardis_error_t *tardis_synced_figures(const tardis_context_t *context, apr_array_header_t **figures,
                                      apr_pool_t *pool);

/** @param figures filled in. */
tardis_error_t *tardis_promised_figures(const tardis_context_t *context, tardis_promised_figures_t *figures,
                                        apr_pool_t *pool);

/** @param figures set to an array of tardis_synced_error_figures_t, by state and code. */
tardis_error_t *tardis_synced_error_figures(const tardis_context_t *context, apr_array_header_t **figures,
                                            apr_pool_t *pool);

/** @param figures filled in. */
tardis_error_t *tardis_outbox_figures(const tardis_context_t *context, tardis_outbox_figures_t *figures,
                                      apr_pool_t *pool);

/* ---- What ticks have done (tick_figures_db.c). ---- */

/** Of the ticks of one host; or of one tick, to be added. */
typedef struct tardis_tick_figures_t {
    const char *host; /**< set by reading; added is to this host */
    apr_uint64_t ticks;
    apr_uint64_t ticks_failed; /**< that ended with an error of their own */
    apr_interval_time_t took;  /**< all of them together */
    apr_uint64_t stepped;
    apr_uint64_t step_errors;
    apr_uint64_t completed;
    apr_uint64_t failed; /**< experiments */
    apr_uint64_t bytes_checked;
    apr_uint64_t mails_sent;
    apr_time_t last_ended_at; /**< set by reading; adding takes the database server's time */
    apr_interval_time_t last_took;
} tardis_tick_figures_t;

/** Adds @a figures to those of this host, with one statement; connects anew first if need be. */
tardis_error_t *tardis_tick_figures_add(const tardis_context_t *context, const tardis_tick_figures_t *figures,
                                        apr_pool_t *pool);

/** @param figures set to an array of tardis_tick_figures_t, by host. */
tardis_error_t *tardis_tick_figures_all(const tardis_context_t *context, apr_array_header_t **figures,
                                        apr_pool_t *pool);

/* ---- Removing history (synced_prune_db.c). ---- */

/** Which history is to go. */
typedef struct tardis_synced_prune_t {
    int days;   /**< only of what finished longer ago than this */
    int failed; /**< not 0: of FailPermanent as well as of Complete */
    int only_count;
} tardis_synced_prune_t;

/** What went. */
typedef struct tardis_synced_pruned_t {
    apr_uint64_t experiments;
    apr_uint64_t events;
    apr_uint64_t mails;
    apr_uint64_t last; /**< the last experiment that was looked at; 0: none is left */
} tardis_synced_pruned_t;

/**
 * Trims the next few experiments that have finished: all events but registrations and the one that tells of
 * the end, and the mails that were sent or given up, are removed. The experiment itself stays, and so does
 * mail that waits. Each experiment is locked while it is trimmed, and left alone if it was started again meanwhile. No
 * transaction removes more than a bounded number of rows.
 * @param pruned counts are added to; `last` tells where to go on with the next call, and is 0 at the end.
 */
tardis_error_t *tardis_synced_prune(const tardis_context_t *context, const tardis_synced_prune_t *prune,
                                    tardis_synced_pruned_t *pruned, apr_pool_t *pool);

#endif
