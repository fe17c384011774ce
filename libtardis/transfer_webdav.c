#include "transfer_webdav.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_uid.h"
#include "transfer_method.h"
#include "transfer_source.h"

enum { PARALLEL_MAX = 64, STEP_MILLISECONDS = 250 };

/* A file on its way. */
typedef struct {
    webdav_t *webdav;
    apr_pool_t *pool;             /* NULL until first used; cleared for each file */
    tardis_transfer_file_t *file; /* NULL: the slot is free */
    transfer_source_t *source;
    tardis_error_t *error;            /* of reading */
    tardis_http_response_t *response; /* NULL: not done */
    apr_uint64_t position;
    apr_uint64_t counted; /* bytes that sink->moved was told of */
    int again;            /* the directory had to be made once more */
} slot_t;

static tardis_error_t *check(const tardis_site_settings_t *settings, apr_pool_t *pool);
static tardis_error_t *move(const tardis_context_t *context, const tardis_transfer_job_t *job,
                            const tardis_transfer_sink_t *sink, apr_pool_t *pool);
static const char *trimmed(const char *serversite, apr_pool_t *pool);
static tardis_error_t *prepare(webdav_t *webdav, const tardis_context_t *context,
                               const tardis_transfer_job_t *job, const tardis_transfer_sink_t *sink,
                               apr_pool_t *pool);
static tardis_error_t *fill(webdav_t *webdav, slot_t *slots, int count);
static tardis_error_t *start(slot_t *slot);
static void submit(slot_t *slot);
static long read_source(void *baton, char *buffer, apr_size_t size);
static int rewind_source(void *baton);
static void keep_response(void *baton, tardis_http_response_t *response);
static tardis_error_t *drain(slot_t *slots, int count, int *busy);
static tardis_error_t *settle(slot_t *slot);
static tardis_error_t *outcome(slot_t *slot);
static tardis_error_t *finish(slot_t *slot, tardis_error_t *error);

const tardis_transfer_method_t transfer_method_webdav = {.type = "webdav", .check = check, .move = move};

static tardis_error_t *check(const tardis_site_settings_t *settings, apr_pool_t *pool)
{
    const char *serversite = trimmed(tardis_site_settings_transfer(settings, "serversite"), pool);
    tardis_error_t *error = tardis_url_check(tardis_site_settings_transfer(settings, "sl"), pool);

    if (error)
        return tardis_error_create(pool, TARDIS_SITE_SETTINGS_INVALID, "<sl>: %s", error->text);
    if (strchr(tardis_site_settings_transfer(settings, "sl"), '?'))
        return tardis_error_create(pool, TARDIS_SITE_SETTINGS_INVALID, "<sl>: the URL has a query (?)");
    error = *serversite ? tardis_path_check(serversite, pool) : NULL;
    if (error)
        return tardis_error_create(pool, TARDIS_SITE_SETTINGS_INVALID, "<serversite>: %s", error->text);
    if (strchr(tardis_site_settings_transfer(settings, "user"), ':'))
        return tardis_error_create(pool, TARDIS_SITE_SETTINGS_INVALID,
                                   "<user>: a user name cannot hold a colon");
    return NULL;
}

/* Without the slashes at either end. */
static const char *trimmed(const char *serversite, apr_pool_t *pool)
{
    while (*serversite == '/')
        serversite++;
    size_t length = strlen(serversite);
    while (length > 0 && serversite[length - 1] == '/')
        length--;
    return apr_pstrmemdup(pool, serversite, length);
}

static tardis_error_t *move(const tardis_context_t *context, const tardis_transfer_job_t *job,
                            const tardis_transfer_sink_t *sink, apr_pool_t *pool)
{
    webdav_t webdav = {0};
    int count = job->parallel < 1 ? 1 : job->parallel > PARALLEL_MAX ? PARALLEL_MAX : job->parallel;
    slot_t *slots = apr_pcalloc(pool, (apr_size_t)count * sizeof(*slots));
    int busy = 0;

    tardis_error_t *error = prepare(&webdav, context, job, sink, pool);
    while (!error && (busy || !(webdav.stopped || webdav.exhausted))) {
        error = fill(&webdav, slots, count);
        if (!error)
            error = webdav_step(&webdav, pool);
        /* Also when the job ends here: what has arrived is told. */
        tardis_error_t *stop = drain(slots, count, &busy);
        if (!error)
            error = stop;
    }
    if (error)
        tardis_http_abort(context->http);
    for (int i = 0; i < count; i++) {
        if (slots[i].pool)
            apr_pool_destroy(slots[i].pool);
    }
    return error;
}

