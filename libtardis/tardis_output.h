/**
 * @file tardis_output.h
 * What a command writes for others: to standard output, or into a file that is replaced at once and whole.
 */
#ifndef TARDIS_OUTPUT_H
#define TARDIS_OUTPUT_H

#include <apr_file_io.h>

#include "tardis_error.h"

/** An output that is being written. */
typedef struct tardis_output_t {
    apr_file_t *file; /**< write here; buffered */
    const char *name; /**< for messages: the file's, or "standard output" */
} tardis_output_t;

/**
 * Opens an output. A regular file, or one that is not there yet, is written beside itself as
 * `.NAME.XXXXXX` and takes its name when it is whole; anything else (a pipe, /dev/null) is written as it is.
 * If the pool goes first, the file is as it was.
 * @param name the file; NULL or "-": standard output.
 * @param mode of the file, less the umask: 0666 as usual, 0600 for what is secret.
 * @return TARDIS_IO_ERROR.
 */
tardis_error_t *tardis_output_open(tardis_output_t **output, const char *name, unsigned mode,
                                   apr_pool_t *pool);

/** Whether it goes to standard output. */
int tardis_output_is_standard(const tardis_output_t *output);

/**
 * Writes out what is buffered, to the disk where it is a file, and gives the file its name.
 * @return TARDIS_IO_ERROR: the file is as it was.
 */
tardis_error_t *tardis_output_finish(tardis_output_t *output, apr_pool_t *pool);

#endif
