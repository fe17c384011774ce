#include "integrity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "tardis_catalogue.h"
#include "tardis_partial_retry.h"
#include "tardis_status.h"

enum {
    PAGE_FILES = 1000,  /* files read from the database at a time */
    PROBLEMS_SHOWN = 4, /* of the problems that the result names */
    DIGEST_SHOWN = 8    /* bytes of a digest that a message quotes */
};

/* One check. The threads of tardis_digest_files() call back one at a time. */
typedef struct {
    fsm_step_t *step;
    integrity_result_t *result;
    dev_t store_device; /* which directory the store was when the check began */
    ino_t store_inode;
    const tardis_partial_retry_t *partial; /* NULL: all files are checked */
    apr_uint64_t through;                  /* the files of this check up to this number are done */
    tardis_digest_job_t *jobs;             /* of the page */
    char *is_done;                         /* of each job */
    const apr_array_header_t *files;
    int begun;   /* jobs of the page given out */
    int given;   /* whether any job was given out: each step gets somewhere */
    int settled; /* jobs of the page that are done without a gap, saved */
    int stopped;
    apr_uint64_t bytes_seen; /* read since the page began, at the last save */
    apr_time_t saved_at;
    tardis_error_t *error;
    apr_pool_t *pool; /* of the page */
} check_t;

static tardis_error_t *open_store(check_t *check);
static int is_empty(const char *directory);
static tardis_error_t *find_partial(check_t *check);
static int is_as_agreed(const check_t *check, const tardis_partial_retry_t *partial);
static tardis_error_t *read_page(const check_t *check, apr_array_header_t **files);
static tardis_error_t *check_page(check_t *check);
static void prepare(check_t *check, int index);
static tardis_digest_job_t *next_job(void *baton);
static void job_done(void *baton, tardis_digest_job_t *job);
static void progress(void *baton, apr_uint64_t bytes);
static tardis_error_t *save(check_t *check, apr_uint64_t bytes);
static tardis_error_t *write_partial(const check_t *check, apr_uint64_t through,
                                     const apr_array_header_t *mended, const apr_array_header_t *problems);
static tardis_error_t *write_checkpoint(check_t *check, apr_uint64_t through, apr_uint64_t size,
                                        apr_array_header_t *problems, int moved);
static const char *store_replaced(const check_t *check);
static const tardis_error_t *compare(const tardis_datafile_t *file, const tardis_digest_job_t *job,
                                     apr_pool_t *pool);
static apr_size_t shared_prefix(const char *text, const char *path_in_store, const char *path);
static tardis_error_t *conclude(check_t *check);

tardis_error_t *integrity_check(fsm_step_t *step, integrity_result_t *result)
{
    check_t check = {.step = step, .result = result};
    const tardis_synced_t *synced = step->synced;
    result->checked_through = synced->checked_through;
    result->bytes_checked = synced->bytes_checked;
    apr_pool_create(&check.pool, step->pool);
    tardis_error_t *error = synced->file_count > 0 ? open_store(&check) : NULL;
    if (!error && synced->checked_through >= synced->file_count)
        error = find_partial(&check);
    check.through = check.partial ? check.partial->checked_through : result->checked_through;
    while (!error && !check.stopped) {
        apr_array_header_t *files;
        apr_pool_clear(check.pool);
        error = read_page(&check, &files);
        if (error || files->nelts == 0)
            break;
        check.files = files;
        error = check_page(&check);
    }
    if (!error && !check.stopped)
        error = conclude(&check);
    error = tardis_error_copy(step->pool, error);
    apr_pool_destroy(check.pool);
    return error;
}

/* An unmounted store is often an empty directory: without anything in it, it says nothing about files. */
static tardis_error_t *open_store(check_t *check)
{
    const char *store = check->step->fsm->settings->store;
    const char *directory =
        apr_psprintf(check->step->pool, "%s/%" APR_UINT64_T_FMT, store, check->step->synced->experiment_id);
    struct stat info;
    DIR *opened = opendir(store);
    if (!opened)
        return tardis_error_from_status(check->step->pool, TARDIS_STORE_UNAVAILABLE, errno, "store %s",
                                        store);
    int rc = fstat(dirfd(opened), &info);
    closedir(opened);
    if (rc != 0)
        return tardis_error_from_status(check->step->pool, TARDIS_STORE_UNAVAILABLE, errno, "store %s",
                                        store);
    check->store_device = info.st_dev;
    check->store_inode = info.st_ino;
    if (lstat(directory, &info) != 0 && is_empty(store))
        return tardis_error_create(check->step->pool, TARDIS_STORE_UNAVAILABLE,
                                   "store %s is empty; is it mounted?", store);
    return NULL;
}

