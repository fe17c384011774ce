#include "transfer_webdav.h"

#include <string.h>

#include <apr_strings.h>

/* Each takes about a hundred bytes; when there are more, all are forgotten and made (that is: found) again.
 */
enum { REMEMBERED_MAX = 4096 };

static tardis_error_t *make_all(webdav_t *webdav, char *directory, int *conflict, apr_pool_t *pool);
static tardis_error_t *make_one(webdav_t *webdav, const char *directory, int *conflict, apr_pool_t *pool);
static void remember(webdav_t *webdav, const char *directory);
static void keep(void *baton, tardis_http_response_t *response);

tardis_error_t *webdav_make_directories(webdav_t *webdav, const char *path, apr_pool_t *pool)
{
    char *directory = apr_pstrcat(pool, webdav->job->dest_path, "/", path, NULL);
    int remembered = apr_hash_count(webdav->made) > 0;
    int conflict = 0;

    *strrchr(directory, '/') = '\0';
    if (apr_hash_get(webdav->made, directory, APR_HASH_KEY_STRING))
        return NULL;
    tardis_error_t *error = make_all(webdav, directory, &conflict, pool);
    if (error && conflict && remembered) {
        /* Somebody removed one that we took for granted. */
        webdav_forget_directories(webdav);
        error = make_all(webdav, directory, &conflict, pool);
    }
    return error;
}

static tardis_error_t *make_all(webdav_t *webdav, char *directory, int *conflict, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    char *end = directory;

    while (!error && end) {
        end = strchr(end, '/');
        if (end)
            *end = '\0';
        if (!apr_hash_get(webdav->made, directory, APR_HASH_KEY_STRING))
            error = make_one(webdav, directory, conflict, pool);
        if (end)
            *end++ = '/';
    }
    return error;
}

static tardis_error_t *make_one(webdav_t *webdav, const char *directory, int *conflict, apr_pool_t *pool)
{
    tardis_http_response_t *response = NULL;
    tardis_error_t *error = NULL;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pool);
    tardis_http_request_t request = {
        .method = "MKCOL",
        .url = apr_pstrcat(scratch, webdav_url(webdav, directory, scratch), "/", NULL),
        .user = webdav->user,
        .password = webdav->password,
    };
    tardis_http_submit(webdav->context->http, &request, keep, &response, scratch);
    while (!response) {
        tardis_error_t *stop = webdav_step(webdav, pool);
        if (stop)
            error = stop;
    }
    /* RFC 4918, 9.3: 405 is for what exists; some servers redirect to it instead. */
    int exists = !response->error && (response->status == 405 || response->status == 301);
    *conflict = !response->error && response->status == 409;
    if (!error && !exists)
        error = webdav_error(webdav, response, apr_pstrcat(pool, "MKCOL of ", directory, NULL), pool);
    if (!error)
        remember(webdav, directory);
    apr_pool_destroy(scratch);
    return error;
}

static void keep(void *baton, tardis_http_response_t *response)
{
    *(tardis_http_response_t **)baton = response;
}

static void remember(webdav_t *webdav, const char *directory)
{
    if (apr_hash_count(webdav->made) >= REMEMBERED_MAX)
        webdav_forget_directories(webdav);
    apr_hash_set(webdav->made, apr_pstrdup(webdav->made_pool, directory), APR_HASH_KEY_STRING, webdav);
}

void webdav_forget_directories(webdav_t *webdav)
{
    if (webdav->made_pool)
        apr_pool_clear(webdav->made_pool);
    else
        apr_pool_create(&webdav->made_pool, webdav->pool);
    webdav->made = apr_hash_make(webdav->made_pool);
}
