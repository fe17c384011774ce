#include "transfer_client.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "tardis_http.h"
#include "tardis_uid.h"

enum {
    ANSWER_MAX = 64 * 1024, /* bytes of an answer that are read; more is ANSWER_TOO_LARGE */
    EXCERPT_MAX = 200,      /* bytes of an answer that are quoted in an error */
    MESSAGE_MAX = 1000,     /* bytes of each text in a status document */
    STATUS_MAX = 4096,      /* bytes for each uid of an answer about many */
    FILES_NAMED = 3,        /* of the files that a request names, in the history */
    NUMBER_DIGITS = 18      /* of a number in a header, at most */
};

/* Below a provider's base URL. */
#define VIEWS "/apps/sync/provider/"
#define GET "get/"

/* How the body of a refused `get/` begins that an original provider sends with status 200. */
#define REFUSAL "Transfer error"

/* One request under way. */
typedef struct {
    const char *url;
    transfer_get_done_fn *got;
    transfer_status_done_fn *told;
    transfer_discover_done_fn *discovered;
    transfer_statuses_done_fn *told_many;
    const char *const *uids; /* of told_many */
    int count;
    void *baton;
    apr_pool_t *pool;
} exchange_t;

static exchange_t *start(const char *method, const consumer_provider_t *provider, const char *path,
                         const apr_table_t *fields, tardis_http_request_t *request, apr_pool_t *pool);
static void get_done(void *baton, tardis_http_response_t *response);
static apr_uint64_t number_in(const tardis_http_response_t *response, const char *name);
static void status_done(void *baton, tardis_http_response_t *response);
static void discover_done(void *baton, tardis_http_response_t *response);
static void statuses_done(void *baton, tardis_http_response_t *response);
static tardis_error_t *malformed(const exchange_t *exchange, const tardis_error_t *error,
                                 const tardis_http_response_t *response);
static void bound_texts(tardis_status_t *status, apr_pool_t *pool);
static tardis_error_t *classify(const exchange_t *exchange, const tardis_http_response_t *response);
static tardis_error_t *classify_failure(const exchange_t *exchange, const tardis_error_t *failure);
static tardis_error_t *classify_not_found(const exchange_t *exchange, const tardis_http_response_t *response);
static tardis_error_t *redirected(const exchange_t *exchange, const tardis_http_response_t *response);
static const char *excerpt(const exchange_t *exchange, const tardis_http_response_t *response);
static int body_is(const tardis_http_response_t *response, const char *text);

void transfer_client_get(const tardis_context_t *context, const consumer_provider_t *provider,
                         const transfer_get_t *get, transfer_get_done_fn *done, void *baton, apr_pool_t *pool)
{
    tardis_http_request_t request;
    apr_table_t *fields = apr_table_make(pool, 4);
    apr_table_setn(fields, "uid", get->uid);
    apr_table_setn(fields, "dest_path", get->dest_path);
    apr_table_setn(fields, "site_settings_url", get->site_settings_url);
    if (get->files)
        apr_table_setn(fields, "sending", apr_psprintf(pool, "%" APR_UINT64_T_FMT, get->sending));
    for (int i = 0; get->files && i < get->files->nelts; i++)
        apr_table_addn(fields, "file", APR_ARRAY_IDX(get->files, i, const char *));
    exchange_t *exchange = start("POST", provider, GET, fields, &request, pool);
    exchange->got = done;
    exchange->baton = baton;
    tardis_http_submit(context->http, &request, get_done, exchange, pool);
}

const char *transfer_client_get_text(const consumer_provider_t *provider, const transfer_get_t *get,
                                     apr_pool_t *pool)
{
    const char *text = apr_psprintf(pool, "POST %s" VIEWS GET " uid=%s dest_path=%s site_settings_url=%s",
                                    provider->url, get->uid, get->dest_path, get->site_settings_url);
    if (!get->files)
        return text;
    text = apr_psprintf(pool, "%s sending=%" APR_UINT64_T_FMT, text, get->sending);
    for (int i = 0; i < get->files->nelts && i < FILES_NAMED; i++)
        text = apr_pstrcat(pool, text, " file=", APR_ARRAY_IDX(get->files, i, const char *), NULL);
    return get->files->nelts <= FILES_NAMED
               ? text
               : apr_psprintf(pool, "%s ... (%d fields file)", text, get->files->nelts);
}

void transfer_client_status(const tardis_context_t *context, const consumer_provider_t *provider,
                            const char *uid, transfer_status_done_fn *done, void *baton, apr_pool_t *pool)
{
    tardis_http_request_t request;
    const char *path = apr_pstrcat(pool, "status/", tardis_url_encode(uid, 0, pool), "/", NULL);
    exchange_t *exchange = start("GET", provider, path, NULL, &request, pool);
    exchange->told = done;
    exchange->baton = baton;
    tardis_http_submit(context->http, &request, status_done, exchange, pool);
}