static int is_empty(const char *directory)
{
    DIR *opened = opendir(directory);
    struct dirent *entry;
    int empty = 1;
    while (opened && empty && (entry = readdir(opened)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (opened)
        closedir(opened);
    return empty;
}

/* A check has gone through all files. What the provider has sent since counts only for what was agreed. */
static tardis_error_t *find_partial(check_t *check)
{
    const fsm_step_t *step = check->step;
    apr_uint64_t id = step->synced->experiment_id;
    tardis_partial_retry_t *partial;
    tardis_error_t *error = tardis_partial_retry_find(step->fsm->context, id, &partial, step->pool);
    if (error || !partial)
        return error;
    if (is_as_agreed(check, partial)) {
        check->partial = partial;
        check->result->again = partial->files;
        return NULL;
    }
    check->result->checked_through = 0;
    check->result->bytes_checked = 0;
    return tardis_partial_retry_forget(step->fsm->context, id, step->outcome.lease_owner, step->pool);
}

static int is_as_agreed(const check_t *check, const tardis_partial_retry_t *partial)
{
    const char *document = check->step->synced->status_document;
    tardis_status_t *status;
    return partial->agreed && document &&
           !tardis_status_decode(document, strlen(document), &status, check->pool) &&
           status->status == TARDIS_STATUS_COMPLETE && status->sending > 0 &&
           (apr_uint64_t)status->sending == partial->sending;
}

static tardis_error_t *read_page(const check_t *check, apr_array_header_t **files)
{
    const tardis_context_t *context = check->step->fsm->context;
    apr_uint64_t id = check->step->synced->experiment_id;
    apr_uint32_t after = (apr_uint32_t)check->through;
    return check->partial ? tardis_partial_retry_files(context, id, after, PAGE_FILES, files, check->pool)
                          : tardis_datafile_page(context, id, after, PAGE_FILES, files, check->pool);
}

static tardis_error_t *check_page(check_t *check)
{
    apr_size_t count = (apr_size_t)check->files->nelts;
    check->jobs = apr_pcalloc(check->pool, count * sizeof(*check->jobs));
    check->is_done = apr_pcalloc(check->pool, count);
    check->begun = check->settled = 0;
    check->bytes_seen = 0;
    for (int i = 0; i < check->files->nelts; i++)
        prepare(check, i);
    tardis_error_t *error = tardis_digest_files(check->step->fsm->settings->hash_threads, next_job, job_done,
                                                progress, NULL, check, check->pool);
    if (!error)
        error = check->error;
    return error ? error : save(check, check->bytes_seen + 1);
}

static void prepare(check_t *check, int index)
{
    const tardis_datafile_t *file = &APR_ARRAY_IDX(check->files, index, tardis_datafile_t);
    tardis_digest_job_t *job = &check->jobs[index];
    job->directory = check->step->fsm->settings->store;
    job->path =
        apr_psprintf(check->pool, "%" APR_UINT64_T_FMT "/%s", check->step->synced->experiment_id, file->path);
    job->algorithm = file->digest_algorithm;
}

static tardis_digest_job_t *next_job(void *baton)
{
    check_t *check = baton;
    const fsm_t *fsm = check->step->fsm;
    if (check->error || check->begun == check->files->nelts)
        return NULL;
    if (check->given && fsm->stopping(fsm->baton)) {
        check->stopped = 1;
        return NULL;
    }
    check->given = 1;
    return &check->jobs[check->begun++];
}

static void job_done(void *baton, tardis_digest_job_t *job)
{
    check_t *check = baton;
    check->is_done[job - check->jobs] = 1;
    if (job->algorithm != TARDIS_DIGEST_NONE)
        check->step->bytes_read += job->size;
    /* What may pass says nothing about the file: the step as a whole is tried again. */
    if (job->error && tardis_error_is_transient(job->error->code) && !check->error)
        check->error = job->error;
}

static void progress(void *baton, apr_uint64_t bytes)
{
    check_t *check = baton;
    const fsm_t *fsm = check->step->fsm;
    if (fsm->meanwhile)
        fsm->meanwhile(fsm->baton);
    if (check->error || tardis_clock() - check->saved_at < apr_time_from_sec(1))
        return;
    check->error = save(check, bytes);
}

/* Saves what is done without a gap, with the problems among it. */
static tardis_error_t *save(check_t *check, apr_uint64_t bytes)
{
    apr_uint64_t through = check->through;
    apr_uint64_t size = 0;
    int settled = check->settled;
    apr_array_header_t *problems = apr_array_make(check->pool, 4, sizeof(tardis_file_problem_t));
    apr_array_header_t *mended = apr_array_make(check->pool, 4, sizeof(apr_uint32_t));
    for (; settled < check->files->nelts && check->is_done[settled]; settled++) {
        const tardis_datafile_t *file = &APR_ARRAY_IDX(check->files, settled, tardis_datafile_t);
        const tardis_error_t *problem = compare(file, &check->jobs[settled], check->pool);
        through = file->number;
        size += file->size;
        if (problem)
            *(tardis_file_problem_t *)apr_array_push(problems) = (tardis_file_problem_t){
                .file_number = file->number, .code = tardis_error_name(problem->code), .text = problem->text};
        else if (check->partial)
            APR_ARRAY_PUSH(mended, apr_uint32_t) = file->number;
    }
    const char *gone = problems->nelts ? store_replaced(check) : NULL;
    if (gone)
        return tardis_error_create(check->pool, TARDIS_STORE_UNAVAILABLE, "%s", gone);
    tardis_error_t *error = write_partial(check, through, mended, problems);
    if (!error)
        error = write_checkpoint(check, through, size, problems, bytes != check->bytes_seen);
    if (error)
        return error;
    check->settled = settled;
    check->bytes_seen = bytes;
    check->saved_at = tardis_clock();
    check->through = through;
    return NULL;
}

static tardis_error_t *write_partial(const check_t *check, apr_uint64_t through,
                                     const apr_array_header_t *mended, const apr_array_header_t *problems)
{
    const tardis_partial_check_t partial = {
        .experiment_id = check->step->synced->experiment_id,
        .lease_owner = check->step->outcome.lease_owner,
        .checked_through = through,
        .mended = mended,
        .problems = problems,
    };
    if (!check->partial || through == check->through)
        return NULL;
    return tardis_partial_retry_save(check->step->fsm->context, &partial, check->pool);
}

/* Of a partial check, it lengthens the lease only: all files were checked once before. */
static tardis_error_t *write_checkpoint(check_t *check, apr_uint64_t through, apr_uint64_t size,
                                        apr_array_header_t *problems, int moved)
{
    integrity_result_t *result = check->result;
    int partial = check->partial != NULL;
    const tardis_synced_checkpoint_t checkpoint = {
        .experiment_id = check->step->synced->experiment_id,
        .lease_owner = check->step->outcome.lease_owner,
        .lease_seconds = check->step->fsm->settings->lease_seconds,
        .checked_through = partial ? result->checked_through : through,
        .bytes_checked = partial ? result->bytes_checked : result->bytes_checked + size,
        .moved = moved,
        .problems = partial ? apr_array_make(check->pool, 1, sizeof(tardis_file_problem_t)) : problems,
    };
    tardis_error_t *error =
        tardis_synced_save_checkpoint(check->step->fsm->context, &checkpoint, check->pool);
    if (!error) {
        result->checked_through = checkpoint.checked_through;
        result->bytes_checked = checkpoint.bytes_checked;
    }
    return error;
}

/* Problems are believed only of the store that the check began with: one that is unmounted meanwhile has no
 * files at all. */
static const char *store_replaced(const check_t *check)
{
    const char *store = check->step->fsm->settings->store;
    struct stat info;
    if (stat(store, &info) == 0 && info.st_dev == check->store_device && info.st_ino == check->store_inode)
        return NULL;
    return apr_psprintf(check->pool, "store %s is not the directory it was a moment ago", store);
}

/* NULL: the file is as promised. */
static const tardis_error_t *compare(const tardis_datafile_t *file, const tardis_digest_job_t *job,
                                     apr_pool_t *pool)
{
    apr_size_t length = tardis_digest_length(file->digest_algorithm);
    if (job->error)
        return tardis_error_create(pool, job->error->code, "%s",
                                   job->error->text + shared_prefix(job->error->text, job->path, file->path));
    if (job->size != file->size)
        return tardis_error_create(pool, TARDIS_SIZE_MISMATCH,
                                   "%s: size is %" APR_UINT64_T_FMT " bytes, %" APR_UINT64_T_FMT
                                   " were promised",
                                   file->path, job->size, file->size);
    if (length == 0 || memcmp(job->value, file->digest, length) == 0)
        return NULL;
    return tardis_error_create(pool, TARDIS_DIGEST_MISMATCH, "%s: %s is %s..., %s... was promised",
                               file->path, tardis_digest_name(file->digest_algorithm),
                               tardis_hex_encode(job->value, DIGEST_SHOWN, pool),
                               tardis_hex_encode(file->digest, DIGEST_SHOWN, pool));
}

/* How much of an error about the path below the store is to be left out, for it to be about the path below
 * the experiment. */
static apr_size_t shared_prefix(const char *text, const char *path_in_store, const char *path)
{
    apr_size_t length = strlen(path_in_store) - strlen(path);
    return strncmp(text, path_in_store, length) == 0 ? length : 0;
}

static tardis_error_t *conclude(check_t *check)
{
    const fsm_step_t *step = check->step;
    apr_uint64_t id = step->synced->experiment_id;
    tardis_error_t *error =
        tardis_experiment_unverifiable(step->fsm->context, id, &check->result->unverifiable, step->pool);
    if (!error)
        error = tardis_file_problem_first(step->fsm->context, id, PROBLEMS_SHOWN, &check->result->problems,
                                          &check->result->problem_count, step->pool);
    check->result->finished = !error;
    return error;
}
