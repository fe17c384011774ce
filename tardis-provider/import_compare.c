#include "import.h"

#include <string.h>

#include "media_type.h"

/* How many datasets or files are read at a time. */
#define PAGE 1000

static int same_experiment(const tardis_experiment_t *there, const tardis_experiment_t *wanted,
                           const walk_t *walk);
static int same_text(const char *a, const char *b);
static int same_list(const apr_array_header_t *there, const apr_array_header_t *wanted);
static tardis_error_t *compare_sets(const tardis_context_t *context, const import_t *import, int *same,
                                    apr_pool_t *pool);
static tardis_error_t *compare_datasets(const tardis_context_t *context, apr_uint64_t id, const walk_t *walk,
                                        int *same, apr_pool_t *pool);
static tardis_error_t *compare_files(const tardis_context_t *context, apr_uint64_t id, const walk_t *walk,
                                     int *same, apr_pool_t *pool);
static int same_file(const tardis_datafile_t *there, const walk_file_t *file, apr_uint32_t number);

tardis_error_t *import_compare(const tardis_context_t *context, const import_t *import, const walk_t *walk,
                               int *same, apr_pool_t *pool)
{
    apr_uint64_t id = import->experiment.id;
    tardis_experiment_t *there;
    apr_array_header_t *authors;
    apr_array_header_t *owners;
    *same = 0;
    tardis_error_t *error = tardis_experiment_by_id(context, id, &there, pool);
    if (error || !there || !same_experiment(there, &import->experiment, walk))
        return error;
    error = tardis_experiment_authors(context, id, &authors, pool);
    if (!error)
        error = tardis_experiment_owners(context, id, &owners, pool);
    if (error || !same_list(authors, import->authors) || !same_list(owners, import->owners))
        return error;
    error = compare_sets(context, import, same, pool);
    if (!error && *same)
        error = compare_datasets(context, id, walk, same, pool);
    if (!error && *same)
        error = compare_files(context, id, walk, same, pool);
    return error;
}

static int same_experiment(const tardis_experiment_t *there, const tardis_experiment_t *wanted,
                           const walk_t *walk)
{
    return same_text(there->epn, wanted->epn) && same_text(there->title, wanted->title) &&
           same_text(there->description, wanted->description) &&
           same_text(there->institution, wanted->institution) &&
           same_text(there->start_time, wanted->start_time) && same_text(there->end_time, wanted->end_time) &&
           same_text(there->url, wanted->url) && there->file_count == walk->files &&
           there->byte_count == walk->bytes;
}

static int same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static int same_list(const apr_array_header_t *there, const apr_array_header_t *wanted)
{
    int same = there->nelts == wanted->nelts;
    for (int i = 0; same && i < there->nelts; i++)
        same = strcmp(APR_ARRAY_IDX(there, i, const char *), APR_ARRAY_IDX(wanted, i, const char *)) == 0;
    return same;
}

/* An import writes one set at most, with the EPN alone. */
static tardis_error_t *compare_sets(const tardis_context_t *context, const import_t *import, int *same,
                                    apr_pool_t *pool)
{
    apr_array_header_t *sets;
    tardis_error_t *error = tardis_parameter_set_page(context, import->experiment.id, 0, PAGE, &sets, pool);
    *same = !error && sets->nelts == (import->experiment.epn != NULL);
    return error;
}

static tardis_error_t *compare_datasets(const tardis_context_t *context, apr_uint64_t id, const walk_t *walk,
                                        int *same, apr_pool_t *pool)
{
    apr_array_header_t *page;
    int count = 0;
    do {
        tardis_error_t *error = tardis_dataset_page(context, id, (apr_uint32_t)count, PAGE, &page, pool);
        if (error)
            return error;
        *same = count + page->nelts <= walk->datasets->nelts;
        for (int i = 0; *same && i < page->nelts; i++)
            *same = same_text(APR_ARRAY_IDX(page, i, tardis_dataset_t).description,
                              APR_ARRAY_IDX(walk->datasets, count + i, const char *));
        count += page->nelts;
    } while (*same && page->nelts);
    *same = *same && count == walk->datasets->nelts;
    return NULL;
}

static tardis_error_t *compare_files(const tardis_context_t *context, apr_uint64_t id, const walk_t *walk,
                                     int *same, apr_pool_t *pool)
{
    const walk_file_t *file = walk->first;
    apr_uint32_t number = 0;
    apr_pool_t *each;
    tardis_error_t *error = NULL;
    apr_pool_create(&each, pool);
    while (!error && *same && file) {
        apr_array_header_t *page;
        apr_pool_clear(each);
        error = tardis_datafile_page(context, id, number, PAGE, &page, each);
        *same = !error && page->nelts;
        for (int i = 0; *same && i < page->nelts; i++) {
            *same = file && same_file(&APR_ARRAY_IDX(page, i, tardis_datafile_t), file, ++number);
            file = *same ? file->next : NULL;
        }
    }
    error = tardis_error_copy(pool, error);
    apr_pool_destroy(each);
    return error;
}

static int same_file(const tardis_datafile_t *there, const walk_file_t *file, apr_uint32_t number)
{
    return there->number == number && there->dataset_number == file->dataset &&
           strcmp(there->path, file->job.path) == 0 && there->size == file->size &&
           strcmp(there->media_type, media_type_of(there->name)) == 0 &&
           there->digest_algorithm == file->job.algorithm &&
           memcmp(there->digest, file->job.value, tardis_digest_length(there->digest_algorithm)) == 0;
}
