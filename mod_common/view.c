#include "view.h"

#include <string.h>

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

static void log_line(void *baton, tardis_log_level_t level, const char *line);
static int match(view_t *view, const route_t *route);

view_t *view_create(request_rec *r, const module *owner)
{
    view_t *view = apr_pcalloc(r->pool, sizeof(*view));
    view->r = r;
    view->pool = r->pool;
    view->conf = ap_get_module_config(r->server->module_config, owner);
    view->module_index = owner->module_index;
    view->context.pool = r->pool;
    view->context.log = log_line;
    view->context.log_baton = view;
    view->about = apr_pstrcat(r->pool, "client ", r->useragent_ip, NULL);
    view->mount = view->tail = "";
    view->result = OK;
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-cache, no-store, must-revalidate, max-age=0");
    return view;
}

tardis_error_t *view_require_https(const view_t *view)
{
    if (strcmp(ap_http_scheme(view->r), "https") == 0 ||
        directive_number(view->conf, DIRECTIVE_ALLOW_INSECURE, 0))
        return NULL;
    return tardis_error_create(view->pool, TARDIS_HTTPS_REQUIRED, "the request did not come by HTTPS");
}

tardis_error_t *view_route(view_t *view, const route_t *routes)
{
    for (const route_t *route = routes; route->path; route++) {
        if (!match(view, route))
            continue;
        if (ap_find_token(view->pool, route->allow, view->r->method))
            return route->run(view);
        apr_table_setn(view->r->err_headers_out, "Allow", route->allow);
        return tardis_error_create(view->pool, TARDIS_METHOD_REFUSED,
                                   "%.30s is not a method of this view, use %s", view->r->method,
                                   route->allow);
    }
    return tardis_error_create(view->pool, TARDIS_NOT_FOUND, "there is no view at %.300s", view->r->uri);
}

tardis_error_t *view_require(const view_t *view, int place, const char *name, const char **value)
{
    *value = directive_value(view->conf, place);
    if (*value)
        return NULL;
    return tardis_error_create(view->pool, TARDIS_CONFIG_INVALID, "%s is not set for this server", name);
}

int view_has_no_file(request_rec *r, const char *handler)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *error = NULL;
    const char *configured =
        core->expr_handler ? ap_expr_str_exec(r, core->expr_handler, &error) : core->handler;
    if (error || !configured || strcmp(configured, handler) != 0)
        return DECLINED;
    /* Other modules expect that there is a file name. */
    r->filename = apr_pstrdup(r->pool, handler);
    return OK;
}

static void log_line(void *baton, tardis_log_level_t level, const char *line)
{
    const view_t *view = baton;
    ap_log_rerror(__FILE__, __LINE__, view->module_index, (int)level, 0, view->r, "%s", line);
}

/* The path may stand below a mount point: what comes before its first occurrence. */
static int match(view_t *view, const route_t *route)
{
    const char *found = strstr(view->r->uri, route->path);
    if (!found)
        return 0;
    const char *rest = found + strlen(route->path);
    apr_size_t length = *rest == '/' ? strcspn(rest + 1, "/") : 0;
    if (route->has_tail ? !length : *rest && strcmp(rest, "/") != 0)
        return 0;
    view->mount = apr_pstrmemdup(view->pool, view->r->uri, (apr_size_t)(found - view->r->uri));
    view->tail = route->has_tail ? apr_pstrmemdup(view->pool, rest + 1, length) : "";
    return 1;
}
