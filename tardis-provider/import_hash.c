#include "import.h"

#include "progress.h"

/* The callbacks of tardis_digest_files() are called by one thread at a time. */
typedef struct {
    walk_t *walk;
    walk_file_t *next;
    apr_uint64_t done;
    progress_t *progress;
    apr_pool_t *pool;
} hashing_t;

static tardis_digest_job_t *next_job(void *baton);
static void job_done(void *baton, tardis_digest_job_t *job);
static void show_progress(void *baton, apr_uint64_t bytes);

tardis_error_t *import_hash(walk_t *walk, int threads, int quiet, apr_pool_t *pool)
{
    hashing_t hashing = {.walk = walk, .next = walk->first, .pool = pool};
    hashing.progress = progress_start("hashing", walk->files, walk->bytes, quiet, pool);
    tardis_error_t *error = tardis_digest_files(threads, next_job, job_done, show_progress,
                                                tardis_command_interrupted, &hashing, pool);
    progress_end(hashing.progress);
    return error;
}

static tardis_digest_job_t *next_job(void *baton)
{
    hashing_t *hashing = baton;
    walk_file_t *file = hashing->next;
    if (!file)
        return NULL;
    hashing->next = file->next;
    file->job.baton = file;
    return &file->job;
}

static void job_done(void *baton, tardis_digest_job_t *job)
{
    hashing_t *hashing = baton;
    const walk_file_t *file = job->baton;
    hashing->done++;
    if (job->error)
        walk_problem(hashing->walk, job->path, job->error, hashing->pool);
    else if (job->size != file->size)
        walk_problem(hashing->walk, job->path,
                     tardis_error_create(hashing->pool, TARDIS_SOURCE_CHANGED, "changed during the import"),
                     hashing->pool);
}

static void show_progress(void *baton, apr_uint64_t bytes)
{
    hashing_t *hashing = baton;
    progress_update(hashing->progress, hashing->done, bytes);
}
