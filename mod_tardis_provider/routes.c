#include "provider.h"

#include <string.h>

static const route_t routes[] = {
    {"/apps/sync/provider/status", 1, "GET, HEAD", provider_view_status},
    {"/apps/sync/provider/status", 0, "POST", provider_view_statuses},
    {"/apps/sync/provider/get", 0, "POST", provider_view_get},
    {"/apps/sync/provider", 0, "GET, HEAD", provider_view_index},
    {NULL, 0, NULL, NULL},
};

static tardis_error_t *run(view_t *view);

int provider_handle(request_rec *r)
{
    if (strcmp(r->handler, PROVIDER_HANDLER) != 0)
        return DECLINED;
    view_t *view = view_create(r, &tardis_provider_module);
    return view_finish(view, run(view));
}

/* A caller who may not ask is told nothing, not even which views there are. */
static tardis_error_t *run(view_t *view)
{
    const tardis_sync_client_t *client;
    tardis_error_t *error = view_require_https(view);
    if (!error)
        error = provider_authenticate(view, &client);
    if (error)
        return error;
    view->caller = client;
    return view_route(view, routes);
}
