#include "tardis_catalogue.h"

#include <string.h>

#include "catalogue_private.h"
#include "tardis_db.h"

static tardis_error_t *read_datafile(const tardis_db_rows_t *rows, tardis_datafile_t *datafile,
                                     apr_pool_t *pool);
static apr_uint32_t number_of(const tardis_db_rows_t *rows, int column);

tardis_error_t *tardis_dataset_page(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    apr_uint32_t after, int limit, apr_array_header_t **datasets,
                                    apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT number, description FROM dataset WHERE experiment_id = ? AND number > ? "
                        "ORDER BY number LIMIT ?",
                        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_unsigned(after),
                                         tardis_db_signed(limit)),
                        &rows, pool);
    if (error)
        return error;
    *datasets = apr_array_make(pool, 16, sizeof(tardis_dataset_t));
    while (tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*datasets, tardis_dataset_t) =
            (tardis_dataset_t){number_of(rows, 0), tardis_db_rows_text(rows, 1)};
    return NULL;
}

tardis_error_t *tardis_datafile_page(const tardis_context_t *context, apr_uint64_t experiment_id,
                                     apr_uint32_t after, int limit, apr_array_header_t **datafiles,
                                     apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT d.number, " CATALOGUE_DATAFILE_COLUMNS
        " FROM datafile d WHERE d.experiment_id = ? AND d.number > ? ORDER BY d.number LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_unsigned(after),
                         tardis_db_signed(limit)),
        &rows, pool);
    return error ? error : catalogue_datafiles_read(rows, datafiles, pool);
}

tardis_error_t *catalogue_datafiles_read(tardis_db_rows_t *rows, apr_array_header_t **datafiles,
                                         apr_pool_t *pool)
{
    tardis_error_t *error = NULL;
    *datafiles = apr_array_make(pool, 64, sizeof(tardis_datafile_t));
    while (!error && tardis_db_rows_next(rows))
        error = read_datafile(rows, apr_array_push(*datafiles), pool);
    return error;
}

static tardis_error_t *read_datafile(const tardis_db_rows_t *rows, tardis_datafile_t *datafile,
                                     apr_pool_t *pool)
{
    *datafile = (tardis_datafile_t){
        .number = number_of(rows, 0),
        .dataset_number = number_of(rows, 1),
        .name = tardis_db_rows_text(rows, 2),
        .path = tardis_db_rows_text(rows, 3),
        .size = tardis_db_rows_unsigned(rows, 4),
        .media_type = tardis_db_rows_text(rows, 5),
        .digest_note = tardis_db_rows_text(rows, 8),
    };
    if (tardis_db_rows_is_null(rows, 7))
        return NULL;
    apr_size_t length = 0;
    const void *digest = tardis_db_rows_bytes(rows, 7, &length);
    const char *name = tardis_db_rows_text(rows, 6);
    datafile->digest_algorithm = name ? tardis_digest_by_name(name) : TARDIS_DIGEST_NONE;
    if (datafile->digest_algorithm == TARDIS_DIGEST_NONE ||
        length != tardis_digest_length(datafile->digest_algorithm))
        return tardis_error_create(pool, TARDIS_DATABASE_ROW_INVALID,
                                   "datafile %u (%s): the digest is not one of its algorithm",
                                   datafile->number, datafile->path);
    memcpy(datafile->digest, digest, length);
    return NULL;
}

static apr_uint32_t number_of(const tardis_db_rows_t *rows, int column)
{
    return (apr_uint32_t)tardis_db_rows_unsigned(rows, column);
}

tardis_error_t *tardis_parameter_set_page(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          apr_uint32_t after, int limit, apr_array_header_t **sets,
                                          apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT number, schema_uri, root_element FROM parameter_set WHERE experiment_id = ? AND number > ?"
        " ORDER BY number LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_unsigned(after),
                         tardis_db_signed(limit)),
        &rows, pool);
    if (error)
        return error;
    *sets = apr_array_make(pool, 16, sizeof(tardis_parameter_set_t));
    while (tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*sets, tardis_parameter_set_t) = (tardis_parameter_set_t){
            number_of(rows, 0), tardis_db_rows_text(rows, 1), tardis_db_rows_text(rows, 2)};
    return NULL;
}

tardis_error_t *tardis_parameter_page(const tardis_context_t *context, apr_uint64_t experiment_id,
                                      apr_uint32_t set, apr_uint32_t after, int limit,
                                      apr_array_header_t **parameters, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT set_number, number, name, text_value, numeric_value FROM parameter WHERE experiment_id = ?"
        " AND set_number >= ? AND (set_number > ? OR number > ?) ORDER BY set_number, number LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_unsigned(set), tardis_db_unsigned(set),
                         tardis_db_unsigned(after), tardis_db_signed(limit)),
        &rows, pool);
    if (error)
        return error;
    *parameters = apr_array_make(pool, 16, sizeof(tardis_parameter_t));
    while (tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*parameters, tardis_parameter_t) = (tardis_parameter_t){
            .set_number = number_of(rows, 0),
            .number = number_of(rows, 1),
            .name = tardis_db_rows_text(rows, 2),
            .text = tardis_db_rows_text(rows, 3),
            .is_number = !tardis_db_rows_is_null(rows, 4),
            .numeric = tardis_db_rows_double(rows, 4),
        };
    return NULL;
}

tardis_error_t *tardis_parameter_link_page(const tardis_context_t *context, apr_uint64_t experiment_id,
                                           tardis_owner_kind_t kind, apr_uint32_t owner,
                                           apr_uint32_t position, int limit, apr_array_header_t **links,
                                           apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT owner_number, position, set_number FROM parameter_set_owner WHERE experiment_id = ?"
        " AND owner_kind = ? AND owner_number >= ? AND (owner_number > ? OR position > ?)"
        " ORDER BY owner_number, position LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_text(catalogue_owner_kinds[kind]),
                         tardis_db_unsigned(owner), tardis_db_unsigned(owner), tardis_db_unsigned(position),
                         tardis_db_signed(limit)),
        &rows, pool);
    if (error)
        return error;
    *links = apr_array_make(pool, 16, sizeof(tardis_parameter_link_t));
    while (tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*links, tardis_parameter_link_t) =
            (tardis_parameter_link_t){kind, number_of(rows, 0), number_of(rows, 1), number_of(rows, 2)};
    return NULL;
}
