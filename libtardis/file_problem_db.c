#include "tardis_synced_db.h"

#include "tardis_db.h"

tardis_error_t *tardis_file_problem_clear(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          apr_pool_t *pool)
{
    return tardis_db_execute(context->db, "DELETE FROM file_problem WHERE experiment_id = ?",
                             TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), NULL, pool);
}
