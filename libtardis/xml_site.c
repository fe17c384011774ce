#include "tardis_site.h"

#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "tardis_http.h"
#include "tardis_uid.h"
#include "xml_reader.h"

/* Longest URL of a site; the database keys rows by it. */
#define URL_MAX 255
/* Longest name of a site; the database keeps it. */
#define NAME_MAX_BYTES 255

enum { SITES = 1, SITE, SITE_FIELD };
enum { SETTINGS = 1, EMAIL, REGISTER, REGISTER_FIELD, TRANSFER, TRANSFER_FIELD };

typedef struct {
    apr_array_header_t *sites;
    tardis_site_t site; /* the one being read */
    apr_pool_t *pool;
} registry_t;

typedef struct {
    tardis_site_settings_t *settings;
    apr_pool_t *pool;
} settings_t;

/* Where the text of a child element goes. */
typedef struct {
    const char *name;
    apr_size_t offset;
} field_t;

static const field_t site_fields[] = {
    {"name", offsetof(tardis_site_t, name)},
    {"url", offsetof(tardis_site_t, url)},
    {"username", offsetof(tardis_site_t, username)},
    {"password", offsetof(tardis_site_t, password)},
    {NULL, 0},
};

static const field_t register_fields[] = {
    {"url", offsetof(tardis_site_settings_t, register_url)},
    {"username", offsetof(tardis_site_settings_t, register_username)},
    {"password", offsetof(tardis_site_settings_t, register_password)},
    {"fileProtocol", offsetof(tardis_site_settings_t, file_protocol)},
    {NULL, 0},
};

static tardis_error_t *read_as(tardis_error_code_t code, const tardis_xml_source_t *source,
                               const tardis_xml_plan_t *plan, void *baton, apr_pool_t *pool);
static tardis_error_t *start_site(void *baton, tardis_xml_reader_t *reader);
static tardis_error_t *end_site_field(void *baton, tardis_xml_reader_t *reader);
static tardis_error_t *end_site(void *baton, tardis_xml_reader_t *reader);
static tardis_error_t *keep_field(const field_t *fields, void *target, tardis_xml_reader_t *reader,
                                  apr_pool_t *pool);
static tardis_error_t *check_url(const tardis_xml_reader_t *reader, const char *url, apr_pool_t *pool);
static tardis_error_t *check_clean(const tardis_xml_reader_t *reader, const char *allowed);
static tardis_error_t *end_email(void *baton, tardis_xml_reader_t *reader);
static tardis_error_t *end_register_field(void *baton, tardis_xml_reader_t *reader);
static tardis_error_t *end_transfer_field(void *baton, tardis_xml_reader_t *reader);
static tardis_error_t *end_settings(void *baton, tardis_xml_reader_t *reader);
static int is_scheme(const char *text);

tardis_error_t *tardis_registry_parse(const char *text, apr_size_t length, apr_array_header_t **sites,
                                      apr_pool_t *pool)
{
    static const tardis_xml_rule_t rules[] = {
        {TARDIS_XML_ROOT, TARDIS_XML_ANY, "sites", SITES, 0, NULL, NULL},
        {SITES, TARDIS_XML_ANY, "site", SITE, 0, start_site, end_site},
        {SITE, TARDIS_XML_ANY, TARDIS_XML_ANY, SITE_FIELD, 1, NULL, end_site_field},
        {0, NULL, NULL, 0, 0, NULL, NULL},
    };
    static const tardis_xml_plan_t plan = {rules, "`sites`", NULL};
    const tardis_xml_source_t source = {.text = text, .length = length};
    registry_t registry = {.sites = apr_array_make(pool, 8, sizeof(tardis_site_t)), .pool = pool};
    *sites = registry.sites;
    return read_as(TARDIS_REGISTRY_INVALID, &source, &plan, &registry, pool);
}

