/**
 * @file tardis_key_cache.h
 * Which client an address and key belong to, remembered for a moment by one process, so that a consumer's
 * many requests do not each ask the database. Thread-safe. Keys are held as SHA-256 sums.
 */
#ifndef TARDIS_KEY_CACHE_H
#define TARDIS_KEY_CACHE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "tardis_error.h"
#include "tardis_sync_manager.h"

/** How long a client is remembered: a key that was removed works no longer than this. */
#define TARDIS_KEY_CACHE_LIFE apr_time_from_sec(1)

/** A table of bounded size. */
typedef struct tardis_key_cache_t tardis_key_cache_t;

/** A part of a look-up that begins: the key's digest, and when it began. */
typedef struct tardis_key_ticket_t {
    const char *address; /**< canonical */
    unsigned char digest[32];
    apr_time_t begun; /**< by a clock that nobody sets */
} tardis_key_ticket_t;

/** An empty cache that goes with @a pool. @return TARDIS_INTERNAL_ERROR: no lock. */
tardis_error_t *tardis_key_cache_create(tardis_key_cache_t **cache, apr_pool_t *pool);

/**
 * The client that is remembered for the address and key, in @a pool; NULL if there is none.
 * @param address canonical; must outlive the ticket.
 * @param ticket set; for tardis_key_cache_put() once the database was asked.
 */
const tardis_sync_client_t *tardis_key_cache_get(tardis_key_cache_t *cache, const char *address,
                                                 const char *key, tardis_key_ticket_t *ticket,
                                                 apr_pool_t *pool);

/**
 * Remembers a client that was looked up after @a ticket was made, counted from then. It may displace another.
 * One that is not to be found is not remembered: a new key works at once.
 */
void tardis_key_cache_put(tardis_key_cache_t *cache, const tardis_key_ticket_t *ticket,
                          const tardis_sync_client_t *client);

#endif
