#include "provider.h"

#include <string.h>

static tardis_error_t *ask(view_t *view, tardis_status_t **status);
static tardis_error_t *lend(void *baton);

tardis_error_t *provider_view_status(view_t *view)
{
    tardis_status_t *status;
    tardis_error_t *error = ask(view, &status);
    if (error)
        return error;
    if (status->status == TARDIS_STATUS_BAD_REQUEST)
        tardis_log(&view->context, TARDIS_LOG_WARNING, "%s: %s [%s]; answered status %d", view->about,
                   status->error, status->code, (int)status->status);
    const char *document = tardis_status_encode(status, view->pool);
    view_answer(view, HTTP_OK, "application/json", document, strlen(document));
    return NULL;
}

static tardis_error_t *ask(view_t *view, tardis_status_t **status)
{
    tardis_sync_settings_t settings = provider_sync_settings(view);
    tardis_status_ask_t one = {
        .context = &view->context,
        .manager = tardis_sync_manager_default(),
        .settings = &settings,
        .client = view->caller,
        .uid = view->tail,
        .prepare = lend,
        .baton = view,
    };
    provider_share_t *share = provider_share(view);
    return share ? tardis_status_share_ask(share->statuses, &one, status, view->pool) : lend(view);
}

static tardis_error_t *lend(void *baton)
{
    return provider_lend_database(baton);
}
