/**
 * @file http_internal.h
 * What the http*.c files share; not installed. Their functions are named http_* and are not exported.
 */
#ifndef TARDIS_HTTP_INTERNAL_H
#define TARDIS_HTTP_INTERNAL_H

#include <apr_hash.h>
#include <curl/curl.h>

#include "tardis_http.h"

/**
 * One request in flight. In memory of its own, for neither pool may go first and leave curl with what is
 * gone.
 */
typedef struct http_transfer_t {
    struct http_transfer_t *next; /**< in order of submission */
    struct http_transfer_t *previous;
    tardis_http_t *http;
    CURL *easy;
    int added;       /**< the multi handle has it */
    CURLcode failed; /**< why it could not be started; CURLE_OK: it can */
    apr_uint64_t serial;

    tardis_http_request_t request;
    tardis_http_done_fn *done;
    void *baton;
    apr_pool_t *pool;
    tardis_http_response_t *response; /**< in pool */

    struct curl_slist *headers;
    struct curl_slist *recipients;
    curl_mime *mime;
    apr_size_t mail_position; /**< bytes of the mail that were sent */
    int mail_phase;           /**< where the SMTP session is, see http_mail.c */
    int mail_refuser;         /**< where it was when the last reply came */
    char mail_reply[200];     /**< the last reply that is not about the end of the session; ASCII */
    char *body;               /**< malloc */
    apr_size_t body_length;
    apr_size_t body_size;
    apr_size_t body_limit;
    apr_size_t header_length;
    int too_large;
    int repeats; /**< how often it was started over on a new connection */
    char reason[CURL_ERROR_SIZE];
} http_transfer_t;

struct tardis_http_t {
    apr_pool_t *pool;
    tardis_http_settings_t settings;
    CURLM *multi;
    http_transfer_t *first;
    http_transfer_t *last;
    http_transfer_t *fresh; /**< the first that curl has not been handed yet; those after it are new too */
    int in_flight;
    apr_uint64_t serial;      /**< of the last request submitted */
    apr_uint64_t finished;    /**< requests done so far */
    apr_hash_t *answered;     /**< origins that have answered, by themselves */
    apr_array_header_t *idle; /**< of CURL *: easy handles to be used again */
};

/** Sets everything that the request asks for on its easy handle. @return CURLE_OK, or why it cannot be sent.
 */
CURLcode http_request_prepare(http_transfer_t *transfer);

/** As http_request_prepare(), for what only mail has. */
CURLcode http_mail_prepare(http_transfer_t *transfer);

/** Keeps the last line that the mail server has said. */
void http_mail_note_reply(http_transfer_t *transfer, const char *line, size_t length);

/** What the server has refused. @param text set to that and how it was put, for a person. */
tardis_mail_refused_t http_mail_refused(const http_transfer_t *transfer, const char **text);

/** Whether the request is mail. */
int http_request_is_mail(const tardis_http_request_t *request);

/** Makes the easy handle collect the answer. */
CURLcode http_response_prepare(http_transfer_t *transfer);

/** Forgets what has come of an answer: the request is sent anew. */
void http_response_forget(http_transfer_t *transfer);

/** Fills the response when curl has ended with @a result. */
void http_response_finish(http_transfer_t *transfer, CURLcode result);

/** "host:port" of a URL, for messages; "the server" if there is none in it. */
const char *http_url_host(const char *url, apr_pool_t *pool);

#endif
