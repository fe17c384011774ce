#include "consumer.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <http_core.h>

#include "tardis_http.h"
#include "tardis_ingest.h"
#include "tardis_uid.h"

/* Bytes that a form may have beside its document. */
#define FORM_OVERHEAD (1024 * 1024)
#define DEFAULT_DOCUMENT_LIMIT (APR_INT64_C(1) << 30)

static const tardis_form_field_t fields[] = {
    {"username", CONSUMER_FIELD_MAX, TARDIS_FIELD_REQUIRED},
    {"password", CONSUMER_FIELD_MAX, TARDIS_FIELD_REQUIRED},
    {"xmldata", 0, TARDIS_FIELD_REQUIRED | TARDIS_FIELD_FILE},
    {"experiment_owner", CONSUMER_FIELD_MAX, TARDIS_FIELD_REPEATABLE},
    {"originid", CONSUMER_FIELD_MAX, 0},
    {"from_url", CONSUMER_FIELD_MAX, 0},
    {NULL, 0, 0},
};

/* A document on its way into a file. */
typedef struct {
    const view_t *view;
    tardis_form_t *form;
    apr_file_t *file;
    const char *path;
    apr_int64_t length;
    apr_int64_t limit;
    int user_is_known; /* the credentials came before the document, and are right */
} upload_t;

static tardis_error_t *receive(view_t *view, upload_t *upload);
static tardis_error_t *open_spool(upload_t *upload);
static tardis_error_t *take_document(void *baton, const char *data, apr_size_t length);
static tardis_error_t *check_user(upload_t *upload);
static tardis_error_t *check_fields(view_t *view, const upload_t *upload, tardis_ingest_request_t *request);
static tardis_error_t *check_origin(const view_t *view, const char *uid, const char *url);
static tardis_error_t *list_owners(const upload_t *upload, apr_array_header_t **owners);
static tardis_error_t *ingest(view_t *view, const tardis_ingest_request_t *request,
                              tardis_ingest_result_t **result);
static void answer(view_t *view, const char *store, const tardis_ingest_result_t *result);
static void log_outcome(const view_t *view, const tardis_ingest_result_t *result);

tardis_error_t *consumer_view_register(view_t *view)
{
    upload_t upload = {.view = view};
    tardis_ingest_request_t request = {.name = "xmldata"};
    tardis_ingest_result_t *result;
    const char *store;
    tardis_error_t *error = view_require(view, CONSUMER_STORE, "TardisConsumerStore", &store);
    if (!error)
        error = receive(view, &upload);
    if (!error)
        error = check_user(&upload);
    if (!error)
        error = check_fields(view, &upload, &request);
    if (!error)
        error = ingest(view, &request, &result);
    if (!error)
        answer(view, store, result);
    return error;
}

static tardis_error_t *receive(view_t *view, upload_t *upload)
{
    tardis_form_parser_t *parser;
    upload->limit = directive_number(view->conf, CONSUMER_DOCUMENT_LIMIT, DEFAULT_DOCUMENT_LIMIT);
    upload->form = tardis_form_create(fields, take_document, upload, view->pool);
    tardis_error_t *error = tardis_form_multipart(
        &parser, upload->form, apr_table_get(view->r->headers_in, "Content-Type"), view->pool);
    if (!error)
        error = open_spool(upload);
    if (!error)
        error = view_read_form(view, parser, upload->limit + FORM_OVERHEAD);
    if (error)
        return error;
    apr_status_t rv = apr_file_flush(upload->file);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(view->pool, TARDIS_IO_ERROR, rv, "%s", upload->path);
    return NULL;
}

/* A file, because a document is read twice and may be larger than memory; it goes with the request. */
static tardis_error_t *open_spool(upload_t *upload)
{
    apr_pool_t *pool = upload->view->pool;
    const char *directory;
    char *path = NULL;
    apr_status_t rv = apr_temp_dir_get(&directory, pool);
    if (rv == APR_SUCCESS) {
        path = apr_pstrcat(pool, directory, "/tardis-register-XXXXXX", NULL);
        rv = apr_file_mktemp(&upload->file, path,
                             APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_EXCL |
                                 APR_FOPEN_DELONCLOSE | APR_FOPEN_BUFFERED,
                             pool);
    }
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "no temporary file for the document");
    upload->path = path;
    return NULL;
}

static tardis_error_t *take_document(void *baton, const char *data, apr_size_t length)
{
    upload_t *upload = baton;
    apr_pool_t *pool = upload->view->pool;
    /* Fields may come in any order; where the credentials come first, a stranger cannot fill the disk. */
    if (tardis_form_value(upload->form, "username") && tardis_form_value(upload->form, "password")) {
        tardis_error_t *error = check_user(upload);
        if (error)
            return error;
    }
    upload->length += (apr_int64_t)length;
    if (upload->length > upload->limit)
        return tardis_error_create(pool, TARDIS_DOCUMENT_TOO_LARGE,
                                   "xmldata is larger than %" APR_INT64_T_FMT " bytes", upload->limit);
    apr_status_t rv = apr_file_write_full(upload->file, data, length, NULL);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "%s", upload->path);
    return NULL;
}

