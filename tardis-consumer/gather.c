#include "gather.h"

#include <apr_strings.h>

#include "states.h"
#include "transfer_client.h"

enum {
    HANDFUL = 8,     /* as many are asked about one by one without asking whether it could be done better */
    REQUESTS_MAX = 2 /* of one provider at a time: while one is answered the other is on its way */
};

/* What is known of a provider. */
typedef enum { NOT_ASKED, ASKED, ONE_BY_ONE, TOGETHER } manner_t;

/* One provider. */
typedef struct {
    gather_t *gather;
    const consumer_provider_t *provider;
    manner_t manner;
    int limit; /* uids in a request */
    int requests;
    int waiting;
    fsm_step_t *first;
    fsm_step_t *last;
} source_t;

struct gather_t {
    const fsm_t *fsm;
    lanes_t *lanes;
    apr_hash_t *by_provider;
    apr_array_header_t *sources; /* of source_t * */
    int waiting;
    int in_flight;
    int worthwhile;
    apr_pool_t *pool;
};

/* One request under way. */
typedef struct {
    source_t *source;
    int count;
    fsm_step_t **steps;
    const char **uids;
    apr_pool_t *pool;
} batch_t;

static source_t *source_of(gather_t *gather, const fsm_step_t *step);
static fsm_step_t *take(source_t *source);
static void flush_source(source_t *source);
static void give_to_lanes(source_t *source);
static void discovered(void *baton, const tardis_error_t *error, const tardis_protocol_t *protocol);
static void ask(source_t *source);
static void told(void *baton, const tardis_error_t *error, const tardis_status_answer_t *answers);
static int counts_for_each(const tardis_error_t *error);

gather_t *gather_create(const fsm_t *fsm, lanes_t *lanes, apr_pool_t *pool)
{
    gather_t *gather = apr_pcalloc(pool, sizeof(*gather));
    gather->fsm = fsm;
    gather->lanes = lanes;
    gather->by_provider = apr_hash_make(pool);
    gather->sources = apr_array_make(pool, 8, sizeof(source_t *));
    gather->pool = pool;
    return gather;
}

void gather_add(gather_t *gather, fsm_step_t *step)
{
    source_t *source = source_of(gather, step);
    if (!source || source->manner == ONE_BY_ONE) {
        lanes_add(gather->lanes, step);
        return;
    }
    step->next = NULL;
    if (source->last)
        source->last->next = step;
    else
        source->first = step;
    source->last = step;
    source->waiting++;
    gather->waiting++;
}

/* NULL: the step asks for no status, or there is nobody to ask. */
static source_t *source_of(gather_t *gather, const fsm_step_t *step)
{
    const char *url = step->synced->provider_url;
    if (!step->state || step->state->act != state_transferring)
        return NULL;
    source_t *source = apr_hash_get(gather->by_provider, url, APR_HASH_KEY_STRING);
    const consumer_provider_t *provider =
        apr_hash_get(gather->fsm->settings->providers, url, APR_HASH_KEY_STRING);
    if (source || !provider || !provider->key)
        return source;
    source = apr_pcalloc(gather->pool, sizeof(*source));
    source->gather = gather;
    source->provider = provider;
    apr_hash_set(gather->by_provider, provider->url, APR_HASH_KEY_STRING, source);
    APR_ARRAY_PUSH(gather->sources, source_t *) = source;
    return source;
}

static fsm_step_t *take(source_t *source)
{
    fsm_step_t *step = source->first;
    if (!step)
        return NULL;
    source->first = step->next;
    if (!source->first)
        source->last = NULL;
    step->next = NULL;
    source->waiting--;
    source->gather->waiting--;
    return step;
}

void gather_flush(gather_t *gather)
{
    for (int i = 0; i < gather->sources->nelts; i++)
        flush_source(APR_ARRAY_IDX(gather->sources, i, source_t *));
}

