#include "schema_private.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "tardis_db.h"

static tardis_error_t *describe_tables(tardis_db_t *db, apr_array_header_t *lines, apr_pool_t *pool);
static tardis_error_t *describe_columns(tardis_db_t *db, apr_array_header_t *lines, apr_pool_t *pool);
static const char *plain_type(const char *type, apr_pool_t *pool);
static tardis_error_t *describe_indexes(tardis_db_t *db, apr_array_header_t *lines, apr_pool_t *pool);
static apr_hash_t *by_name(const apr_array_header_t *lines, apr_pool_t *pool);
static apr_array_header_t *expected_lines(tardis_schema_side_t side, apr_pool_t *pool);
static const char *name_of(const char *line, apr_pool_t *pool);
static const char *table_line_of(const char *name, apr_pool_t *pool);
static void find_missing(const apr_array_header_t *expected, apr_hash_t *found,
                         apr_array_header_t *differences, apr_pool_t *pool);
static void find_unknown(const apr_array_header_t *lines, apr_hash_t *known, apr_array_header_t *differences,
                         apr_pool_t *pool);

tardis_error_t *tardis_schema_check(const tardis_context_t *context, tardis_schema_side_t side,
                                    apr_array_header_t **differences, apr_pool_t *pool)
{
    apr_array_header_t *lines;
    apr_array_header_t *expected = expected_lines(side, pool);
    *differences = apr_array_make(pool, 8, sizeof(const char *));
    tardis_error_t *error = tardis_schema_require(context, side, pool);
    if (error && error->code != TARDIS_SCHEMA_MISMATCH)
        return error;
    if (error)
        APR_ARRAY_PUSH(*differences, const char *) = error->text;
    error = tardis_schema_describe(context, &lines, pool);
    if (error)
        return error;
    find_missing(expected, by_name(lines, pool), *differences, pool);
    find_unknown(lines, by_name(expected, pool), *differences, pool);
    return NULL;
}

tardis_error_t *tardis_schema_describe(const tardis_context_t *context, apr_array_header_t **lines,
                                       apr_pool_t *pool)
{
    *lines = apr_array_make(pool, 128, sizeof(const char *));
    tardis_error_t *error = describe_tables(context->db, *lines, pool);
    if (!error)
        error = describe_columns(context->db, *lines, pool);
    if (!error)
        error = describe_indexes(context->db, *lines, pool);
    return error;
}

static tardis_error_t *describe_tables(tardis_db_t *db, apr_array_header_t *lines, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(db,
                                            "SELECT table_name, engine FROM information_schema.tables"
                                            " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
                                            " ORDER BY table_name",
                                            TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(lines, const char *) =
            apr_psprintf(pool, "table %s %s", tardis_db_rows_text(rows, 0), tardis_db_rows_text(rows, 1));
    return error;
}

/* Collations are compared only where a step chooses one: the default of utf8mb4 is the server's affair. */
static tardis_error_t *describe_columns(tardis_db_t *db, apr_array_header_t *lines, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        db,
        "SELECT table_name, column_name, column_type, is_nullable = 'YES', extra LIKE '%auto_increment%',"
        " IF(collation_name LIKE '%\\_bin' OR character_set_name <> 'utf8mb4', collation_name, NULL)"
        " FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, "
        "ordinal_position",
        TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        const char *collation = tardis_db_rows_text(rows, 5);
        APR_ARRAY_PUSH(lines, const char *) =
            apr_psprintf(pool, "column %s.%s %s%s%s%s%s", tardis_db_rows_text(rows, 0),
                         tardis_db_rows_text(rows, 1), plain_type(tardis_db_rows_text(rows, 2), pool),
                         tardis_db_rows_signed(rows, 3) ? " null" : " not null",
                         tardis_db_rows_signed(rows, 4) ? " auto_increment" : "",
                         collation ? " collate " : "", collation ? collation : "");
    }
    return error;
}

/* "bigint(20) unsigned" without the display width, which MySQL no longer tells. */
static const char *plain_type(const char *type, apr_pool_t *pool)
{
    const char *open = strchr(type, '(');
    const char *close = open ? strchr(open, ')') : NULL;
    if (!close || open - type < 3 || strncmp(open - 3, "int", 3) != 0)
        return type;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, type, (apr_size_t)(open - type)), close + 1, NULL);
}

