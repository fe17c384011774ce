#include "health.h"

#include <apr_strings.h>

#include "backoff.h"
#include "breaker.h"

enum {
    PAGE = 1000,           /* experiments that are put off by one transaction */
    REST_TIMES = 4,        /* as long as that took, before the next while others are asked */
    SLICES = 64,           /* in which what was put off is made due ... */
    SLICE_MINIMUM = 10,    /* ... of so many seconds at least */
    TRIAL_SECONDS = 30,    /* more than a request may take */
    ELSEWHERE_SECONDS = 20 /* until what is tried elsewhere is looked at again */
};

/* One provider. */
typedef struct {
    tardis_provider_health_t noted; /* in the database, as far as this tick knows */
    breaker_met_t met;              /* and not noted yet */
    int despite;                    /* asked although it is left alone */
    int on_trial;                   /* by this process */
    int undecided;
    int leave;          /* what was met is enough to leave it alone */
    int may_be_due;     /* there may be experiments that are to be put off */
    const char *outage; /* of which what was put off is to be made due; NULL: of none */
    apr_time_t recall_from;
    apr_time_t recall_to;
    apr_pool_t *met_pool;
    apr_pool_t *noted_pool;
} known_t;

struct health_t {
    const tardis_context_t *context;
    const consumer_settings_t *settings;
    breaker_limits_t limits;
    int despite;
    const char *owner;
    apr_time_t read_at;        /* by the database's clock ... */
    apr_time_t read_at_here;   /* ... and by one of this host that nobody sets */
    apr_array_header_t *known; /* of known_t * */
    apr_hash_t *by_url;
    int turn;
    int put_off;             /* experiments */
    apr_time_t next_page_at; /* by the latter */
    tardis_error_t *error;
    apr_pool_t *pool;
};

static apr_time_t now_of(const health_t *health);
static known_t *known_of(health_t *health, const char *provider_url);
static void take_over(known_t *known, const tardis_provider_health_t *noted);
static int is_left(const known_t *known);
static long trial_seconds(const health_t *health);
static health_manner_t manner_of(const health_t *health, const known_t *known);
static tardis_error_t *read_again(health_t *health, known_t *known, apr_pool_t *pool);
static tardis_error_t *note(health_t *health, known_t *known, apr_pool_t *pool);
static void tell(const health_t *health, const known_t *known, int was_left, apr_pool_t *pool);
static tardis_error_t *work_on_next(health_t *health, apr_pool_t *pool);
static int has_work(const health_t *health, const known_t *known);
static tardis_error_t *put_off_page(health_t *health, known_t *known, apr_pool_t *pool);
static tardis_error_t *recall_slice(health_t *health, known_t *known, apr_pool_t *pool);
static const char *outage_of(const tardis_provider_health_t *noted, apr_pool_t *pool);
static tardis_error_t *why_put_off(const tardis_provider_health_t *noted, apr_pool_t *pool);

health_t *health_create(const tardis_context_t *context, const consumer_settings_t *settings, int despite,
                        apr_pool_t *pool)
{
    health_t *health = apr_pcalloc(pool, sizeof(*health));
    health->context = context;
    health->settings = settings;
    health->limits = (breaker_limits_t){.failures = settings->breaker_failures,
                                        .minimum = settings->breaker_minimum,
                                        .maximum = settings->breaker_maximum};
    health->despite = despite;
    health->owner = tardis_process_name(pool);
    health->known = apr_array_make(pool, 8, sizeof(known_t *));
    health->by_url = apr_hash_make(pool);
    health->pool = pool;
    return health;
}

tardis_error_t *health_read(health_t *health)
{
    apr_pool_t *pool;
    apr_array_header_t *healths;
    apr_pool_create(&pool, health->pool);
    health->read_at_here = tardis_clock();
    tardis_error_t *error = tardis_provider_health_all(health->context, &healths, &health->read_at, pool);
    for (int i = 0; !error && i < healths->nelts; i++) {
        const tardis_provider_health_t *noted = &APR_ARRAY_IDX(healths, i, tardis_provider_health_t);
        known_t *known = known_of(health, noted->provider_url);
        take_over(known, noted);
        breaker_begin(&known->met, noted);
        known->despite = health->despite && noted->left_until;
        known->may_be_due = 1;
    }
    error = tardis_error_copy(health->pool, error);
    apr_pool_destroy(pool);
    return error;
}