void transfer_client_discover(const tardis_context_t *context, const consumer_provider_t *provider,
                              transfer_discover_done_fn *done, void *baton, apr_pool_t *pool)
{
    tardis_http_request_t request;
    exchange_t *exchange = start("GET", provider, "", NULL, &request, pool);
    exchange->discovered = done;
    exchange->baton = baton;
    tardis_http_submit(context->http, &request, discover_done, exchange, pool);
}

void transfer_client_statuses(const tardis_context_t *context, const consumer_provider_t *provider,
                              const char *const *uids, int count, transfer_statuses_done_fn *done,
                              void *baton, apr_pool_t *pool)
{
    tardis_http_request_t request;
    apr_table_t *fields = apr_table_make(pool, count);
    for (int i = 0; i < count; i++)
        apr_table_addn(fields, "uid", uids[i]);
    exchange_t *exchange = start("POST", provider, "status/", fields, &request, pool);
    exchange->told_many = done;
    exchange->uids = uids;
    exchange->count = count;
    exchange->baton = baton;
    request.maximum_answer += (apr_size_t)count * STATUS_MAX;
    tardis_http_submit(context->http, &request, statuses_done, exchange, pool);
}

static exchange_t *start(const char *method, const consumer_provider_t *provider, const char *path,
                         const apr_table_t *fields, tardis_http_request_t *request, apr_pool_t *pool)
{
    exchange_t *exchange = apr_pcalloc(pool, sizeof(*exchange));
    apr_table_t *headers = apr_table_make(pool, 1);
    apr_table_setn(headers, "X_MYTARDIS_KEY", provider->key);
    exchange->url = apr_pstrcat(pool, provider->url, VIEWS, path, NULL);
    exchange->pool = pool;
    *request = (tardis_http_request_t){.method = method,
                                       .url = exchange->url,
                                       .headers = headers,
                                       .fields = fields,
                                       .flags = TARDIS_HTTP_IDEMPOTENT,
                                       .maximum_answer = ANSWER_MAX};
    return exchange;
}

static void get_done(void *baton, tardis_http_response_t *response)
{
    exchange_t *exchange = baton;
    transfer_granted_t granted = {number_in(response, "X-Tardis-Files"),
                                  number_in(response, "X-Tardis-Sending")};
    tardis_error_t *error = classify(exchange, response);
    if (!error && !body_is(response, "OK")) {
        int refused = response->body && strncmp(response->body, REFUSAL, strlen(REFUSAL)) == 0;
        error = tardis_error_create(exchange->pool, refused ? TARDIS_PROVIDER_ERROR : TARDIS_ANSWER_MALFORMED,
                                    "%s answers 200, not with OK but with \"%s\"", exchange->url,
                                    excerpt(exchange, response));
    }
    exchange->got(exchange->baton, error, &granted);
}

/* The number in a header; 0: it is not there, or holds something else. */
static apr_uint64_t number_in(const tardis_http_response_t *response, const char *name)
{
    const char *text = response->headers ? apr_table_get(response->headers, name) : NULL;
    if (!text || !*text || strlen(text) > NUMBER_DIGITS || text[strspn(text, "0123456789")])
        return 0;
    return (apr_uint64_t)apr_atoi64(text);
}

static void status_done(void *baton, tardis_http_response_t *response)
{
    exchange_t *exchange = baton;
    tardis_status_t *status = NULL;
    tardis_error_t *error = classify(exchange, response);
    if (!error) {
        error = tardis_status_decode(response->body, response->body_length, &status, exchange->pool);
        if (error)
            error = malformed(exchange, error, response);
    }
    if (!error)
        bound_texts(status, exchange->pool);
    exchange->told(exchange->baton, error, error ? NULL : status);
}

static void discover_done(void *baton, tardis_http_response_t *response)
{
    exchange_t *exchange = baton;
    tardis_protocol_t protocol = {0};
    tardis_error_t *error = classify(exchange, response);
    if (!error)
        error = tardis_protocol_decode(response->body, response->body_length, &protocol, exchange->pool);
    exchange->discovered(exchange->baton, error, &protocol);
}

static void statuses_done(void *baton, tardis_http_response_t *response)
{
    exchange_t *exchange = baton;
    tardis_status_answer_t *answers =
        apr_palloc(exchange->pool, sizeof(*answers) * (apr_size_t)exchange->count);
    tardis_error_t *error = classify(exchange, response);
    if (!error) {
        error = tardis_statuses_decode(response->body, response->body_length, exchange->uids, exchange->count,
                                       answers, exchange->pool);
        if (error)
            error = malformed(exchange, error, response);
    }
    for (int i = 0; i < exchange->count && !error; i++) {
        tardis_status_answer_t *answer = &answers[i];
        if (answer->status)
            bound_texts(answer->status, exchange->pool);
        else
            answer->error = tardis_error_create(
                exchange->pool, TARDIS_ANSWER_MALFORMED, "%s: uid %s: %s", exchange->url, exchange->uids[i],
                transfer_bounded(answer->error->text, EXCERPT_MAX, exchange->pool));
    }
    exchange->told_many(exchange->baton, error, error ? NULL : answers);
}

