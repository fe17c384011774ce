#include "transfer_partial.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "catalogue_private.h"
#include "tardis_digest.h"

/* Paths that are looked up by one statement, which reads the experiment's files once. */
#define PATHS_MAX 512
/* What is quoted of a path that is unknown. */
#define PATH_SHOWN 255

#define PLACES_8 "?, ?, ?, ?, ?, ?, ?, ?"
#define PLACES_64                                                                                            \
    PLACES_8 ", " PLACES_8 ", " PLACES_8 ", " PLACES_8 ", " PLACES_8 ", " PLACES_8 ", " PLACES_8 ","         \
                                                                                                 " " PLACES_8
#define PLACES_512                                                                                           \
    PLACES_64 ", " PLACES_64 ", " PLACES_64 ", " PLACES_64 ", " PLACES_64 ", " PLACES_64 ", " PLACES_64      \
              ", " PLACES_64

#define FIND "SELECT number, path, size FROM datafile WHERE experiment_id = ? AND path IN ("

/* What is left of a list is filled with its last path again, so that few statements are prepared. */
static const struct {
    int places;
    const char *find;
} statements[] = {
    {1, FIND "?)"},
    {8, FIND PLACES_8 ")"},
    {64, FIND PLACES_64 ")"},
    {PATHS_MAX, FIND PLACES_512 ")"},
};

/* A file that was found. */
typedef struct {
    apr_uint32_t number;
    apr_uint64_t size;
} found_t;

static apr_array_header_t *each_once(const apr_array_header_t *paths, apr_hash_t *wanted, apr_pool_t *pool);
static tardis_error_t *look_up(const tardis_context_t *context, apr_uint64_t experiment_id,
                               const apr_array_header_t *paths, int from, apr_hash_t *wanted,
                               apr_array_header_t *found, apr_pool_t *pool);
static tardis_error_t *check_all_found(const apr_array_header_t *paths, apr_hash_t *wanted, apr_pool_t *pool);
static void sum_up(transfer_partial_t *partial, const apr_array_header_t *found, apr_pool_t *pool);
static int ascending(const void *a, const void *b);

tardis_error_t *transfer_partial_find(const tardis_context_t *context, apr_uint64_t experiment_id,
                                      const apr_array_header_t *paths, transfer_partial_t *partial,
                                      apr_pool_t *pool)
{
    apr_hash_t *wanted = apr_hash_make(pool); /* path to path; to "" once it was found */
    apr_array_header_t *found = apr_array_make(pool, paths->nelts, sizeof(found_t));
    const apr_array_header_t *distinct = each_once(paths, wanted, pool);
    tardis_error_t *error = NULL;
    for (int from = 0; !error && from < distinct->nelts; from += PATHS_MAX)
        error = look_up(context, experiment_id, distinct, from, wanted, found, pool);
    if (!error)
        error = check_all_found(distinct, wanted, pool);
    if (!error)
        sum_up(partial, found, pool);
    return error;
}

static apr_array_header_t *each_once(const apr_array_header_t *paths, apr_hash_t *wanted, apr_pool_t *pool)
{
    apr_array_header_t *distinct = apr_array_make(pool, paths->nelts, sizeof(const char *));
    for (int i = 0; i < paths->nelts; i++) {
        const char *path = APR_ARRAY_IDX(paths, i, const char *);
        if (apr_hash_get(wanted, path, APR_HASH_KEY_STRING))
            continue;
        apr_hash_set(wanted, path, APR_HASH_KEY_STRING, path);
        APR_ARRAY_PUSH(distinct, const char *) = path;
    }
    return distinct;
}

/* The collation does not see blanks at the end of a path, so what is found is compared once more. */
static tardis_error_t *look_up(const tardis_context_t *context, apr_uint64_t experiment_id,
                               const apr_array_header_t *paths, int from, apr_hash_t *wanted,
                               apr_array_header_t *found, apr_pool_t *pool)
{
    tardis_db_value_t values[1 + PATHS_MAX] = {tardis_db_unsigned(experiment_id)};
    tardis_db_rows_t *rows;
    int count = paths->nelts - from < PATHS_MAX ? paths->nelts - from : PATHS_MAX;
    int size = 0;
    while (statements[size].places < count)
        size++;
    int places = statements[size].places;
    for (int i = 0; i < places; i++)
        values[1 + i] =
            tardis_db_text(APR_ARRAY_IDX(paths, from + (i < count ? i : count - 1), const char *));
    tardis_error_t *error =
        tardis_db_query(context->db, statements[size].find, values, places + 1, &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        const char *path = tardis_db_rows_text(rows, 1);
        if (!apr_hash_get(wanted, path, APR_HASH_KEY_STRING))
            continue;
        apr_hash_set(wanted, path, APR_HASH_KEY_STRING, "");
        *(found_t *)apr_array_push(found) =
            (found_t){(apr_uint32_t)tardis_db_rows_unsigned(rows, 0), tardis_db_rows_unsigned(rows, 2)};
    }
    return error;
}