static tardis_error_t *check_user(upload_t *upload)
{
    if (upload->user_is_known)
        return NULL;
    tardis_error_t *error = consumer_check_user(upload->view, CONSUMER_REGISTER_USERS,
                                                tardis_form_value(upload->form, "username"),
                                                tardis_form_value(upload->form, "password"));
    upload->user_is_known = !error;
    return error;
}

static tardis_error_t *check_fields(view_t *view, const upload_t *upload, tardis_ingest_request_t *request)
{
    apr_array_header_t *owners;
    request->document = upload->path;
    request->uid = tardis_form_value(upload->form, "originid");
    request->provider_url = tardis_form_value(upload->form, "from_url");
    request->allow_empty = (int)directive_number(view->conf, CONSUMER_ALLOW_EMPTY, 0);
    tardis_error_t *error = check_origin(view, request->uid, request->provider_url);
    if (error)
        return error;
    if (request->uid)
        view->about = apr_psprintf(view->pool, "uid %s: %s", request->uid, view->about);
    error = list_owners(upload, &owners);
    request->owners = owners;
    return error;
}

static tardis_error_t *check_origin(const view_t *view, const char *uid, const char *url)
{
    if (!uid && !url)
        return NULL;
    if (!uid || !url)
        return tardis_error_create(view->pool, TARDIS_FORM_INVALID,
                                   "the form has only one of originid and from_url, which go together");
    tardis_error_t *error = tardis_uid_check(uid, view->pool);
    if (error)
        return tardis_error_prefix(view->pool, error, "originid");
    error = tardis_url_check(url, view->pool);
    if (error)
        return tardis_error_create(view->pool, TARDIS_FORM_INVALID, "from_url: %s", error->text);
    if (url[strlen(url) - 1] == '/')
        return tardis_error_create(view->pool, TARDIS_FORM_INVALID, "from_url ends in a slash");
    return NULL;
}

static tardis_error_t *list_owners(const upload_t *upload, apr_array_header_t **owners)
{
    const apr_array_header_t *given = tardis_form_values(upload->form, "experiment_owner");
    *owners = apr_array_make(upload->view->pool, given->nelts, sizeof(const char *));
    for (int i = 0; i < given->nelts; i++) {
        const char *owner = APR_ARRAY_IDX(given, i, const char *);
        if (!tardis_text_is_clean(owner, strlen(owner), ""))
            return tardis_error_create(upload->view->pool, TARDIS_FORM_INVALID,
                                       "experiment_owner is not UTF-8 text of one line");
        if (*owner)
            APR_ARRAY_PUSH(*owners, const char *) = owner;
    }
    return NULL;
}

/* The connection is borrowed only now: an upload may take long. */
static tardis_error_t *ingest(view_t *view, const tardis_ingest_request_t *request,
                              tardis_ingest_result_t **result)
{
    tardis_error_t *error = child_lend_database(view->conf, TARDIS_SCHEMA_CONSUMER, &view->context);
    if (!error)
        error = tardis_ingest(&view->context, request, result, view->pool);
    return error;
}

static void answer(view_t *view, const char *store, const tardis_ingest_result_t *result)
{
    const char *id = apr_psprintf(view->pool, "%" APR_UINT64_T_FMT, result->experiment_id);
    const char *path = apr_pstrcat(view->pool, store, "/", id, NULL);
    const char *base = directive_value(view->conf, CONSUMER_BASE_URL);
    if (!base)
        base = ap_construct_url(view->pool, view->mount, view->r);
    apr_table_setn(view->r->headers_out, "Location",
                   apr_pstrcat(view->pool, base, "/experiment/view/", id, NULL));
    log_outcome(view, result);
    view_answer(view, HTTP_OK, "text/plain; charset=utf-8", path, strlen(path));
}

static void log_outcome(const view_t *view, const tardis_ingest_result_t *result)
{
    static const char *const outcomes[] = {
        [TARDIS_INGEST_CREATED] = "registered",
        [TARDIS_INGEST_UPDATED] = "updated by a changed document",
        [TARDIS_INGEST_UNCHANGED] = "registered already, nothing to do",
    };
    tardis_log(&view->context, TARDIS_LOG_INFO,
               "%s: %s as experiment %" APR_UINT64_T_FMT ", %" APR_UINT64_T_FMT " files, %" APR_UINT64_T_FMT
               " bytes",
               view->about, outcomes[result->outcome], result->experiment_id, result->files, result->bytes);
    for (int i = 0; result->warnings && i < result->warnings->nelts; i++)
        tardis_log(&view->context, TARDIS_LOG_INFO, "%s: %s", view->about,
                   APR_ARRAY_IDX(result->warnings, i, const char *));
}
