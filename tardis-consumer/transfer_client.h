/**
 * @file transfer_client.h
 * The consumer's requests to a provider (protocol.md, "Provider views"), and what their answers mean as typed
 * errors.
 *
 * The key goes to the provider's own URL only. Whatever a provider answers becomes one bounded line of clean
 * text.
 */
#ifndef TRANSFER_CLIENT_H
#define TRANSFER_CLIENT_H

#include "settings.h"
#include "tardis_status.h"

/** How a request ended: @a error NULL is success. What is handed over lives in the pool of the request. */
typedef struct transfer_granted_t transfer_granted_t;
typedef void transfer_get_done_fn(void *baton, const tardis_error_t *error,
                                  const transfer_granted_t *granted);
typedef void transfer_status_done_fn(void *baton, const tardis_error_t *error, const tardis_status_t *status);

/** What `get/` asks for. */
typedef struct transfer_get_t {
    const char *uid;
    const char *dest_path;
    const char *site_settings_url;
    const apr_array_header_t *files; /**< const char *: paths of those that are wanted again; NULL: all */
    apr_uint64_t sending;            /**< with files: after which all others were proven */
} transfer_get_t;

/** What a provider says beyond `OK`; a number that it does not say, or not as a number, is 0. */
struct transfer_granted_t {
    apr_uint64_t files;   /**< how many files it sends, and no others; 0: all */
    apr_uint64_t sending; /**< the sending in which it does */
};

/**
 * POST get/: success is 200 with the body `OK`. Needs context->http; @a done is called by its
 * tardis_http_run(). Errors: PROVIDER_UNREACHABLE, PROVIDER_TIMEOUT, TLS_FAILED, KEY_REFUSED, HTTPS_REQUIRED,
 * UID_UNKNOWN, REQUEST_REFUSED, PROVIDER_REDIRECT, PROVIDER_ERROR (with retry_after), ANSWER_MALFORMED and
 * ANSWER_TOO_LARGE.
 */
void transfer_client_get(const tardis_context_t *context, const consumer_provider_t *provider,
                         const transfer_get_t *get, transfer_get_done_fn *done, void *baton,
                         apr_pool_t *pool);

/** What transfer_client_get() asks of whom, for the history: method, URL and fields. */
const char *transfer_client_get_text(const consumer_provider_t *provider, const transfer_get_t *get,
                                     apr_pool_t *pool);

/**
 * GET status/<uid>/: success is 200 with a status document, whatever status it tells; its texts are bounded.
 * Errors as above but UID_UNKNOWN: the view answers 200 for every uid, so a 404 is ANSWER_MALFORMED.
 */
void transfer_client_status(const tardis_context_t *context, const consumer_provider_t *provider,
                            const char *uid, transfer_status_done_fn *done, void *baton, apr_pool_t *pool);

/** How a question for what a provider can do ended. @param protocol not to be looked at after an error. */
typedef void transfer_discover_done_fn(void *baton, const tardis_error_t *error,
                                       const tardis_protocol_t *protocol);

/**
 * GET /apps/sync/provider/ (protocol.md, "Extensions"). An original answers 404; whatever is not the
 * document is an error.
 */
void transfer_client_discover(const tardis_context_t *context, const consumer_provider_t *provider,
                              transfer_discover_done_fn *done, void *baton, apr_pool_t *pool);

/** How a question about many uids ended. @param answers one for each uid; NULL after an error. */
typedef void transfer_statuses_done_fn(void *baton, const tardis_error_t *error,
                                       const tardis_status_answer_t *answers);

/**
 * POST status/ about @a count uids. @a error is about the whole request; what is wrong with one answer is in
 * it. As much of an answer is read as @a count long documents take.
 */
void transfer_client_statuses(const tardis_context_t *context, const consumer_provider_t *provider,
                              const char *const *uids, int count, transfer_statuses_done_fn *done,
                              void *baton, apr_pool_t *pool);

/** At most @a limit bytes of text from outside as one clean line of UTF-8; "..." stands for what was cut off.
 */
const char *transfer_bounded(const char *text, apr_size_t limit, apr_pool_t *pool);

#endif
