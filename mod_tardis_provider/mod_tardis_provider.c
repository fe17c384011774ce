#include "provider.h"

#include <http_request.h>

static void *create_conf(apr_pool_t *pool, server_rec *s)
{
    (void)s;
    return directive_conf_create(pool, PROVIDER_DIRECTIVES);
}

static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)plog;
    (void)ptemp;
    return check_servers(s, &tardis_provider_module, provider_check, pconf);
}

static void child_init(apr_pool_t *pool, server_rec *s)
{
    child_open_databases(pool, s, &tardis_provider_module);
    provider_share_open(pool, s);
}

static int skip_files(request_rec *r)
{
    return view_has_no_file(r, PROVIDER_HANDLER);
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(skip_files, NULL, NULL, APR_HOOK_LAST);
    ap_hook_map_to_storage(skip_files, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(provider_handle, NULL, NULL, APR_HOOK_MIDDLE);
}

/* clang-format off */
AP_DECLARE_MODULE(tardis_provider) = {
    STANDARD20_MODULE_STUFF,
    NULL, /* directories have no configuration */
    NULL,
    create_conf,
    directive_conf_merge,
    provider_commands,
    register_hooks,
    AP_MODULE_FLAG_NONE,
};
