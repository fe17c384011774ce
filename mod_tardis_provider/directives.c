#include "provider.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "tardis_http.h"

/* Leaves room for the number in a uid of 255 bytes. */
#define INSTITUTION_MAX 200

static const directive_spec_t specs[PROVIDER_DIRECTIVES] = {
    [DIRECTIVE_DATABASE] = {&tardis_provider_module, DIRECTIVE_DATABASE, 0, 0},
    [DIRECTIVE_CONNECTIONS] = {&tardis_provider_module, DIRECTIVE_CONNECTIONS, 1, 1000},
    [DIRECTIVE_ALLOW_INSECURE] = {&tardis_provider_module, DIRECTIVE_ALLOW_INSECURE, 0, 1},
    [PROVIDER_INSTITUTION] = {&tardis_provider_module, PROVIDER_INSTITUTION, 0, 0},
    [PROVIDER_KEY_SOURCE] = {&tardis_provider_module, PROVIDER_KEY_SOURCE, 0, 0},
    [PROVIDER_REGISTRY] = {&tardis_provider_module, PROVIDER_REGISTRY, 0, 0},
    [PROVIDER_CA_FILE] = {&tardis_provider_module, PROVIDER_CA_FILE, 0, 0},
};

static const char *set_institution(cmd_parms *cmd, void *unused, const char *name);
static const char *set_key_source(cmd_parms *cmd, void *unused, const char *source);
static const char *set_registry(cmd_parms *cmd, void *unused, const char *location, const char *user,
                                const char *password_file);
static void check_registry(check_t *check);
static void check_key_source(check_t *check);

#define SPEC(place) (void *)&specs[place]

const command_rec provider_commands[] = {
    AP_INIT_TAKE12("TardisProviderDatabase", directive_set_database, SPEC(DIRECTIVE_DATABASE), RSRC_CONF,
                   "MySQL option file of the provider's database, and its group (default: tardis)"),
    AP_INIT_TAKE1("TardisProviderDatabaseConnections", directive_set_number, SPEC(DIRECTIVE_CONNECTIONS),
                  RSRC_CONF, "most database connections of a process, 1 to 1000 (default: one per thread)"),
    AP_INIT_TAKE1("TardisProviderInstitution", set_institution, SPEC(PROVIDER_INSTITUTION), RSRC_CONF,
                  "first part of the uids of this provider (default: tardis)"),
    AP_INIT_TAKE1("TardisProviderKeySource", set_key_source, SPEC(PROVIDER_KEY_SOURCE), RSRC_CONF,
                  "where the clients' keys are: database (the default) or file:PATH"),
    AP_INIT_TAKE123("TardisProviderSiteRegistry", set_registry, SPEC(PROVIDER_REGISTRY), RSRC_CONF,
                    "path of the site registry, or its URL with a user and the file of that user's password"),
    AP_INIT_TAKE1("TardisProviderCAFile", directive_set_path, SPEC(PROVIDER_CA_FILE), RSRC_CONF,
                  "PEM file of the authorities to trust for a registry at a URL (default: the system's)"),
    AP_INIT_FLAG("TardisProviderAllowInsecure", directive_set_flag, SPEC(DIRECTIVE_ALLOW_INSECURE), RSRC_CONF,
                 "On: answer plain HTTP too, for a test; Off (the default): HTTPS only"),
    {.name = NULL},
};

void provider_check(check_t *check)
{
    const directive_t *directive;
    check_required(check, DIRECTIVE_DATABASE, "TardisProviderDatabase");
    check_required(check, PROVIDER_REGISTRY, "TardisProviderSiteRegistry");
    if ((directive = check_own(check, DIRECTIVE_DATABASE)))
        check_secret(check, directive, directive->value);
    if ((directive = check_own(check, PROVIDER_CA_FILE)))
        check_readable(check, directive, directive->value);
    check_key_source(check);
    check_registry(check);
}

static const char *set_institution(cmd_parms *cmd, void *unused, const char *name)
{
    (void)unused;
    apr_size_t length = strlen(name);
    for (const char *c = name; *c; c++) {
        if (!apr_isalnum(*c) && !strchr("_.-", *c))
            length = 0;
    }
    if (!length || length > INSTITUTION_MAX)
        return apr_psprintf(cmd->pool, "%s must be 1 to %d letters, digits, '_', '.' and '-', not \"%s\"",
                            cmd->cmd->name, INSTITUTION_MAX, name);
    directive_add(cmd, name);
    return NULL;
}

static const char *set_key_source(cmd_parms *cmd, void *unused, const char *source)
{
    (void)unused;
    if (strcmp(source, "database") == 0) {
        directive_add(cmd, NULL);
        return NULL;
    }
    if (strncmp(source, "file:", 5) != 0 || !source[5])
        return apr_psprintf(cmd->pool, "%s must be database or file:PATH, not \"%s\"", cmd->cmd->name,
                            source);
    return directive_set_path(cmd, NULL, source + 5);
}

static const char *set_registry(cmd_parms *cmd, void *unused, const char *location, const char *user,
                                const char *password_file)
{
    (void)unused;
    if (!strstr(location, "://")) {
        if (user)
            return apr_psprintf(cmd->pool, "%s takes a user and a password file with a URL only",
                                cmd->cmd->name);
        return directive_set_path(cmd, NULL, location);
    }
    tardis_error_t *error = tardis_url_check(location, cmd->temp_pool);
    if (error)
        return apr_psprintf(cmd->pool, "%s must be a path or an http(s) URL: %s", cmd->cmd->name,
                            error->text);
    if (user && !password_file)
        return apr_psprintf(cmd->pool, "%s needs a password file after the user", cmd->cmd->name);
    directive_t *directive = directive_add(cmd, location);
    directive->more[0] = user;
    directive->more[1] = password_file ? ap_server_root_relative(cmd->pool, password_file) : NULL;
    return NULL;
}

static void check_key_source(check_t *check)
{
    const directive_t *directive = check_own(check, PROVIDER_KEY_SOURCE);
    const char *site;
    if (directive && directive->value)
        check_complain(check, directive,
                       provider_key_file_find(directive->value, NULL, NULL, &site, check->context->pool));
}

/* One at a URL is not asked for now: its host may be down, which is no mistake of this configuration. */
static void check_registry(check_t *check)
{
    const directive_t *directive = check_own(check, PROVIDER_REGISTRY);
    apr_array_header_t *sites;
    if (!directive)
        return;
    if (directive->more[1])
        check_secret(check, directive, directive->more[1]);
    tardis_registry_source_t source = {.location = directive->value};
    if (*directive->value == '/' && check_private(check, directive, directive->value))
        check_complain(check, directive,
                       tardis_registry_load(check->context, &source, &sites, check->context->pool));
}
