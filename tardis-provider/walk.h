/*
 * What is in a directory that is to be imported.
 */
#ifndef PROVIDER_WALK_H
#define PROVIDER_WALK_H

#include <apr_tables.h>

#include "tardis_digest.h"
#include "tardis_error.h"

/* How many problems are kept; more are only counted. */
#define WALK_PROBLEMS_SHOWN 20

/* One file, in the order in which it gets its number. */
typedef struct walk_file_t {
    struct walk_file_t *next;
    tardis_digest_job_t job; /* path below the directory; its digest, once hashed */
    apr_uint64_t size;       /* bytes, when the directory was walked */
    apr_int64_t modified;    /* nanoseconds since the epoch */
    apr_uint64_t inode;
    apr_uint32_t dataset; /* number of its dataset, from 1 */
} walk_file_t;

typedef struct {
    const char *directory; /* absolute */
    walk_file_t *first;
    apr_uint64_t files;
    apr_uint64_t bytes;
    apr_array_header_t *datasets; /* const char *: descriptions; number 1 is the first */
    apr_array_header_t
        *problems; /* tardis_error_t *: what cannot be imported, by name; at most WALK_PROBLEMS_SHOWN */
    apr_uint64_t problem_count;
} walk_t;

/*
 * Walks @a directory (absolute), sorted by name, so that the same directory always gives the same list.
 * First-level directories are the datasets; files beside them form a first dataset, called as the directory
 * itself. A directory without files is no dataset. Symbolic links, special files, what cannot be read, and
 * names that are not clean UTF-8 become problems.
 * @return TARDIS_FILE_UNREADABLE if the directory itself cannot be read, TARDIS_INTERRUPTED.
 */
tardis_error_t *walk_directory(const char *directory, walk_t **walk, apr_pool_t *pool);

/* Adds a problem: @a error, about @a path. */
void walk_problem(walk_t *walk, const char *path, tardis_error_t *error, apr_pool_t *pool);

/* The first difference between two walks of a directory, as TARDIS_SOURCE_CHANGED that names the file; NULL:
 * none. */
tardis_error_t *walk_compare(const walk_t *before, const walk_t *after, apr_pool_t *pool);

#endif