/* Whatever is wrong with the document, it is this document that is wrong. */
static tardis_error_t *read_as(tardis_error_code_t code, const tardis_xml_source_t *source,
                               const tardis_xml_plan_t *plan, void *baton, apr_pool_t *pool)
{
    tardis_error_t *error = tardis_xml_read(source, plan, baton, pool);
    return error ? tardis_error_at_line(pool, code, error->line, "%s", error->text) : NULL;
}

static tardis_error_t *start_site(void *baton, tardis_xml_reader_t *reader)
{
    registry_t *registry = baton;
    (void)reader;
    registry->site = (tardis_site_t){0};
    return NULL;
}

static tardis_error_t *end_site_field(void *baton, tardis_xml_reader_t *reader)
{
    registry_t *registry = baton;
    return keep_field(site_fields, &registry->site, reader, registry->pool);
}

static tardis_error_t *end_site(void *baton, tardis_xml_reader_t *reader)
{
    registry_t *registry = baton;
    tardis_site_t *site = &registry->site;
    if (!site->name || !*site->name)
        return tardis_xml_fail(reader, TARDIS_REGISTRY_INVALID, "a site without a <name>");
    if (strlen(site->name) > NAME_MAX_BYTES)
        return tardis_xml_fail(reader, TARDIS_REGISTRY_INVALID, "a site's <name> is longer than %d bytes",
                               NAME_MAX_BYTES);
    tardis_error_t *error = check_url(reader, site->url, registry->pool);
    if (error)
        return error;
    for (int i = 0; i < registry->sites->nelts; i++) {
        const tardis_site_t *other = &APR_ARRAY_IDX(registry->sites, i, tardis_site_t);
        if (strcmp(other->url, site->url) == 0 || strcmp(other->name, site->name) == 0)
            return tardis_xml_fail(reader, TARDIS_REGISTRY_INVALID, "the site \"%s\" (%s) is there twice",
                                   site->name, site->url);
    }
    site->username = site->username ? site->username : "";
    site->password = site->password ? site->password : "";
    APR_ARRAY_PUSH(registry->sites, tardis_site_t) = *site;
    return NULL;
}

/* An element that is in no table is not ours to judge. The text may be a password: it is in no message. */
static tardis_error_t *keep_field(const field_t *fields, void *target, tardis_xml_reader_t *reader,
                                  apr_pool_t *pool)
{
    for (const field_t *field = fields; field->name; field++) {
        if (strcmp(field->name, tardis_xml_name(reader)) != 0)
            continue;
        const char **value = (const char **)((char *)target + field->offset);
        if (*value)
            return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "a second <%s>", field->name);
        *value = apr_pstrdup(pool, tardis_xml_trimmed(reader));
        return check_clean(reader, "");
    }
    return NULL;
}

/* XML lets through what no terminal, log or header should get. */
static tardis_error_t *check_clean(const tardis_xml_reader_t *reader, const char *allowed)
{
    const char *text = tardis_xml_trimmed(reader);
    return tardis_text_is_clean(text, strlen(text), allowed)
               ? NULL
               : tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "<%s> has a control character",
                                 tardis_xml_name(reader));
}

static tardis_error_t *check_url(const tardis_xml_reader_t *reader, const char *url, apr_pool_t *pool)
{
    if (!url || !*url)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "<%s> has no <url>", tardis_xml_name(reader));
    if (strlen(url) > URL_MAX)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "the <url> of <%s> is longer than %d bytes",
                               tardis_xml_name(reader), URL_MAX);
    tardis_error_t *error = tardis_url_check(url, pool);
    return error ? tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "<url>: %s", error->text) : NULL;
}

