/*
 * A progress bar on a terminal.
 */
#ifndef PROVIDER_PROGRESS_H
#define PROVIDER_PROGRESS_H

#include <apr_pools.h>

typedef struct progress_t progress_t;

/* Starts a bar on standard error. Returns NULL, which the functions below take as well, if that is no
 * terminal or @a quiet. */
progress_t *progress_start(const char *what, apr_uint64_t files, apr_uint64_t bytes, int quiet,
                           apr_pool_t *pool);

/* Draws it anew, at most ten times a second. */
void progress_update(progress_t *progress, apr_uint64_t files, apr_uint64_t bytes);

/* Takes the bar away, so that what is printed next begins on a clean line. */
void progress_end(progress_t *progress);

#endif
