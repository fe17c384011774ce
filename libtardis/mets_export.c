#include "tardis_ingest.h"
#include "tardis_output.h"

static tardis_error_t *write_output(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    const char *name, apr_pool_t *pool);

/* A pool of its own: its end takes back what is not finished. */
tardis_error_t *tardis_mets_export(const tardis_context_t *context, apr_uint64_t experiment_id,
                                   const char *name, apr_pool_t *pool)
{
    apr_pool_t *scratch;
    apr_pool_create(&scratch, pool);
    tardis_error_t *error = write_output(context, experiment_id, name, scratch);
    error = tardis_error_copy(pool, error);
    apr_pool_destroy(scratch);
    return error;
}

static tardis_error_t *write_output(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    const char *name, apr_pool_t *pool)
{
    tardis_output_t *output;
    tardis_error_t *error = tardis_output_open(&output, name, 0666, pool);
    if (!error)
        error = tardis_mets_write(context, experiment_id, NULL, output->file, pool);
    return error ? error : tardis_output_finish(output, pool);
}
