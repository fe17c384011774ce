/**
 * @file transfer_webdav.h
 * What the transfer_webdav*.c files share; not installed.
 */
#ifndef TARDIS_TRANSFER_WEBDAV_H
#define TARDIS_TRANSFER_WEBDAV_H

#include <apr_hash.h>

#include "tardis_http.h"
#include "tardis_transfer_method.h"

/** A job while it runs. */
typedef struct webdav_t {
    const tardis_context_t *context;
    const tardis_transfer_job_t *job;
    const tardis_transfer_sink_t *sink;
    const char *base; /**< URL of serversite, without a slash at its end */
    const char *user; /**< NULL: no credentials */
    const char *password;
    apr_pool_t *pool;
    apr_hash_t *made; /**< directories that are known to exist */
    apr_pool_t *made_pool;
    int interrupted; /**< sink->tick said so */
    int stopped;     /**< sink->done said so: no more files */
    int exhausted;   /**< sink->next had none, and no file was done since */
} webdav_t;

/** URL of a path below serversite. */
const char *webdav_url(const webdav_t *webdav, const char *path, apr_pool_t *pool);

/**
 * The typed error of an answer; NULL: a status below 300.
 * @param what "PUT of run 1/a.tif", for the text.
 */
tardis_error_t *webdav_error(const webdav_t *webdav, const tardis_http_response_t *response, const char *what,
                             apr_pool_t *pool);

/**
 * Drives requests for a moment or until one is done, then asks sink->tick; TARDIS_INTERRUPTED breaks off
 * everything.
 */
tardis_error_t *webdav_step(webdav_t *webdav, apr_pool_t *pool);

/** Makes the directories above `<dest_path>/<path>` that are not known to exist, the outermost first. */
tardis_error_t *webdav_make_directories(webdav_t *webdav, const char *path, apr_pool_t *pool);

/** Forgets which directories exist. */
void webdav_forget_directories(webdav_t *webdav);

#endif