/* The database's clock decides, on whatever host. */
static apr_time_t now_of(const health_t *health)
{
    return health->read_at + (tardis_clock() - health->read_at_here);
}

static known_t *known_of(health_t *health, const char *provider_url)
{
    known_t *known = apr_hash_get(health->by_url, provider_url, APR_HASH_KEY_STRING);
    if (known)
        return known;
    known = apr_pcalloc(health->pool, sizeof(*known));
    apr_pool_create(&known->met_pool, health->pool);
    apr_pool_create(&known->noted_pool, health->pool);
    known->noted.provider_url = apr_pstrdup(health->pool, provider_url);
    apr_hash_set(health->by_url, known->noted.provider_url, APR_HASH_KEY_STRING, known);
    APR_ARRAY_PUSH(health->known, known_t *) = known;
    return known;
}

static void take_over(known_t *known, const tardis_provider_health_t *noted)
{
    const char *provider_url = known->noted.provider_url;
    apr_pool_clear(known->noted_pool);
    known->noted = *noted;
    known->noted.provider_url = provider_url;
    known->noted.trial_owner = apr_pstrdup(known->noted_pool, noted->trial_owner);
    known->noted.error_code = apr_pstrdup(known->noted_pool, noted->error_code);
    known->noted.error_text = apr_pstrdup(known->noted_pool, noted->error_text);
}

health_manner_t health_manner(const health_t *health, const char *provider_url)
{
    const known_t *known = apr_hash_get(health->by_url, provider_url, APR_HASH_KEY_STRING);
    return known ? manner_of(health, known) : HEALTH_ASKED;
}

static health_manner_t manner_of(const health_t *health, const known_t *known)
{
    const consumer_provider_t *provider =
        apr_hash_get(health->settings->providers, known->noted.provider_url, APR_HASH_KEY_STRING);
    if (!provider || !provider->key)
        return HEALTH_ASKED;
    if (known->undecided)
        return HEALTH_UNDECIDED;
    if (!is_left(known))
        return HEALTH_ASKED;
    if (known->on_trial)
        return HEALTH_TRIED;
    /* Longer than a trial may take, or left alone in time to come: the database's clock was set back. */
    apr_time_t now = now_of(health);
    if (known->noted.trial_owner && known->noted.trial_until > now &&
        known->noted.trial_until <= now + apr_time_from_sec(trial_seconds(health)))
        return HEALTH_ELSEWHERE;
    int is_to_come = known->noted.left_at > now + apr_time_from_sec(TARDIS_PROVIDER_CLOCK_SECONDS);
    return known->noted.left_until > now && !is_to_come ? HEALTH_LEFT : HEALTH_TRIED;
}

static int is_left(const known_t *known)
{
    return known->noted.left_until && !known->despite;
}

static long trial_seconds(const health_t *health)
{
    return health->settings->total_timeout + TRIAL_SECONDS;
}

int health_may_try(health_t *health, const char *provider_url)
{
    known_t *known = known_of(health, provider_url);
    apr_pool_t *pool;
    if (health->error)
        return 0;
    apr_pool_create(&pool, health->pool);
    tardis_error_t *error = tardis_provider_health_try(health->context, provider_url, health->owner,
                                                       trial_seconds(health), &known->on_trial, pool);
    if (!error && !known->on_trial)
        error = read_again(health, known, pool);
    health->error = tardis_error_copy(health->pool, error);
    apr_pool_destroy(pool);
    return known->on_trial;
}

static tardis_error_t *read_again(health_t *health, known_t *known, apr_pool_t *pool)
{
    tardis_provider_health_t noted;
    tardis_error_t *error =
        tardis_provider_health_find(health->context, known->noted.provider_url, &noted, pool);
    if (!error)
        take_over(known, &noted);
    return error;
}

void health_report(health_t *health, const char *provider_url, const tardis_error_t *error)
{
    known_t *known = known_of(health, provider_url);
    breaker_meet(&known->met, error, now_of(health), known->met_pool);
    int is_sound = breaker_news(error) == BREAKER_SOUND;
    if (known->on_trial) {
        known->undecided = 1;
        known->leave = known->met.failures > 0;
    } else if (is_sound && known->noted.left_until) {
        known->undecided = 1;
        known->leave = 0;
    } else if (!is_left(known) && breaker_trips(&known->met, &health->limits)) {
        known->undecided = 1;
        known->leave = 1;
    }
}

