#include "child.h"

#include <string.h>

#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_strings.h>
#include <http_log.h>

static apr_int64_t default_connections(void);
static child_t *find(child_t *children, const directive_t *database, apr_int64_t connections);
static int same(const char *a, const char *b);

void child_open_databases(apr_pool_t *pool, server_rec *main_server, const module *owner)
{
    child_t *children = NULL;
    for (server_rec *s = main_server; s; s = s->next) {
        module_conf_t *conf = ap_get_module_config(s->module_config, owner);
        const directive_t *database = directive_at(conf, DIRECTIVE_DATABASE);
        if (!database)
            continue;
        apr_int64_t connections = directive_number(conf, DIRECTIVE_CONNECTIONS, default_connections());
        conf->child = find(children, database, connections);
        if (conf->child)
            continue;
        child_t *child = apr_pcalloc(pool, sizeof(*child));
        tardis_db_settings_t settings = {.option_file = database->value, .group = database->more[0]};
        tardis_error_t *error = tardis_db_pool_create(&child->db_pool, &settings, (int)connections, pool);
        if (error) {
            ap_log_error(__FILE__, __LINE__, owner->module_index, APLOG_ERR, 0, s, "%s: %s [%s]",
                         database->name, error->text, tardis_error_name(error->code));
            continue;
        }
        child->database = database;
        child->connections = connections;
        child->next = children;
        conf->child = children = child;
    }
}

tardis_error_t *child_lend_database(const module_conf_t *conf, tardis_schema_side_t side,
                                    tardis_context_t *context)
{
    if (context->db)
        return NULL;
    if (!conf->child)
        return tardis_error_create(context->pool, TARDIS_CONFIG_INVALID,
                                   directive_at(conf, DIRECTIVE_DATABASE)
                                       ? "this process has no pool of database connections"
                                       : "no database is configured for this server");
    tardis_error_t *error = tardis_db_pool_acquire(conf->child->db_pool, &context->db, context->pool);
    if (error || apr_atomic_read32(&conf->child->schema_is_right))
        return error;
    error = tardis_schema_require(context, side, context->pool);
    if (!error)
        apr_atomic_set32(&conf->child->schema_is_right, 1);
    return error;
}

/* One for each thread of the process: then no request ever waits for another's connection. */
static apr_int64_t default_connections(void)
{
    int threads = 1;
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    return threads > 0 ? threads : 1;
}

static child_t *find(child_t *children, const directive_t *database, apr_int64_t connections)
{
    for (child_t *child = children; child; child = child->next) {
        if (same(child->database->value, database->value) &&
            same(child->database->more[0], database->more[0]) && child->connections == connections)
            return child;
    }
    return NULL;
}

static int same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}
