/**
 * @file tardis_http.h
 * Requests to other hosts, over one libcurl multi engine with connection reuse: HTTPS, and SMTP for mail.
 *
 * Certificates are always checked. Redirects are never followed. Proxies from the environment are honoured as
 * by curl(1). Every request has a connect, a stall and a total timeout and a bound on the size of the answer.
 */
#ifndef TARDIS_HTTP_H
#define TARDIS_HTTP_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "tardis_error.h"

/** An engine; used by one thread at a time. */
typedef struct tardis_http_t tardis_http_t;

typedef struct tardis_http_settings_t {
    const char *ca_file;          /**< PEM; NULL: the system's authorities */
    const char *user_agent;       /**< NULL: tardis-transfer/VERSION */
    int connect_timeout;          /**< seconds; 0: 10 */
    int stall_timeout;            /**< seconds at under 1 byte a second; 0: 60 */
    int total_timeout;            /**< seconds for a request that is not TARDIS_HTTP_BULK; 0: 300 */
    int maximum_connections;      /**< in all; 0: 64 */
    int maximum_host_connections; /**< per host; 0: 8 */
} tardis_http_settings_t;

/**
 * Creates an engine that goes with @a pool. Requests that are in flight then are broken off without a call of
 * their `done`.
 * @return TARDIS_CONFIG_INVALID: ca_file cannot be read; TARDIS_INTERNAL_ERROR: no memory.
 */
tardis_error_t *tardis_http_create(tardis_http_t **http, const tardis_http_settings_t *settings,
                                   apr_pool_t *pool);

/**
 * Gives the next bytes of a request's body. Returns how many were put into @a buffer, 0 at the end, or -1 to
 * break the request off (the connection is closed so that the other side sees an incomplete body).
 */
typedef long tardis_http_read_fn(void *baton, char *buffer, apr_size_t size);

/**
 * Starts the body over: called when a kept connection turned out to be closed and the request is sent once
 * more on a new one. Returns 0 if the next read will give the first byte again.
 */
typedef int tardis_http_rewind_fn(void *baton);

/** One part of a multipart/form-data body. Exactly one of value and file is set. */
typedef struct tardis_http_part_t {
    const char *name;
    const char *value;        /**< text field */
    const char *file;         /**< path of a file that is streamed */
    const char *file_name;    /**< what the other side is told it is called */
    const char *content_type; /**< of a file */
} tardis_http_part_t;

/** Flags of a request. */
enum {
    /**
     * It does no harm if the other side gets it twice, as any GET and HEAD: it is sent again, on a new
     * connection, when the one that it was on breaks, as the kept ones do where a server is restarted.
     */
    TARDIS_HTTP_IDEMPOTENT = 2,
    TARDIS_HTTP_BULK = 1 /**< a file's content: no total timeout, only the stall timeout */
};

/**
 * One request. Fields that are 0 or NULL are not sent. What it points to must live until it is done; the
 * structure itself is copied. A body is one of fields, parts, read and mail_message. A body over 1 MiB is
 * announced (Expect: 100-continue) and held back for at most a second, so that a server that refuses the
 * request need not take it.
 */
typedef struct tardis_http_request_t {
    const char *method; /**< GET, POST, PUT, MKCOL, HEAD, ... */
    const char *url;    /**< https:// or http:// */
    const apr_table_t *headers;
    const char *user; /**< HTTP Basic, sent with the first request; for mail: the login */
    const char *password;
    const apr_table_t *fields;       /**< sent application/x-www-form-urlencoded */
    const apr_array_header_t *parts; /**< of tardis_http_part_t: sent multipart/form-data */
    tardis_http_read_fn *read;       /**< body of a PUT; then HTTP/1.1 is used, else HTTP/2 where offered */
    tardis_http_rewind_fn *rewind;   /**< NULL: the body cannot be started over */
    void *read_baton;                /**< for both */
    apr_int64_t read_length;         /**< bytes that read will give in all */
    unsigned flags;
    apr_size_t maximum_answer; /**< bytes of body; 0: 64 KiB */
    /*
     * Mail: url is smtp:// or smtps://; method is ignored. STARTTLS is used where it is offered. A recipient
     * who is refused does not keep the mail from the others; if all are refused that is TARDIS_MAIL_REFUSED.
     */
    const char *mail_from;
    const apr_array_header_t *mail_to; /**< of const char * */
    const char *mail_message;          /**< RFC 5322, CRLF line ends */
} tardis_http_request_t;

