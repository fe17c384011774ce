#include "provider.h"

static tardis_error_t *make_share(provider_share_t **share, apr_pool_t *pool);

void provider_share_open(apr_pool_t *pool, server_rec *main_server)
{
    for (server_rec *s = main_server; s; s = s->next) {
        module_conf_t *conf = ap_get_module_config(s->module_config, &tardis_provider_module);
        provider_share_t *share;
        if (!conf->child || conf->child->own)
            continue;
        tardis_error_t *error = make_share(&share, pool);
        if (!error) {
            conf->child->own = share;
            continue;
        }
        ap_log_error(__FILE__, __LINE__, tardis_provider_module.module_index, APLOG_ERR, 0, s, "%s: %s [%s]",
                     conf->child->database->name, error->text, tardis_error_name(error->code));
        conf->child = NULL;
    }
}

static tardis_error_t *make_share(provider_share_t **share, apr_pool_t *pool)
{
    *share = apr_pcalloc(pool, sizeof(**share));
    tardis_error_t *error = tardis_key_cache_create(&(*share)->keys, pool);
    return error ? error : tardis_status_share_create(&(*share)->statuses, pool);
}

tardis_error_t *provider_lend_database(view_t *view)
{
    return child_lend_database(view->conf, TARDIS_SCHEMA_PROVIDER, &view->context);
}

provider_share_t *provider_share(const view_t *view)
{
    return view->conf->child ? view->conf->child->own : NULL;
}
