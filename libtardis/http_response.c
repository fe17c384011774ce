#include "http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_lib.h>
#include <apr_strings.h>

enum { ANSWER_DEFAULT = 64 * 1024, HEADERS_MAX = 64 * 1024, RETRY_AFTER_MAX = 24 * 60 * 60 };

/* What curl's reasons are to us; any other is TARDIS_HOST_UNREACHABLE, for the answer did not come. */
typedef struct {
    CURLcode result;
    tardis_error_code_t code;
} mapping_t;

static const mapping_t mappings[] = {
    {CURLE_OPERATION_TIMEDOUT, TARDIS_HOST_TIMEOUT},
    {CURLE_SSL_CONNECT_ERROR, TARDIS_TLS_FAILED},
    {CURLE_PEER_FAILED_VERIFICATION, TARDIS_TLS_FAILED},
    {CURLE_SSL_CACERT_BADFILE, TARDIS_TLS_FAILED},
    {CURLE_SSL_CERTPROBLEM, TARDIS_TLS_FAILED},
    {CURLE_SSL_CIPHER, TARDIS_TLS_FAILED},
    {CURLE_SSL_ISSUER_ERROR, TARDIS_TLS_FAILED},
    {CURLE_SSL_INVALIDCERTSTATUS, TARDIS_TLS_FAILED},
    {CURLE_SSL_SHUTDOWN_FAILED, TARDIS_TLS_FAILED},
    {CURLE_USE_SSL_FAILED, TARDIS_TLS_FAILED},
    {CURLE_FILESIZE_EXCEEDED, TARDIS_ANSWER_TOO_LARGE},
    {CURLE_ABORTED_BY_CALLBACK, TARDIS_INTERRUPTED},
    {CURLE_LOGIN_DENIED, TARDIS_MAIL_REFUSED},
    {CURLE_READ_ERROR, TARDIS_IO_ERROR},
    {CURLE_URL_MALFORMAT, TARDIS_INTERNAL_ERROR},
    {CURLE_FAILED_INIT, TARDIS_INTERNAL_ERROR},
    {CURLE_OUT_OF_MEMORY, TARDIS_INTERNAL_ERROR},
    {CURLE_WRITE_ERROR, TARDIS_INTERNAL_ERROR},
    {CURLE_BAD_FUNCTION_ARGUMENT, TARDIS_INTERNAL_ERROR},
    {CURLE_OK, TARDIS_HOST_UNREACHABLE},
};

static size_t take_body(char *data, size_t size, size_t count, void *baton);
static size_t take_header(char *data, size_t size, size_t count, void *baton);
static void keep_header(http_transfer_t *transfer, const char *line, size_t length);
static tardis_error_t *error_of(http_transfer_t *transfer, CURLcode result);
static tardis_error_code_t code_of(const http_transfer_t *transfer, CURLcode result);
static int retry_after(const char *value);

CURLcode http_response_prepare(http_transfer_t *transfer)
{
    CURL *easy = transfer->easy;

    transfer->body_limit =
        transfer->request.maximum_answer ? transfer->request.maximum_answer : ANSWER_DEFAULT;
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    if (transfer->request.method && strcmp(transfer->request.method, "HEAD") == 0)
        return CURLE_OK;
    /* Breaks off when the headers announce too much; take_body() when more comes than was announced. */
    return curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transfer->body_limit);
}

static size_t take_body(char *data, size_t size, size_t count, void *baton)
{
    http_transfer_t *transfer = baton;
    size_t length = size * count;

    if (length > transfer->body_limit - transfer->body_length) {
        transfer->too_large = 1;
        return 0;
    }
    if (transfer->body_length + length + 1 > transfer->body_size) {
        size_t larger = 2 * (transfer->body_length + length + 1);
        char *body = realloc(transfer->body, larger);
        if (!body)
            return 0;
        transfer->body = body;
        transfer->body_size = larger;
    }
    memcpy(transfer->body + transfer->body_length, data, length);
    transfer->body_length += length;
    return length;
}

