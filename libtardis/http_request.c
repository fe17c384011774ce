#include "http_internal.h"

#include <string.h>

#include <apr_strings.h>

enum { EXPECT_OVER = 1024 * 1024, EXPECT_MILLISECONDS = 1000, UPLOAD_BUFFER = 256 * 1024 };

static CURLcode prepare_limits(http_transfer_t *transfer);
static CURLcode prepare_tls(http_transfer_t *transfer);
static CURLcode prepare_http(http_transfer_t *transfer);
static CURLcode prepare_headers(http_transfer_t *transfer);
static int add_header(void *data, const char *name, const char *value);
static int add_line(http_transfer_t *transfer, const char *line);
static CURLcode prepare_body(http_transfer_t *transfer);
static CURLcode prepare_fields(http_transfer_t *transfer);
static CURLcode prepare_parts(http_transfer_t *transfer);
static CURLcode prepare_part(curl_mime *mime, const tardis_http_part_t *part);
static CURLcode prepare_read(http_transfer_t *transfer);
static size_t read_body(char *buffer, size_t size, size_t count, void *data);
static int rewind_body(void *data, curl_off_t offset, int origin);

/* Sets an option and ends the function with what curl says if it does not take it. */
#define SET(option, value)                                                                                   \
    do {                                                                                                     \
        CURLcode set_result = curl_easy_setopt(transfer->easy, option, value);                               \
        if (set_result != CURLE_OK)                                                                          \
            return set_result;                                                                               \
    } while (0)

CURLcode http_request_prepare(http_transfer_t *transfer)
{
    const tardis_http_request_t *request = &transfer->request;
    int mail = http_request_is_mail(request);
    tardis_error_t *wrong = mail ? NULL : tardis_url_check(request->url, transfer->pool);

    if (wrong) {
        apr_cpystrn(transfer->reason, wrong->text, sizeof(transfer->reason));
        return CURLE_URL_MALFORMAT;
    }
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, mail ? "smtp,smtps" : "http,https");
    SET(CURLOPT_PRIVATE, transfer);
    SET(CURLOPT_ERRORBUFFER, transfer->reason);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    if (request->user) {
        SET(CURLOPT_USERNAME, request->user);
        SET(CURLOPT_PASSWORD, request->password ? request->password : "");
    }
    CURLcode result = prepare_limits(transfer);
    if (result == CURLE_OK)
        result = prepare_tls(transfer);
    if (result == CURLE_OK)
        result = http_response_prepare(transfer);
    if (result == CURLE_OK)
        result = mail ? http_mail_prepare(transfer) : prepare_http(transfer);
    return result;
}

static CURLcode prepare_limits(http_transfer_t *transfer)
{
    const tardis_http_settings_t *settings = &transfer->http->settings;
    int bulk = (transfer->request.flags & TARDIS_HTTP_BULK) != 0;

    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, (long)settings->connect_timeout);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)settings->stall_timeout);
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)settings->stall_timeout);
    SET(CURLOPT_TIMEOUT, bulk ? 0L : (long)settings->total_timeout);
    return CURLE_OK;
}

