/**
 * @file provider.h
 * What the files of mod_tardis_provider share. A request goes mod_tardis_provider.c -> routes.c ->
 * client_auth.c -> view_*.c.
 */
#ifndef TARDIS_MOD_PROVIDER_H
#define TARDIS_MOD_PROVIDER_H

#include "check.h"
#include "view.h"
#include "tardis_key_cache.h"
#include "tardis_status_share.h"
#include "tardis_sync_manager.h"

extern module AP_MODULE_DECLARE_DATA tardis_provider_module;

/** The name in `SetHandler tardis-provider`. */
#define PROVIDER_HANDLER "tardis-provider"

/** The places of this module's own directives. */
enum {
    PROVIDER_INSTITUTION = DIRECTIVES_IN_COMMON,
    PROVIDER_KEY_SOURCE, /**< value: path of the key file; NULL: the database */
    PROVIDER_REGISTRY,   /**< value: path or URL; more[0]: user; more[1]: its password file */
    PROVIDER_CA_FILE,
    PROVIDER_DIRECTIVES
};

/** directives.c: the command table. */
extern const command_rec provider_commands[];

/** directives.c: complains of every mistake in a server's directives. */
void provider_check(check_t *check);

/** routes.c: answers one request. @return what the handler returns. */
int provider_handle(request_rec *r);

/**
 * client_auth.c: who sends this request, by its address and key.
 * @return TARDIS_FORBIDDEN, a database error, or TARDIS_CONFIG_INVALID for a bad key file.
 */
tardis_error_t *provider_authenticate(view_t *view, const tardis_sync_client_t **client);

/**
 * key_file.c: the site of an address and key in a file of lines `ADDRESS SHA256-HEX-OF-KEY SITE-NAME-OR-URL`.
 * @param address canonical.
 * @param key NULL: only check the file.
 * @param site set to what the line says of the site; NULL: there is no such line.
 * @return TARDIS_CONFIG_INVALID, with the line; also if everybody may read the file.
 */
tardis_error_t *provider_key_file_find(const char *file, const char *address, const char *key,
                                       const char **site, apr_pool_t *pool);

/** What the requests to one database share in a child process. */
typedef struct provider_share_t {
    tardis_key_cache_t *keys;
    tardis_status_share_t *statuses;
} provider_share_t;

/** share.c: for a child_init hook, after child_open_databases(). A database without a share is not used. */
void provider_share_open(apr_pool_t *pool, server_rec *main_server);

/** share.c: lends the request a connection to the provider's database, as child_lend_database() does. */
tardis_error_t *provider_lend_database(view_t *view);

/** share.c: the share of the request's server; NULL where provider_lend_database() fails for lack of one. */
provider_share_t *provider_share(const view_t *view);

/** registry.c: where the server's site registry is. @return TARDIS_CONFIG_INVALID: not set, or no password to
 * read. */
tardis_error_t *provider_registry_source(const view_t *view, tardis_registry_source_t *source);

/** registry.c: makes an HTTP engine for the request (context.http) if the registry is at a URL. */
tardis_error_t *provider_registry_engine(view_t *view, const tardis_registry_source_t *source);

/** registry.c: what the sync manager is told of this server. */
tardis_sync_settings_t provider_sync_settings(const view_t *view);

/* The views: view_index.c, ... */
tardis_error_t *provider_view_index(view_t *view);
tardis_error_t *provider_view_get(view_t *view);
tardis_error_t *provider_view_status(view_t *view);
tardis_error_t *provider_view_statuses(view_t *view);

#endif
