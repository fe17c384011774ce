#include "http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "tardis_command.h"

enum {
    POLL_MILLISECONDS = 1000,
    IDLE_HANDLES_MAX = 64,
    REPEATS_MAX = 2 /* a server that is being restarted may break a new connection as well */
};

static apr_status_t destroy(void *data);
static apr_status_t detach(void *data);
static void start_new(tardis_http_t *http);
static void collect(tardis_http_t *http);
static int start_over(http_transfer_t *transfer, CURLcode result);
static int is_broken_connection(CURLcode result);
static int can_start_over(http_transfer_t *transfer);
static int has_answered(const http_transfer_t *transfer);
static void note_answered(const http_transfer_t *transfer);
static void finish(http_transfer_t *transfer, CURLcode result);
static void unlink_transfer(http_transfer_t *transfer);
static void release(http_transfer_t *transfer);
static apr_int64_t now(void);
static int next_wait(apr_int64_t end);
static void keep_response(void *baton, tardis_http_response_t *response);

static int or_default(int value, int initial)
{
    return value > 0 ? value : initial;
}

tardis_error_t *tardis_http_create(tardis_http_t **http, const tardis_http_settings_t *settings,
                                   apr_pool_t *pool)
{
    *http = NULL;
    if (settings->ca_file && access(settings->ca_file, R_OK) != 0)
        return tardis_error_from_status(pool, TARDIS_CONFIG_INVALID, APR_FROM_OS_ERROR(errno), "ca_file %s",
                                        settings->ca_file);
    /* Counted and thread-safe since libcurl 7.84; destroy() gives it back. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "libcurl cannot be initialised");

    tardis_http_t *made = apr_pcalloc(pool, sizeof(*made));
    made->pool = pool;
    made->settings = *settings;
    made->settings.ca_file = apr_pstrdup(pool, settings->ca_file);
    made->settings.user_agent =
        apr_pstrdup(pool, settings->user_agent ? settings->user_agent : "tardis-transfer/" TARDIS_VERSION);
    made->settings.connect_timeout = or_default(settings->connect_timeout, 10);
    made->settings.stall_timeout = or_default(settings->stall_timeout, 60);
    made->settings.total_timeout = or_default(settings->total_timeout, 300);
    made->settings.maximum_connections = or_default(settings->maximum_connections, 64);
    made->settings.maximum_host_connections = or_default(settings->maximum_host_connections, 8);
    made->idle = apr_array_make(pool, 8, sizeof(CURL *));
    made->answered = apr_hash_make(pool);
    made->multi = curl_multi_init();
    if (!made->multi) {
        curl_global_cleanup();
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "no memory for the HTTP engine");
    }
    curl_multi_setopt(made->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)made->settings.maximum_connections);
    curl_multi_setopt(made->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      (long)made->settings.maximum_host_connections);
    curl_multi_setopt(made->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(made->multi, CURLMOPT_MAXCONNECTS, (long)made->settings.maximum_connections);
    /* Before the pool's children go: requests may live in them. */
    apr_pool_pre_cleanup_register(pool, made, destroy);
    *http = made;
    return NULL;
}

static apr_status_t destroy(void *data)
{
    tardis_http_t *http = data;

    while (http->first) {
        http_transfer_t *transfer = http->first;
        apr_pool_cleanup_kill(transfer->pool, transfer, detach);
        unlink_transfer(transfer);
        release(transfer);
    }
    for (int i = 0; i < http->idle->nelts; i++)
        curl_easy_cleanup(APR_ARRAY_IDX(http->idle, i, CURL *));
    curl_multi_cleanup(http->multi);
    curl_global_cleanup();
    return APR_SUCCESS;
}

/* The pool of a request goes before its end. */
static apr_status_t detach(void *data)
{
    http_transfer_t *transfer = data;
    unlink_transfer(transfer);
    release(transfer);
    return APR_SUCCESS;
}

void tardis_http_submit(tardis_http_t *http, const tardis_http_request_t *request, tardis_http_done_fn *done,
                        void *baton, apr_pool_t *pool)
{
    http_transfer_t *transfer = calloc(1, sizeof(*transfer));
    CURL **idle = apr_array_pop(http->idle);

    if (!transfer)
        abort();
    transfer->easy = idle ? *idle : curl_easy_init();
    transfer->http = http;
    transfer->request = *request;
    transfer->done = done;
    transfer->baton = baton;
    transfer->pool = pool;
    transfer->serial = ++http->serial;
    transfer->response = apr_pcalloc(pool, sizeof(*transfer->response));
    transfer->response->headers = apr_table_make(pool, 8);
    transfer->failed = transfer->easy ? http_request_prepare(transfer) : CURLE_OUT_OF_MEMORY;
    transfer->previous = http->last;
    if (http->last)
        http->last->next = transfer;
    else
        http->first = transfer;
    http->last = transfer;
    if (!http->fresh)
        http->fresh = transfer;
    http->in_flight++;
    apr_pool_cleanup_register(pool, transfer, detach, apr_pool_cleanup_null);
}

int tardis_http_in_flight(const tardis_http_t *http)
{
    return http->in_flight;
}

void tardis_http_run(tardis_http_t *http, int milliseconds, int once)
{
    apr_int64_t end = milliseconds < 0 ? 0 : now() + milliseconds;
    apr_uint64_t finished = http->finished;

    while (http->in_flight > 0) {
        int running;
        start_new(http);
        curl_multi_perform(http->multi, &running);
        collect(http);
        if (http->in_flight == 0 || (once && http->finished != finished))
            return;
        int wait = next_wait(end);
        if (wait == 0)
            return;
        if (!http->fresh)
            curl_multi_poll(http->multi, NULL, 0, wait, NULL);
    }
}

