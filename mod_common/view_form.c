#include "view.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

/* How much is asked of the input filters at a time. */
#define PIECE 8192

static tardis_error_t *check_announced_length(const view_t *view, apr_off_t limit);
static tardis_error_t *read_piece(view_t *view, apr_bucket_brigade *brigade);
static tardis_error_t *push_piece(view_t *view, apr_bucket_brigade *brigade, tardis_form_parser_t *parser,
                                  apr_off_t limit, apr_off_t *total);
static tardis_error_t *broken_off(view_t *view, apr_status_t rv);
static tardis_error_t *too_large(const view_t *view, apr_off_t limit);

tardis_error_t *view_read_urlencoded(view_t *view, const tardis_form_field_t *fields, tardis_form_t **form)
{
    *form = tardis_form_create(fields, NULL, NULL, view->pool);
    return view_read_form(view, tardis_form_urlencoded(*form, view->pool), VIEW_FORM_MAX);
}

tardis_error_t *view_read_form(view_t *view, tardis_form_parser_t *parser, apr_off_t limit)
{
    apr_off_t total = 0;
    tardis_error_t *error = check_announced_length(view, limit);
    if (error)
        return error;
    apr_bucket_brigade *brigade = apr_brigade_create(view->pool, view->r->connection->bucket_alloc);
    while (!error && !view->body_was_read) {
        error = read_piece(view, brigade);
        if (!error)
            error = push_piece(view, brigade, parser, limit, &total);
        apr_brigade_cleanup(brigade);
    }
    apr_brigade_destroy(brigade);
    return error ? error : tardis_form_finish(parser);
}

/* Before the first byte is read, so that a client that expects `100 Continue` sends nothing in vain. */
static tardis_error_t *check_announced_length(const view_t *view, apr_off_t limit)
{
    const char *text = apr_table_get(view->r->headers_in, "Content-Length");
    apr_off_t length;
    char *end;
    if (text && apr_strtoff(&length, text, &end, 10) == APR_SUCCESS && length > limit)
        return too_large(view, limit);
    return NULL;
}

static tardis_error_t *read_piece(view_t *view, apr_bucket_brigade *brigade)
{
    apr_status_t rv =
        ap_get_brigade(view->r->input_filters, brigade, AP_MODE_READBYTES, APR_BLOCK_READ, PIECE);
    return rv == APR_SUCCESS ? NULL : broken_off(view, rv);
}

static tardis_error_t *push_piece(view_t *view, apr_bucket_brigade *brigade, tardis_form_parser_t *parser,
                                  apr_off_t limit, apr_off_t *total)
{
    tardis_error_t *error = NULL;
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade); !error && bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        const char *data;
        apr_size_t length;
        if (APR_BUCKET_IS_EOS(bucket)) {
            view->body_was_read = 1;
            return NULL;
        }
        if (APR_BUCKET_IS_METADATA(bucket))
            continue;
        apr_status_t rv = apr_bucket_read(bucket, &data, &length, APR_BLOCK_READ);
        if (rv != APR_SUCCESS)
            return broken_off(view, rv);
        *total += (apr_off_t)length;
        error = *total > limit ? too_large(view, limit) : tardis_form_push(parser, data, length);
    }
    return error;
}

static tardis_error_t *broken_off(view_t *view, apr_status_t rv)
{
    view->status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
    if (view->status == AP_FILTER_ERROR)
        view->result = AP_FILTER_ERROR;
    return tardis_error_from_status(view->pool, TARDIS_FORM_INVALID, rv, "the body of the request broke off");
}

static tardis_error_t *too_large(const view_t *view, apr_off_t limit)
{
    return tardis_error_create(view->pool, TARDIS_DOCUMENT_TOO_LARGE,
                               "the body of the request is larger than %" APR_OFF_T_FMT " bytes", limit);
}
