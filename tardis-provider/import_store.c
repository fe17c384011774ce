#include "import.h"

#include <string.h>

#include <apr_strings.h>

#include "media_type.h"
#include "tardis_db.h"
#include "tardis_digest.h"
#include "tardis_uid.h"

/* How often the transaction is repeated when another one was in the way. */
#define STORE_TRIES 10
/* How many files are written between two looks at whether to stop. */
#define FILES_PER_LOOK 1024

static void wait_a_little(int attempt);
static tardis_error_t *store_once(const tardis_context_t *context, const import_t *import, const walk_t *walk,
                                  const char *institution, apr_uint64_t *id, apr_pool_t *pool);
static tardis_error_t *leave_same(const tardis_context_t *context, const import_t *import,
                                  const walk_t *walk, int *same, apr_pool_t *pool);
static tardis_error_t *write_all(const tardis_context_t *context, const import_t *import, const walk_t *walk,
                                 apr_uint64_t *id, apr_pool_t *pool);
static tardis_error_t *write_people(tardis_catalogue_writer_t *writer, const import_t *import,
                                    apr_pool_t *pool);
static tardis_error_t *write_datasets(tardis_catalogue_writer_t *writer, const walk_t *walk,
                                      apr_pool_t *pool);
static tardis_error_t *write_files(tardis_catalogue_writer_t *writer, const walk_t *walk, apr_pool_t *pool);
static tardis_error_t *check_epn(const tardis_context_t *context, const import_t *import,
                                 const char *institution, apr_uint64_t id, apr_pool_t *pool);

tardis_error_t *import_store(const tardis_context_t *context, const import_t *import, const walk_t *walk,
                             const char *institution, apr_uint64_t *id, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    for (int attempt = 0; attempt < STORE_TRIES; attempt++) {
        error = tardis_db_ensure(context->db, pool);
        if (!error)
            error = store_once(context, import, walk, institution, id, pool);
        if (!error || error->code != TARDIS_DATABASE_BUSY)
            break;
        wait_a_little(attempt);
    }
    return error;
}

/* Imports that met would meet again if they waited equally long. */
static void wait_a_little(int attempt)
{
    unsigned char random;
    tardis_random_bytes(&random, 1);
    apr_sleep((apr_interval_time_t)(random + 1) * 1000 * (attempt + 1));
}

static tardis_error_t *store_once(const tardis_context_t *context, const import_t *import, const walk_t *walk,
                                  const char *institution, apr_uint64_t *id, apr_pool_t *pool)
{
    int same = 0;
    tardis_error_t *error = tardis_db_begin(context->db, pool);
    if (!error && import->experiment.id)
        error = tardis_source_hold(context, import->experiment.id, pool);
    if (!error && import->experiment.epn)
        error = check_epn(context, import, institution, import->experiment.id, pool);
    if (!error)
        error = leave_same(context, import, walk, &same, pool);
    *id = import->experiment.id;
    if (!error && !same)
        error = write_all(context, import, walk, id, pool);
    if (!error && import->experiment.epn)
        error = check_epn(context, import, institution, *id, pool);
    if (!error)
        error = tardis_db_commit(context->db, pool);
    if (error)
        tardis_db_rollback(context->db);
    return error;
}

static tardis_error_t *leave_same(const tardis_context_t *context, const import_t *import,
                                  const walk_t *walk, int *same, apr_pool_t *pool)
{
    const char *directory = NULL;
    apr_uint64_t id = import->experiment.id;
    *same = 0;
    tardis_error_t *error = id ? import_compare(context, import, walk, same, pool) : NULL;
    if (error || !*same)
        return error;
    error = tardis_source_find(context, id, &directory, pool);
    if (error || (directory && strcmp(directory, walk->directory) == 0))
        return error;
    return tardis_source_write(context, id, walk->directory, pool);
}

static tardis_error_t *write_all(const tardis_context_t *context, const import_t *import, const walk_t *walk,
                                 apr_uint64_t *id, apr_pool_t *pool)
{
    tardis_catalogue_writer_t *writer;
    tardis_error_t *error = tardis_catalogue_writer_open(context, import->experiment.id, &writer, pool);
    if (!error)
        error = write_people(writer, import, pool);
    if (!error && import->experiment.epn)
        error = tardis_catalogue_writer_add_epn(writer, 1, import->experiment.epn, pool);
    if (!error)
        error = write_datasets(writer, walk, pool);
    if (!error)
        error = write_files(writer, walk, pool);
    if (!error)
        error = tardis_catalogue_writer_finish(writer, &import->experiment, pool);
    if (error)
        return error;
    *id = tardis_catalogue_writer_id(writer);
    return tardis_source_write(context, *id, walk->directory, pool);
}

static tardis_error_t *write_people(tardis_catalogue_writer_t *writer, const import_t *import,
                                    apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    for (int i = 0; !error && i < import->authors->nelts; i++)
        error =
            tardis_catalogue_writer_add_author(writer, APR_ARRAY_IDX(import->authors, i, const char *), pool);
    for (int i = 0; !error && i < import->owners->nelts; i++)
        error =
            tardis_catalogue_writer_add_owner(writer, APR_ARRAY_IDX(import->owners, i, const char *), pool);
    return error;
}

static tardis_error_t *write_datasets(tardis_catalogue_writer_t *writer, const walk_t *walk, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    for (int i = 0; !error && i < walk->datasets->nelts; i++) {
        tardis_dataset_t dataset = {
            .number = (apr_uint32_t)i + 1,
            .description = APR_ARRAY_IDX(walk->datasets, i, const char *),
        };
        error = tardis_catalogue_writer_add_dataset(writer, &dataset, pool);
    }
    return error;
}

static tardis_error_t *write_files(tardis_catalogue_writer_t *writer, const walk_t *walk, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    apr_uint32_t number = 0;
    for (const walk_file_t *file = walk->first; !error && file; file = file->next) {
        const char *slash = strrchr(file->job.path, '/');
        tardis_datafile_t datafile = {
            .number = ++number,
            .dataset_number = file->dataset,
            .name = slash ? slash + 1 : file->job.path,
            .path = file->job.path,
            .size = file->size,
            .digest_algorithm = file->job.algorithm,
        };
        datafile.media_type = media_type_of(datafile.name);
        memcpy(datafile.digest, file->job.value, sizeof(datafile.digest));
        error = tardis_catalogue_writer_add_datafile(writer, &datafile, pool);
        if (!error && number % FILES_PER_LOOK == 0 && tardis_command_interrupted())
            error = tardis_error_create(pool, TARDIS_INTERRUPTED, "told to stop; nothing was imported");
    }
    return error;
}

/* Also after the writing: of two imports of one EPN at once, neither sees the other before. */
static tardis_error_t *check_epn(const tardis_context_t *context, const import_t *import,
                                 const char *institution, apr_uint64_t id, apr_pool_t *pool)
{
    apr_uint64_t other;
    tardis_error_t *error = tardis_source_epn_taken(context, import->experiment.epn, id, &other, pool);
    if (!error && other)
        return tardis_error_create(pool, TARDIS_CONFLICT,
                                   "EPN %s was imported already, as %s; --update replaces it",
                                   import->experiment.epn, tardis_uid_format(institution, other, pool));
    return error;
}
