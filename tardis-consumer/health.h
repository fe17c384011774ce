/**
 * @file health.h
 * What a tick knows of its providers: whether it may ask them. It begins with what ticks have noted in the
 * database, takes in how requests end, and notes what follows from that at once if it concerns others, and
 * the rest at the end.
 *
 * A provider that does not answer is left alone: what is due of it is put off without a request. When its
 * time is over one process tries it with one request, for all on every host. If that succeeds, it is asked
 * again, and what was put off is due at once; if not, it is left alone for longer. See breaker.h for what
 * counts.
 */
#ifndef HEALTH_H
#define HEALTH_H

#include "fsm.h"

typedef struct health_t health_t;

/** How a provider is treated now. */
typedef enum {
    HEALTH_ASKED,
    HEALTH_UNDECIDED, /**< not asked until health_work() has noted what was met */
    HEALTH_TRIED,     /**< by one request at a time, for which health_may_try() is asked */
    HEALTH_LEFT,      /**< left alone: its steps are for health_put_off() */
    HEALTH_ELSEWHERE  /**< another process tries it: its steps are for health_put_off() */
} health_manner_t;

/**
 * @param despite not 0: what was known before does not keep this tick from asking; what it meets itself does.
 */
health_t *health_create(const tardis_context_t *context, const consumer_settings_t *settings, int despite,
                        apr_pool_t *pool);

/** Reads what is known, by one query. */
tardis_error_t *health_read(health_t *health);

/** How a provider is treated. One without a key here is asked: no request comes of that. */
health_manner_t health_manner(const health_t *health, const char *provider_url);

/**
 * Asks whether a request may be sent to a provider that is HEALTH_TRIED. Not 0: it may, and how it ends is
 * for health_report(). An error of the database comes with the next health_work().
 */
int health_may_try(health_t *health, const char *provider_url);

/** A request has ended. @param error NULL: well. */
void health_report(health_t *health, const char *provider_url, const tardis_error_t *error);

/** Ends a step that was not begun, as its provider is left alone or tried elsewhere. */
void health_put_off(health_t *health, fsm_step_t *step);

/**
 * Does the next of what is to be done in the database: notes what concerns others, puts off or makes due some
 * more experiments. To be called again and again.
 * @param is_idle 0: other providers are being asked, and have the most part of the time.
 */
tardis_error_t *health_work(health_t *health, int is_idle);

/** Whether health_work() has something left to do. */
int health_is_working(const health_t *health);

/**
 * Adds the providers of which nothing is to be taken, const char *, to @a except.
 * @return how many of them that will hold for, as long as this tick runs.
 */
int health_bar(const health_t *health, apr_array_header_t *except);

/** How many experiments health_work() has put off. */
int health_count(const health_t *health);

/** Notes what was met and is not noted yet. */
tardis_error_t *health_save(health_t *health);

#endif