tardis_error_t *tardis_site_settings_parse(const char *text, apr_size_t length,
                                           tardis_site_settings_t **settings, apr_pool_t *pool)
{
    static const tardis_xml_rule_t rules[] = {
        {TARDIS_XML_ROOT, TARDIS_XML_ANY, "site-settings", SETTINGS, 0, NULL, end_settings},
        {SETTINGS, TARDIS_XML_ANY, "email-endswith", EMAIL, 1, NULL, end_email},
        {SETTINGS, TARDIS_XML_ANY, "register", REGISTER, 0, NULL, NULL},
        {REGISTER, TARDIS_XML_ANY, TARDIS_XML_ANY, REGISTER_FIELD, 1, NULL, end_register_field},
        {SETTINGS, TARDIS_XML_ANY, "transfer", TRANSFER, 0, NULL, NULL},
        {TRANSFER, TARDIS_XML_ANY, TARDIS_XML_ANY, TRANSFER_FIELD, 1, NULL, end_transfer_field},
        {0, NULL, NULL, 0, 0, NULL, NULL},
    };
    static const tardis_xml_plan_t plan = {rules, "`site-settings`", NULL};
    const tardis_xml_source_t source = {.text = text, .length = length};
    settings_t state = {.settings = apr_pcalloc(pool, sizeof(**settings)), .pool = pool};
    state.settings->email_endswith = apr_array_make(pool, 4, sizeof(const char *));
    state.settings->transfer = apr_array_make(pool, 16, sizeof(tardis_site_setting_t));
    *settings = state.settings;
    return read_as(TARDIS_SITE_SETTINGS_INVALID, &source, &plan, &state, pool);
}

/* An empty one would match every owner of every experiment. */
static tardis_error_t *end_email(void *baton, tardis_xml_reader_t *reader)
{
    settings_t *state = baton;
    const char *ending = apr_pstrdup(state->pool, tardis_xml_trimmed(reader));
    if (!*ending)
        return tardis_xml_fail(reader, TARDIS_SITE_SETTINGS_INVALID, "an empty <email-endswith>");
    APR_ARRAY_PUSH(state->settings->email_endswith, const char *) = ending;
    return check_clean(reader, "");
}

static tardis_error_t *end_register_field(void *baton, tardis_xml_reader_t *reader)
{
    settings_t *state = baton;
    return keep_field(register_fields, state->settings, reader, state->pool);
}

static tardis_error_t *end_transfer_field(void *baton, tardis_xml_reader_t *reader)
{
    settings_t *state = baton;
    tardis_site_setting_t setting = {apr_pstrdup(state->pool, tardis_xml_name(reader)),
                                     apr_pstrdup(state->pool, tardis_xml_trimmed(reader))};
    if (strcmp(setting.name, "type") == 0) {
        if (state->settings->transfer_type)
            return tardis_xml_fail(reader, TARDIS_SITE_SETTINGS_INVALID, "a second <type>");
        state->settings->transfer_type = setting.value;
    }
    APR_ARRAY_PUSH(state->settings->transfer, tardis_site_setting_t) = setting;
    return check_clean(reader, "\t\r\n");
}

static tardis_error_t *end_settings(void *baton, tardis_xml_reader_t *reader)
{
    settings_t *state = baton;
    tardis_site_settings_t *settings = state->settings;
    if (settings->email_endswith->nelts == 0)
        return tardis_xml_fail(reader, TARDIS_SITE_SETTINGS_INVALID, "no <email-endswith>");
    if (!settings->register_url || !*settings->register_url)
        return tardis_xml_fail(reader, TARDIS_SITE_SETTINGS_INVALID, "<register> has no <url>");
    tardis_error_t *error = check_url(reader, settings->register_url, state->pool);
    if (error)
        return error;
    if (settings->file_protocol && !*settings->file_protocol)
        settings->file_protocol = NULL;
    if (settings->file_protocol && !is_scheme(settings->file_protocol))
        return tardis_xml_fail(reader, TARDIS_SITE_SETTINGS_INVALID,
                               "<fileProtocol> is not the scheme of a URL, such as `file`");
    settings->register_username = settings->register_username ? settings->register_username : "";
    settings->register_password = settings->register_password ? settings->register_password : "";
    settings->transfer_type = settings->transfer_type ? settings->transfer_type : "";
    return NULL;
}

/* RFC 3986, section 3.1. */
static int is_scheme(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return strchr(letters, *text) && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                       "0123456789+-.")] == '\0';
}
