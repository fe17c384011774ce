/*
 * The steps of `import`: what is asked for, the hashing, and the writing.
 */
#ifndef PROVIDER_IMPORT_H
#define PROVIDER_IMPORT_H

#include "commands.h"
#include "walk.h"

/* What is imported. */
typedef struct {
    tardis_experiment_t
        experiment; /* title, epn ...; its id is that of the experiment to be replaced, or 0 */
    const apr_array_header_t *owners; /* const char * */
    const apr_array_header_t *authors;
    const char *directory; /* absolute */
    int quiet;
} import_t;

/* The import that the command line asks for. @return TARDIS_USAGE, TARDIS_NAME_INVALID,
 * TARDIS_FILE_UNREADABLE. */
tardis_error_t *import_arguments(const tardis_invocation_t *invocation, const provider_settings_t *settings,
                                 import_t *import);

/* Hashes the files of the walk; files that cannot be read, or are not as they were when walked, become its
 * problems. */
tardis_error_t *import_hash(walk_t *walk, int threads, int quiet, apr_pool_t *pool);

/* Whether the experiment that is to be replaced has all that is imported already, and nothing else; its
 * directory aside. */
tardis_error_t *import_compare(const tardis_context_t *context, const import_t *import, const walk_t *walk,
                               int *same, apr_pool_t *pool);

/*
 * Writes everything in one transaction. An experiment that would be replaced by the same is left as it is, so
 * that its document stays the same: only where its files are is written, if that has changed.
 * @param id set to the experiment's id.
 * @return also TARDIS_CONFLICT: the EPN came to be there meanwhile, or the experiment is being sent.
 */
tardis_error_t *import_store(const tardis_context_t *context, const import_t *import, const walk_t *walk,
                             const char *institution, apr_uint64_t *id, apr_pool_t *pool);

#endif
