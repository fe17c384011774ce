#include "transfer_method.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

#include "tardis_uid.h"
#include "transfer_copy.h"
#include "transfer_source.h"

enum { PARALLEL_MAX = 64, TICK_NANOSECONDS = 250 * 1000 * 1000 };

typedef enum { SLOT_FREE, SLOT_READY, SLOT_DONE } slot_state_t;

struct crew_t;

/* One thread and the file that it copies. The state is read and written under the crew's lock. */
typedef struct {
    struct crew_t *crew;
    pthread_t thread;
    apr_pool_t *pool; /* of its own allocator; the thread's while the slot is ready, else the crew's */
    slot_state_t state;
    tardis_transfer_file_t *file;
    tardis_error_t *error;
} slot_t;

typedef struct crew_t {
    transfer_copy_t copy;
    const tardis_transfer_sink_t *sink;
    apr_pool_t *pool;
    slot_t *slots;
    int count;
    pthread_mutex_t lock;
    pthread_cond_t work; /* a slot has become ready, or stop was set */
    pthread_cond_t news; /* a slot is done */
    atomic_int stop;     /* threads break off and end */
    atomic_ullong bytes; /* written since sink->moved was told */
    int stopped;         /* sink->done said so: no more files */
    int exhausted;       /* sink->next had none, and no file was done since */
} crew_t;

static tardis_error_t *check(const tardis_site_settings_t *settings, apr_pool_t *pool);
static tardis_error_t *move(const tardis_context_t *context, const tardis_transfer_job_t *job,
                            const tardis_transfer_sink_t *sink, apr_pool_t *pool);
static tardis_error_t *run(crew_t *crew, int wanted);
static void begin(crew_t *crew, int wanted);
static void end(crew_t *crew);
static void *copy_files(void *data);
static int await_work(slot_t *slot);
static void moved(void *baton, apr_uint64_t bytes);
static int stopped(void *baton);
static void hand_out(crew_t *crew);
static tardis_error_t *collect(crew_t *crew, int *busy);
static tardis_error_t *settle(crew_t *crew, slot_t *slot);
static void await_news(crew_t *crew);

const tardis_transfer_method_t transfer_method_file = {.type = "file", .check = check, .move = move};

static tardis_error_t *check(const tardis_site_settings_t *settings, apr_pool_t *pool)
{
    const char *serversite = tardis_site_settings_transfer(settings, "serversite");

    if (*serversite != '/')
        return tardis_error_create(pool, TARDIS_SITE_SETTINGS_INVALID,
                                   "<serversite>: type file needs an absolute directory");
    if (!tardis_text_is_clean(serversite, strlen(serversite), ""))
        return tardis_error_create(pool, TARDIS_SITE_SETTINGS_INVALID,
                                   "<serversite>: not UTF-8, or with control characters");
    return NULL;
}