static tardis_error_t *prepare(webdav_t *webdav, const tardis_context_t *context,
                               const tardis_transfer_job_t *job, const tardis_transfer_sink_t *sink,
                               apr_pool_t *pool)
{
    tardis_error_t *error = check(job->settings, pool);
    if (error)
        return error;
    const char *sl = tardis_site_settings_transfer(job->settings, "sl");
    const char *serversite = trimmed(tardis_site_settings_transfer(job->settings, "serversite"), pool);
    const char *user = tardis_site_settings_transfer(job->settings, "user");
    size_t length = strlen(sl);
    while (sl[length - 1] == '/')
        length--;
    webdav->base = apr_pstrcat(pool, apr_pstrmemdup(pool, sl, length), *serversite ? "/" : "",
                               tardis_url_encode(serversite, 1, pool), NULL);
    webdav->user = *user ? user : NULL;
    webdav->password = tardis_site_settings_transfer(job->settings, "password");
    webdav->context = context;
    webdav->job = job;
    webdav->sink = sink;
    webdav->pool = pool;
    webdav_forget_directories(webdav);
    return NULL;
}

const char *webdav_url(const webdav_t *webdav, const char *path, apr_pool_t *pool)
{
    return apr_pstrcat(pool, webdav->base, "/", tardis_url_encode(path, 1, pool), NULL);
}

/* Gives every free slot a file. */
static tardis_error_t *fill(webdav_t *webdav, slot_t *slots, int count)
{
    tardis_error_t *error = NULL;

    for (int i = 0; i < count && !webdav->stopped && !webdav->exhausted && !error; i++) {
        slot_t *slot = &slots[i];
        if (slot->file)
            continue;
        tardis_transfer_file_t *file = webdav->sink->next(webdav->sink->baton);
        if (!file) {
            webdav->exhausted = 1;
            break;
        }
        apr_pool_t *slot_pool = slot->pool;
        if (slot_pool)
            apr_pool_clear(slot_pool);
        else
            apr_pool_create(&slot_pool, webdav->pool);
        *slot = (slot_t){.webdav = webdav, .pool = slot_pool, .file = file};
        error = start(slot);
        if (error)
            error = finish(slot, error);
    }
    return error;
}

/* Opens the file and has its directories made before its request goes out. */
static tardis_error_t *start(slot_t *slot)
{
    webdav_t *webdav = slot->webdav;

    slot->position = 0;
    slot->response = NULL;
    tardis_error_t *error = transfer_source_open(&slot->source, webdav->job->source, slot->file, slot->pool);
    if (!error)
        error = webdav_make_directories(webdav, slot->file->path, slot->pool);
    if (!error)
        submit(slot);
    return error;
}

static void submit(slot_t *slot)
{
    const webdav_t *webdav = slot->webdav;
    const char *path = apr_pstrcat(slot->pool, webdav->job->dest_path, "/", slot->file->path, NULL);
    tardis_http_request_t request = {
        .method = "PUT",
        .url = webdav_url(webdav, path, slot->pool),
        .user = webdav->user,
        .password = webdav->password,
        .read = read_source,
        .rewind = rewind_source,
        .read_baton = slot,
        .read_length = (apr_int64_t)slot->file->size,
        .flags = TARDIS_HTTP_BULK,
    };
    tardis_http_submit(webdav->context->http, &request, keep_response, slot, slot->pool);
}

static long read_source(void *baton, char *buffer, apr_size_t size)
{
    slot_t *slot = baton;
    const tardis_transfer_sink_t *sink = slot->webdav->sink;
    apr_size_t length;

    slot->error = transfer_source_read(slot->source, buffer, size, &length);
    if (slot->error)
        return -1;
    slot->position += length;
    if (slot->position > slot->counted) {
        sink->moved(sink->baton, slot->position - slot->counted);
        slot->counted = slot->position;
    }
    return (long)length;
}

