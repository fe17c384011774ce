#include "provider.h"

#include <apr_strings.h>

#include "tardis_uid.h"

/* Most bytes of a path. */
#define PATH_MAX_BYTES 4095

/* The transfer service checks what they hold, and that they are there. */
static const tardis_form_field_t fields[] = {
    {"uid", VIEW_FORM_MAX, 0},
    {"dest_path", VIEW_FORM_MAX, 0},
    {"site_settings_url", VIEW_FORM_MAX, 0},
    {"sending", VIEW_FORM_MAX, 0},
    {"file", PATH_MAX_BYTES, TARDIS_FIELD_REPEATABLE},
    {NULL, 0, 0},
};

static tardis_error_t *request_transfer(view_t *view, const tardis_get_form_t *form,
                                        tardis_sync_partial_t *partial);
static void tell(const view_t *view, const tardis_sync_partial_t *partial);

tardis_error_t *provider_view_get(view_t *view)
{
    tardis_form_t *form = tardis_form_create(fields, NULL, NULL, view->pool);
    tardis_sync_partial_t partial;
    tardis_error_t *error = view_read_form(view, tardis_form_urlencoded(form, view->pool), TARDIS_GET_BODY_MAX);
    if (error)
        return error;
    tardis_get_form_t get = {
        .uid = tardis_form_value(form, "uid"),
        .dest_path = tardis_form_value(form, "dest_path"),
        .site_settings_url = tardis_form_value(form, "site_settings_url"),
        .sending = tardis_form_value(form, "sending"),
        .files = tardis_form_values(form, "file"),
    };
    if (get.uid && !tardis_uid_check(get.uid, view->pool))
        view->about = apr_psprintf(view->pool, "uid %s: %s", get.uid, view->about);
    error = request_transfer(view, &get, &partial);
    if (error)
        return error;
    tell(view, &partial);
    view_answer(view, HTTP_OK, "text/plain; charset=utf-8", "OK", 2);
    return NULL;
}

static tardis_error_t *request_transfer(view_t *view, const tardis_get_form_t *form,
                                        tardis_sync_partial_t *partial)
{
    tardis_sync_settings_t settings = provider_sync_settings(view);
    tardis_registry_source_t registry;
    tardis_error_t *error = provider_registry_source(view, &registry);
    if (!error)
        error = provider_registry_engine(view, &registry);
    if (!error)
        error = provider_lend_database(view);
    if (!error)
        error = tardis_transfer_service_get(&view->context, tardis_sync_manager_default(), &settings,
                                            &registry, view->caller, form, partial, view->pool);
    return error;
}

/* Without the headers, all files are sent. */
static void tell(const view_t *view, const tardis_sync_partial_t *partial)
{
    const tardis_sync_client_t *client = view->caller;
    const char *what = "its files";
    if (partial->granted) {
        const char *count = apr_psprintf(view->pool, "%" APR_UINT64_T_FMT, partial->granted);
        apr_table_setn(view->r->headers_out, "X-Tardis-Files", count);
        apr_table_setn(view->r->headers_out, "X-Tardis-Sending",
                       apr_psprintf(view->pool, "%" APR_UINT64_T_FMT, partial->granted_sending));
        what = apr_pstrcat(view->pool, count, " of its files again", NULL);
    } else if (partial->files->nelts) {
        what = apr_psprintf(view->pool, "%d of its files again; all are sent", partial->files->nelts);
    }
    tardis_log(&view->context, TARDIS_LOG_INFO, "%s: %s asked for %s", view->about, client->site_name, what);
}
