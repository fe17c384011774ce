#include "breaker.h"

#include <string.h>

/* What was put off comes back within a quarter of the time, and within this many seconds. */
#define SPREAD_PART 4
#define SPREAD_MAXIMUM 300

static void end_outage(tardis_provider_health_t *health);
static void leave(const breaker_note_t *note, tardis_provider_health_t *health);

breaker_news_t breaker_news(const tardis_error_t *error)
{
    if (!error)
        return BREAKER_SOUND;
    switch (error->code) {
    case TARDIS_PROVIDER_UNREACHABLE:
    case TARDIS_PROVIDER_TIMEOUT:
    case TARDIS_TLS_FAILED:
        return BREAKER_LOST;
    case TARDIS_PROVIDER_ERROR:
        return error->retry_after > 0 ? BREAKER_LOST : BREAKER_UNSOUND;
    case TARDIS_ANSWER_MALFORMED:
    case TARDIS_ANSWER_TOO_LARGE:
        return BREAKER_UNSOUND;
    case TARDIS_KEY_REFUSED:
    case TARDIS_UID_UNKNOWN:
    case TARDIS_HTTPS_REQUIRED:
    case TARDIS_REQUEST_REFUSED:
    case TARDIS_PROVIDER_REDIRECT:
    case TARDIS_TRANSFER_FAILED:
    case TARDIS_TRANSFER_BAD_REQUEST:
    case TARDIS_TRANSFER_SERVER_ERROR:
    case TARDIS_TRANSFER_CANCELLED:
    case TARDIS_DEADLINE_EXCEEDED:
        return BREAKER_SOUND;
    default:
        return BREAKER_NOTHING;
    }
}

void breaker_begin(breaker_met_t *met, const tardis_provider_health_t *health)
{
    *met = (breaker_met_t){.lost = health->lost};
}

void breaker_meet(breaker_met_t *met, const tardis_error_t *error, apr_time_t now, apr_pool_t *pool)
{
    breaker_news_t news = breaker_news(error);
    if (news == BREAKER_NOTHING)
        return;
    if (news == BREAKER_SOUND) {
        met->answered_at = now;
        met->failures = 0;
        met->lost = 0;
        met->is_sound = 1;
        return;
    }
    if (met->failures++ == 0)
        met->failed_since = now;
    met->failed_at = now;
    apr_pool_clear(pool);
    met->error = tardis_error_copy(pool, error);
    met->lost = news == BREAKER_LOST ? met->lost + 1 : 0;
    met->unsound++;
}

int breaker_trips(const breaker_met_t *met, const breaker_limits_t *limits)
{
    apr_uint64_t failures = (apr_uint64_t)limits->failures;
    if (met->failures == 0)
        return 0;
    return met->lost >= failures || (!met->is_sound && met->unsound >= failures * BREAKER_ANSWERS);
}

void breaker_noted(breaker_met_t *met)
{
    met->answered_at = 0;
    met->failures = 0;
}

void breaker_apply(const void *baton, tardis_provider_health_t *health)
{
    const breaker_note_t *note = baton;
    const breaker_met_t *met = note->met;
    int left_since = health->left_at > met->answered_at && health->left_at <= health->now;
    int is_trial = health->trial_owner && strcmp(health->trial_owner, note->owner) == 0;
    /* What was noted for a time to come was noted before the database's clock was set back. */
    if (health->answered_at > health->now)
        health->answered_at = 0;
    if (met->answered_at && (!left_since || is_trial))
        end_outage(health);
    if (met->answered_at > health->answered_at)
        health->answered_at = met->answered_at;
    if (is_trial) {
        health->trial_owner = NULL;
        health->trial_until = 0;
    }
    /* Another tick may have had an answer since. */
    if (met->failures == 0 || health->answered_at > met->failed_at)
        return;
    health->failures += (apr_uint64_t)met->failures;
    health->lost = met->lost;
    if (!health->failing_since || health->failing_since > met->failed_since)
        health->failing_since = met->failed_since;
    health->error_code = tardis_error_name(met->error->code);
    health->error_text = met->error->text;
    if (note->leave && (is_trial || note->despite || health->left_until <= health->now))
        leave(note, health);
}

static void end_outage(tardis_provider_health_t *health)
{
    health->failures = 0;
    health->lost = 0;
    health->failing_since = 0;
    health->times_left = 0;
    health->left_until = 0;
    health->put_off_until = 0;
    health->trial_owner = NULL;
    health->trial_until = 0;
    health->error_code = NULL;
    health->error_text = NULL;
}

static void leave(const breaker_note_t *note, tardis_provider_health_t *health)
{
    health->left_at = health->now;
    health->left_until = health->now + breaker_wait(note->limits, health->times_left,
                                                    note->met->error->retry_after, note->fraction);
    health->times_left++;
    apr_time_t last = health->left_until + breaker_spread(health);
    if (health->put_off_until < last)
        health->put_off_until = last;
}

apr_interval_time_t breaker_wait(const breaker_limits_t *limits, apr_uint64_t times, long retry_after,
                                 double fraction)
{
    double seconds = (double)limits->minimum;
    double maximum = (double)limits->maximum;
    for (apr_uint64_t i = 0; i < times && seconds < maximum; i++)
        seconds *= 2;
    seconds += seconds / 4 * fraction;
    if (seconds < (double)retry_after)
        seconds = (double)retry_after;
    if (seconds > maximum)
        seconds = maximum;
    return (apr_interval_time_t)(seconds * (double)APR_USEC_PER_SEC);
}

apr_interval_time_t breaker_spread(const tardis_provider_health_t *health)
{
    apr_interval_time_t spread = (health->left_until - health->left_at) / SPREAD_PART;
    if (spread < 0)
        return 0;
    return spread < apr_time_from_sec(SPREAD_MAXIMUM) ? spread : apr_time_from_sec(SPREAD_MAXIMUM);
}
