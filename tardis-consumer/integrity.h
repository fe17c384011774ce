/**
 * @file integrity.h
 * Compares the files of an experiment with what was promised.
 */
#ifndef INTEGRITY_H
#define INTEGRITY_H

#include "fsm.h"

/** How far a check came. */
typedef struct integrity_result_t {
    int finished;                 /**< 0: it was told to stop, and goes on in a later step */
    apr_uint64_t checked_through; /**< every file up to this number was checked */
    apr_uint64_t bytes_checked;   /**< bytes of the files that were checked */
    apr_uint64_t unverifiable;    /**< files without a digest; set when finished */
    apr_uint64_t problem_count;   /**< files that are not as promised; set when finished */
    apr_array_header_t *problems; /**< the first of them: tardis_file_problem_t; set when finished */
    apr_uint64_t again;           /**< as many files were to be checked again, and no others; 0: all were */
} integrity_result_t;

/**
 * Goes on with the check after the last file that was checked: each file must exist below store/<experiment
 * id>, be regular and have the promised size and, if one was promised, digest. Files are read in parallel.
 * About once a second, the files checked without a gap and the problems among them are saved and the lease is
 * lengthened, so a check that is killed is taken up there. When step->fsm->stopping says so, no further file
 * is begun.
 *
 * After a check of all files that has found problems, an experiment may have been started again for these files
 * only (tardis_partial_retry.h). If the provider tells of the sending that was agreed, only they are checked;
 * if it tells of any other, all files are.
 * @return TARDIS_STORE_UNAVAILABLE or TARDIS_IO_ERROR (nothing is said about any file then),
 * TARDIS_LEASE_LOST or a database error.
 */
tardis_error_t *integrity_check(fsm_step_t *step, integrity_result_t *result);

#endif