static tardis_error_t *describe_indexes(tardis_db_t *db, apr_array_header_t *lines, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error =
        tardis_db_query(db,
                        "SELECT table_name, index_name, MAX(non_unique), GROUP_CONCAT(column_name ORDER BY "
                        "seq_in_index SEPARATOR ', ')"
                        " FROM information_schema.statistics WHERE table_schema = DATABASE()"
                        " GROUP BY table_name, index_name ORDER BY table_name, index_name",
                        TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(lines, const char *) = apr_psprintf(
            pool, "index %s.%s %s(%s)", tardis_db_rows_text(rows, 0), tardis_db_rows_text(rows, 1),
            tardis_db_rows_signed(rows, 2) ? "" : "unique ", tardis_db_rows_text(rows, 3));
    return error;
}

static apr_array_header_t *expected_lines(tardis_schema_side_t side, apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, 128, sizeof(const char *));
    for (const char *const *component = schema_components(side); *component; component++) {
        for (const schema_line_t *line = schema_manifest; line->component; line++) {
            if (strcmp(line->component, *component) == 0)
                APR_ARRAY_PUSH(lines, const char *) = line->text;
        }
    }
    return lines;
}

/* From "column author.name" to what follows it. */
static apr_hash_t *by_name(const apr_array_header_t *lines, apr_pool_t *pool)
{
    apr_hash_t *result = apr_hash_make(pool);
    for (int i = 0; i < lines->nelts; i++) {
        const char *line = APR_ARRAY_IDX(lines, i, const char *);
        const char *name = name_of(line, pool);
        apr_hash_set(result, name, APR_HASH_KEY_STRING, line + strlen(name) + 1);
    }
    return result;
}

/* The first two words. */
static const char *name_of(const char *line, apr_pool_t *pool)
{
    const char *end = strchr(strchr(line, ' ') + 1, ' ');
    return apr_pstrmemdup(pool, line, (apr_size_t)(end - line));
}

/* "table author" for "column author.name". */
static const char *table_line_of(const char *name, apr_pool_t *pool)
{
    const char *table = strchr(name, ' ') + 1;
    return apr_pstrcat(pool, "table ", apr_pstrmemdup(pool, table, strcspn(table, ".")), NULL);
}

static void find_missing(const apr_array_header_t *expected, apr_hash_t *found,
                         apr_array_header_t *differences, apr_pool_t *pool)
{
    for (int i = 0; i < expected->nelts; i++) {
        const char *line = APR_ARRAY_IDX(expected, i, const char *);
        const char *name = name_of(line, pool);
        const char *wanted = line + strlen(name) + 1;
        const char *present = apr_hash_get(found, name, APR_HASH_KEY_STRING);
        int is_table = strncmp(name, "table ", 6) == 0;
        if (present && strcmp(present, wanted) != 0)
            APR_ARRAY_PUSH(differences, const char *) =
                apr_psprintf(pool, "%s is \"%s\" instead of \"%s\"", name, present, wanted);
        else if (!present &&
                 (is_table || apr_hash_get(found, table_line_of(name, pool), APR_HASH_KEY_STRING)))
            APR_ARRAY_PUSH(differences, const char *) = apr_psprintf(pool, "%s is missing", name);
    }
}

/* Other tables in the database are not ours; what was added to ours is told. */
static void find_unknown(const apr_array_header_t *lines, apr_hash_t *known, apr_array_header_t *differences,
                         apr_pool_t *pool)
{
    for (int i = 0; i < lines->nelts; i++) {
        const char *name = name_of(APR_ARRAY_IDX(lines, i, const char *), pool);
        if (!apr_hash_get(known, name, APR_HASH_KEY_STRING) &&
            apr_hash_get(known, table_line_of(name, pool), APR_HASH_KEY_STRING))
            APR_ARRAY_PUSH(differences, const char *) =
                apr_psprintf(pool, "%s is not part of the schema", name);
    }
}
