/**
 * @file chunks.h
 * What a tick has taken: experiments under leases, a chunk for each claim, until each of them is saved or put
 * back.
 */
#ifndef CHUNKS_H
#define CHUNKS_H

#include "settings.h"
#include "tardis_synced_db.h"

typedef struct chunks_t chunks_t;

/** The experiments of one claim. */
typedef struct chunk_t {
    const char *lease_owner;
    apr_array_header_t *claimed; /**< of tardis_synced_t */
    int more;                    /**< 0: nothing else was due */
    int open;                    /**< steps that are not saved and not put back */
    int put_back; /**< some were not begun: what the lease still holds is released at the end */
    apr_time_t renewed_at;
    apr_pool_t *pool; /**< destroyed by chunks_look_after() when nothing of it is open */
} chunk_t;

/** @param only only this experiment; 0: any. */
chunks_t *chunks_create(const tardis_context_t *context, const consumer_settings_t *settings,
                        apr_uint64_t only, apr_pool_t *pool);

/**
 * Takes what was due when the first claim was made: what becomes due later is for another tick.
 * @param blocking not 0: only what is in a state whose action blocks; 0: only what is in none.
 * @param except providers of which nothing is taken, const char *; NULL: none.
 * @param chunk set to the chunk; NULL: nothing is due.
 */
tardis_error_t *chunks_claim(chunks_t *chunks, int limit, int blocking, const apr_array_header_t *except,
                             chunk_t **chunk);

/** A step that was taken under this lease is saved, or lost. */
void chunks_done(chunks_t *chunks, const char *lease_owner);

/** A step that was taken under this lease is not begun: it is due at once for another tick. */
void chunks_put_back(chunks_t *chunks, const char *lease_owner);

/** Lengthens the leases of what is under way, and lets go of what is all done. */
tardis_error_t *chunks_look_after(chunks_t *chunks);

#endif
