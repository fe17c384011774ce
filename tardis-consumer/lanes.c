#include "lanes.h"

#include <apr_ring.h>
#include <apr_strings.h>

enum {
    FAILURES_MAX = 3, /* requests in a row that do not come through, until a provider is given up */
    STUCK_MILLISECONDS = 100
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
    apr_time_t moved_at;      /* when a step was last begun where none was under way, or has ended */
    int failures;             /* requests in a row that did not come through */
    tardis_error_t *given_up; /* NULL: it is not */
} lane_t;
APR_RING_HEAD(lane_ring_t, lane_t);

struct lanes_t {
    int total;
    int each;
    int waiting;
    int in_flight;
    apr_hash_t *by_provider;
    struct lane_ring_t ring; /* all of them; whoever had its turn goes to the end */
    apr_pool_t *pool;
};

static lane_t *lane_of(lanes_t *lanes, const char *provider_url);
static fsm_step_t *take(lanes_t *lanes, lane_t *lane);
static void judge(lanes_t *lanes, lane_t *lane, const tardis_error_t *error);
static int does_not_come_through(const tardis_error_t *error);
static int is_stuck(const lanes_t *lanes, const lane_t *lane);

lanes_t *lanes_create(int total, int each, apr_pool_t *pool)
{
    lanes_t *lanes = apr_pcalloc(pool, sizeof(*lanes));
    lanes->total = total;
    lanes->each = each;
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
    if (lanes->in_flight >= lanes->total)
        return NULL;
    APR_RING_FOREACH(lane, &lanes->ring, lane_t, link)
    {
        if (lane->in_flight >= lanes->each || APR_RING_EMPTY(&lane->waiting, waiting_t, link))
            continue;
        APR_RING_REMOVE(lane, link);
        APR_RING_INSERT_TAIL(&lanes->ring, lane, lane_t, link);
        if (lane->in_flight == 0)
            lane->moved_at = apr_time_now();
        lane->in_flight++;
        lanes->in_flight++;
        fsm_step_t *step = take(lanes, lane);
        step->lane = lane;
        return step;
    }
    return NULL;
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
    lane->moved_at = apr_time_now();
    judge(lanes, lane, step->error);
}

void lanes_report(lanes_t *lanes, const char *provider_url, const tardis_error_t *error)
{
    judge(lanes, lane_of(lanes, provider_url), error);
}

static void judge(lanes_t *lanes, lane_t *lane, const tardis_error_t *error)
{
    if (!error || !does_not_come_through(error)) {
        lane->failures = 0;
        lane->given_up = NULL;
    } else if (++lane->failures >= FAILURES_MAX && !lane->given_up) {
        lane->given_up = tardis_error_create(
            lanes->pool, error->code, "not asked, as %d requests in a row have failed, the last with: %s",
            lane->failures, error->text);
    }
}

static int does_not_come_through(const tardis_error_t *error)
{
    return error->code == TARDIS_PROVIDER_UNREACHABLE || error->code == TARDIS_PROVIDER_TIMEOUT;
}

int lanes_given_up(const lanes_t *lanes, const char *provider_url)
{
    const lane_t *lane = apr_hash_get(lanes->by_provider, provider_url, APR_HASH_KEY_STRING);
    return lane && lane->given_up;
}

fsm_step_t *lanes_hopeless(lanes_t *lanes, const tardis_error_t **error)
{
    lane_t *lane;
    APR_RING_FOREACH(lane, &lanes->ring, lane_t, link)
    {
        if (!lane->given_up || lane->waiting_count == 0)
            continue;
        *error = lane->given_up;
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
    return lane->waiting_count > 0 && lane->in_flight >= lanes->each &&
           apr_time_now() - lane->moved_at > apr_time_from_msec(STUCK_MILLISECONDS);
}