/** What of a mail was refused. */
typedef enum {
    TARDIS_MAIL_SESSION,    /**< the sender, the login or the session: it would be so for any other mail */
    TARDIS_MAIL_RECIPIENTS, /**< all of them */
    TARDIS_MAIL_TEXT        /**< what it says */
} tardis_mail_refused_t;

/** How a request ended. */
typedef struct tardis_http_response_t {
    /**
     * NULL if the other side answered (with whatever status). Otherwise TARDIS_HOST_UNREACHABLE,
     * TARDIS_HOST_TIMEOUT, TARDIS_TLS_FAILED, TARDIS_ANSWER_TOO_LARGE, TARDIS_MAIL_REFUSED,
     * TARDIS_INTERRUPTED (broken off by read or by tardis_http_abort()), TARDIS_IO_ERROR (the file of a part
     * cannot be read) or TARDIS_INTERNAL_ERROR (a URL that is none, no memory). The text names host and port
     * and the reason, never the path, the user or the password.
     */
    tardis_error_t *error;
    long status;          /**< of HTTP, or SMTP's last reply; 0: none; also with TARDIS_ANSWER_TOO_LARGE */
    apr_table_t *headers; /**< of the final answer; names are case-insensitive */
    const char *body;     /**< NUL-terminated */
    apr_size_t body_length;
    int retry_after; /**< seconds, at most a day, from Retry-After (a number or a date); 0: none */
    tardis_mail_refused_t mail_refused; /**< with TARDIS_MAIL_REFUSED */
} tardis_http_response_t;

/**
 * Called once for each submitted request, from tardis_http_run() or tardis_http_abort(). May submit further
 * requests and call tardis_http_abort(), but neither tardis_http_run() nor tardis_http_call().
 */
typedef void tardis_http_done_fn(void *baton, tardis_http_response_t *response);

/**
 * Starts a request; nothing is sent before tardis_http_run(). Its answer is made in @a pool. If that pool
 * goes before @a done was called, the request is broken off and @a done never called. A request that cannot
 * be started is reported through @a done as well, from tardis_http_run().
 */
void tardis_http_submit(tardis_http_t *http, const tardis_http_request_t *request, tardis_http_done_fn *done,
                        void *baton, apr_pool_t *pool);

/** How many submitted requests are not done. */
int tardis_http_in_flight(const tardis_http_t *http);

/**
 * Drives the requests until none is in flight or @a milliseconds have passed (-1: no limit), whichever is
 * first; returns early after any request was done when @a once is not 0.
 */
void tardis_http_run(tardis_http_t *http, int milliseconds, int once);

/** Breaks off everything that is in flight when it is called; each is done with TARDIS_INTERRUPTED. */
void tardis_http_abort(tardis_http_t *http);

/**
 * Submits one request and waits for it (others in flight go on meanwhile, and may be done). Never NULL. Not
 * from a `done`.
 */
tardis_http_response_t *tardis_http_call(tardis_http_t *http, const tardis_http_request_t *request,
                                         apr_pool_t *pool);

/**
 * Percent-encodes @a text as one path segment (RFC 3986: all but unreserved characters); with @a
 * keep_slashes, as a path.
 */
const char *tardis_url_encode(const char *text, int keep_slashes, apr_pool_t *pool);

/**
 * Checks that @a url is an absolute http or https URL with a host, no user, no fragment, no space and no
 * control character.
 * @return TARDIS_USAGE, for the caller to give the code that fits; the text does not repeat the URL (which
 * may hold a password).
 */
tardis_error_t *tardis_url_check(const char *url, apr_pool_t *pool);

/** scheme://host[:port] of a URL that tardis_url_check() accepted, as it is spelt there. */
const char *tardis_url_origin(const char *url, apr_pool_t *pool);

#endif
