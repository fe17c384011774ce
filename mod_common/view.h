/**
 * @file view.h
 * One request to one of our views: what it runs with, finding the view, reading its form, and the answer.
 *
 * A handler makes a view_t, runs steps that each return an error or NULL, and hands the outcome to
 * view_finish(), which turns an error into one log line and one answer. Everything lives in the request's
 * pool.
 */
#ifndef TARDIS_MODULE_VIEW_H
#define TARDIS_MODULE_VIEW_H

#include <httpd.h>
#include <http_log.h>

#include "child.h"
#include "directive.h"
#include "tardis_context.h"
#include "tardis_form.h"

/** Most bytes that the body of an urlencoded form may have. */
#define VIEW_FORM_MAX 16384

/** One request. */
typedef struct view_t {
    request_rec *r;
    apr_pool_t *pool; /**< the request's */
    const module_conf_t *conf;
    int module_index;
    tardis_context_t context; /**< its log is the request's error log; db is set by child_lend_database() */
    const char *about;  /**< what log lines are about: "client 10.0.0.9", once known "uid tardis.42: ..." */
    const char *mount;  /**< what stands in the URL before the route's path; "" mostly */
    const char *tail;   /**< the first component after the route's path, decoded; "" if the route has none */
    const void *caller; /**< who asks, as the module's authentication found; may be NULL */
    int body_was_read;  /**< up to its end */
    int status;         /**< to answer an error with, other than its own; 0: its own */
    int result;         /**< what the handler returns */
} view_t;

/** One view; a table ends with a NULL path. */
typedef struct route_t {
    const char *path;  /**< without a trailing slash, which requests may have or not */
    int has_tail;      /**< the path is followed by one more component; what follows that is ignored */
    const char *allow; /**< methods, as in the Allow header */
    tardis_error_t *(*run)(view_t *view); /**< calls view_answer() and returns NULL, or an error */
} route_t;

/** A view_t for the request. No answer from here on may be cached. */
view_t *view_create(request_rec *r, const module *owner);

/** @return TARDIS_HTTPS_REQUIRED if the request came in the clear and the server does not allow that. */
tardis_error_t *view_require_https(const view_t *view);

/**
 * Runs the view that the URL and method name.
 * @return TARDIS_NOT_FOUND, TARDIS_METHOD_REFUSED or the view's error.
 */
tardis_error_t *view_route(view_t *view, const route_t *routes);

/**
 * Reads the request's body into a form.
 * @param limit bytes; not more are read.
 * @return TARDIS_DOCUMENT_TOO_LARGE, TARDIS_FORM_INVALID (also for a body that ends early or stalls) or what
 * the form's file function returned.
 */
tardis_error_t *view_read_form(view_t *view, tardis_form_parser_t *parser, apr_off_t limit);

/** As view_read_form() of a short urlencoded form with these fields, whatever its Content-Type says. */
tardis_error_t *view_read_urlencoded(view_t *view, const tardis_form_field_t *fields, tardis_form_t **form);

/** The value of the directive called @a name. @return TARDIS_CONFIG_INVALID: it is not set for this server.
 */
tardis_error_t *view_require(const view_t *view, int place, const char *name, const char **value);

/** Sends an answer. @param type NULL: no body. */
void view_answer(view_t *view, int status, const char *type, const char *body, apr_size_t length);

/**
 * Ends the request: answers an error (protocol.md's documented statuses; the text and code as text/plain, but
 * nothing with a 403, and no detail of this host's own problems) and logs it once. NULL: the view has
 * answered, which is logged for debugging.
 * @return what the handler returns to httpd.
 */
int view_finish(view_t *view, const tardis_error_t *error);

/**
 * For translate_name and map_to_storage hooks: whether the handler that is configured for the URL is @a
 * handler. Then no file belongs to it, and httpd must not look for one (a long uid would fail as a file
 * name).
 * @return OK or DECLINED.
 */
int view_has_no_file(request_rec *r, const char *handler);

#endif
