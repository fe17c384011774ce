#include "build.h"

#include "tardis_catalogue.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue_private.h"
#include "tardis_db.h"

/* The greatest size and sum of sizes: file offsets are signed. */
#define BYTES_MAX ((apr_uint64_t)APR_INT64_MAX)
/* Longest decimal number that is worth reading as one. */
#define DECIMAL_MAX 400

/* The schema and root element of the set that add_epn() makes; the facility's documents use them too. */
#define EPN_SCHEMA "http://www.tardis.edu.au/schemas/as/experiment/2010/09/21"
#define EPN_ROOT "experiment"

/* What is below an experiment. */
enum { AUTHOR, OWNER, DATASET, DATAFILE, PARAMETER_SET, PARAMETER_LINK, PARAMETER, TABLES };

static const struct {
    const char *remove;
    const char *insert;
    int columns;
} tables[TABLES] = {
    [AUTHOR] = {"DELETE FROM author WHERE experiment_id = ?",
                "INSERT INTO author (experiment_id, number, name) VALUES", 3},
    [OWNER] = {"DELETE FROM owner WHERE experiment_id = ?",
               "INSERT INTO owner (experiment_id, number, email) VALUES", 3},
    [DATASET] = {"DELETE FROM dataset WHERE experiment_id = ?",
                 "INSERT INTO dataset (experiment_id, number, description) VALUES", 3},
    [DATAFILE] = {"DELETE FROM datafile WHERE experiment_id = ?",
                  "INSERT INTO datafile (experiment_id, number, dataset_number, name, path, size, media_type,"
                  " digest_algorithm, digest, digest_note) VALUES",
                  10},
    [PARAMETER_SET] = {"DELETE FROM parameter_set WHERE experiment_id = ?",
                       "INSERT INTO parameter_set (experiment_id, number, schema_uri, root_element) VALUES",
                       4},
    [PARAMETER_LINK] = {"DELETE FROM parameter_set_owner WHERE experiment_id = ?",
                        "INSERT INTO parameter_set_owner (experiment_id, owner_kind, owner_number, position,"
                        " set_number) VALUES",
                        5},
    [PARAMETER] =
        {"DELETE FROM parameter WHERE experiment_id = ?",
         "INSERT INTO parameter (experiment_id, set_number, number, name, text_value, numeric_value)"
         " VALUES",
         6},
};

const char *const catalogue_owner_kinds[] = {
    [TARDIS_OWNER_EXPERIMENT] = "experiment",
    [TARDIS_OWNER_DATASET] = "dataset",
    [TARDIS_OWNER_DATAFILE] = "datafile",
};

struct tardis_catalogue_writer_t {
    tardis_db_t *db;
    apr_uint64_t id;
    tardis_db_bulk_t *bulks[TABLES];
    apr_uint64_t authors;
    apr_uint64_t owners;
    apr_uint64_t files;
    apr_uint64_t bytes;
    locale_t locale; /* numbers in documents have a point, whatever the process's locale says */
};

static tardis_error_t *create_experiment(tardis_catalogue_writer_t *writer, apr_pool_t *pool);
static tardis_error_t *empty_experiment(tardis_catalogue_writer_t *writer, apr_pool_t *pool);
static apr_status_t free_locale(void *data);
static tardis_db_value_t decimal(const tardis_catalogue_writer_t *writer, const char *text);
static const char *skip_digits(const char *text, int *digits);

tardis_error_t *tardis_catalogue_writer_open(const tardis_context_t *context, apr_uint64_t replace_id,
                                             tardis_catalogue_writer_t **writer, apr_pool_t *pool)
{
    tardis_catalogue_writer_t *result = apr_pcalloc(pool, sizeof(*result));
    result->db = context->db;
    result->id = replace_id;
    tardis_error_t *error = replace_id ? empty_experiment(result, pool) : create_experiment(result, pool);
    for (int table = 0; !error && table < TABLES; table++)
        error = tardis_db_bulk_open(&result->bulks[table], result->db, tables[table].insert,
                                    tables[table].columns, pool);
    if (error)
        return error;
    result->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!result->locale)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "out of memory for a locale");
    apr_pool_cleanup_register(pool, result, free_locale, apr_pool_cleanup_null);
    *writer = result;
    return NULL;
}

