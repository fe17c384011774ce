#include "tick.h"

#include "chunks.h"
#include "gather.h"
#include "health.h"
#include "lanes.h"
#include "tardis_http.h"

enum {
    CHUNK_FACTOR = 4,        /* experiments taken at a time, for each request that may be in flight ... */
    CHUNK_GATHERED = 2000,   /* ... or so many, where one request is about many */
    WAITING_MAX = 4096,      /* steps that wait at most, whatever keeps them waiting */
    SAVE_COUNT = 512,        /* outcomes in a transaction at most ... */
    SAVE_MILLISECONDS = 100, /* ... which waits no longer than this for more */
    RUN_MILLISECONDS = 100,
    BRIEF_MILLISECONDS = 10 /* where the database has something to do as well */
};

typedef struct {
    const tardis_context_t *context;
    const consumer_settings_t *settings;
    const tick_options_t *options;
    tick_counts_t *counts;
    fsm_t fsm;
    health_t *health;
    lanes_t *lanes;
    gather_t *gather;
    chunks_t *chunks;
    int exhausted;
    int nothing_to_check; /* no file is left for this host's disks, as far as is known */
    int resting;          /* providers that were stuck when no more was due of the others; 0: not so */
    int barred;           /* providers of which this tick takes nothing */
    apr_array_header_t *finished; /* of fsm_step_t *: not saved yet */
    apr_time_t finished_since;
    tardis_error_t *error;
    apr_pool_t *pool;
} tick_t;

static void run_requests(tick_t *tick);
static int turn(tick_t *tick, int milliseconds);
static void meanwhile(void *baton);
static void show_live(const tick_t *tick);
static int chunk_limit(const tick_t *tick);
static apr_array_header_t *wants_more(tick_t *tick, apr_pool_t *pool);
static int is_idle(const tick_t *tick);
static int patience(tick_t *tick, int milliseconds, apr_pool_t *pool);
static int is_finished(const tick_t *tick);
static void run_blocking(tick_t *tick);
static int run_blocking_step(tick_t *tick);
static chunk_t *claim(tick_t *tick, int limit, int blocking, const apr_array_header_t *except);
static void queue_chunk(tick_t *tick, const apr_array_header_t *except);
static void look_after_providers(tick_t *tick);
static void begin_steps(tick_t *tick);
static void put_back_waiting(tick_t *tick);
static void step_done(fsm_step_t *step);
static void save_finished(tick_t *tick, int at_once);
static void look_after_chunks(tick_t *tick);
static int stopping(void *baton);

tardis_error_t *tick_run(const tardis_context_t *context, const consumer_settings_t *settings,
                         const tick_options_t *options, tick_counts_t *counts, apr_pool_t *pool)
{
    tick_t tick = {
        .context = context, .settings = settings, .options = options, .counts = counts, .pool = pool};
    tick.fsm = (fsm_t){.context = context,
                       .settings = settings,
                       .stopping = stopping,
                       .meanwhile = meanwhile,
                       .baton = &tick};
    tick.health = health_create(context, settings, options->despite, pool);
    tick.lanes = lanes_create(settings->parallel, settings->parallel_per_provider, tick.health, pool);
    tick.gather = gather_create(&tick.fsm, tick.lanes, pool);
    tick.chunks = chunks_create(context, settings, options->only, pool);
    tick.finished = apr_array_make(pool, SAVE_COUNT, sizeof(fsm_step_t *));
    tick.error = health_read(tick.health);
    run_requests(&tick);
    if (!tick.error)
        tick.error = health_save(tick.health);
    counts->put_off += health_count(tick.health);
    run_blocking(&tick);
    return tick.error;
}

int tick_is_over(const tick_options_t *options)
{
    return tardis_command_interrupted() || tardis_clock() >= options->stop_at;
}

static int stopping(void *baton)
{
    const tick_t *tick = baton;
    return tick->error || tick_is_over(tick->options);
}

/* Everything that waits for providers, all of it at the same time. While none of them answers, this host's
 * disks are kept busy: what is there already need not wait for those who are slow. */