static int rewind_source(void *baton)
{
    slot_t *slot = baton;

    slot->error = transfer_source_rewind(slot->source);
    slot->position = 0;
    return slot->error ? -1 : 0;
}

static void keep_response(void *baton, tardis_http_response_t *response)
{
    slot_t *slot = baton;
    slot->response = response;
}

tardis_error_t *webdav_error(const webdav_t *webdav, const tardis_http_response_t *response, const char *what,
                             apr_pool_t *pool)
{
    tardis_error_code_t code;

    /* An answer counts even if the connection broke while the rest of a body was still being sent. */
    if (response->error && response->status < 400) {
        code = response->error->code == TARDIS_HOST_UNREACHABLE ? TARDIS_CONSUMER_UNREACHABLE
               : response->error->code == TARDIS_HOST_TIMEOUT   ? TARDIS_CONSUMER_TIMEOUT
                                                                : response->error->code;
        return tardis_error_create(pool, code, "%s: %s", what, response->error->text);
    }
    switch (response->status) {
    case 401:
    case 403:
        code = TARDIS_DESTINATION_REFUSED;
        break;
    case 413:
    case 507:
        code = TARDIS_DESTINATION_FULL;
        break;
    default:
        if (response->status < 300)
            return NULL;
        code = TARDIS_DESTINATION_ERROR;
    }
    tardis_error_t *error = tardis_error_create(pool, code, "%s: %s answered with HTTP status %ld", what,
                                                tardis_url_origin(webdav->base, pool), response->status);
    error->retry_after = response->retry_after;
    return error;
}

tardis_error_t *webdav_step(webdav_t *webdav, apr_pool_t *pool)
{
    tardis_http_run(webdav->context->http, STEP_MILLISECONDS, 1);
    if (!webdav->interrupted && !webdav->sink->tick(webdav->sink->baton))
        return NULL;
    webdav->interrupted = 1;
    tardis_http_abort(webdav->context->http);
    return tardis_error_create(pool, TARDIS_INTERRUPTED, "told to stop while files were sent");
}

/* Settles what is done; all of it, also when one stops the job, for the others have arrived. */
static tardis_error_t *drain(slot_t *slots, int count, int *busy)
{
    tardis_error_t *error = NULL;

    *busy = 0;
    for (int i = 0; i < count; i++) {
        tardis_error_t *stop = slots[i].file && slots[i].response ? settle(&slots[i]) : NULL;
        if (!error)
            error = stop;
        if (slots[i].file)
            ++*busy;
    }
    return error;
}

static tardis_error_t *settle(slot_t *slot)
{
    tardis_error_t *error;

    if (!slot->error && slot->response->status == 409 && !slot->again && !slot->webdav->interrupted) {
        /* RFC 4918, 9.7.1: the directory is not there. Somebody removed it. */
        slot->again = 1;
        webdav_forget_directories(slot->webdav);
        error = start(slot);
        return error ? finish(slot, error) : NULL;
    }
    return finish(slot, outcome(slot));
}

/* What reading found out is told before what became of the request. */
static tardis_error_t *outcome(slot_t *slot)
{
    if (slot->error)
        return slot->error;
    const char *what = apr_pstrcat(slot->pool, "PUT of ", slot->file->path, NULL);
    tardis_error_t *error = webdav_error(slot->webdav, slot->response, what, slot->pool);
    if (!error && !transfer_source_is_proven(slot->source))
        error = tardis_error_create(slot->pool, TARDIS_DESTINATION_ERROR,
                                    "%s: the server accepted it before it had been sent", what);
    return error;
}

/* Frees the slot and tells the caller; an error that is not the file's alone is returned instead. */
static tardis_error_t *finish(slot_t *slot, tardis_error_t *error)
{
    const tardis_transfer_sink_t *sink = slot->webdav->sink;
    tardis_transfer_file_t *file = slot->file;

    slot->file = NULL;
    if (error && transfer_error_stops_job(error))
        return tardis_error_copy(slot->webdav->pool, error);
    if (sink->done(sink->baton, file, error) != 0)
        slot->webdav->stopped = 1;
    slot->webdav->exhausted = 0;
    return NULL;
}