void health_put_off(health_t *health, fsm_step_t *step)
{
    const known_t *known = known_of(health, step->synced->provider_url);
    const tardis_provider_health_t *noted = &known->noted;
    if (!step->state || !step->state->act) {
        fsm_step_begin(step);
    } else if (manner_of(health, known) == HEALTH_LEFT) {
        apr_interval_time_t wait = noted->left_until - now_of(health);
        wait += (apr_interval_time_t)((double)breaker_spread(noted) * backoff_fraction());
        fsm_put_off(step, why_put_off(noted, step->pool), outage_of(noted, step->pool), wait);
    } else {
        fsm_defer(step, apr_time_from_sec(ELSEWHERE_SECONDS));
    }
}

tardis_error_t *health_work(health_t *health, int is_idle)
{
    apr_pool_t *pool;
    tardis_error_t *error = health->error;
    apr_pool_create(&pool, health->pool);
    for (int i = 0; i < health->known->nelts && !error; i++) {
        known_t *known = APR_ARRAY_IDX(health->known, i, known_t *);
        if (known->undecided)
            error = note(health, known, pool);
    }
    if (!error && (is_idle || tardis_clock() >= health->next_page_at))
        error = work_on_next(health, pool);
    error = tardis_error_copy(health->pool, error);
    apr_pool_destroy(pool);
    return error;
}

/* Each provider in turn. */
static tardis_error_t *work_on_next(health_t *health, apr_pool_t *pool)
{
    apr_time_t begun_at = tardis_clock();
    tardis_error_t *error = NULL;
    int done = 0;
    for (int i = 0; i < health->known->nelts && !done; i++) {
        health->turn = (health->turn + 1) % health->known->nelts;
        known_t *known = APR_ARRAY_IDX(health->known, health->turn, known_t *);
        if (!has_work(health, known))
            continue;
        error = known->outage ? recall_slice(health, known, pool) : put_off_page(health, known, pool);
        done = 1;
    }
    health->next_page_at = tardis_clock() + (tardis_clock() - begun_at) * REST_TIMES;
    return error;
}

static int has_work(const health_t *health, const known_t *known)
{
    return known->undecided || known->outage ||
           (known->may_be_due && manner_of(health, known) == HEALTH_LEFT);
}

/* Decides on the latest there is, not on what this tick has read. */
static tardis_error_t *note(health_t *health, known_t *known, apr_pool_t *pool)
{
    const breaker_note_t what = {.met = &known->met,
                                 .limits = &health->limits,
                                 .owner = health->owner,
                                 .leave = known->leave,
                                 .despite = known->despite,
                                 .fraction = backoff_fraction()};
    int was_left = known->noted.left_until != 0;
    const char *outage = was_left ? outage_of(&known->noted, health->pool) : NULL;
    apr_time_t put_off_until = known->noted.put_off_until;
    tardis_provider_health_t noted;
    tardis_error_t *error = tardis_provider_health_change(health->context, known->noted.provider_url,
                                                          breaker_apply, &what, &noted, pool);
    if (error)
        return error;
    take_over(known, &noted);
    if (was_left && !noted.left_until) {
        known->outage = outage;
        known->recall_from = noted.now;
        known->recall_to = put_off_until;
    }
    tell(health, known, was_left, pool);
    known->despite = known->despite && !known->leave;
    known->may_be_due |= known->leave;
    known->on_trial = known->undecided = known->leave = 0;
    breaker_noted(&known->met);
    return NULL;
}

static void tell(const health_t *health, const known_t *known, int was_left, apr_pool_t *pool)
{
    const tardis_provider_health_t *noted = &known->noted;
    const char *about = apr_pstrcat(pool, "provider ", noted->provider_url, NULL);
    if (known->leave && noted->left_until)
        tardis_log_problem(
            health->context, TARDIS_LOG_WARNING, about, known->met.error,
            apr_psprintf(pool, "left alone until %s", tardis_format_time(noted->left_until, pool)));
    else if (was_left && !noted->left_until)
        tardis_log(health->context, TARDIS_LOG_NOTICE, "%s: it answers again; all that was put off goes on",
                   about);
}