static tardis_error_t *malformed(const exchange_t *exchange, const tardis_error_t *error,
                                 const tardis_http_response_t *response)
{
    return tardis_error_create(exchange->pool, TARDIS_ANSWER_MALFORMED, "%s: %s: \"%s\"", exchange->url,
                               transfer_bounded(error->text, EXCERPT_MAX, exchange->pool),
                               excerpt(exchange, response));
}

static void bound_texts(tardis_status_t *status, apr_pool_t *pool)
{
    status->message = transfer_bounded(status->message, MESSAGE_MAX, pool);
    status->progress = transfer_bounded(status->progress, MESSAGE_MAX, pool);
    status->error = transfer_bounded(status->error, MESSAGE_MAX, pool);
    status->code = transfer_bounded(status->code, EXCERPT_MAX, pool);
}

/* NULL: it answered 200. */
static tardis_error_t *classify(const exchange_t *exchange, const tardis_http_response_t *response)
{
    tardis_error_code_t code = TARDIS_REQUEST_REFUSED;
    long status = response->status;
    if (response->error)
        return classify_failure(exchange, response->error);
    if (status == 200)
        return NULL;
    if (status >= 300 && status < 400)
        return redirected(exchange, response);
    if (status == 404)
        return classify_not_found(exchange, response);
    if (status == 403)
        code = TARDIS_KEY_REFUSED;
    else if (status >= 500 || status == 429 || status == 408)
        code = TARDIS_PROVIDER_ERROR;
    else if (status < 300)
        code = TARDIS_ANSWER_MALFORMED;
    const char *body = excerpt(exchange, response);
    tardis_error_t *error = tardis_error_create(exchange->pool, code, "%s answers %ld%s%s", exchange->url,
                                                status, *body ? ": " : "", body);
    error->retry_after = response->retry_after;
    return error;
}

static tardis_error_t *classify_failure(const exchange_t *exchange, const tardis_error_t *failure)
{
    tardis_error_code_t code = failure->code;
    if (code == TARDIS_HOST_UNREACHABLE)
        code = TARDIS_PROVIDER_UNREACHABLE;
    else if (code == TARDIS_HOST_TIMEOUT)
        code = TARDIS_PROVIDER_TIMEOUT;
    return tardis_error_create(exchange->pool, code, "%s: %s", exchange->url,
                               transfer_bounded(failure->text, MESSAGE_MAX, exchange->pool));
}

static tardis_error_t *classify_not_found(const exchange_t *exchange, const tardis_http_response_t *response)
{
    if (body_is(response, "Use HTTPS"))
        return tardis_error_create(exchange->pool, TARDIS_HTTPS_REQUIRED, "%s answers 404: Use HTTPS",
                                   exchange->url);
    return tardis_error_create(exchange->pool, exchange->got ? TARDIS_UID_UNKNOWN : TARDIS_ANSWER_MALFORMED,
                               "%s answers 404: %s", exchange->url, excerpt(exchange, response));
}

static tardis_error_t *redirected(const exchange_t *exchange, const tardis_http_response_t *response)
{
    const char *location = response->headers ? apr_table_get(response->headers, "Location") : NULL;
    return tardis_error_create(exchange->pool, TARDIS_PROVIDER_REDIRECT, "%s answers %ld, Location: %s",
                               exchange->url, response->status,
                               location ? transfer_bounded(location, EXCERPT_MAX, exchange->pool) : "(none)");
}

static const char *excerpt(const exchange_t *exchange, const tardis_http_response_t *response)
{
    return response->body ? transfer_bounded(response->body, EXCERPT_MAX, exchange->pool) : "";
}

/* Whether the body is @a text, white space around it aside. */
static int body_is(const tardis_http_response_t *response, const char *text)
{
    if (!response->body)
        return 0;
    const char *from = response->body;
    while (apr_isspace(*from))
        from++;
    apr_size_t length = strlen(from);
    while (length > 0 && apr_isspace(from[length - 1]))
        length--;
    return length == strlen(text) && strncmp(from, text, length) == 0;
}

const char *transfer_bounded(const char *text, apr_size_t limit, apr_pool_t *pool)
{
    apr_size_t length = strlen(text);
    int cut = length > limit;
    if (length == 0)
        return "";
    if (cut) {
        length = limit;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    }
    char *clean = apr_pstrmemdup(pool, text, length);
    int utf8 = tardis_text_is_clean(clean, length, "\t\r\n");
    for (char *c = clean; *c; c++) {
        if ((unsigned char)*c < 0x20)
            *c = ' ';
        else if (*c == 0x7f || (!utf8 && (unsigned char)*c >= 0x80))
            *c = '?';
    }
    while (length > 0 && clean[length - 1] == ' ')
        clean[--length] = '\0';
    return cut ? apr_pstrcat(pool, clean, "...", NULL) : clean;
}
