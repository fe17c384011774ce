/**
 * @file config_private.h
 * What config_file.c loads, config.c reads and config_values.c answers from.
 */
#ifndef TARDIS_CONFIG_PRIVATE_H
#define TARDIS_CONFIG_PRIVATE_H

#include <apr_hash.h>

#include "tardis_config.h"

/** One option as it was set, or as its default is. */
typedef struct {
    const tardis_option_t *option;
    int line;         /**< 0: it has its default */
    const char *text; /**< NULL: unset; of TEXT, INTEGER and BOOLEAN */
    long integer;
    int boolean;
    apr_array_header_t *values; /**< LIST: const char *; SECTION: tardis_config_t * */
} config_entry_t;

struct tardis_config_t {
    const char *file;
    const char *title; /**< of a section; NULL: the file itself */
    int line;          /**< of a section's title */
    const tardis_option_t *options;
    apr_hash_t *entries; /**< of config_entry_t *, by name: one for every option */
};

/** Reads a whole file, its comments replaced by blanks. Errors as tardis_config_read(). */
tardis_error_t *config_load(char **text, const char *file, apr_pool_t *pool);

/**
 * Fills in the number of an integer, the truth of a boolean.
 * @return NULL, or what @a text would have to be, such as "a number from 1 to 3600".
 */
const char *config_interpret(config_entry_t *entry, const char *text, apr_pool_t *pool);

/** Splits a default like "a, b" into const char *. */
apr_array_header_t *config_split_list(const char *initial, apr_pool_t *pool);

#endif
