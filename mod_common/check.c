#include "check.h"

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include <http_log.h>

static void log_line(void *baton, tardis_log_level_t level, const char *line);
static int everybody_reads(const char *file, apr_pool_t *pool);

int check_servers(server_rec *main_server, const module *owner, void (*check)(check_t *), apr_pool_t *pool)
{
    int problems = 0;
    for (server_rec *s = main_server; s; s = s->next) {
        tardis_context_t context = {.pool = pool, .log = log_line};
        check_t one = {
            .s = s,
            .conf = ap_get_module_config(s->module_config, owner),
            .main_conf = s == main_server ? NULL : ap_get_module_config(main_server->module_config, owner),
            .context = &context,
            .module_index = owner->module_index,
        };
        context.log_baton = &one;
        check(&one);
        problems += one.problems;
    }
    return problems ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

const directive_t *check_own(const check_t *check, int place)
{
    const directive_t *directive = directive_at(check->conf, place);
    return check->main_conf && directive == directive_at(check->main_conf, place) ? NULL : directive;
}

void check_required(check_t *check, int place, const char *name)
{
    if (!check->conf->mentioned || directive_at(check->conf, place) || (!check->main_conf && check->s->next))
        return;
    for (int i = 0; i < check->conf->count; i++) {
        const directive_t *other = check_own(check, i);
        if (other) {
            check_complain(check, other,
                           tardis_error_create(check->context->pool, TARDIS_CONFIG_INVALID,
                                               "this server also needs %s", name));
            return;
        }
    }
}

void check_complain(check_t *check, const directive_t *directive, const tardis_error_t *error)
{
    if (!error)
        return;
    check->problems++;
    tardis_log_problem(
        check->context, TARDIS_LOG_ERROR,
        apr_psprintf(check->context->pool, "%s:%d: %s", directive->file, directive->line, directive->name),
        error, NULL);
}

int check_readable(check_t *check, const directive_t *directive, const char *file)
{
    apr_file_t *handle;
    apr_finfo_t info;
    apr_pool_t *pool = check->context->pool;
    apr_status_t rv = apr_file_open(&handle, file, APR_FOPEN_READ, APR_OS_DEFAULT, pool);
    if (rv != APR_SUCCESS) {
        check_complain(check, directive,
                       tardis_error_from_status(pool, TARDIS_CONFIG_INVALID, rv, "%s", file));
        return 0;
    }
    rv = apr_file_info_get(&info, APR_FINFO_TYPE, handle);
    apr_file_close(handle);
    if (rv == APR_SUCCESS && info.filetype == APR_REG)
        return 1;
    check_complain(check, directive,
                   tardis_error_create(pool, TARDIS_CONFIG_INVALID, "%s: not a regular file", file));
    return 0;
}

int check_secret(check_t *check, const directive_t *directive, const char *file)
{
    if (!check_readable(check, directive, file))
        return 0;
    if (!everybody_reads(file, check->context->pool))
        return 1;
    check_complain(check, directive,
                   tardis_error_create(check->context->pool, TARDIS_CONFIG_INVALID,
                                       "%s: everybody can read this file of secrets; chmod o-r", file));
    return 0;
}

int check_private(check_t *check, const directive_t *directive, const char *file)
{
    if (!check_readable(check, directive, file))
        return 0;
    if (everybody_reads(file, check->context->pool))
        tardis_log(check->context, TARDIS_LOG_WARNING,
                   "%s:%d: %s: %s: everybody can read the passwords in it", directive->file, directive->line,
                   directive->name, file);
    return 1;
}

void check_directory(check_t *check, const directive_t *directive)
{
    apr_finfo_t info;
    apr_pool_t *pool = check->context->pool;
    apr_status_t rv = apr_stat(&info, directive->value, APR_FINFO_TYPE, pool);
    if (rv != APR_SUCCESS)
        check_complain(check, directive,
                       tardis_error_from_status(pool, TARDIS_CONFIG_INVALID, rv, "%s", directive->value));
    else if (info.filetype != APR_DIR)
        check_complain(
            check, directive,
            tardis_error_create(pool, TARDIS_CONFIG_INVALID, "%s: not a directory", directive->value));
}

static void log_line(void *baton, tardis_log_level_t level, const char *line)
{
    const check_t *check = baton;
    ap_log_error(__FILE__, __LINE__, check->module_index, (int)level, 0, check->s, "%s", line);
}

static int everybody_reads(const char *file, apr_pool_t *pool)
{
    apr_finfo_t info;
    return apr_stat(&info, file, APR_FINFO_PROT, pool) == APR_SUCCESS && (info.protection & APR_FPROT_WREAD);
}
