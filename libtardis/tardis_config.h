/**
 * @file tardis_config.h
 * The tools' configuration files (libconfuse syntax: `name = value`, lists in braces, `#` comments).
 *
 * A tool describes its options in one literal table. Reading checks types, ranges and allowed values, refuses
 * unknown names and options that are set twice, and reports file, line and what would be allowed. Not
 * thread-safe: libconfuse is not. Values that are secret never stand in these files, only names of files that
 * hold them.
 */
#ifndef TARDIS_CONFIG_H
#define TARDIS_CONFIG_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "tardis_error.h"

typedef enum {
    TARDIS_OPTION_TEXT,
    TARDIS_OPTION_INTEGER, /**< within minimum and maximum */
    TARDIS_OPTION_BOOLEAN, /**< true or false */
    TARDIS_OPTION_LIST,    /**< {"a", "b"} */
    TARDIS_OPTION_SECTION  /**< a repeatable titled section: name "title" { ... }; options in `section` */
} tardis_option_type_t;

/** One option; a table of them ends with a NULL name. */
typedef struct tardis_option_t {
    const char *name;
    tardis_option_type_t type;
    const char *initial; /**< the default, as it would be written (a list: comma-separated); NULL: unset */
    long minimum;        /**< of an integer */
    long maximum;
    const char *help; /**< one line, for `config` and the manual */
    const struct tardis_option_t *section;
} tardis_option_t;

typedef struct tardis_config_t tardis_config_t;

/**
 * Reads @a file. Everything it returns lives in @a pool.
 * @return TARDIS_CONFIG_INVALID (the text starts with "file:line: ") or TARDIS_IO_ERROR.
 */
tardis_error_t *tardis_config_read(tardis_config_t **config, const char *file, const tardis_option_t *options,
                                   apr_pool_t *pool);

/* Values; @a name must be in the table with that type. */
const char *tardis_config_text(const tardis_config_t *config, const char *name); /**< NULL: unset, or "" */
long tardis_config_integer(const tardis_config_t *config, const char *name);
int tardis_config_boolean(const tardis_config_t *config, const char *name);
/** The elements of a list: const char *. */
const apr_array_header_t *tardis_config_list(const tardis_config_t *config, const char *name);

/** The sections called @a name: an array of tardis_config_t *, each read with the functions above. */
const apr_array_header_t *tardis_config_sections(const tardis_config_t *config, const char *name);
/** The title of a section. */
const char *tardis_config_title(const tardis_config_t *section);

/** The file that was read, as it was named. */
const char *tardis_config_file(const tardis_config_t *config);

/** "file:line" where the option was set, or "file" if it has its default; for errors found later. */
const char *tardis_config_where(const tardis_config_t *config, const char *name, apr_pool_t *pool);

/** The options as a file that could be read again, defaults included; for `config show`. */
const char *tardis_config_print(const tardis_config_t *config, apr_pool_t *pool);

/**
 * The first line of a file that holds a secret. Refuses (TARDIS_CONFIG_INVALID) one that everybody may read.
 */
tardis_error_t *tardis_config_secret(const char **secret, const char *file, apr_pool_t *pool);

#endif
