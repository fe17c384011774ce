/**
 * @file intern.h
 * A compact table of strings from a document: each gets an index and a small payload, the string itself is
 * not kept.
 *
 * Strings are told apart by 96 bits of two keyed hashes whose keys are drawn anew for every table, so that
 * nobody can write a document whose strings collide; that two of 16 million honest ones do has a chance of 1
 * in 10^15. 16 bytes a slot, and the payload.
 */
#ifndef TARDIS_INTERN_H
#define TARDIS_INTERN_H

#include <apr_pools.h>

/** Most strings in a table: a bound on memory, whatever the document says. */
#define INTERN_MAX 16777216

typedef struct intern_t intern_t;

/** How looking a string up ended. */
typedef enum {
    INTERN_FOUND,
    INTERN_ADDED,  /**< it was not there before; its payload is all zeros */
    INTERN_REFUSED /**< the table is full, or memory is */
} intern_outcome_t;

/** A table that goes with @a pool. */
intern_t *intern_create(apr_size_t payload_size, apr_pool_t *pool);

/** Looks a string up and adds it if it is not there. @a index counts from 0 in the order of adding. */
intern_outcome_t intern_add(intern_t *table, const void *data, apr_size_t length, apr_uint32_t *index);

/** Looks a string up. Returns 0 if it is not there. */
int intern_find(const intern_t *table, const void *data, apr_size_t length, apr_uint32_t *index);

/** How many strings there are. */
apr_uint32_t intern_count(const intern_t *table);

/** The payload of the string with @a index; good until the next one is added. */
void *intern_payload(const intern_t *table, apr_uint32_t index);

#endif
