#include "directive.h"

#include <apr_strings.h>

module_conf_t *directive_conf_create(apr_pool_t *pool, int count)
{
    module_conf_t *conf = apr_pcalloc(pool, sizeof(*conf));
    conf->directives = apr_pcalloc(pool, (apr_size_t)count * sizeof(*conf->directives));
    conf->count = count;
    return conf;
}

void *directive_conf_merge(apr_pool_t *pool, void *base, void *overlay)
{
    const module_conf_t *main_conf = base, *own = overlay;
    module_conf_t *conf = directive_conf_create(pool, own->count);
    for (int i = 0; i < own->count; i++)
        conf->directives[i] = own->directives[i] ? own->directives[i] : main_conf->directives[i];
    conf->mentioned = own->mentioned;
    return conf;
}

const directive_t *directive_at(const module_conf_t *conf, int place)
{
    return conf->directives[place];
}

const char *directive_value(const module_conf_t *conf, int place)
{
    return conf->directives[place] ? conf->directives[place]->value : NULL;
}

apr_int64_t directive_number(const module_conf_t *conf, int place, apr_int64_t initial)
{
    return conf->directives[place] ? conf->directives[place]->number : initial;
}

directive_t *directive_add(cmd_parms *cmd, const char *value)
{
    const directive_spec_t *spec = cmd->info;
    module_conf_t *conf = ap_get_module_config(cmd->server->module_config, spec->owner);
    directive_t *directive = apr_pcalloc(cmd->pool, sizeof(*directive));
    directive->name = cmd->cmd->name;
    directive->value = value;
    directive->file = cmd->directive->filename;
    directive->line = cmd->directive->line_num;
    conf->directives[spec->place] = directive;
    conf->mentioned = 1;
    return directive;
}

const char *directive_set_path(cmd_parms *cmd, void *unused, const char *path)
{
    return directive_set_database(cmd, unused, path, NULL);
}

const char *directive_set_database(cmd_parms *cmd, void *unused, const char *path, const char *group)
{
    (void)unused;
    const char *absolute = ap_server_root_relative(cmd->pool, path);
    if (!absolute)
        return apr_psprintf(cmd->pool, "%s needs a path, not \"%s\"", cmd->cmd->name, path);
    directive_add(cmd, absolute)->more[0] = group;
    return NULL;
}

const char *directive_set_number(cmd_parms *cmd, void *unused, const char *text)
{
    const directive_spec_t *spec = cmd->info;
    char *end;
    (void)unused;
    errno = 0;
    apr_int64_t number = apr_strtoi64(text, &end, 10);
    if (errno || *end || end == text || number < spec->minimum || number > spec->maximum)
        return apr_psprintf(
            cmd->pool, "%s must be a number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT ", not \"%s\"",
            cmd->cmd->name, spec->minimum, spec->maximum, text);
    directive_add(cmd, text)->number = number;
    return NULL;
}

const char *directive_set_flag(cmd_parms *cmd, void *unused, int on)
{
    (void)unused;
    directive_add(cmd, on ? "On" : "Off")->number = on;
    return NULL;
}
