#include "lanes.h"

#include <apr_ring.h>
#include <apr_strings.h>

#include "breaker.h"

enum {
    STUCK_MILLISECONDS = 100,    /* no step of a provider has ended: more of it need not be taken */
    HANGING_MILLISECONDS = 3000, /* nor for so long: others need not wait for its requests ... */
    HANGING_TIMES = 4            /* ... up to so many times as many as may be under way */
};

typedef struct waiting_t {
    APR_RING_ENTRY(waiting_t) link;
    fsm_step_t *step;
} waiting_t;
APR_RING_HEAD(waiting_ring_t, waiting_t);

/* The steps of one provider. */
typedef struct lane_t {
    APR_RING_ENTRY(lane_t) link;
    const char *provider_url;
    struct waiting_ring_t waiting;
    int waiting_count;
    int in_flight;
    apr_time_t moved_at; /* when a step was last begun where none was under way, or has ended */
} lane_t;
APR_RING_HEAD(lane_ring_t, lane_t);

struct lanes_t {
    int total;
    int each;
    health_t *health;
    int waiting;
    int in_flight;
    apr_hash_t *by_provider;
    struct lane_ring_t ring; /* all of them; whoever had its turn goes to the end */
    apr_pool_t *pool;
};

static lane_t *lane_of(lanes_t *lanes, const char *provider_url);
static fsm_step_t *take(lanes_t *lanes, lane_t *lane);
static int is_full(const lanes_t *lanes);
static int bound_of(const lanes_t *lanes, const lane_t *lane);
static fsm_step_t *take_least_tried(lanes_t *lanes, lane_t *lane);
static int stands_still(const lane_t *lane, int milliseconds);
static int is_stuck(const lanes_t *lanes, const lane_t *lane);

lanes_t *lanes_create(int total, int each, health_t *health, apr_pool_t *pool)
{
    lanes_t *lanes = apr_pcalloc(pool, sizeof(*lanes));
    lanes->total = total;
    lanes->each = each;
    lanes->health = health;
    lanes->by_provider = apr_hash_make(pool);
    lanes->pool = pool;
    APR_RING_INIT(&lanes->ring, lane_t, link);
    return lanes;
}

void lanes_add(lanes_t *lanes, fsm_step_t *step)
{
    lane_t *lane = lane_of(lanes, step->synced->provider_url);
    waiting_t *entry = apr_palloc(step->pool, sizeof(*entry));
    entry->step = step;
    APR_RING_INSERT_TAIL(&lane->waiting, entry, waiting_t, link);
    lane->waiting_count++;
    lanes->waiting++;
}

static lane_t *lane_of(lanes_t *lanes, const char *provider_url)
{
    lane_t *lane = apr_hash_get(lanes->by_provider, provider_url, APR_HASH_KEY_STRING);
    if (lane)
        return lane;
    lane = apr_pcalloc(lanes->pool, sizeof(*lane));
    lane->provider_url = apr_pstrdup(lanes->pool, provider_url);
    APR_RING_INIT(&lane->waiting, waiting_t, link);
    APR_RING_INSERT_TAIL(&lanes->ring, lane, lane_t, link);
    apr_hash_set(lanes->by_provider, lane->provider_url, APR_HASH_KEY_STRING, lane);
    return lane;
}

fsm_step_t *lanes_next(lanes_t *lanes)
{
    lane_t *lane;
    if (is_full(lanes))
        return NULL;
    APR_RING_FOREACH(lane, &lanes->ring, lane_t, link)
    {
        if (lane->waiting_count == 0 || lane->in_flight >= bound_of(lanes, lane))
            continue;
        int is_trial = health_manner(lanes->health, lane->provider_url) == HEALTH_TRIED;
        if (is_trial && !health_may_try(lanes->health, lane->provider_url))
            continue;
        APR_RING_REMOVE(lane, link);
        APR_RING_INSERT_TAIL(&lanes->ring, lane, lane_t, link);
        if (lane->in_flight == 0)
            lane->moved_at = tardis_clock();
        lane->in_flight++;
        lanes->in_flight++;
        fsm_step_t *step = is_trial ? take_least_tried(lanes, lane) : take(lanes, lane);
        step->lane = lane;
        return step;
    }
    return NULL;
}

