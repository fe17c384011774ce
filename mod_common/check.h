/**
 * @file check.h
 * Checks of a whole configuration, for `apachectl configtest` and every start: what spans directives and what
 * they name. Every mistake is logged, with the file and line of its directive, before the start is refused.
 */
#ifndef TARDIS_MODULE_CHECK_H
#define TARDIS_MODULE_CHECK_H

#include "directive.h"
#include "tardis_context.h"

/** A server being checked. */
typedef struct check_t {
    server_rec *s;
    const module_conf_t *conf;
    const module_conf_t *main_conf;  /**< NULL while the main server itself is checked */
    const tardis_context_t *context; /**< pool, and a log that is the server's error log */
    int module_index;
    int problems;
} check_t;

/**
 * Calls @a check for the main server and each virtual host.
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR if any check complained; for a check_config hook.
 */
int check_servers(server_rec *main_server, const module *owner, void (*check)(check_t *), apr_pool_t *pool);

/**
 * The directive at @a place if it is set here. NULL also for one that comes from the main server, which was
 * checked there.
 */
const directive_t *check_own(const check_t *check, int place);

/**
 * Complains if this server lacks the directive called @a name although it has others of the module. The main
 * server may leave directives to its virtual hosts.
 */
void check_required(check_t *check, int place, const char *name);

/** Complains of @a error, which @a directive leads to. NULL is no complaint. */
void check_complain(check_t *check, const directive_t *directive, const tardis_error_t *error);

/** Complains if @a file, named by @a directive, cannot be read. Returns whether it can. */
int check_readable(check_t *check, const directive_t *directive, const char *file);

/** As check_readable(); also complains if everybody may read it. */
int check_secret(check_t *check, const directive_t *directive, const char *file);

/** As check_readable(); logs a warning if everybody may read it. */
int check_private(check_t *check, const directive_t *directive, const char *file);

/** Complains if the directive's value is not a directory. */
void check_directory(check_t *check, const directive_t *directive);

#endif