/* Requests are handed to curl here and not when they are submitted: a callback of curl may submit. */
static void start_new(tardis_http_t *http)
{
    http_transfer_t *transfer;

    while ((transfer = http->fresh) != NULL) {
        if (transfer->failed == CURLE_OK && curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
            transfer->failed = CURLE_FAILED_INIT;
        if (transfer->failed != CURLE_OK) {
            finish(transfer, transfer->failed);
            continue;
        }
        transfer->added = 1;
        http->fresh = transfer->next;
    }
}

static void collect(tardis_http_t *http)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        http_transfer_t *transfer;
        CURLcode result = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        if (!start_over(transfer, result))
            finish(transfer, result);
    }
}

/*
 * A server may close a connection just when a request is being sent; curl repeats by itself only what failed
 * on a kept one, and not always. One that can be started over goes out again, on a connection of its own, and
 * in HTTP/1.1: an httpd that is ending begins no stream any more, but answers a request.
 */
static int start_over(http_transfer_t *transfer, CURLcode result)
{
    if (!is_broken_connection(result) || !can_start_over(transfer))
        return 0;
    transfer->repeats++;
    http_response_forget(transfer);
    curl_multi_remove_handle(transfer->http->multi, transfer->easy);
    curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    transfer->added = curl_multi_add_handle(transfer->http->multi, transfer->easy) == CURLM_OK;
    return transfer->added;
}

static int is_broken_connection(CURLcode result)
{
    return result == CURLE_SEND_ERROR || result == CURLE_RECV_ERROR || result == CURLE_GOT_NOTHING ||
           result == CURLE_PARTIAL_FILE || result == CURLE_HTTP2 || result == CURLE_HTTP2_STREAM;
}

/* A connection that was made for the request tells of the server, unless that has answered just before. */
static int can_start_over(http_transfer_t *transfer)
{
    const tardis_http_request_t *request = &transfer->request;
    long connections = 1;

    if (http_request_is_mail(request))
        return 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connections);
    if (request->read)
        return transfer->repeats == 0 && transfer->header_length == 0 && connections == 0 &&
               request->rewind && request->rewind(request->read_baton) == 0;
    if (transfer->repeats == REPEATS_MAX || (connections > 0 && !has_answered(transfer)))
        return 0;
    return (request->flags & TARDIS_HTTP_IDEMPOTENT) || strcmp(request->method, "GET") == 0 ||
           strcmp(request->method, "HEAD") == 0;
}

static int has_answered(const http_transfer_t *transfer)
{
    const char *origin = tardis_url_origin(transfer->request.url, transfer->pool);
    return apr_hash_get(transfer->http->answered, origin, APR_HASH_KEY_STRING) != NULL;
}

static void note_answered(const http_transfer_t *transfer)
{
    const char *origin;

    if (http_request_is_mail(&transfer->request) || has_answered(transfer))
        return;
    origin = tardis_url_origin(transfer->request.url, transfer->http->pool);
    apr_hash_set(transfer->http->answered, origin, APR_HASH_KEY_STRING, origin);
}

/*
 * Fills the response, lets go of everything, and only then tells the caller, who may clear the pool or submit
 * anew.
 */
static void finish(http_transfer_t *transfer, CURLcode result)
{
    tardis_http_response_t *response = transfer->response;
    tardis_http_done_fn *done = transfer->done;
    void *baton = transfer->baton;

    http_response_finish(transfer, result);
    if (result == CURLE_OK)
        note_answered(transfer);
    apr_pool_cleanup_kill(transfer->pool, transfer, detach);
    unlink_transfer(transfer);
    transfer->http->finished++;
    release(transfer);
    done(baton, response);
}

static void unlink_transfer(http_transfer_t *transfer)
{
    tardis_http_t *http = transfer->http;

    if (http->fresh == transfer)
        http->fresh = transfer->next;
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        http->first = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    else
        http->last = transfer->previous;
    http->in_flight--;
}

static void release(http_transfer_t *transfer)
{
    tardis_http_t *http = transfer->http;

    if (transfer->added)
        curl_multi_remove_handle(http->multi, transfer->easy);
    if (transfer->easy) {
        curl_easy_reset(transfer->easy);
        if (http->idle->nelts < IDLE_HANDLES_MAX)
            APR_ARRAY_PUSH(http->idle, CURL *) = transfer->easy;
        else
            curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->recipients);
    curl_mime_free(transfer->mime);
    free(transfer->body);
    free(transfer);
}

/* Milliseconds of a clock that nobody sets. */
static apr_int64_t now(void)
{
    return apr_time_as_msec(tardis_clock());
}

/* Milliseconds to wait, 0 when the time is up; @a end 0: no limit. */
static int next_wait(apr_int64_t end)
{
    apr_int64_t left = end ? end - now() : POLL_MILLISECONDS;

    if (left <= 0)
        return 0;
    return left < POLL_MILLISECONDS ? (int)left : POLL_MILLISECONDS;
}

void tardis_http_abort(tardis_http_t *http)
{
    apr_uint64_t last = http->serial;

    while (http->first && http->first->serial <= last)
        finish(http->first, CURLE_ABORTED_BY_CALLBACK);
}

tardis_http_response_t *tardis_http_call(tardis_http_t *http, const tardis_http_request_t *request,
                                         apr_pool_t *pool)
{
    tardis_http_response_t *response = NULL;

    tardis_http_submit(http, request, keep_response, &response, pool);
    while (!response)
        tardis_http_run(http, -1, 1);
    return response;
}

static void keep_response(void *baton, tardis_http_response_t *response)
{
    *(tardis_http_response_t **)baton = response;
}
