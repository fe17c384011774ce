#include "provider.h"

#include <string.h>

tardis_error_t *provider_view_status(view_t *view)
{
    tardis_sync_settings_t settings = provider_sync_settings(view);
    tardis_status_t *status;
    tardis_error_t *error = child_lend_database(view->conf, TARDIS_SCHEMA_PROVIDER, &view->context);
    if (!error)
        error = tardis_transfer_service_status(&view->context, tardis_sync_manager_default(), &settings,
                                               view->caller, view->tail, &status, view->pool);
    if (error)
        return error;
    if (status->status == TARDIS_STATUS_BAD_REQUEST)
        tardis_log(&view->context, TARDIS_LOG_WARNING, "%s: %s [%s]; answered status %d", view->about,
                   status->error, status->code, (int)status->status);
    const char *document = tardis_status_encode(status, view->pool);
    view_answer(view, HTTP_OK, "application/json", document, strlen(document));
    return NULL;
}
