#include "provider.h"

#include <apr_strings.h>

#include "tardis_transfer_db.h"

static tardis_error_t *find_in_database(view_t *view, const char *address, const char *key,
                                        const tardis_sync_client_t **client);
static tardis_error_t *find_in_file(view_t *view, const char *file, const char *address, const char *key,
                                    const tardis_sync_client_t **client);
static const tardis_sync_client_t *make_client(const char *name, const char *url, apr_pool_t *pool);

tardis_error_t *provider_authenticate(view_t *view, const tardis_sync_client_t **client)
{
    const char *address;
    const char *key = apr_table_get(view->r->headers_in, "X_MYTARDIS_KEY");
    if (!key)
        key = apr_table_get(view->r->headers_in, "X-MyTardis-Key");
    if (!key || !*key)
        return tardis_error_create(view->pool, TARDIS_FORBIDDEN, "the request has no X_MYTARDIS_KEY header");
    tardis_error_t *error = tardis_address_canonical(view->r->useragent_ip, &address, view->pool);
    if (error)
        return tardis_error_create(view->pool, TARDIS_FORBIDDEN, "%s", error->text);

    *client = NULL;
    const char *file = directive_value(view->conf, PROVIDER_KEY_SOURCE);
    error =
        file ? find_in_file(view, file, address, key, client) : find_in_database(view, address, key, client);
    if (!error && !*client)
        return tardis_error_create(view->pool, TARDIS_FORBIDDEN,
                                   "the key is not a client key for this address");
    return error;
}

static tardis_error_t *find_in_database(view_t *view, const char *address, const char *key,
                                        const tardis_sync_client_t **client)
{
    provider_share_t *share = provider_share(view);
    tardis_key_ticket_t ticket;
    tardis_client_key_t *found = NULL;
    if (share)
        *client = tardis_key_cache_get(share->keys, address, key, &ticket, view->pool);
    if (*client)
        return NULL;
    tardis_error_t *error = provider_lend_database(view);
    if (!error)
        error = tardis_client_key_find(&view->context, address, key, &found, view->pool);
    if (error || !found)
        return error;
    *client = make_client(found->site_name, found->site_url, view->pool);
    tardis_key_cache_put(share->keys, &ticket, *client);
    return NULL;
}

/* The file names a site as people do, by name or URL; the registry knows its other half. */
static tardis_error_t *find_in_file(view_t *view, const char *file, const char *address, const char *key,
                                    const tardis_sync_client_t **client)
{
    const char *name;
    apr_array_header_t *sites;
    tardis_registry_source_t source;
    tardis_error_t *error = provider_key_file_find(file, address, key, &name, view->pool);
    if (error || !name)
        return error;
    error = provider_registry_source(view, &source);
    if (!error)
        error = provider_registry_engine(view, &source);
    if (!error)
        error = tardis_registry_load(&view->context, &source, &sites, view->pool);
    if (error)
        return error;
    const tardis_site_t *site = tardis_registry_find_url(sites, name);
    if (!site)
        site = tardis_registry_find_name(sites, name);
    if (!site)
        return tardis_error_create(view->pool, TARDIS_FORBIDDEN, "the key's site \"%s\" is not registered",
                                   name);
    *client = make_client(site->name, site->url, view->pool);
    return NULL;
}

static const tardis_sync_client_t *make_client(const char *name, const char *url, apr_pool_t *pool)
{
    tardis_sync_client_t *client = apr_palloc(pool, sizeof(*client));
    client->site_name = name;
    client->site_url = url;
    return client;
}
