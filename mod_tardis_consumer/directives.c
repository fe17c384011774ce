#include "consumer.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_http.h"
#include "tardis_site.h"
#include "tardis_users.h"

/* What httpd can count, less what a form may have beside its document. */
#define DOCUMENT_LIMIT_MAX (APR_INT64_C(1) << 50)

static const directive_spec_t specs[CONSUMER_DIRECTIVES] = {
    [DIRECTIVE_DATABASE] = {&tardis_consumer_module, DIRECTIVE_DATABASE, 0, 0},
    [DIRECTIVE_CONNECTIONS] = {&tardis_consumer_module, DIRECTIVE_CONNECTIONS, 1, 1000},
    [DIRECTIVE_ALLOW_INSECURE] = {&tardis_consumer_module, DIRECTIVE_ALLOW_INSECURE, 0, 1},
    [CONSUMER_STORE] = {&tardis_consumer_module, CONSUMER_STORE, 0, 0},
    [CONSUMER_REGISTER_USERS] = {&tardis_consumer_module, CONSUMER_REGISTER_USERS, 0, 0},
    [CONSUMER_STAFF_USERS] = {&tardis_consumer_module, CONSUMER_STAFF_USERS, 0, 0},
    [CONSUMER_SITE_SETTINGS] = {&tardis_consumer_module, CONSUMER_SITE_SETTINGS, 0, 0},
    [CONSUMER_DOCUMENT_LIMIT] = {&tardis_consumer_module, CONSUMER_DOCUMENT_LIMIT, 1, DOCUMENT_LIMIT_MAX},
    [CONSUMER_ALLOW_EMPTY] = {&tardis_consumer_module, CONSUMER_ALLOW_EMPTY, 0, 1},
    [CONSUMER_BASE_URL] = {&tardis_consumer_module, CONSUMER_BASE_URL, 0, 0},
};

static const char *set_store(cmd_parms *cmd, void *unused, const char *path);
static const char *set_base_url(cmd_parms *cmd, void *unused, const char *url);
static void check_users(check_t *check, int place);
static void check_site_settings(check_t *check);

#define SPEC(place) (void *)&specs[place]

const command_rec consumer_commands[] = {
    AP_INIT_TAKE12("TardisConsumerDatabase", directive_set_database, SPEC(DIRECTIVE_DATABASE), RSRC_CONF,
                   "MySQL option file of the consumer's database, and its group (default: tardis)"),
    AP_INIT_TAKE1("TardisConsumerDatabaseConnections", directive_set_number, SPEC(DIRECTIVE_CONNECTIONS),
                  RSRC_CONF, "most database connections of a process, 1 to 1000 (default: one per thread)"),
    AP_INIT_TAKE1("TardisConsumerStore", set_store, SPEC(CONSUMER_STORE), RSRC_CONF,
                  "directory that experiments' files go to"),
    AP_INIT_TAKE1("TardisConsumerRegisterUsers", directive_set_path, SPEC(CONSUMER_REGISTER_USERS), RSRC_CONF,
                  "htpasswd file of the users that may register experiments"),
    AP_INIT_TAKE1("TardisConsumerStaffUsers", directive_set_path, SPEC(CONSUMER_STAFF_USERS), RSRC_CONF,
                  "htpasswd file of the users that may read the site settings"),
    AP_INIT_TAKE1("TardisConsumerSiteSettings", directive_set_path, SPEC(CONSUMER_SITE_SETTINGS), RSRC_CONF,
                  "the site settings document"),
    AP_INIT_TAKE1("TardisConsumerDocumentLimit", directive_set_number, SPEC(CONSUMER_DOCUMENT_LIMIT),
                  RSRC_CONF, "most bytes of a registered document (default: 1073741824)"),
    AP_INIT_FLAG("TardisConsumerAllowEmpty", directive_set_flag, SPEC(CONSUMER_ALLOW_EMPTY), RSRC_CONF,
                 "On: accept documents that list no files; Off (the default): refuse them"),
    AP_INIT_FLAG("TardisConsumerAllowInsecure", directive_set_flag, SPEC(DIRECTIVE_ALLOW_INSECURE), RSRC_CONF,
                 "On: answer plain HTTP too, for a test; Off (the default): HTTPS only"),
    AP_INIT_TAKE1("TardisConsumerBaseURL", set_base_url, SPEC(CONSUMER_BASE_URL), RSRC_CONF,
                  "what the Location of a registered experiment begins with (default: the request's own)"),
    {.name = NULL},
};

void consumer_check(check_t *check)
{
    const directive_t *directive;
    check_required(check, DIRECTIVE_DATABASE, "TardisConsumerDatabase");
    check_required(check, CONSUMER_STORE, "TardisConsumerStore");
    check_required(check, CONSUMER_REGISTER_USERS, "TardisConsumerRegisterUsers");
    if ((directive = check_own(check, DIRECTIVE_DATABASE)))
        check_secret(check, directive, directive->value);
    if ((directive = check_own(check, CONSUMER_STORE)))
        check_directory(check, directive);
    check_users(check, CONSUMER_REGISTER_USERS);
    check_users(check, CONSUMER_STAFF_USERS);
    check_site_settings(check);
}

static const char *set_store(cmd_parms *cmd, void *unused, const char *path)
{
    apr_size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return directive_set_path(cmd, unused, apr_pstrmemdup(cmd->pool, path, length));
}

static const char *set_base_url(cmd_parms *cmd, void *unused, const char *url)
{
    (void)unused;
    apr_size_t length = strlen(url);
    while (length && url[length - 1] == '/')
        length--;
    const char *base = apr_pstrmemdup(cmd->pool, url, length);
    tardis_error_t *error = tardis_url_check(base, cmd->temp_pool);
    if (error)
        return apr_psprintf(cmd->pool, "%s must be an http(s) URL: %s", cmd->cmd->name, error->text);
    directive_add(cmd, base);
    return NULL;
}

static void check_users(check_t *check, int place)
{
    const directive_t *directive = check_own(check, place);
    if (directive && check_readable(check, directive, directive->value))
        check_complain(check, directive, tardis_users_check_file(directive->value, check->context->pool));
}

static void check_site_settings(check_t *check)
{
    const directive_t *directive = check_own(check, CONSUMER_SITE_SETTINGS);
    apr_pool_t *pool = check->context->pool;
    tardis_site_settings_t *settings;
    if (directive && !directive_at(check->conf, CONSUMER_STAFF_USERS))
        check_complain(check, directive,
                       tardis_error_create(pool, TARDIS_CONFIG_INVALID,
                                           "nobody may read it without TardisConsumerStaffUsers"));
    if (!directive || !check_private(check, directive, directive->value))
        return;
    const char *text;
    apr_size_t length;
    tardis_error_t *error = consumer_read_settings(directive->value, &text, &length, pool);
    if (!error)
        error = tardis_site_settings_parse(text, length, &settings, pool);
    check_complain(check, directive, error);
}
