/*
 * What the fuzz targets share. Each takes any bytes, and fails by aborting: on what the sanitizers find, and on
 * a promise of a header that is not kept.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <apr_pools.h>

#include "tardis_error.h"

/* Returns whether the input was accepted. */
typedef int fuzz_target_fn(const char *data, apr_size_t size, apr_pool_t *pool);

fuzz_target_fn fuzz_urlencoded;
fuzz_target_fn fuzz_multipart;
fuzz_target_fn fuzz_registry;
fuzz_target_fn fuzz_site_settings;
fuzz_target_fn fuzz_status;
fuzz_target_fn fuzz_mets;
fuzz_target_fn fuzz_notmets;

/* Prints the promise and aborts unless it is kept. */
#define FUZZ_PROMISE(kept) ((kept) ? (void)0 : fuzz_broken(#kept, __FILE__, __LINE__))
void fuzz_broken(const char *promise, const char *file, int line) __attribute__((noreturn));

/* What is true of every error about bad input: a known code, which is one of @a allowed (ends with
 * TARDIS_ERROR_CODES), and a text that can be printed. */
void fuzz_check_error(const tardis_error_t *error, const tardis_error_code_t *allowed);

#endif
