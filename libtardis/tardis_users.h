/**
 * @file tardis_users.h
 * User names and passwords in a file that htpasswd(1) writes.
 */
#ifndef TARDIS_USERS_H
#define TARDIS_USERS_H

#include <apr_pools.h>

#include "tardis_error.h"

/** Longest line of the file, in bytes. */
#define TARDIS_USERS_LINE_MAX 1024

/**
 * Checks a password against @a file, which is read anew each time. An unknown user costs as much time as a
 * known one.
 * @return TARDIS_FORBIDDEN, whose text says which of the two was wrong (for the log, not for the caller), or
 * what tardis_users_check_file() returns.
 */
tardis_error_t *tardis_users_check(const char *file, const char *user, const char *password,
                                   apr_pool_t *pool);

/**
 * Checks the file itself: readable, lines `user:hash`, comments and empty lines; at least one user.
 * @return TARDIS_CONFIG_INVALID, with the line; TARDIS_IO_ERROR: it cannot be read.
 */
tardis_error_t *tardis_users_check_file(const char *file, apr_pool_t *pool);

#endif