/* Where a CA file is given it alone is trusted: the directory that curl knows of is taken away. */
static CURLcode prepare_tls(http_transfer_t *transfer)
{
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (transfer->http->settings.ca_file) {
        SET(CURLOPT_CAINFO, transfer->http->settings.ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    return CURLE_OK;
}

static CURLcode prepare_http(http_transfer_t *transfer)
{
    SET(CURLOPT_USERAGENT, transfer->http->settings.user_agent);
    SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    SET(CURLOPT_EXPECT_100_TIMEOUT_MS, (long)EXPECT_MILLISECONDS);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    /* Where it is offered, with many requests on a connection. None waits for another's connection only to
     * learn that (CURLOPT_PIPEWAIT): a server that does not answer would hold them up one after the other. */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    CURLcode result = prepare_body(transfer);
    return result == CURLE_OK ? prepare_headers(transfer) : result;
}

static CURLcode prepare_headers(http_transfer_t *transfer)
{
    const tardis_http_request_t *request = &transfer->request;

    if (request->headers && !apr_table_do(add_header, transfer, request->headers, NULL))
        return CURLE_OUT_OF_MEMORY;
    /* curl announces every PUT; for a small one that is a round trip for nothing. */
    if (request->read && request->read_length <= EXPECT_OVER && !add_line(transfer, "Expect:"))
        return CURLE_OUT_OF_MEMORY;
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    return CURLE_OK;
}

/* "name: value", or "name;" which is how curl is told to send a header without a value. */
static int add_header(void *data, const char *name, const char *value)
{
    http_transfer_t *transfer = data;
    const char *line = *value ? apr_pstrcat(transfer->pool, name, ": ", value, NULL)
                              : apr_pstrcat(transfer->pool, name, ";", NULL);
    return add_line(transfer, line);
}

static int add_line(http_transfer_t *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);

    if (!longer)
        return 0;
    transfer->headers = longer;
    return 1;
}

static CURLcode prepare_body(http_transfer_t *transfer)
{
    const tardis_http_request_t *request = &transfer->request;
    const char *natural = "GET"; /* the method that curl would use */
    CURLcode result = CURLE_OK;

    if (request->fields) {
        natural = "POST";
        result = prepare_fields(transfer);
    } else if (request->parts) {
        natural = "POST";
        result = prepare_parts(transfer);
    } else if (request->read) {
        natural = "PUT";
        result = prepare_read(transfer);
    } else if (strcmp(request->method, "HEAD") == 0) {
        natural = "HEAD";
        SET(CURLOPT_NOBODY, 1L);
    } else if (strcmp(request->method, "POST") == 0) {
        natural = "POST";
        SET(CURLOPT_POSTFIELDSIZE, 0L);
        SET(CURLOPT_POSTFIELDS, "");
    }
    if (result == CURLE_OK && strcmp(request->method, natural) != 0)
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    return result;
}

static CURLcode prepare_fields(http_transfer_t *transfer)
{
    const apr_array_header_t *fields = apr_table_elts(transfer->request.fields);
    apr_array_header_t *words = apr_array_make(transfer->pool, 4 * fields->nelts + 1, sizeof(const char *));

    for (int i = 0; i < fields->nelts; i++) {
        const apr_table_entry_t *field = &APR_ARRAY_IDX(fields, i, apr_table_entry_t);
        if (i > 0)
            APR_ARRAY_PUSH(words, const char *) = "&";
        APR_ARRAY_PUSH(words, const char *) = tardis_url_encode(field->key, 0, transfer->pool);
        APR_ARRAY_PUSH(words, const char *) = "=";
        APR_ARRAY_PUSH(words, const char *) = tardis_url_encode(field->val, 0, transfer->pool);
    }
    const char *form = apr_array_pstrcat(transfer->pool, words, 0);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(form));
    SET(CURLOPT_POSTFIELDS, form);
    return CURLE_OK;
}

static CURLcode prepare_parts(http_transfer_t *transfer)
{
    const apr_array_header_t *parts = transfer->request.parts;

    transfer->mime = curl_mime_init(transfer->easy);
    if (!transfer->mime)
        return CURLE_OUT_OF_MEMORY;
    for (int i = 0; i < parts->nelts; i++) {
        CURLcode result = prepare_part(transfer->mime, &APR_ARRAY_IDX(parts, i, tardis_http_part_t));
        if (result != CURLE_OK)
            return result;
    }
    SET(CURLOPT_MIMEPOST, transfer->mime);
    return CURLE_OK;
}

static CURLcode prepare_part(curl_mime *mime, const tardis_http_part_t *part)
{
    curl_mimepart *made = curl_mime_addpart(mime);
    CURLcode result = made ? curl_mime_name(made, part->name) : CURLE_OUT_OF_MEMORY;

    if (result == CURLE_OK && part->value)
        return curl_mime_data(made, part->value, CURL_ZERO_TERMINATED);
    if (result == CURLE_OK)
        result = curl_mime_filedata(made, part->file);
    if (result == CURLE_OK && part->file_name)
        result = curl_mime_filename(made, part->file_name);
    if (result == CURLE_OK && part->content_type)
        result = curl_mime_type(made, part->content_type);
    return result;
}

/* HTTP/1.1, so that breaking off ends the connection and large bodies are not held up by HTTP/2's windows. */
static CURLcode prepare_read(http_transfer_t *transfer)
{
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->request.read_length);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER);
    SET(CURLOPT_READFUNCTION, read_body);
    SET(CURLOPT_READDATA, transfer);
    SET(CURLOPT_SEEKFUNCTION, rewind_body);
    SET(CURLOPT_SEEKDATA, transfer);
    return CURLE_OK;
}

static size_t read_body(char *buffer, size_t size, size_t count, void *data)
{
    http_transfer_t *transfer = data;
    long got = transfer->request.read(transfer->request.read_baton, buffer, size * count);
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int rewind_body(void *data, curl_off_t offset, int origin)
{
    http_transfer_t *transfer = data;

    if (offset != 0 || origin != SEEK_SET || !transfer->request.rewind)
        return CURL_SEEKFUNC_FAIL;
    return transfer->request.rewind(transfer->request.read_baton) == 0 ? CURL_SEEKFUNC_OK
                                                                       : CURL_SEEKFUNC_FAIL;
}