static tardis_error_t *move(const tardis_context_t *context, const tardis_transfer_job_t *job,
                            const tardis_transfer_sink_t *sink, apr_pool_t *pool)
{
    const char *serversite = tardis_site_settings_transfer(job->settings, "serversite");
    crew_t crew = {.sink = sink, .pool = pool};

    tardis_error_t *error = check(job->settings, pool);
    if (error)
        return error;
    int destination = open(serversite, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (destination < 0)
        return tardis_error_from_status(pool, TARDIS_DESTINATION_REFUSED, APR_FROM_OS_ERROR(errno),
                                        "serversite %s", serversite);
    crew.copy = (transfer_copy_t){
        .source = job->source,
        .destination = destination,
        .dest_path = job->dest_path,
        .baton = &crew,
        .moved = moved,
        .stopped = stopped,
    };
    error = run(&crew, job->parallel);
    /* Each file's content is on the disk; this is for the names in their directories, however many those are.
     */
    if (syncfs(destination) != 0 && !error)
        error = transfer_copy_error(errno, serversite, pool);
    close(destination);
    tardis_log(context, TARDIS_LOG_DEBUG, "transfer to %s/%s: %s", serversite, job->dest_path,
               error ? error->text : "flushed to the disk");
    return error;
}

static tardis_error_t *run(crew_t *crew, int wanted)
{
    tardis_error_t *error = NULL;
    int busy = 0;

    begin(crew, wanted);
    if (crew->count == 0)
        error = tardis_error_create(crew->pool, TARDIS_INTERNAL_ERROR,
                                    "no thread could be started to copy files");
    while (!error && (busy || !(crew->stopped || crew->exhausted))) {
        hand_out(crew);
        await_news(crew);
        error = collect(crew, &busy);
        if (crew->sink->tick(crew->sink->baton) && !error)
            error =
                tardis_error_create(crew->pool, TARDIS_INTERRUPTED, "told to stop while files were copied");
    }
    end(crew);
    /* What was finished meanwhile has arrived all the same. */
    tardis_error_t *late = collect(crew, &busy);
    for (int i = 0; i < crew->count; i++)
        apr_pool_destroy(crew->slots[i].pool);
    pthread_mutex_destroy(&crew->lock);
    return error ? error : late;
}

/* The threads block every signal, so that the process's handlers run in the thread that the program knows of.
 */
static void begin(crew_t *crew, int wanted)
{
    pthread_condattr_t monotonic;
    sigset_t all;
    sigset_t before;
    int limit = wanted < 1 ? 1 : wanted > PARALLEL_MAX ? PARALLEL_MAX : wanted;

    crew->slots = apr_pcalloc(crew->pool, (apr_size_t)limit * sizeof(slot_t));
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->work, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&crew->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (crew->count = 0; crew->count < limit; crew->count++) {
        slot_t *slot = &crew->slots[crew->count];
        slot->crew = crew;
        if (apr_pool_create_unmanaged_ex(&slot->pool, NULL, NULL) != APR_SUCCESS)
            break;
        if (pthread_create(&slot->thread, NULL, copy_files, slot) != 0) {
            apr_pool_destroy(slot->pool);
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void end(crew_t *crew)
{
    pthread_mutex_lock(&crew->lock);
    atomic_store(&crew->stop, 1);
    pthread_cond_broadcast(&crew->work);
    pthread_mutex_unlock(&crew->lock);
    for (int i = 0; i < crew->count; i++)
        pthread_join(crew->slots[i].thread, NULL);
    pthread_cond_destroy(&crew->work);
    pthread_cond_destroy(&crew->news);
}

/* One thread. */
static void *copy_files(void *data)
{
    slot_t *slot = data;
    crew_t *crew = slot->crew;
    char *block = malloc(TRANSFER_COPY_BLOCK);

    while (await_work(slot)) {
        slot->error = block
                          ? transfer_copy_file(&crew->copy, slot->file, block, slot->pool)
                          : tardis_error_create(slot->pool, TARDIS_INTERNAL_ERROR, "no memory to copy files");
        pthread_mutex_lock(&crew->lock);
        slot->state = SLOT_DONE;
        pthread_cond_signal(&crew->news);
        pthread_mutex_unlock(&crew->lock);
    }
    free(block);
    return NULL;
}

/* 0: there will be no more. */
static int await_work(slot_t *slot)
{
    crew_t *crew = slot->crew;

    pthread_mutex_lock(&crew->lock);
    while (slot->state != SLOT_READY && !atomic_load(&crew->stop))
        pthread_cond_wait(&crew->work, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
    return !atomic_load(&crew->stop);
}

static void moved(void *baton, apr_uint64_t bytes)
{
    crew_t *crew = baton;
    atomic_fetch_add(&crew->bytes, bytes);
}

static int stopped(void *baton)
{
    crew_t *crew = baton;
    return atomic_load(&crew->stop);
}

/* Gives every free slot a file. */
static void hand_out(crew_t *crew)
{
    int given = 0;

    for (int i = 0; i < crew->count && !crew->stopped && !crew->exhausted; i++) {
        slot_t *slot = &crew->slots[i];
        if (slot->file)
            continue;
        tardis_transfer_file_t *file = crew->sink->next(crew->sink->baton);
        if (!file) {
            crew->exhausted = 1;
            break;
        }
        apr_pool_clear(slot->pool);
        pthread_mutex_lock(&crew->lock);
        slot->file = file;
        slot->state = SLOT_READY;
        pthread_mutex_unlock(&crew->lock);
        given = 1;
    }
    if (given) {
        pthread_mutex_lock(&crew->lock);
        pthread_cond_broadcast(&crew->work);
        pthread_mutex_unlock(&crew->lock);
    }
}

/*
 * Tells the caller of what was written and of the files that are done; an error that is not one file's alone
 * is returned.
 */
static tardis_error_t *collect(crew_t *crew, int *busy)
{
    tardis_error_t *error = NULL;
    apr_uint64_t bytes = atomic_exchange(&crew->bytes, 0);

    if (bytes > 0)
        crew->sink->moved(crew->sink->baton, bytes);
    *busy = 0;
    for (int i = 0; i < crew->count; i++) {
        slot_t *slot = &crew->slots[i];
        pthread_mutex_lock(&crew->lock);
        int done = slot->file && slot->state == SLOT_DONE;
        pthread_mutex_unlock(&crew->lock);
        tardis_error_t *stop = done ? settle(crew, slot) : NULL;
        if (!error)
            error = stop;
        if (slot->file)
            ++*busy;
    }
    return error;
}

static tardis_error_t *settle(crew_t *crew, slot_t *slot)
{
    tardis_transfer_file_t *file = slot->file;

    pthread_mutex_lock(&crew->lock);
    slot->state = SLOT_FREE;
    pthread_mutex_unlock(&crew->lock);
    slot->file = NULL;
    if (slot->error && transfer_error_stops_job(slot->error))
        return tardis_error_copy(crew->pool, slot->error);
    if (crew->sink->done(crew->sink->baton, file, slot->error) != 0)
        crew->stopped = 1;
    crew->exhausted = 0;
    return NULL;
}

/* Until a file is done, or it is time for a tick. */
static void await_news(crew_t *crew)
{
    struct timespec until;
    int rc = 0;
    int done = 0;
    int busy = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_NANOSECONDS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&crew->lock);
    for (;;) {
        for (int i = 0; i < crew->count; i++) {
            done |= crew->slots[i].state == SLOT_DONE;
            busy |= crew->slots[i].state == SLOT_READY;
        }
        if (done || !busy || rc != 0)
            break;
        rc = pthread_cond_timedwait(&crew->news, &crew->lock, &until);
    }
    pthread_mutex_unlock(&crew->lock);
}
