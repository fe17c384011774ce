/**
 * @file sorter.h
 * Sorts any number of records in bounded memory: what does not fit goes to a temporary file without a name.
 *
 * Records are bytes, in the order that memcmp() gives them, a shorter one before a longer one that begins
 * like it; numbers in them are therefore written with their highest byte first. Equal records are all kept. A
 * sorter that never needs its file never makes one.
 */
#ifndef TARDIS_SORTER_H
#define TARDIS_SORTER_H

#include <apr_pools.h>

#include "tardis_error.h"

/** Memory for the records of one sorter that is large enough for documents; about as much again is taken for
 * their order. */
#define SORTER_MEMORY (2 * 1024 * 1024)

typedef struct sorter_t sorter_t;

/**
 * A sorter that goes with @a pool, and its file with it.
 * @param memory bytes of records that are held, taken only as they are needed. A record has at least 1 byte
 * and at most memory / 96 - 2, or 32766.
 */
sorter_t *sorter_create(apr_size_t memory, apr_pool_t *pool);

/**
 * Adds a record, which is copied. Not after sorter_start().
 * @return TARDIS_IO_ERROR: the temporary file could not be written. TARDIS_INTERNAL_ERROR: memory ran out, or
 * the record is too long.
 */
tardis_error_t *sorter_add(sorter_t *sorter, const void *record, apr_size_t length);

/** Begins with the first record; may be called again to begin anew. Errors as sorter_add(). */
tardis_error_t *sorter_start(sorter_t *sorter);

/**
 * Gives the next record.
 * @param record set to it, good until the next call; NULL after the last.
 * @return TARDIS_IO_ERROR: the temporary file could not be read.
 */
tardis_error_t *sorter_next(sorter_t *sorter, const unsigned char **record, apr_size_t *length);

/** How many records were added. */
apr_uint64_t sorter_count(const sorter_t *sorter);

/** Writes @a value with its highest byte first; returns what follows it. */
unsigned char *sorter_put(unsigned char *to, apr_uint32_t value);
/** Reads what sorter_put() wrote. */
apr_uint32_t sorter_get(const unsigned char *from);

#endif
