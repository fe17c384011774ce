/**
 * @file directive.h
 * The directives of a module as they were given, with where, for one server; and how two servers' are merged.
 *
 * A module numbers its directives from 0: the ones that both modules have first. A configuration is an array
 * with one place per directive; NULL there is "not set", so that a merge takes the main server's.
 */
#ifndef TARDIS_MODULE_DIRECTIVE_H
#define TARDIS_MODULE_DIRECTIVE_H

#include <httpd.h>
#include <http_config.h>

/** The places of the directives that both modules have. */
enum {
    DIRECTIVE_DATABASE,       /**< value: option file; more[0]: group */
    DIRECTIVE_CONNECTIONS,    /**< number */
    DIRECTIVE_ALLOW_INSECURE, /**< number: 1 is On */
    DIRECTIVES_IN_COMMON
};

/** One directive. */
typedef struct directive_t {
    const char *name;
    const char *value;   /**< first argument; a path is absolute */
    const char *more[2]; /**< further arguments; NULL: not given */
    apr_int64_t number;  /**< of a directive that takes a number, or On (1) and Off (0) */
    const char *file;    /**< where it stands */
    int line;
} directive_t;

/** A server's configuration of one module. */
typedef struct module_conf_t {
    const directive_t **directives; /**< NULL: not set */
    int count;
    int mentioned;         /**< this server itself, not the main one, has a directive of the module */
    struct child_t *child; /**< child.h; set in child processes where there is a database */
} module_conf_t;

/** What a directive's parser needs to know; the last field of its entry in the command table. */
typedef struct directive_spec_t {
    module *owner;
    int place;
    apr_int64_t minimum; /**< of a number */
    apr_int64_t maximum;
} directive_spec_t;

/** A configuration with nothing set. */
module_conf_t *directive_conf_create(apr_pool_t *pool, int count);

/** What is set in @a overlay (module_conf_t), else what is set in @a base; a merge function for httpd. */
void *directive_conf_merge(apr_pool_t *pool, void *base, void *overlay);

/** The directive at @a place; NULL: not set. */
const directive_t *directive_at(const module_conf_t *conf, int place);
/** Its first argument; NULL: not set. */
const char *directive_value(const module_conf_t *conf, int place);
/** Its number; @a initial: not set. */
apr_int64_t directive_number(const module_conf_t *conf, int place, apr_int64_t initial);

/** Puts a directive with this value at its place, and returns it so that its parser can add to it. */
directive_t *directive_add(cmd_parms *cmd, const char *value);

/* Parsers for command tables. Each returns NULL or what is wrong, which names the allowed values. */

/** A path, relative to ServerRoot. */
const char *directive_set_path(cmd_parms *cmd, void *unused, const char *path);
/** A MySQL option file, and perhaps a group in it. */
const char *directive_set_database(cmd_parms *cmd, void *unused, const char *path, const char *group);
/** A whole number from the spec's minimum to its maximum. */
const char *directive_set_number(cmd_parms *cmd, void *unused, const char *text);
/** On or Off. */
const char *directive_set_flag(cmd_parms *cmd, void *unused, int on);

#endif
