#include "consumer.h"

#include <string.h>

static const route_t routes[] = {
    {"/apps/sync/consumer/notify_experiment", 1, "POST", consumer_view_notify},
    {"/experiment/register", 0, "POST", consumer_view_register},
    {"/site-settings.xml", 0, "POST", consumer_view_site_settings},
    {NULL, 0, NULL, NULL},
};

int consumer_handle(request_rec *r)
{
    if (strcmp(r->handler, CONSUMER_HANDLER) != 0)
        return DECLINED;
    view_t *view = view_create(r, &tardis_consumer_module);
    tardis_error_t *error = view_require_https(view);
    if (!error)
        error = view_route(view, routes);
    return view_finish(view, error);
}
