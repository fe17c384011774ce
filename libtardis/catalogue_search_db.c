#include "tardis_search.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_db.h"
#include "tardis_uid.h"

/* What stands before a character that is not to be taken for a wildcard; a backslash is not one in every
 * sql_mode. */
#define ESCAPE '|'
#define LIKE " LIKE ? ESCAPE '|'"

/* The options that are one pattern each. */
static const struct {
    const char *option;
    const char *sql;
} searches[] = {
    {"title", "SELECT id FROM experiment WHERE title" LIKE " ORDER BY id"},
    {"owner", "SELECT DISTINCT experiment_id FROM owner WHERE email" LIKE " ORDER BY experiment_id"},
    {"file", "SELECT DISTINCT experiment_id FROM datafile WHERE name" LIKE " ORDER BY experiment_id"},
};

static tardis_error_t *find_parameter(const tardis_context_t *context, const char *asked,
                                      apr_array_header_t **found, apr_pool_t *pool);
static tardis_error_t *check_text(const char *option, const char *text, apr_pool_t *pool);
static const char *like(const char *pattern, apr_pool_t *pool);
static tardis_error_t *narrow(const tardis_context_t *context, const char *sql,
                              const tardis_db_value_t *values, int count, apr_array_header_t **found,
                              apr_pool_t *pool);
static int place_of(const apr_array_header_t *found, apr_uint64_t experiment_id);

tardis_error_t *tardis_search(const tardis_context_t *context, const tardis_arguments_t *arguments,
                              apr_array_header_t **found, apr_pool_t *pool)
{
    const apr_array_header_t *parameters = tardis_arguments_values(arguments, "parameter");
    tardis_error_t *error = NULL;
    *found = NULL;
    for (size_t i = 0; !error && i < sizeof(searches) / sizeof(searches[0]); i++) {
        const char *pattern = tardis_arguments_value(arguments, searches[i].option);
        if (!pattern)
            continue;
        error = check_text(searches[i].option, pattern, pool);
        if (!error)
            error = narrow(context, searches[i].sql, TARDIS_DB_VALUES(tardis_db_text(like(pattern, pool))),
                           found, pool);
    }
    for (int i = 0; !error && i < parameters->nelts; i++)
        error = find_parameter(context, APR_ARRAY_IDX(parameters, i, const char *), found, pool);
    return error;
}

static tardis_error_t *find_parameter(const tardis_context_t *context, const char *asked,
                                      apr_array_header_t **found, apr_pool_t *pool)
{
    const char *equals = strchr(asked, '=');
    tardis_error_t *error = check_text("parameter", asked, pool);
    if (error)
        return error;
    if (!equals || equals == asked)
        return tardis_error_create(pool, TARDIS_USAGE, "--parameter %.100s: give NAME=PATTERN", asked);
    return narrow(context,
                  "SELECT DISTINCT experiment_id FROM parameter WHERE name = ? AND text_value" LIKE
                  " ORDER BY experiment_id",
                  TARDIS_DB_VALUES(tardis_db_text(apr_pstrmemdup(pool, asked, (apr_size_t)(equals - asked))),
                                   tardis_db_text(like(equals + 1, pool))),
                  found, pool);
}

/* The server would refuse it, and not say which. */
static tardis_error_t *check_text(const char *option, const char *text, apr_pool_t *pool)
{
    return tardis_text_is_clean(text, strlen(text), "")
               ? NULL
               : tardis_error_create(pool, TARDIS_USAGE, "--%s must be UTF-8 without control characters",
                                     option);
}

/* The pattern as LIKE has it. */
static const char *like(const char *pattern, apr_pool_t *pool)
{
    char *result = apr_palloc(pool, 2 * strlen(pattern) + 1);
    char *end = result;
    for (const char *c = pattern; *c; c++) {
        if (*c == '%' || *c == '_' || *c == ESCAPE)
            *end++ = ESCAPE;
        *end++ = *c == '*' ? '%' : *c;
    }
    *end = '\0';
    return result;
}

/* Leaves of what was found before only what this query finds as well. */
static tardis_error_t *narrow(const tardis_context_t *context, const char *sql,
                              const tardis_db_value_t *values, int count, apr_array_header_t **found,
                              apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    const apr_array_header_t *before = *found;
    if (before && before->nelts == 0)
        return NULL;
    tardis_error_t *error = tardis_db_query(context->db, sql, values, count, &rows, pool);
    if (error)
        return error;
    *found = apr_array_make(pool, 64, sizeof(apr_uint64_t));
    while (tardis_db_rows_next(rows)) {
        apr_uint64_t id = tardis_db_rows_unsigned(rows, 0);
        if (tardis_search_has(before, id))
            APR_ARRAY_PUSH(*found, apr_uint64_t) = id;
    }
    return NULL;
}

int tardis_search_has(const apr_array_header_t *found, apr_uint64_t experiment_id)
{
    if (!found)
        return 1;
    int place = place_of(found, experiment_id);
    return place < found->nelts && APR_ARRAY_IDX(found, place, apr_uint64_t) == experiment_id;
}

/* Where the first id is that is not below this one. */
static int place_of(const apr_array_header_t *found, apr_uint64_t experiment_id)
{
    int low = 0;
    int high = found->nelts;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (APR_ARRAY_IDX(found, middle, apr_uint64_t) < experiment_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int tardis_search_page(const apr_array_header_t *found, int most)
{
    return found && found->nelts < most ? 1 : most;
}

int tardis_search_skip(const apr_array_header_t *found, apr_uint64_t *after)
{
    if (!found)
        return 1;
    int place = place_of(found, *after + 1);
    if (place == found->nelts)
        return 0;
    *after = APR_ARRAY_IDX(found, place, apr_uint64_t) - 1;
    return 1;
}
