/**
 * @file transfer_copy.h
 * One file into a mounted directory; for the `file` transfer method. Not installed.
 */
#ifndef TARDIS_TRANSFER_COPY_H
#define TARDIS_TRANSFER_COPY_H

#include "tardis_transfer_method.h"

/** Bytes of the block that transfer_copy_file() needs. */
#define TRANSFER_COPY_BLOCK (1024 * 1024)

/** Where from and where to; shared by the threads of a job. */
typedef struct transfer_copy_t {
    const char *source;    /**< directory */
    int destination;       /**< descriptor of serversite */
    const char *dest_path; /**< below it */
    void *baton;
    void (*moved)(void *baton, apr_uint64_t bytes); /**< any thread; a block was written */
    int (*stopped)(void *baton);                    /**< any thread; asked before each block */
} transfer_copy_t;

/**
 * Copies @a file: makes its directories, writes `.<name>.tardis-part` beside its place, flushes it to the
 * disk, and renames it. What a killed run left is replaced. Nothing below serversite is reached through a
 * symbolic link. On error nothing of it remains.
 * @param block TRANSFER_COPY_BLOCK bytes of the calling thread's.
 * @return what transfer_source_open() and transfer_source_read() return; TARDIS_DESTINATION_FULL,
 * TARDIS_DESTINATION_REFUSED, TARDIS_DESTINATION_ERROR or TARDIS_INTERRUPTED.
 */
tardis_error_t *transfer_copy_file(const transfer_copy_t *copy, const tardis_transfer_file_t *file,
                                   char *block, apr_pool_t *pool);

/** The typed error of a failed call on the destination's file system. */
tardis_error_t *transfer_copy_error(int why, const char *what, apr_pool_t *pool);

#endif
