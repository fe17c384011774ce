#include "provider.h"

#include <apr_strings.h>

#include "tardis_uid.h"

/* The transfer service checks what they hold, and that they are there. */
static const tardis_form_field_t fields[] = {
    {"uid", VIEW_FORM_MAX, 0},
    {"dest_path", VIEW_FORM_MAX, 0},
    {"site_settings_url", VIEW_FORM_MAX, 0},
    {NULL, 0, 0},
};

static tardis_error_t *request_transfer(view_t *view, const tardis_get_form_t *form);

tardis_error_t *provider_view_get(view_t *view)
{
    tardis_form_t *form;
    tardis_error_t *error = view_read_urlencoded(view, fields, &form);
    if (error)
        return error;
    tardis_get_form_t get = {
        .uid = tardis_form_value(form, "uid"),
        .dest_path = tardis_form_value(form, "dest_path"),
        .site_settings_url = tardis_form_value(form, "site_settings_url"),
    };
    if (get.uid && !tardis_uid_check(get.uid, view->pool))
        view->about = apr_psprintf(view->pool, "uid %s: %s", get.uid, view->about);
    error = request_transfer(view, &get);
    if (!error)
        view_answer(view, HTTP_OK, "text/plain; charset=utf-8", "OK", 2);
    return error;
}

static tardis_error_t *request_transfer(view_t *view, const tardis_get_form_t *form)
{
    const tardis_sync_client_t *client = view->caller;
    tardis_sync_settings_t settings = provider_sync_settings(view);
    tardis_registry_source_t registry;
    tardis_error_t *error = provider_registry_source(view, &registry);
    if (!error)
        error = provider_registry_engine(view, &registry);
    if (!error)
        error = provider_lend_database(view);
    if (!error)
        error = tardis_transfer_service_get(&view->context, tardis_sync_manager_default(), &settings,
                                            &registry, client, form, view->pool);
    if (!error)
        tardis_log(&view->context, TARDIS_LOG_INFO, "%s: %s asked for its files", view->about,
                   client->site_name);
    return error;
}
