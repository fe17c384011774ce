/**
 * @file sorter_private.h
 * A sorter from the inside: sorter.c holds records, sorter_runs.c has those that do not fit in a file.
 */
#ifndef TARDIS_SORTER_PRIVATE_H
#define TARDIS_SORTER_PRIVATE_H

#include "sorter.h"

/** So many sorted pieces of the file that were merged equally often are merged into one. */
#define RUNS_PER_LEVEL 32
#define RUNS_MAX (3 * RUNS_PER_LEVEL)
/** In the file each record is preceded by its length. */
#define LENGTH_BYTES 2
#define WRITE_BYTES 32768

/** A record that is held. The prefix decides most comparisons without a look at the record. */
typedef struct {
    apr_uint64_t prefix;
    apr_uint32_t at;
    apr_uint32_t length;
} entry_t;

/** A sorted piece of the file, and its reading. */
typedef struct {
    int level; /**< how often it was merged */
    apr_off_t from;
    apr_off_t to;
    apr_off_t at; /**< what of it is not in the buffer yet */
    unsigned char *buffer;
    apr_size_t filled;
    apr_size_t used;
    const unsigned char *record; /**< NULL: none is left */
    apr_size_t length;
} run_t;

struct sorter_t {
    apr_pool_t *pool;
    apr_size_t memory;
    unsigned char *block; /**< the records held; while runs are merged, their buffers */
    apr_size_t block_used;
    apr_size_t block_room;
    entry_t *entries;
    apr_uint32_t held;
    apr_uint32_t entry_room;
    apr_uint64_t count;
    int fd; /**< -1: none */
    apr_off_t end;
    run_t runs[RUNS_MAX];
    int run_count;
    int heap[RUNS_MAX]; /**< runs with records left, the one with the lowest on top */
    int heap_size;
    int is_begun;       /**< the run on top of the heap has given its record */
    apr_uint32_t given; /**< of those held, where there is no file */
};

/** Puts the records held in order. */
void sorter_sort_held(sorter_t *sorter);
/** The order of two records, as memcmp() tells it. */
int sorter_compare(const unsigned char *left, apr_size_t left_length, const unsigned char *right,
                   apr_size_t right_length);
/** Room for what is wanted, which is not more than the most; doubled, so that it is seldom moved. NULL: no
 * memory. */
void *sorter_grow(void *memory, apr_size_t *room, apr_size_t wanted, apr_size_t most, apr_size_t unit);
tardis_error_t *sorter_no_memory(sorter_t *sorter);

/** Writes the records held to the file as one more run; then none is held. */
tardis_error_t *sorter_spill(sorter_t *sorter);
/** Starts to merge the runs from the first one on: the run on top of the heap has the lowest record. */
tardis_error_t *sorter_merge_start(sorter_t *sorter, int first);
/** The run on top of the heap goes on to its next record. */
tardis_error_t *sorter_merge_step(sorter_t *sorter);
/** Bytes of memory for the reading of one run; a record and its length have to fit. */
apr_size_t sorter_share(const sorter_t *sorter);

#endif