static void flush_source(source_t *source)
{
    gather_t *gather = source->gather;
    if (lanes_given_up(gather->lanes, source->provider->url)) {
        give_to_lanes(source);
    } else if (source->manner == TOGETHER) {
        while (source->waiting > 0 && source->requests < REQUESTS_MAX)
            ask(source);
    } else if (source->manner == NOT_ASKED && source->waiting > HANDFUL) {
        apr_pool_t *pool;
        apr_pool_create(&pool, gather->pool);
        source->manner = ASKED;
        transfer_client_discover(gather->fsm->context, source->provider, discovered, source, pool);
    } else if (source->manner != ASKED) {
        give_to_lanes(source);
    }
}

static void give_to_lanes(source_t *source)
{
    fsm_step_t *step;
    while ((step = take(source)) != NULL)
        lanes_add(source->gather->lanes, step);
}

static void discovered(void *baton, const tardis_error_t *error, const tardis_protocol_t *protocol)
{
    source_t *source = baton;
    gather_t *gather = source->gather;
    source->limit = error ? 0 : protocol->batch_status;
    source->manner = source->limit ? TOGETHER : ONE_BY_ONE;
    gather->worthwhile |= source->limit > 0;
    lanes_report(gather->lanes, source->provider->url, error);
    if (!source->limit)
        give_to_lanes(source);
}

static void ask(source_t *source)
{
    gather_t *gather = source->gather;
    apr_pool_t *pool;
    apr_pool_create(&pool, gather->pool);
    batch_t *batch = apr_pcalloc(pool, sizeof(*batch));
    batch->source = source;
    batch->count = source->waiting < source->limit ? source->waiting : source->limit;
    batch->steps = apr_palloc(pool, sizeof(*batch->steps) * (apr_size_t)batch->count);
    batch->uids = apr_palloc(pool, sizeof(*batch->uids) * (apr_size_t)batch->count);
    batch->pool = pool;
    for (int i = 0; i < batch->count; i++) {
        batch->steps[i] = take(source);
        batch->uids[i] = batch->steps[i]->synced->uid;
    }
    source->requests++;
    gather->in_flight += batch->count;
    transfer_client_statuses(gather->fsm->context, source->provider, batch->uids, batch->count, told, batch,
                             pool);
}

static void told(void *baton, const tardis_error_t *error, const tardis_status_answer_t *answers)
{
    batch_t *batch = baton;
    source_t *source = batch->source;
    gather_t *gather = source->gather;
    source->requests--;
    gather->in_flight -= batch->count;
    lanes_report(gather->lanes, source->provider->url, error);
    if (error && !counts_for_each(error))
        source->manner = ONE_BY_ONE;
    for (int i = 0; i < batch->count; i++) {
        if (!error)
            state_told(batch->steps[i], answers[i].error, answers[i].status);
        else if (counts_for_each(error))
            state_told(batch->steps[i], error, NULL);
        else
            lanes_add(gather->lanes, batch->steps[i]);
    }
    apr_pool_destroy(batch->pool);
}

/* Whether each would have met it as well. Anything else may be about asking for many, or about one uid of
 * them, and none may suffer from another's. */
static int counts_for_each(const tardis_error_t *error)
{
    return error->code == TARDIS_PROVIDER_UNREACHABLE || error->code == TARDIS_PROVIDER_TIMEOUT ||
           error->code == TARDIS_PROVIDER_ERROR || error->code == TARDIS_TLS_FAILED;
}

fsm_step_t *gather_drop(gather_t *gather)
{
    fsm_step_t *step = NULL;
    for (int i = 0; i < gather->sources->nelts && !step; i++)
        step = take(APR_ARRAY_IDX(gather->sources, i, source_t *));
    return step;
}

int gather_waiting(const gather_t *gather)
{
    return gather->waiting;
}

int gather_in_flight(const gather_t *gather)
{
    return gather->in_flight;
}

int gather_worthwhile(const gather_t *gather)
{
    return gather->worthwhile;
}
