#include "chunks.h"

#include <apr_strings.h>

#include "fsm.h"

struct chunks_t {
    const tardis_context_t *context;
    const consumer_settings_t *settings;
    apr_uint64_t only;
    const char *blocking; /* names of the states whose action blocks */
    apr_time_t due_by;    /* by the database's clock: what became due later is for another tick */
    /* How far the claims have come; 0: the next one begins at the start. What was moved leaves a trace in the
     * index until the server has time for it, and a million of those are slow to pass by again and again. */
    apr_time_t from[2];
    int claims;
    apr_array_header_t *open; /* of chunk_t *: those with open steps */
    apr_pool_t *pool;
};

static chunk_t *find(chunks_t *chunks, const char *lease_owner);

chunks_t *chunks_create(const tardis_context_t *context, const consumer_settings_t *settings,
                        apr_uint64_t only, apr_pool_t *pool)
{
    chunks_t *chunks = apr_pcalloc(pool, sizeof(*chunks));
    chunks->context = context;
    chunks->settings = settings;
    chunks->only = only;
    chunks->blocking = fsm_blocking_states(pool);
    chunks->open = apr_array_make(pool, 8, sizeof(chunk_t *));
    chunks->pool = pool;
    return chunks;
}

tardis_error_t *chunks_claim(chunks_t *chunks, int limit, int blocking, const apr_array_header_t *except,
                             chunk_t **chunk)
{
    apr_pool_t *pool;
    tardis_synced_claimed_t claimed;
    apr_time_t *from = &chunks->from[blocking != 0];
    int at_start = *from == 0;
    apr_pool_create(&pool, chunks->pool);
    const tardis_synced_claim_t wanted = {
        .lease_owner = apr_psprintf(pool, "%s:%d", tardis_process_name(pool), ++chunks->claims),
        .lease_seconds = chunks->settings->lease_seconds,
        .limit = limit,
        .from = *from,
        .due_by = chunks->due_by,
        .only = chunks->only,
        .states = chunks->blocking,
        .described = blocking, /* sizes are what such a step is about */
        .among_states = blocking,
        .except = except,
    };
    *chunk = NULL;
    tardis_error_t *error = tardis_synced_claim(chunks->context, &wanted, &claimed, pool);
    if (!error)
        *from = claimed.more ? claimed.through : 0;
    if (error || claimed.experiments->nelts == 0) {
        error = tardis_error_copy(chunks->pool, error);
        apr_pool_destroy(pool);
        return error || at_start ? error : chunks_claim(chunks, limit, blocking, except, chunk);
    }
    if (!chunks->due_by)
        chunks->due_by = APR_ARRAY_IDX(claimed.experiments, 0, tardis_synced_t).now;
    *chunk = apr_palloc(pool, sizeof(**chunk));
    **chunk = (chunk_t){
        .lease_owner = wanted.lease_owner,
        .claimed = claimed.experiments,
        .more = claimed.more || !at_start,
        .open = claimed.experiments->nelts,
        .renewed_at = tardis_clock(),
        .pool = pool,
    };
    APR_ARRAY_PUSH(chunks->open, chunk_t *) = *chunk;
    return NULL;
}

void chunks_done(chunks_t *chunks, const char *lease_owner)
{
    find(chunks, lease_owner)->open--;
}

void chunks_put_back(chunks_t *chunks, const char *lease_owner)
{
    chunk_t *chunk = find(chunks, lease_owner);
    chunk->open--;
    chunk->put_back = 1;
}

/* The name is the chunk's own, so there is one. */
static chunk_t *find(chunks_t *chunks, const char *lease_owner)
{
    int i = 0;
    while (APR_ARRAY_IDX(chunks->open, i, chunk_t *)->lease_owner != lease_owner)
        i++;
    return APR_ARRAY_IDX(chunks->open, i, chunk_t *);
}

tardis_error_t *chunks_look_after(chunks_t *chunks)
{
    apr_interval_time_t renew_after = apr_time_from_sec(chunks->settings->lease_seconds) / 3;
    tardis_error_t *error = NULL;
    for (int i = 0; i < chunks->open->nelts && !error; i++) {
        chunk_t *chunk = APR_ARRAY_IDX(chunks->open, i, chunk_t *);
        if (chunk->open > 0 && tardis_clock() - chunk->renewed_at >= renew_after) {
            error = tardis_synced_renew(chunks->context, chunk->lease_owner, chunks->settings->lease_seconds,
                                        chunk->claimed, chunk->pool);
            chunk->renewed_at = tardis_clock();
        } else if (chunk->open == 0 && chunk->put_back) {
            error = tardis_synced_release(chunks->context, chunk->lease_owner, chunk->claimed, chunk->pool);
        }
        error = tardis_error_copy(chunks->pool, error);
        if (chunk->open == 0 && !error) {
            chunk_t *last = *(chunk_t **)apr_array_pop(chunks->open);
            if (last != chunk)
                APR_ARRAY_IDX(chunks->open, i--, chunk_t *) = last;
            apr_pool_destroy(chunk->pool);
        }
    }
    return error;
}
