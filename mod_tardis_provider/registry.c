#include "provider.h"

#include <string.h>

#include "tardis_config.h"
#include "tardis_http.h"

/* Seconds that a client may have to wait for a registry at a URL. */
#define REGISTRY_CONNECT_TIMEOUT 5
#define REGISTRY_TOTAL_TIMEOUT 30

tardis_error_t *provider_registry_source(const view_t *view, tardis_registry_source_t *source)
{
    memset(source, 0, sizeof(*source));
    tardis_error_t *error =
        view_require(view, PROVIDER_REGISTRY, "TardisProviderSiteRegistry", &source->location);
    if (error)
        return error;
    const directive_t *directive = directive_at(view->conf, PROVIDER_REGISTRY);
    source->username = directive->more[0];
    return directive->more[1] ? tardis_config_secret(&source->password, directive->more[1], view->pool)
                              : NULL;
}

tardis_error_t *provider_registry_engine(view_t *view, const tardis_registry_source_t *source)
{
    if (*source->location == '/' || view->context.http)
        return NULL;
    tardis_http_settings_t settings = {
        .ca_file = directive_value(view->conf, PROVIDER_CA_FILE),
        .connect_timeout = REGISTRY_CONNECT_TIMEOUT,
        .stall_timeout = REGISTRY_TOTAL_TIMEOUT,
        .total_timeout = REGISTRY_TOTAL_TIMEOUT,
    };
    return tardis_http_create(&view->context.http, &settings, view->pool);
}

tardis_sync_settings_t provider_sync_settings(const view_t *view)
{
    const char *institution = directive_value(view->conf, PROVIDER_INSTITUTION);
    tardis_sync_settings_t settings = {.institution = institution ? institution : "tardis"};
    return settings;
}