static void run_requests(tick_t *tick)
{
    do {
        int is_quiet = turn(tick, RUN_MILLISECONDS) && !tick->nothing_to_check && !is_idle(tick);
        while (is_quiet && !stopping(tick) && run_blocking_step(tick))
            turn(tick, 0);
    } while (!tick->error && !(is_idle(tick) && (stopping(tick) || is_finished(tick))));
}

/* Takes what providers have answered, waits for it so long at most, and gives them more. The database works
 * while they do: the next chunk is taken before the answers about the last are waited for.
 * Returns whether it has waited in vain. */
static int turn(tick_t *tick, int milliseconds)
{
    int stepped = tick->counts->stepped;
    int waited = 0;
    apr_pool_t *pool;
    apr_pool_create(&pool, tick->pool);
    const apr_array_header_t *except = wants_more(tick, pool);
    if (stopping(tick))
        put_back_waiting(tick);
    else if (except)
        queue_chunk(tick, except);
    gather_flush(tick->gather);
    look_after_providers(tick);
    begin_steps(tick);
    if (tardis_http_in_flight(tick->context->http) > 0 && !tick->error) {
        int most = patience(tick, milliseconds, pool);
        apr_time_t end = tardis_clock() + apr_time_from_msec(most);
        tardis_http_run(tick->context->http, most, 1);
        waited = most > 0 && tick->finished->nelts == 0 && tardis_clock() >= end;
    }
    save_finished(tick, is_idle(tick));
    look_after_chunks(tick);
    show_live(tick);
    apr_pool_destroy(pool);
    return waited && tick->counts->stepped == stepped;
}

/* Providers are not left without an answer, nor leases without a renewal, while files are read. */
static void meanwhile(void *baton)
{
    tick_t *tick = baton;
    if (!tick->error && !is_idle(tick))
        turn(tick, 0);
    else
        show_live(tick);
}

static void show_live(const tick_t *tick)
{
    tick_live_update(tick->options->live, tick->counts,
                     lanes_in_flight(tick->lanes) + gather_in_flight(tick->gather),
                     lanes_waiting(tick->lanes) + gather_waiting(tick->gather));
}

static int chunk_limit(const tick_t *tick)
{
    return gather_worthwhile(tick->gather) ? CHUNK_GATHERED : tick->settings->parallel * CHUNK_FACTOR;
}

/* How long answers may be waited for while there is something else to do. */
static int patience(tick_t *tick, int milliseconds, apr_pool_t *pool)
{
    if (wants_more(tick, pool))
        return 0;
    return health_is_working(tick->health) && milliseconds > BRIEF_MILLISECONDS ? BRIEF_MILLISECONDS
                                                                                : milliseconds;
}

static int is_finished(const tick_t *tick)
{
    return tick->exhausted && !health_is_working(tick->health);
}

/* NULL: no more is to be taken now. Otherwise the providers of which no more is to be taken. */
static apr_array_header_t *wants_more(tick_t *tick, apr_pool_t *pool)
{
    int waiting;
    apr_array_header_t *stuck = lanes_stuck(tick->lanes, &waiting, pool);
    tick->barred = health_bar(tick->health, stuck);
    if (stuck->nelts < tick->resting || (is_idle(tick) && !health_is_working(tick->health)))
        tick->resting = 0;
    int enough = waiting >= tick->settings->parallel || lanes_waiting(tick->lanes) >= WAITING_MAX ||
                 gather_waiting(tick->gather) >= chunk_limit(tick);
    return tick->exhausted || tick->resting || enough ? NULL : stuck;
}

static int is_idle(const tick_t *tick)
{
    return lanes_in_flight(tick->lanes) == 0 && lanes_waiting(tick->lanes) == 0 &&
           gather_in_flight(tick->gather) == 0 && gather_waiting(tick->gather) == 0;
}

/* Then what keeps this host's disks busy. A claim each, so that other ticks can take the others meanwhile. */
static void run_blocking(tick_t *tick)
{
    while (!stopping(tick) && run_blocking_step(tick))
        continue;
}

/* Whether there was one. */
static int run_blocking_step(tick_t *tick)
{
    chunk_t *chunk = claim(tick, 1, 1, NULL);
    tick->nothing_to_check = !chunk;
    if (!chunk)
        return 0;
    fsm_step_begin(fsm_step_create(&tick->fsm, &APR_ARRAY_IDX(chunk->claimed, 0, tardis_synced_t),
                                   chunk->lease_owner, step_done, tick, chunk->pool));
    save_finished(tick, 1);
    look_after_chunks(tick);
    return 1;
}