/* Providers that hang must not use up what there is for all. */
static int is_full(const lanes_t *lanes)
{
    const lane_t *lane;
    int hanging = 0;
    if (lanes->in_flight < lanes->total)
        return 0;
    APR_RING_FOREACH(lane, &lanes->ring, lane_t, link)
    {
        if (stands_still(lane, HANGING_MILLISECONDS))
            hanging += lane->in_flight;
    }
    return lanes->in_flight - hanging >= lanes->total || lanes->in_flight >= lanes->total * HANGING_TIMES;
}

static int stands_still(const lane_t *lane, int milliseconds)
{
    return lane->in_flight > 0 && tardis_clock() - lane->moved_at > apr_time_from_msec(milliseconds);
}

static int bound_of(const lanes_t *lanes, const lane_t *lane)
{
    switch (health_manner(lanes->health, lane->provider_url)) {
    case HEALTH_ASKED:
        return lanes->each;
    case HEALTH_TRIED:
        return 1;
    case HEALTH_UNDECIDED:
    case HEALTH_LEFT:
    case HEALTH_ELSEWHERE:
        break;
    }
    return 0;
}

/* So that one that always fails is not what its provider is judged by each time. */
static fsm_step_t *take_least_tried(lanes_t *lanes, lane_t *lane)
{
    waiting_t *entry;
    waiting_t *least = APR_RING_FIRST(&lane->waiting);
    APR_RING_FOREACH(entry, &lane->waiting, waiting_t, link)
    {
        if (entry->step->synced->attempts < least->step->synced->attempts)
            least = entry;
    }
    APR_RING_REMOVE(least, link);
    APR_RING_INSERT_HEAD(&lane->waiting, least, waiting_t, link);
    return take(lanes, lane);
}

static fsm_step_t *take(lanes_t *lanes, lane_t *lane)
{
    waiting_t *entry = APR_RING_FIRST(&lane->waiting);
    APR_RING_REMOVE(entry, link);
    lane->waiting_count--;
    lanes->waiting--;
    return entry->step;
}

void lanes_done(lanes_t *lanes, fsm_step_t *step)
{
    lane_t *lane = step->lane;
    if (!lane)
        return;
    step->lane = NULL;
    lane->in_flight--;
    lanes->in_flight--;
    lane->moved_at = tardis_clock();
    health_report(lanes->health, lane->provider_url, step->error);
}

void lanes_report(lanes_t *lanes, const char *provider_url, const tardis_error_t *error)
{
    if (breaker_news(error) != BREAKER_UNSOUND)
        health_report(lanes->health, provider_url, error);
}

int lanes_given_up(const lanes_t *lanes, const char *provider_url)
{
    return health_manner(lanes->health, provider_url) != HEALTH_ASKED;
}

fsm_step_t *lanes_hopeless(lanes_t *lanes)
{
    lane_t *lane;
    APR_RING_FOREACH(lane, &lanes->ring, lane_t, link)
    {
        if (lane->waiting_count == 0)
            continue;
        health_manner_t manner = health_manner(lanes->health, lane->provider_url);
        if (manner == HEALTH_LEFT || manner == HEALTH_ELSEWHERE)
            return take(lanes, lane);
    }
    return NULL;
}

fsm_step_t *lanes_drop(lanes_t *lanes)
{
    lane_t *lane;
    APR_RING_FOREACH(lane, &lanes->ring, lane_t, link)
    {
        if (!APR_RING_EMPTY(&lane->waiting, waiting_t, link))
            return take(lanes, lane);
    }
    return NULL;
}

int lanes_waiting(const lanes_t *lanes)
{
    return lanes->waiting;
}

int lanes_in_flight(const lanes_t *lanes)
{
    return lanes->in_flight;
}

apr_array_header_t *lanes_stuck(const lanes_t *lanes, int *waiting, apr_pool_t *pool)
{
    apr_array_header_t *stuck = apr_array_make(pool, 4, sizeof(const char *));
    const lane_t *lane;
    *waiting = lanes->waiting;
    APR_RING_FOREACH(lane, &lanes->ring, lane_t, link)
    {
        if (!is_stuck(lanes, lane))
            continue;
        APR_ARRAY_PUSH(stuck, const char *) = lane->provider_url;
        *waiting -= lane->waiting_count;
    }
    return stuck;
}

static int is_stuck(const lanes_t *lanes, const lane_t *lane)
{
    return lane->waiting_count > 0 && lane->in_flight >= bound_of(lanes, lane) &&
           stands_still(lane, STUCK_MILLISECONDS);
}
