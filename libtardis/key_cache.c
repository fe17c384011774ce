#include "tardis_key_cache.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "tardis_command.h"
#include "tardis_digest.h"

/* A power of two. Clients whose digests begin alike displace each other, which costs a query only. */
#define PLACES 256

/* Longest texts of a row of client_key, in bytes; longer ones, which no row has, are not remembered. */
#define ADDRESS_MAX 45
#define TEXT_MAX 1020

typedef struct {
    unsigned char digest[32];
    apr_time_t begun;
    char address[ADDRESS_MAX + 1];
    char site_name[TEXT_MAX + 1];
    char site_url[TEXT_MAX + 1];
} entry_t;

struct tardis_key_cache_t {
    apr_thread_mutex_t *lock;
    apr_pool_t *pool; /* of the entries; used with the lock held */
    entry_t *entries[PLACES];
};

static int place_of(const unsigned char *digest);
static int is_for(const entry_t *entry, const tardis_key_ticket_t *ticket);
static int copy_text(char *to, apr_size_t maximum, const char *from);

tardis_error_t *tardis_key_cache_create(tardis_key_cache_t **cache, apr_pool_t *pool)
{
    tardis_key_cache_t *result = apr_pcalloc(pool, sizeof(*result));
    apr_status_t rv = apr_pool_create(&result->pool, pool);
    if (rv == APR_SUCCESS)
        rv = apr_thread_mutex_create(&result->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_INTERNAL_ERROR, rv, "the cache of client keys");
    *cache = result;
    return NULL;
}

const tardis_sync_client_t *tardis_key_cache_get(tardis_key_cache_t *cache, const char *address,
                                                 const char *key, tardis_key_ticket_t *ticket,
                                                 apr_pool_t *pool)
{
    tardis_sync_client_t *client = NULL;
    ticket->address = address;
    tardis_digest_sha256(key, strlen(key), ticket->digest);
    /* Not the time of day: set back, it would let a removed key live on. */
    ticket->begun = tardis_clock();

    apr_thread_mutex_lock(cache->lock);
    const entry_t *entry = cache->entries[place_of(ticket->digest)];
    if (entry && is_for(entry, ticket) && ticket->begun - entry->begun < TARDIS_KEY_CACHE_LIFE) {
        client = apr_palloc(pool, sizeof(*client));
        client->site_name = apr_pstrdup(pool, entry->site_name);
        client->site_url = apr_pstrdup(pool, entry->site_url);
    }
    apr_thread_mutex_unlock(cache->lock);
    return client;
}

void tardis_key_cache_put(tardis_key_cache_t *cache, const tardis_key_ticket_t *ticket,
                          const tardis_sync_client_t *client)
{
    apr_thread_mutex_lock(cache->lock);
    entry_t **place = &cache->entries[place_of(ticket->digest)];
    if (!*place)
        *place = apr_pcalloc(cache->pool, sizeof(**place));
    entry_t *entry = *place;
    /* One that was looked up later knows better. */
    if (!is_for(entry, ticket) || entry->begun < ticket->begun) {
        memcpy(entry->digest, ticket->digest, sizeof(entry->digest));
        entry->begun = ticket->begun;
        if (!copy_text(entry->address, ADDRESS_MAX, ticket->address) ||
            !copy_text(entry->site_name, TEXT_MAX, client->site_name) ||
            !copy_text(entry->site_url, TEXT_MAX, client->site_url))
            memset(entry, 0, sizeof(*entry));
    }
    apr_thread_mutex_unlock(cache->lock);
}

static int place_of(const unsigned char *digest)
{
    return digest[0] % PLACES;
}

static int is_for(const entry_t *entry, const tardis_key_ticket_t *ticket)
{
    return memcmp(entry->digest, ticket->digest, sizeof(entry->digest)) == 0 &&
           strcmp(entry->address, ticket->address) == 0;
}

static int copy_text(char *to, apr_size_t maximum, const char *from)
{
    apr_size_t length = strlen(from);
    if (length > maximum)
        return 0;
    memcpy(to, from, length + 1);
    return 1;
}
