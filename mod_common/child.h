/**
 * @file child.h
 * What a child process of httpd keeps per server: its pool of database connections.
 */
#ifndef TARDIS_MODULE_CHILD_H
#define TARDIS_MODULE_CHILD_H

#include "directive.h"
#include "tardis_db.h"
#include "tardis_schema.h"

/** One database, for every server that names the same. */
typedef struct child_t {
    tardis_db_pool_t *db_pool;
    const directive_t *database; /**< what it was made for */
    apr_int64_t connections;
    volatile apr_uint32_t schema_is_right; /**< was seen so by some request */
    void *own;                             /**< what the module keeps beside it; NULL until it is set */
    struct child_t *next;
} child_t;

/** For a child_init hook: makes a pool for each database that a server of this httpd names. Connects nothing.
 */
void child_open_databases(apr_pool_t *pool, server_rec *main_server, const module *owner);

/**
 * Lends the request a connection (context->db) until its pool goes, unless it has one.
 * @return TARDIS_CONFIG_INVALID: the server names no database; TARDIS_SCHEMA_MISMATCH: looked for until it is
 *         right, then no more; what tardis_db_pool_acquire() returns.
 */
tardis_error_t *child_lend_database(const module_conf_t *conf, tardis_schema_side_t side,
                                    tardis_context_t *context);

#endif