/* NULL: nothing is due, or the database failed. */
static chunk_t *claim(tick_t *tick, int limit, int blocking, const apr_array_header_t *except)
{
    chunk_t *chunk;
    tick->error = chunks_claim(tick->chunks, limit, blocking, except, &chunk);
    return chunk;
}

/* A claim that has to leave out a provider may have to walk past very many: then better fewer claims. */
static void queue_chunk(tick_t *tick, const apr_array_header_t *except)
{
    int limit = except->nelts > 0 ? CHUNK_GATHERED : chunk_limit(tick);
    chunk_t *chunk = claim(tick, limit, 0, except);
    int all = !chunk || !chunk->more;
    tick->exhausted = all && except->nelts == tick->barred;
    tick->resting = all ? except->nelts : 0;
    for (int i = 0; chunk && i < chunk->claimed->nelts; i++) {
        const tardis_synced_t *synced = &APR_ARRAY_IDX(chunk->claimed, i, tardis_synced_t);
        gather_add(tick->gather,
                   fsm_step_create(&tick->fsm, synced, chunk->lease_owner, step_done, tick, chunk->pool));
    }
}

/* What there is no time for is due for another tick. */
static void look_after_providers(tick_t *tick)
{
    if (!stopping(tick))
        tick->error = health_work(tick->health, is_idle(tick));
}

static void begin_steps(tick_t *tick)
{
    fsm_step_t *step;
    while (!tick->error && (step = lanes_hopeless(tick->lanes)) != NULL)
        health_put_off(tick->health, step);
    while (!tick->error && (step = lanes_next(tick->lanes)) != NULL)
        fsm_step_begin(step);
}

/* There is no time left for what was not begun: it is due at once for another tick. */
static void put_back_waiting(tick_t *tick)
{
    fsm_step_t *step;
    while ((step = gather_drop(tick->gather)) != NULL || (step = lanes_drop(tick->lanes)) != NULL)
        chunks_put_back(tick->chunks, step->outcome.lease_owner);
    tick->exhausted = 1;
}

static void step_done(fsm_step_t *step)
{
    tick_t *tick = step->baton;
    lanes_done(tick->lanes, step);
    if (tick->finished->nelts == 0)
        tick->finished_since = tardis_clock();
    APR_ARRAY_PUSH(tick->finished, fsm_step_t *) = step;
}

static void save_finished(tick_t *tick, int at_once)
{
    if (tick->finished->nelts == 0 || tick->error)
        return;
    if (!at_once && tick->finished->nelts < SAVE_COUNT &&
        tardis_clock() - tick->finished_since < apr_time_from_msec(SAVE_MILLISECONDS))
        return;
    apr_pool_t *pool;
    apr_pool_create(&pool, tick->pool);
    apr_array_header_t *outcomes =
        apr_array_make(pool, tick->finished->nelts, sizeof(tardis_synced_outcome_t *));
    tardis_error_t *error = NULL;
    for (int i = 0; i < tick->finished->nelts; i++) {
        fsm_step_t *step = APR_ARRAY_IDX(tick->finished, i, fsm_step_t *);
        if (!step->broken)
            APR_ARRAY_PUSH(outcomes, tardis_synced_outcome_t *) = &step->outcome;
        else if (step->broken->code != TARDIS_LEASE_LOST)
            error = step->broken;
    }
    tardis_error_t *not_saved = outcomes->nelts ? tardis_synced_save(tick->context, outcomes, pool) : NULL;
    for (int i = 0; i < tick->finished->nelts && !not_saved; i++) {
        const fsm_step_t *step = APR_ARRAY_IDX(tick->finished, i, fsm_step_t *);
        chunks_done(tick->chunks, step->outcome.lease_owner);
        tick_count(tick->counts, step);
    }
    apr_array_clear(tick->finished);
    tick->error = tardis_error_copy(tick->pool, not_saved ? not_saved : error);
    apr_pool_destroy(pool);
}

static void look_after_chunks(tick_t *tick)
{
    if (!tick->error)
        tick->error = chunks_look_after(tick->chunks);
}
