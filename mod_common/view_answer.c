#include "view.h"

#include <string.h>

#include <apr_strings.h>
#include <http_protocol.h>

/* Seconds that a caller is asked to wait when nothing else is known. */
#define RETRY_AFTER 10

#define PLAIN_TEXT "text/plain; charset=utf-8"

static void log_refusal(const view_t *view, const tardis_error_t *error, int status);
static void set_headers(view_t *view, const tardis_error_t *error, int status);
static int has_body(const request_rec *r);
static const char *body_of(const view_t *view, const tardis_error_t *error);

void view_answer(view_t *view, int status, const char *type, const char *body, apr_size_t length)
{
    request_rec *r = view->r;
    r->status = status;
    if (type)
        ap_set_content_type(r, type);
    if (status != HTTP_NO_CONTENT)
        ap_set_content_length(r, (apr_off_t)length);
    if (length && !r->header_only)
        ap_rwrite(body, (int)length, r);
}

int view_finish(view_t *view, const tardis_error_t *error)
{
    if (!error) {
        tardis_log(&view->context, TARDIS_LOG_DEBUG, "%s: answered %d", view->about, view->r->status);
        return view->result;
    }
    int status = view->status ? view->status : tardis_error_http_status(error);
    log_refusal(view, error, status);
    if (view->result != OK)
        return view->result;
    set_headers(view, error, status);
    const char *body = body_of(view, error);
    view_answer(view, status, *body ? PLAIN_TEXT : NULL, body, strlen(body));
    return OK;
}

/* What a caller does wrong is a warning; who may not ask, and what this host cannot do, is an error. */
static void log_refusal(const view_t *view, const tardis_error_t *error, int status)
{
    int lasting = status >= 500 || status == HTTP_FORBIDDEN;
    const char *next =
        view->result == OK ? apr_psprintf(view->pool, "answered %d", status) : "no answer is possible";
    tardis_log_problem(&view->context, lasting ? TARDIS_LOG_ERROR : TARDIS_LOG_WARNING, view->about, error,
                       next);
}

static void set_headers(view_t *view, const tardis_error_t *error, int status)
{
    request_rec *r = view->r;
    if (status == HTTP_SERVICE_UNAVAILABLE)
        apr_table_setn(r->err_headers_out, "Retry-After",
                       apr_itoa(view->pool, error->retry_after ? error->retry_after : RETRY_AFTER));
    /* Else httpd would read the rest of a body that nobody wants. */
    if (!view->body_was_read && has_body(r))
        r->connection->keepalive = AP_CONN_CLOSE;
}

static int has_body(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    return apr_table_get(r->headers_in, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

static const char *body_of(const view_t *view, const tardis_error_t *error)
{
    const char *code = tardis_error_name(error->code);
    if (error->code == TARDIS_HTTPS_REQUIRED)
        return "Use HTTPS";
    if (error->code == TARDIS_FORBIDDEN)
        return "";
    if (tardis_error_fault(error->code) == TARDIS_FAULT_HOST)
        return apr_psprintf(view->pool, "this server has a problem, see its error log [%s]\n", code);
    if (error->line)
        return apr_psprintf(view->pool, "line %ld: %s [%s]\n", error->line, error->text, code);
    return apr_psprintf(view->pool, "%s [%s]\n", error->text, code);
}
