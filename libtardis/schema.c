#include "schema_private.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "tardis_db.h"

static unsigned newest_version(const char *component);
static const char *program_of(tardis_schema_side_t side);

const char *const *schema_components(tardis_schema_side_t side)
{
    static const char *const components[][3] = {
        [TARDIS_SCHEMA_PROVIDER] = {"catalogue", "provider", NULL},
        [TARDIS_SCHEMA_CONSUMER] = {"catalogue", "consumer", NULL},
    };
    return components[side];
}

tardis_error_t *tardis_schema_require(const tardis_context_t *context, tardis_schema_side_t side,
                                      apr_pool_t *pool)
{
    tardis_db_rows_t *rows = NULL;
    apr_hash_t *versions = apr_hash_make(pool);
    tardis_error_t *error = tardis_db_query(context->db, "SELECT component, version FROM schema_version",
                                            TARDIS_DB_NO_VALUES, &rows, pool);
    if (error && !tardis_db_lacks_table(context->db))
        return error;
    while (!error && tardis_db_rows_next(rows)) {
        unsigned *version = apr_palloc(pool, sizeof(*version));
        *version = (unsigned)tardis_db_rows_unsigned(rows, 1);
        apr_hash_set(versions, tardis_db_rows_text(rows, 0), APR_HASH_KEY_STRING, version);
    }
    for (const char *const *component = schema_components(side); *component; component++) {
        const unsigned *version = apr_hash_get(versions, *component, APR_HASH_KEY_STRING);
        error = schema_compare(*component, version ? *version : 0, side, pool);
        if (error)
            return error;
    }
    return NULL;
}

tardis_error_t *schema_compare(const char *component, unsigned version, tardis_schema_side_t side,
                               apr_pool_t *pool)
{
    unsigned newest = newest_version(component);
    if (version < newest)
        return tardis_error_create(
            pool, TARDIS_SCHEMA_MISMATCH,
            "schema of the %s is version %u, this program needs %u: run \"%s schema upgrade\"", component,
            version, newest, program_of(side));
    if (version > newest)
        return tardis_error_create(
            pool, TARDIS_SCHEMA_MISMATCH,
            "schema of the %s is version %u, newer than this program (%u): upgrade the program", component,
            version, newest);
    return NULL;
}

static unsigned newest_version(const char *component)
{
    unsigned newest = 0;
    for (const schema_step_t *step = schema_steps; step->component; step++) {
        if (strcmp(step->component, component) == 0 && step->version > newest)
            newest = step->version;
    }
    return newest;
}

static const char *program_of(tardis_schema_side_t side)
{
    return side == TARDIS_SCHEMA_PROVIDER ? "tardis-provider" : "tardis-consumer";
}