/* Each answer begins with its status line; only the last one's headers are kept, but all count. */
static size_t take_header(char *data, size_t size, size_t count, void *baton)
{
    http_transfer_t *transfer = baton;
    size_t length = size * count;

    transfer->header_length += length;
    if (transfer->header_length > HEADERS_MAX) {
        transfer->too_large = 1;
        return 0;
    }
    if (length >= 5 && strncmp(data, "HTTP/", 5) == 0)
        apr_table_clear(transfer->response->headers);
    else if (http_request_is_mail(&transfer->request))
        http_mail_note_reply(transfer, data, length);
    else
        keep_header(transfer, data, length);
    return length;
}

static void keep_header(http_transfer_t *transfer, const char *line, size_t length)
{
    const char *colon = memchr(line, ':', length);

    if (!colon)
        return;
    const char *value = colon + 1;
    const char *end = line + length;
    while (value < end && apr_isspace(*value))
        value++;
    while (end > value && apr_isspace(end[-1]))
        end--;
    apr_table_addn(transfer->response->headers, apr_pstrmemdup(transfer->pool, line, (size_t)(colon - line)),
                   apr_pstrmemdup(transfer->pool, value, (size_t)(end - value)));
}

void http_response_forget(http_transfer_t *transfer)
{
    apr_table_clear(transfer->response->headers);
    transfer->header_length = 0;
    transfer->body_length = 0;
    transfer->reason[0] = '\0';
}

void http_response_finish(http_transfer_t *transfer, CURLcode result)
{
    tardis_http_response_t *response = transfer->response;

    if (transfer->easy)
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &response->status);
    response->body =
        apr_pstrmemdup(transfer->pool, transfer->body ? transfer->body : "", transfer->body_length);
    response->body_length = transfer->body_length;
    const char *wait = apr_table_get(response->headers, "Retry-After");
    response->retry_after = wait ? retry_after(wait) : 0;
    if (result != CURLE_OK)
        response->error = error_of(transfer, result);
}

/* "host:port: reason" */
static tardis_error_t *error_of(http_transfer_t *transfer, CURLcode result)
{
    tardis_error_code_t code = code_of(transfer, result);
    const char *host = http_url_host(transfer->request.url, transfer->pool);

    if (code == TARDIS_ANSWER_TOO_LARGE)
        return tardis_error_create(transfer->pool, code,
                                   "%s: the answer is larger than %" APR_SIZE_T_FMT " bytes", host,
                                   transfer->body_limit);
    if (code == TARDIS_MAIL_REFUSED && transfer->response->status >= 400) {
        const char *text;
        transfer->response->mail_refused = http_mail_refused(transfer, &text);
        return tardis_error_create(transfer->pool, code, "%s: %s", host, text);
    }
    if (code == TARDIS_INTERRUPTED)
        return tardis_error_create(transfer->pool, code, "%s: the request was broken off", host);
    return tardis_error_create(transfer->pool, code, "%s: %s", host,
                               transfer->reason[0] ? transfer->reason : curl_easy_strerror(result));
}

static tardis_error_code_t code_of(const http_transfer_t *transfer, CURLcode result)
{
    const mapping_t *mapping = mappings;
    curl_off_t connected = 0;
    curl_off_t sending = 0;

    if (transfer->too_large)
        return TARDIS_ANSWER_TOO_LARGE;
    if (http_request_is_mail(&transfer->request) && transfer->response->status >= 400)
        return TARDIS_MAIL_REFUSED;
    while (mapping->result != CURLE_OK && mapping->result != result)
        mapping++;
    if (mapping->code == TARDIS_HOST_TIMEOUT) {
        /* Without a connection (TLS included) the host was not slow but not there. */
        curl_easy_getinfo(transfer->easy, CURLINFO_CONNECT_TIME_T, &connected);
        curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &sending);
        if (connected == 0 && sending == 0)
            return TARDIS_HOST_UNREACHABLE;
    }
    return mapping->code;
}

/* RFC 9110, 10.2.3: seconds, or a date. */
static int retry_after(const char *value)
{
    char *end;
    long long seconds = strtoll(value, &end, 10);

    if (end == value || *end != '\0') {
        time_t date = curl_getdate(value, NULL);
        seconds = date == -1 ? 0 : (long long)date - (long long)time(NULL);
    }
    if (seconds <= 0)
        return 0;
    return seconds < RETRY_AFTER_MAX ? (int)seconds : RETRY_AFTER_MAX;
}
