/**
 * @file suggest.h
 * "perhaps you meant": for option and command names that are not known.
 */
#ifndef TARDIS_SUGGEST_H
#define TARDIS_SUGGEST_H

#include <apr_pools.h>

/**
 * Keeps in @a best whichever of @a best and @a candidate is nearer to @a given. @a best starts as NULL and
 * stays so unless a candidate is near: at most a third of its letters added, left out, changed or swapped.
 */
void suggest_consider(const char **best, const char *given, const char *candidate, apr_pool_t *pool);

/** "; perhaps you meant \"<best>\"", or "" if @a best is NULL. */
const char *suggest_text(const char *best, apr_pool_t *pool);

#endif