/* The rows below it need its id; what it says itself is known at the end. */
static tardis_error_t *create_experiment(tardis_catalogue_writer_t *writer, apr_pool_t *pool)
{
    tardis_db_changes_t changes;
    tardis_error_t *error =
        tardis_db_execute(writer->db,
                          "INSERT INTO experiment (title, description, institution, created_at, updated_at)"
                          " VALUES ('', '', '', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                          TARDIS_DB_NO_VALUES, &changes, pool);
    if (!error)
        writer->id = changes.insert_id;
    return error;
}

static tardis_error_t *empty_experiment(tardis_catalogue_writer_t *writer, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(writer->db, "SELECT id FROM experiment WHERE id = ? FOR UPDATE",
                                            TARDIS_DB_VALUES(tardis_db_unsigned(writer->id)), &rows, pool);
    if (!error && !tardis_db_rows_next(rows))
        error = tardis_error_create(pool, TARDIS_NOT_FOUND, "there is no experiment %" APR_UINT64_T_FMT,
                                    writer->id);
    for (int table = 0; !error && table < TABLES; table++)
        error = tardis_db_execute(writer->db, tables[table].remove,
                                  TARDIS_DB_VALUES(tardis_db_unsigned(writer->id)), NULL, pool);
    return error;
}

static apr_status_t free_locale(void *data)
{
    tardis_catalogue_writer_t *writer = data;
    freelocale(writer->locale);
    return APR_SUCCESS;
}

apr_uint64_t tardis_catalogue_writer_id(const tardis_catalogue_writer_t *writer)
{
    return writer->id;
}

tardis_error_t *tardis_catalogue_writer_add_author(tardis_catalogue_writer_t *writer, const char *name,
                                                   apr_pool_t *pool)
{
    writer->authors++;
    return tardis_db_bulk_add(writer->bulks[AUTHOR],
                              TARDIS_DB_VALUES(tardis_db_unsigned(writer->id),
                                               tardis_db_unsigned(writer->authors), tardis_db_text(name)),
                              pool);
}

tardis_error_t *tardis_catalogue_writer_add_owner(tardis_catalogue_writer_t *writer, const char *email,
                                                  apr_pool_t *pool)
{
    writer->owners++;
    return tardis_db_bulk_add(writer->bulks[OWNER],
                              TARDIS_DB_VALUES(tardis_db_unsigned(writer->id),
                                               tardis_db_unsigned(writer->owners), tardis_db_text(email)),
                              pool);
}

tardis_error_t *tardis_catalogue_writer_add_dataset(tardis_catalogue_writer_t *writer,
                                                    const tardis_dataset_t *dataset, apr_pool_t *pool)
{
    return tardis_db_bulk_add(writer->bulks[DATASET],
                              TARDIS_DB_VALUES(tardis_db_unsigned(writer->id),
                                               tardis_db_unsigned(dataset->number),
                                               tardis_db_text(dataset->description)),
                              pool);
}

tardis_error_t *tardis_catalogue_writer_add_datafile(tardis_catalogue_writer_t *writer,
                                                     const tardis_datafile_t *datafile, apr_pool_t *pool)
{
    if (datafile->size > BYTES_MAX - writer->bytes)
        return tardis_error_create(pool, TARDIS_DOCUMENT_LIMIT,
                                   "the sizes add up to more than %" APR_UINT64_T_FMT, BYTES_MAX);
    writer->files++;
    writer->bytes += datafile->size;
    tardis_digest_algorithm_t algorithm = datafile->digest_algorithm;
    return tardis_db_bulk_add(
        writer->bulks[DATAFILE],
        TARDIS_DB_VALUES(
            tardis_db_unsigned(writer->id), tardis_db_unsigned(datafile->number),
            tardis_db_unsigned(datafile->dataset_number), tardis_db_text(datafile->name),
            tardis_db_text(datafile->path), tardis_db_unsigned(datafile->size),
            tardis_db_text(datafile->media_type),
            tardis_db_text(algorithm == TARDIS_DIGEST_NONE ? NULL : tardis_digest_name(algorithm)),
            tardis_db_bytes(algorithm == TARDIS_DIGEST_NONE ? NULL : datafile->digest,
                            tardis_digest_length(algorithm)),
            tardis_db_text(datafile->digest_note)),
        pool);
}

tardis_error_t *tardis_catalogue_writer_add_parameter_set(tardis_catalogue_writer_t *writer,
                                                          const tardis_parameter_set_t *set, apr_pool_t *pool)
{
    return tardis_db_bulk_add(
        writer->bulks[PARAMETER_SET],
        TARDIS_DB_VALUES(tardis_db_unsigned(writer->id), tardis_db_unsigned(set->number),
                         tardis_db_text(set->schema_uri), tardis_db_text(set->root_element)),
        pool);
}

tardis_error_t *tardis_catalogue_writer_add_parameter(tardis_catalogue_writer_t *writer,
                                                      const tardis_parameter_t *parameter, apr_pool_t *pool)
{
    return tardis_db_bulk_add(
        writer->bulks[PARAMETER],
        TARDIS_DB_VALUES(tardis_db_unsigned(writer->id), tardis_db_unsigned(parameter->set_number),
                         tardis_db_unsigned(parameter->number), tardis_db_text(parameter->name),
                         tardis_db_text(parameter->text), decimal(writer, parameter->text)),
        pool);
}

/* A finite decimal number with white space around it, or NULL. strtod() alone would take 0x10, nan and inf as
 * well. */
static tardis_db_value_t decimal(const tardis_catalogue_writer_t *writer, const char *text)
{
    static const char space[] = " \t\r\n";
    int digits = 0;
    int exponent_digits = 1;
    text += strspn(text, space);
    const char *end = skip_digits(text + (*text == '+' || *text == '-'), &digits);
    if (*end == '.')
        end = skip_digits(end + 1, &digits);
    if (digits && (*end == 'e' || *end == 'E')) {
        exponent_digits = 0;
        end++;
        end = skip_digits(end + (*end == '+' || *end == '-'), &exponent_digits);
    }
    if (!digits || !exponent_digits || end[strspn(end, space)] || end - text > DECIMAL_MAX)
        return tardis_db_text(NULL);
    double value = strtod_l(text, NULL, writer->locale);
    return isfinite(value) ? tardis_db_double(value) : tardis_db_text(NULL);
}

static const char *skip_digits(const char *text, int *digits)
{
    for (; *text >= '0' && *text <= '9'; text++)
        *digits = 1;
    return text;
}

tardis_error_t *tardis_catalogue_writer_link(tardis_catalogue_writer_t *writer,
                                             const tardis_parameter_link_t *link, apr_pool_t *pool)
{
    return tardis_db_bulk_add(
        writer->bulks[PARAMETER_LINK],
        TARDIS_DB_VALUES(tardis_db_unsigned(writer->id), tardis_db_text(catalogue_owner_kinds[link->kind]),
                         tardis_db_unsigned(link->owner_number), tardis_db_unsigned(link->position),
                         tardis_db_unsigned(link->set_number)),
        pool);
}

tardis_error_t *tardis_catalogue_writer_add_epn(tardis_catalogue_writer_t *writer, apr_uint32_t set_number,
                                                const char *epn, apr_pool_t *pool)
{
    const tardis_parameter_set_t set = {set_number, EPN_SCHEMA, EPN_ROOT};
    const tardis_parameter_t parameter = {.set_number = set_number, .number = 1, .name = "EPN", .text = epn};
    const tardis_parameter_link_t link = {TARDIS_OWNER_EXPERIMENT, 0, 1, set_number};
    tardis_error_t *error = tardis_catalogue_writer_add_parameter_set(writer, &set, pool);
    if (!error)
        error = tardis_catalogue_writer_add_parameter(writer, &parameter, pool);
    return error ? error : tardis_catalogue_writer_link(writer, &link, pool);
}

tardis_error_t *tardis_catalogue_writer_finish(tardis_catalogue_writer_t *writer,
                                               const tardis_experiment_t *experiment, apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    for (int table = 0; !error && table < TABLES; table++)
        error = tardis_db_bulk_finish(writer->bulks[table], pool);
    if (error)
        return error;
    return tardis_db_execute(
        writer->db,
        "UPDATE experiment SET epn = ?, title = ?, description = ?, institution = ?, start_time = ?, "
        "end_time = ?,"
        " url = ?, file_count = ?, byte_count = ?, updated_at = UTC_TIMESTAMP(6) WHERE id = ?",
        TARDIS_DB_VALUES(tardis_db_text(experiment->epn), tardis_db_text(experiment->title),
                         tardis_db_text(experiment->description), tardis_db_text(experiment->institution),
                         tardis_db_text(experiment->start_time), tardis_db_text(experiment->end_time),
                         tardis_db_text(experiment->url), tardis_db_unsigned(writer->files),
                         tardis_db_unsigned(writer->bytes), tardis_db_unsigned(writer->id)),
        NULL, pool);
}

apr_uint64_t tardis_catalogue_writer_files(const tardis_catalogue_writer_t *writer)
{
    return writer->files;
}

apr_uint64_t tardis_catalogue_writer_bytes(const tardis_catalogue_writer_t *writer)
{
    return writer->bytes;
}
