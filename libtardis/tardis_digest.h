/**
 * @file tardis_digest.h
 * Message digests of files (OpenSSL).
 */
#ifndef TARDIS_DIGEST_H
#define TARDIS_DIGEST_H

#include <apr_pools.h>

#include "tardis_error.h"

/** Longest digest, in bytes. */
#define TARDIS_DIGEST_MAX 64

typedef enum {
    TARDIS_DIGEST_NONE,
    TARDIS_DIGEST_MD5,
    TARDIS_DIGEST_SHA1,
    TARDIS_DIGEST_SHA256,
    TARDIS_DIGEST_SHA384,
    TARDIS_DIGEST_SHA512
} tardis_digest_algorithm_t;

/**
 * The algorithm that METS calls @a name (`MD5`, `SHA-1`, `SHA-256`, `SHA-384`, `SHA-512`);
 * TARDIS_DIGEST_NONE: another.
 */
tardis_digest_algorithm_t tardis_digest_by_name(const char *name);
/** Its name in METS; "" for none. */
const char *tardis_digest_name(tardis_digest_algorithm_t algorithm);
/** Its length in bytes. */
apr_size_t tardis_digest_length(tardis_digest_algorithm_t algorithm);

/** A running digest, freed with its pool. */
typedef struct tardis_digest_t tardis_digest_t;

/**
 * Starts a digest; with TARDIS_DIGEST_NONE one that takes bytes and gives none.
 * @return TARDIS_INTERNAL_ERROR where this system's OpenSSL does not allow the algorithm (MD5 in FIPS mode).
 */
tardis_error_t *tardis_digest_start(tardis_digest_t **digest, tardis_digest_algorithm_t algorithm,
                                    apr_pool_t *pool);
/** Takes more bytes. */
void tardis_digest_update(tardis_digest_t *digest, const void *data, apr_size_t length);
/** Writes tardis_digest_length() bytes to @a value. The digest may not be used afterwards. */
void tardis_digest_finish(tardis_digest_t *digest, unsigned char *value);

/** SHA-256 of some bytes. */
void tardis_digest_sha256(const void *data, apr_size_t length, unsigned char value[32]);

/** Lower-case hexadecimal. */
const char *tardis_hex_encode(const unsigned char *bytes, apr_size_t length, apr_pool_t *pool);
/** The bytes of @a hex (either case). Returns 0 if it is not exactly 2 * @a length hexadecimal digits. */
int tardis_hex_decode(const char *hex, unsigned char *bytes, apr_size_t length);

/**
 * Random bytes for keys. Ends the process (abort) if the system has none: a predictable key must never
 * exist.
 */
void tardis_random_bytes(unsigned char *bytes, apr_size_t length);

/** One file to be hashed. */
typedef struct tardis_digest_job_t {
    const char *directory; /**< opened as by tardis_path_open() */
    const char *path;
    tardis_digest_algorithm_t algorithm;    /**< TARDIS_DIGEST_NONE: only its size is looked at */
    apr_uint64_t size;                      /**< set: bytes read (or the size, without an algorithm) */
    unsigned char value[TARDIS_DIGEST_MAX]; /**< set */
    tardis_error_t *error; /**< set: NULL, or why not; in the pool of tardis_digest_files() */
    void *baton;           /**< the caller's */
} tardis_digest_job_t;

/**
 * Hashes files on @a threads threads (0: as many as there are cores), each read once. Memory does not grow
 * with the number of files. `next`, `done` and `progress` are never called at the same time, so they may
 * share data and a pool.
 * @param next gives the next job, NULL when there is none; called by any of the threads, one at a time.
 * @param done takes a finished job, in any order; called by any of the threads, one at a time. A job that was
 * broken off by `stop` is not given to it.
 * @param progress called by the caller's thread about every 200 ms with the bytes read so far; may be NULL.
 * @param stop polled between blocks, by any thread; not 0 ends early with TARDIS_INTERRUPTED. May be NULL.
 * @param pool for the errors of jobs; may be the one that `next`, `done` and `progress` use.
 * @return TARDIS_INTERRUPTED, or TARDIS_INTERNAL_ERROR if not one thread could be started. Errors of files
 * are in their jobs.
 */
tardis_error_t *tardis_digest_files(int threads, tardis_digest_job_t *(*next)(void *baton),
                                    void (*done)(void *baton, tardis_digest_job_t *job),
                                    void (*progress)(void *baton, apr_uint64_t bytes), int (*stop)(void),
                                    void *baton, apr_pool_t *pool);

#endif
