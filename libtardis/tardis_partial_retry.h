/**
 * @file tardis_partial_retry.h
 * Experiments that are started again for some of their files only: those with a file_problem. All others were
 * found as promised, and count as such as long as the provider sends none of them anew. Every function needs
 * context->db.
 *
 * A provider gives each sending of an experiment a number (protocol.md, "Extensions"). What is kept here
 * names the last sending that is known to be of nothing that counts as proven. The provider is asked to go on
 * from there, and says in which sending it sends the files and no others; if it then tells that another one
 * is Complete, or anything else is not as agreed, everything is asked for or checked again.
 */
#ifndef TARDIS_PARTIAL_RETRY_H
#define TARDIS_PARTIAL_RETRY_H

#include "tardis_synced_db.h"

/** Which files of an experiment are asked for again, and how far that is. */
typedef struct tardis_partial_retry_t {
    apr_uint64_t sending;         /**< the provider's last one that is known to be of no proven file */
    int agreed;                   /**< not 0: that sending is of these files, and the provider has said so */
    apr_uint64_t files;           /**< as many are asked for ... */
    apr_uint64_t all;             /**< ... of all that the experiment has */
    apr_uint64_t checked_through; /**< of these, every one up to this number was checked again */
} tardis_partial_retry_t;

/** What is asked for again; @a partial is set to NULL if that is everything, or nothing. */
tardis_error_t *tardis_partial_retry_find(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          tardis_partial_retry_t **partial, apr_pool_t *pool);

/**
 * What would be asked for if a FailPermanent experiment was started again. That is less than everything if a
 * check has gone through all files, has found problems in at most TARDIS_GET_FILES_MAX, and it is known after
 * which sending.
 * @param partial set to NULL: everything, or it is not FailPermanent.
 */
tardis_error_t *tardis_partial_retry_plan(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          tardis_partial_retry_t **partial, apr_pool_t *pool);

/**
 * Puts that plan into effect. Within the transaction that starts the experiment again.
 * @param failed set to 0 if it is not FailPermanent; nothing is changed then.
 */
tardis_error_t *tardis_partial_retry_begin(const tardis_context_t *context, apr_uint64_t experiment_id,
                                           int *failed, tardis_partial_retry_t **partial, apr_pool_t *pool);

/**
 * The provider has agreed to send these files only, in this sending.
 * @return TARDIS_LEASE_LOST (nothing was written) or a database error; so do the next two.
 */
tardis_error_t *tardis_partial_retry_agree(const tardis_context_t *context, apr_uint64_t experiment_id,
                                           const char *lease_owner, apr_uint64_t sending, apr_pool_t *pool);

/** Nothing counts as proven any more, nor as a problem: all files are to be checked. */
tardis_error_t *tardis_partial_retry_forget(const tardis_context_t *context, apr_uint64_t experiment_id,
                                            const char *lease_owner, apr_pool_t *pool);

/** Some of the files were checked again. */
typedef struct tardis_partial_check_t {
    apr_uint64_t experiment_id;
    const char *lease_owner;
    apr_uint64_t checked_through;
    const apr_array_header_t *mended;   /**< apr_uint32_t: numbers of files that are as promised now */
    const apr_array_header_t *problems; /**< tardis_file_problem_t: of those that are still not */
} tardis_partial_check_t;

/** Saves it. */
tardis_error_t *tardis_partial_retry_save(const tardis_context_t *context,
                                          const tardis_partial_check_t *check, apr_pool_t *pool);

/** At most @a limit of the files with a problem, with numbers above @a after: an array of tardis_datafile_t.
 */
tardis_error_t *tardis_partial_retry_files(const tardis_context_t *context, apr_uint64_t experiment_id,
                                           apr_uint32_t after, int limit, apr_array_header_t **files,
                                           apr_pool_t *pool);

#endif
