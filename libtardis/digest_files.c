#include "tardis_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tardis_uid.h"

enum { BLOCK = 1024 * 1024, THREADS_MAX = 256, PROGRESS_NANOSECONDS = 200 * 1000 * 1000 };

/*
 * What the threads share. Everything below the lock is read and written under it, the callbacks are called
 * under it.
 */
typedef struct {
    tardis_digest_job_t *(*next)(void *baton);
    void (*done)(void *baton, tardis_digest_job_t *job);
    int (*stop)(void);
    void *baton;
    apr_pool_t *pool;

    pthread_mutex_t lock;
    pthread_cond_t ended; /* a worker has ended */
    int workers;
    apr_uint64_t bytes;
    int exhausted;
    tardis_error_t *error;
} crew_t;

static int start_workers(crew_t *crew, pthread_t *workers, int wanted);
static void wait_for_workers(crew_t *crew, void (*progress)(void *baton, apr_uint64_t bytes));
static void *work(void *data);
static tardis_digest_job_t *take(crew_t *crew);
static int hash(crew_t *crew, tardis_digest_job_t *job, unsigned char *block, apr_pool_t *pool);
static int read_all(crew_t *crew, tardis_digest_job_t *job, int fd, tardis_digest_t *digest,
                    unsigned char *block, apr_pool_t *pool);
static void count(crew_t *crew, apr_size_t bytes);
static void give_up(crew_t *crew, tardis_error_code_t code, const char *text);

tardis_error_t *tardis_digest_files(int threads, tardis_digest_job_t *(*next)(void *baton),
                                    void (*done)(void *baton, tardis_digest_job_t *job),
                                    void (*progress)(void *baton, apr_uint64_t bytes), int (*stop)(void),
                                    void *baton, apr_pool_t *pool)
{
    crew_t crew = {.next = next, .done = done, .stop = stop, .baton = baton, .pool = pool};
    pthread_t workers[THREADS_MAX];
    pthread_condattr_t monotonic;

    if (threads <= 0)
        threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (threads < 1)
        threads = 1;
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    pthread_mutex_init(&crew.lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&crew.ended, &monotonic);
    pthread_condattr_destroy(&monotonic);

    int started = start_workers(&crew, workers, threads);
    wait_for_workers(&crew, progress);
    for (int i = 0; i < started; i++)
        pthread_join(workers[i], NULL);
    pthread_cond_destroy(&crew.ended);
    pthread_mutex_destroy(&crew.lock);
    if (started == 0)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "no thread could be started to read files");
    return crew.error;
}

/* The workers block every signal, so that the process's handlers run in the thread that the program knows of.
 */
static int start_workers(crew_t *crew, pthread_t *workers, int wanted)
{
    int started = 0;
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&crew->lock);
    while (started < wanted && pthread_create(&workers[started], NULL, work, crew) == 0)
        started++;
    crew->workers = started;
    pthread_mutex_unlock(&crew->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void wait_for_workers(crew_t *crew, void (*progress)(void *baton, apr_uint64_t bytes))
{
    pthread_mutex_lock(&crew->lock);
    while (crew->workers > 0) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += PROGRESS_NANOSECONDS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        int rc = 0;
        while (crew->workers > 0 && rc == 0)
            rc = pthread_cond_timedwait(&crew->ended, &crew->lock, &until);
        if (progress)
            progress(crew->baton, crew->bytes);
    }
    pthread_mutex_unlock(&crew->lock);
}

/* One thread: takes jobs until there are none. Its pool has an allocator of its own, so it needs no lock. */
static void *work(void *data)
{
    crew_t *crew = data;
    apr_pool_t *pool = NULL;
    unsigned char *block = malloc(BLOCK);
    apr_status_t rv = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (!block || rv != APR_SUCCESS) {
        give_up(crew, TARDIS_INTERNAL_ERROR, "no memory to read files");
    } else {
        tardis_digest_job_t *job;
        while ((job = take(crew)) != NULL) {
            int whole = hash(crew, job, block, pool);
            pthread_mutex_lock(&crew->lock);
            job->error = tardis_error_copy(crew->pool, job->error);
            if (whole)
                crew->done(crew->baton, job);
            pthread_mutex_unlock(&crew->lock);
            apr_pool_clear(pool);
        }
    }
    if (pool)
        apr_pool_destroy(pool);
    free(block);
    pthread_mutex_lock(&crew->lock);
    crew->workers--;
    pthread_cond_signal(&crew->ended);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

static tardis_digest_job_t *take(crew_t *crew)
{
    tardis_digest_job_t *job = NULL;

    if (crew->stop && crew->stop())
        give_up(crew, TARDIS_INTERRUPTED, "told to stop while reading files");
    pthread_mutex_lock(&crew->lock);
    if (!crew->exhausted && !crew->error) {
        job = crew->next(crew->baton);
        crew->exhausted = job == NULL;
    }
    pthread_mutex_unlock(&crew->lock);
    return job;
}

/* Sets size, value and error of the job. 0: it was broken off and says nothing. */
static int hash(crew_t *crew, tardis_digest_job_t *job, unsigned char *block, apr_pool_t *pool)
{
    tardis_digest_t *digest = NULL;
    int fd = -1;

    job->size = 0;
    job->error = tardis_path_open(job->directory, job->path, &fd, &job->size, pool);
    if (job->error || job->algorithm == TARDIS_DIGEST_NONE)
        return 1;
    job->error = tardis_digest_start(&digest, job->algorithm, pool);
    if (job->error)
        return 1;
    if (!read_all(crew, job, fd, digest, block, pool))
        return 0;
    if (!job->error)
        tardis_digest_finish(digest, job->value);
    return 1;
}

static int read_all(crew_t *crew, tardis_digest_job_t *job, int fd, tardis_digest_t *digest,
                    unsigned char *block, apr_pool_t *pool)
{
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    job->size = 0;
    for (;;) {
        if (crew->stop && crew->stop()) {
            give_up(crew, TARDIS_INTERRUPTED, "told to stop while reading files");
            return 0;
        }
        ssize_t got = read(fd, block, BLOCK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            job->error = tardis_error_from_status(pool, TARDIS_IO_ERROR, errno, "%s", job->path);
        if (got <= 0)
            return 1;
        tardis_digest_update(digest, block, (apr_size_t)got);
        job->size += (apr_uint64_t)got;
        count(crew, (apr_size_t)got);
    }
}

static void count(crew_t *crew, apr_size_t bytes)
{
    pthread_mutex_lock(&crew->lock);
    crew->bytes += bytes;
    pthread_mutex_unlock(&crew->lock);
}

static void give_up(crew_t *crew, tardis_error_code_t code, const char *text)
{
    pthread_mutex_lock(&crew->lock);
    if (!crew->error)
        crew->error = tardis_error_create(crew->pool, code, "%s", text);
    pthread_mutex_unlock(&crew->lock);
}