static tardis_error_t *put_off_page(health_t *health, known_t *known, apr_pool_t *pool)
{
    const tardis_error_t *why = why_put_off(&known->noted, pool);
    tardis_put_off_t put_off = {.provider_url = known->noted.provider_url,
                                .left_until = known->noted.left_until,
                                .spread = breaker_spread(&known->noted),
                                .attempts = FSM_ATTEMPTS_BEFORE_DEADLINE,
                                .error_code = tardis_error_name(why->code),
                                .error_text = why->text,
                                .outage = outage_of(&known->noted, pool),
                                .now = now_of(health),
                                .limit = PAGE};
    int states = 0;
    int count;
    int is_still_left;
    for (const fsm_state_t *state = fsm_states(); state->name && states < TARDIS_PUT_OFF_STATES_MAX;
         state++) {
        if (!fsm_asks(state))
            continue;
        put_off.states[states] = state->name;
        put_off.deadlines[states] = fsm_deadline(state, health->settings);
        put_off.unseen[states++] = fsm_unseen(state, health->settings);
    }
    tardis_error_t *error = tardis_provider_put_off(health->context, &put_off, &count, &is_still_left, pool);
    if (error)
        return error;
    known->may_be_due = count == PAGE;
    health->put_off += count;
    return is_still_left ? NULL : read_again(health, known, pool);
}

/* By parts of the time: what others have to do then is looked at as well, but only once. */
static tardis_error_t *recall_slice(health_t *health, known_t *known, apr_pool_t *pool)
{
    apr_time_t slice = (known->recall_to - known->noted.now) / SLICES;
    if (slice < apr_time_from_sec(SLICE_MINIMUM))
        slice = apr_time_from_sec(SLICE_MINIMUM);
    apr_time_t to =
        known->recall_from + slice < known->recall_to ? known->recall_from + slice : known->recall_to;
    tardis_error_t *error = tardis_provider_recall(health->context, known->noted.provider_url, known->outage,
                                                   known->recall_from, to, pool);
    known->recall_from = to;
    if (to >= known->recall_to)
        known->outage = NULL;
    return error;
}

static const char *outage_of(const tardis_provider_health_t *noted, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "not asked, as the provider has failed since ",
                       tardis_format_time(noted->failing_since, pool), NULL);
}

static tardis_error_t *why_put_off(const tardis_provider_health_t *noted, apr_pool_t *pool)
{
    tardis_error_code_t code = tardis_error_code_of(noted->error_code ? noted->error_code : "");
    return tardis_error_create(pool, code == TARDIS_ERROR_CODES ? TARDIS_PROVIDER_ERROR : code,
                               "%s; left alone until %s; last: %s", outage_of(noted, pool),
                               tardis_format_time(noted->left_until, pool),
                               noted->error_text ? noted->error_text : "unknown");
}

int health_is_working(const health_t *health)
{
    for (int i = 0; i < health->known->nelts; i++) {
        if (has_work(health, APR_ARRAY_IDX(health->known, i, const known_t *)))
            return 1;
    }
    return 0;
}

int health_bar(const health_t *health, apr_array_header_t *except)
{
    int for_good = 0;
    for (int i = 0; i < health->known->nelts; i++) {
        const known_t *known = APR_ARRAY_IDX(health->known, i, const known_t *);
        health_manner_t manner = manner_of(health, known);
        if (manner != HEALTH_ELSEWHERE && !(manner == HEALTH_LEFT && known->may_be_due))
            continue;
        APR_ARRAY_PUSH(except, const char *) = known->noted.provider_url;
        for_good += manner == HEALTH_ELSEWHERE;
    }
    return for_good;
}

int health_count(const health_t *health)
{
    return health->put_off;
}

tardis_error_t *health_save(health_t *health)
{
    apr_pool_t *pool;
    tardis_error_t *error = health->error;
    apr_pool_create(&pool, health->pool);
    for (int i = 0; i < health->known->nelts && !error; i++) {
        known_t *known = APR_ARRAY_IDX(health->known, i, known_t *);
        if (known->undecided || known->on_trial || known->met.answered_at || known->met.failures)
            error = note(health, known, pool);
    }
    error = tardis_error_copy(health->pool, error);
    apr_pool_destroy(pool);
    return error;
}
