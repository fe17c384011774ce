/**
 * @file breaker.h
 * When a provider is left alone: what a request tells of its provider, and what follows from that. Decisions
 * only, no database and no clock.
 *
 * Requests that do not get through (or that a provider turns away for a time that it names) count wherever
 * they were about: a few in a row are enough. An answer that is an error or nonsense may be about one uid
 * only, so it counts only as long as a tick has seen nothing else of that provider, and it takes many.
 */
#ifndef BREAKER_H
#define BREAKER_H

#include "tardis_provider_health.h"

/** Times are in seconds. */
typedef struct breaker_limits_t {
    long failures; /**< requests in a row that do not get through, until a provider is left alone */
    long minimum;  /**< for which it is left alone the first time; then twice as long each time ... */
    long maximum;  /**< ... but not longer than this */
} breaker_limits_t;

/** So many times more answers that are none than requests that do not get through. */
#define BREAKER_ANSWERS 10

/** What a request tells of the provider. */
typedef enum {
    BREAKER_NOTHING, /**< it was not sent */
    BREAKER_SOUND,   /**< it answers, be it to refuse */
    BREAKER_UNSOUND, /**< what it answers is an error or nonsense */
    BREAKER_LOST     /**< it cannot be reached, does not answer in time, or asks to be left alone */
} breaker_news_t;

/** @param error how a request ended; NULL: well. */
breaker_news_t breaker_news(const tardis_error_t *error);

/** What one tick has met at one provider since it was last noted in the database, but for the counters. */
typedef struct breaker_met_t {
    apr_time_t answered_at; /**< the last sound answer; 0: none */
    int failures;           /**< after that */
    apr_time_t failed_since;
    apr_time_t failed_at;
    const tardis_error_t *error; /**< of the last failure */
    apr_uint64_t lost;           /**< in a row, with those that other ticks have noted */
    apr_uint64_t unsound;        /**< failures of this tick, until there is a sound answer */
    int is_sound;                /**< not 0: there was one in this tick */
} breaker_met_t;

/** Where a tick begins. */
void breaker_begin(breaker_met_t *met, const tardis_provider_health_t *health);

/** Takes in how a request ended, at @a now. @param error is copied into @a pool, which is cleared for it. */
void breaker_meet(breaker_met_t *met, const tardis_error_t *error, apr_time_t now, apr_pool_t *pool);

/** Whether the provider is to be left alone for that. */
int breaker_trips(const breaker_met_t *met, const breaker_limits_t *limits);

/** What was met was noted. */
void breaker_noted(breaker_met_t *met);

/** What is to be noted of a provider. */
typedef struct breaker_note_t {
    const breaker_met_t *met;
    const breaker_limits_t *limits;
    const char *owner; /**< this process; a trial of its own is over with this */
    int leave;       /**< not 0: it is to be left alone for what was met, if no other tick has seen to that */
    int despite;     /**< not 0: it was asked although it is left alone: it is to be left alone for longer */
    double fraction; /**< from 0 to 1, at random */
} breaker_note_t;

/** Changes what is known of a provider: a tardis_provider_health_fn. @param note a breaker_note_t. */
void breaker_apply(const void *note, tardis_provider_health_t *health);

/**
 * For how long a provider is left alone.
 * @param times for which it was left alone before, in a row.
 * @param retry_after seconds for which it asked; 0: it did not.
 */
apr_interval_time_t breaker_wait(const breaker_limits_t *limits, apr_uint64_t times, long retry_after,
                                 double fraction);

/** Over how long what was put off comes back after that. */
apr_interval_time_t breaker_spread(const tardis_provider_health_t *health);

#endif