static tardis_error_t *check_all_found(const apr_array_header_t *paths, apr_hash_t *wanted, apr_pool_t *pool)
{
    for (int i = 0; i < paths->nelts; i++) {
        const char *path = APR_ARRAY_IDX(paths, i, const char *);
        if (*(const char *)apr_hash_get(wanted, path, APR_HASH_KEY_STRING))
            return tardis_error_create(
                pool, TARDIS_FORM_INVALID, "the experiment has no file \"%s\"",
                strlen(path) <= PATH_SHOWN
                    ? path
                    : apr_pstrcat(pool, apr_pstrndup(pool, path, PATH_SHOWN), "...", NULL));
    }
    return NULL;
}

/* A file that two paths have found, one of them with a blank at its end, counts once. */
static void sum_up(transfer_partial_t *partial, const apr_array_header_t *found, apr_pool_t *pool)
{
    const found_t *files = (const found_t *)(const void *)found->elts;
    apr_array_header_t *numbers = apr_array_make(pool, found->nelts, sizeof(apr_uint32_t));
    qsort(found->elts, (size_t)found->nelts, sizeof(found_t), ascending);
    *partial = (transfer_partial_t){.numbers = numbers};
    for (int i = 0; i < found->nelts; i++) {
        if (i && files[i].number == files[i - 1].number)
            continue;
        APR_ARRAY_PUSH(numbers, apr_uint32_t) = files[i].number;
        partial->bytes += files[i].size;
    }
    tardis_digest_sha256(numbers->elts, (apr_size_t)numbers->nelts * sizeof(apr_uint32_t), partial->digest);
}

static int ascending(const void *a, const void *b)
{
    apr_uint32_t first = ((const found_t *)a)->number, second = ((const found_t *)b)->number;
    return first < second ? -1 : first > second;
}

tardis_error_t *transfer_partial_write(const tardis_context_t *context, apr_uint64_t transfer_id,
                                       const transfer_partial_t *partial, apr_pool_t *pool)
{
    tardis_db_bulk_t *bulk;
    tardis_error_t *error = transfer_partial_clear(context, transfer_id, pool);
    if (!error)
        error = tardis_db_bulk_open(&bulk, context->db,
                                    "INSERT INTO transfer_file (transfer_id, position, file_number) VALUES",
                                    3, pool);
    for (int i = 0; !error && i < partial->numbers->nelts; i++) {
        const tardis_db_value_t values[] = {
            tardis_db_unsigned(transfer_id), tardis_db_signed(i + 1),
            tardis_db_unsigned(APR_ARRAY_IDX(partial->numbers, i, apr_uint32_t))};
        error = tardis_db_bulk_add(bulk, values, 3, pool);
    }
    return error ? error : tardis_db_bulk_finish(bulk, pool);
}

tardis_error_t *transfer_partial_clear(const tardis_context_t *context, apr_uint64_t transfer_id,
                                       apr_pool_t *pool)
{
    return tardis_db_execute(context->db, "DELETE FROM transfer_file WHERE transfer_id = ?",
                             TARDIS_DB_VALUES(tardis_db_unsigned(transfer_id)), NULL, pool);
}

tardis_error_t *tardis_transfer_files(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                      apr_uint32_t after, int limit, apr_array_header_t **files,
                                      apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    if (!transfer->partial)
        return tardis_datafile_page(context, transfer->experiment_id, after, limit, files, pool);
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT f.position, " CATALOGUE_DATAFILE_COLUMNS
        " FROM transfer_file f JOIN datafile d ON d.experiment_id = ? AND d.number = f.file_number"
        " WHERE f.transfer_id = ? AND f.position > ? ORDER BY f.position LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(transfer->experiment_id), tardis_db_unsigned(transfer->id),
                         tardis_db_unsigned(after), tardis_db_signed(limit)),
        &rows, pool);
    return error ? error : catalogue_datafiles_read(rows, files, pool);
}
