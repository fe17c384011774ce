/**
 * @file transfer_source.h
 * A file that is being moved, read once and proven meanwhile; for the transfer methods. Not installed.
 */
#ifndef TARDIS_TRANSFER_SOURCE_H
#define TARDIS_TRANSFER_SOURCE_H

#include "tardis_transfer_method.h"

/** A source file that is open; used by one thread at a time. */
typedef struct transfer_source_t transfer_source_t;

/**
 * Opens @a file below @a directory; it closes with @a pool. An empty file is proven at once.
 * @return TARDIS_SOURCE_CHANGED if it has another size (or, empty, another digest), and the errors of
 * tardis_path_open().
 */
tardis_error_t *transfer_source_open(transfer_source_t **source, const char *directory,
                                     const tardis_transfer_file_t *file, apr_pool_t *pool);

/**
 * Reads up to @a size bytes. The bytes that complete the file are given only if its size and digest are those
 * it was imported with, so that a changed file never leaves whole.
 * @param length set to how many there are; 0: at the end.
 * @return TARDIS_SOURCE_CHANGED or TARDIS_IO_ERROR.
 */
tardis_error_t *transfer_source_read(transfer_source_t *source, void *buffer, apr_size_t size,
                                     apr_size_t *length);

/** Begins again with the first byte. @return TARDIS_IO_ERROR. */
tardis_error_t *transfer_source_rewind(transfer_source_t *source);

/** Whether all of the file was read and is as it was imported. */
int transfer_source_is_proven(const transfer_source_t *source);

/** Whether an error of one file means that no other can be moved either. */
int transfer_error_stops_job(const tardis_error_t *error);

#endif
