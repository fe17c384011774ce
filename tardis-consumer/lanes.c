#include "lanes.h"

#include <apr_ring.h>
#include <apr_strings.h>

typedef struct waiting_t {
    APR_RING_ENTRY(waiting_t) link;
    fsm_step_t *step;
} waiting_t;
APR_RING_HEAD(waiting_ring_t, waiting_t);

/* The steps of one provider. */
typedef struct lane_t {
    APR_RING_ENTRY(lane_t) link;
    struct waiting_ring_t waiting;
    int in_flight;
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

static lane_t *lane_of(lanes_t *lanes, const fsm_step_t *step);
static fsm_step_t *take(lanes_t *lanes, lane_t *lane);

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
    lane_t *lane = lane_of(lanes, step);
    if (!lane) {
        lane = apr_pcalloc(lanes->pool, sizeof(*lane));
        APR_RING_INIT(&lane->waiting, waiting_t, link);
        APR_RING_INSERT_TAIL(&lanes->ring, lane, lane_t, link);
        apr_hash_set(lanes->by_provider, apr_pstrdup(lanes->pool, step->synced->provider_url),
                     APR_HASH_KEY_STRING, lane);
    }
    waiting_t *entry = apr_palloc(step->pool, sizeof(*entry));
    entry->step = step;
    APR_RING_INSERT_TAIL(&lane->waiting, entry, waiting_t, link);
    lanes->waiting++;
}

static lane_t *lane_of(lanes_t *lanes, const fsm_step_t *step)
{
    return apr_hash_get(lanes->by_provider, step->synced->provider_url, APR_HASH_KEY_STRING);
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
        lane->in_flight++;
        lanes->in_flight++;
        return take(lanes, lane);
    }
    return NULL;
}

static fsm_step_t *take(lanes_t *lanes, lane_t *lane)
{
    waiting_t *entry = APR_RING_FIRST(&lane->waiting);
    APR_RING_REMOVE(entry, link);
    lanes->waiting--;
    return entry->step;
}

void lanes_done(lanes_t *lanes, const fsm_step_t *step)
{
    lane_t *lane = lane_of(lanes, step);
    if (!lane || lane->in_flight == 0)
        return;
    lane->in_flight--;
    lanes->in_flight--;
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
