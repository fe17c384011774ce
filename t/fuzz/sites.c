/* The site registry and a site's settings. */
#include "fuzz.h"

#include <string.h>

#include "tardis_site.h"
#include "tardis_uid.h"

static void check_text(const char *text);

static const tardis_error_code_t registry_errors[] = {TARDIS_REGISTRY_INVALID, TARDIS_ERROR_CODES};
static const tardis_error_code_t settings_errors[] = {TARDIS_SITE_SETTINGS_INVALID, TARDIS_ERROR_CODES};

int fuzz_registry(const char *data, apr_size_t size, apr_pool_t *pool)
{
    apr_array_header_t *sites;
    tardis_error_t *error = tardis_registry_parse(data, size, &sites, pool);
    if (error) {
        fuzz_check_error(error, registry_errors);
        return 0;
    }
    for (int i = 0; i < sites->nelts; i++) {
        const tardis_site_t *site = &APR_ARRAY_IDX(sites, i, tardis_site_t);
        check_text(site->name);
        check_text(site->url);
        check_text(site->username);
        check_text(site->password);
        FUZZ_PROMISE(*site->url && strlen(site->url) <= 255);
    }
    return 1;
}

static void check_text(const char *text)
{
    FUZZ_PROMISE(text && tardis_text_is_clean(text, strlen(text), "\t\r\n"));
}

int fuzz_site_settings(const char *data, apr_size_t size, apr_pool_t *pool)
{
    tardis_site_settings_t *settings;
    tardis_error_t *error = tardis_site_settings_parse(data, size, &settings, pool);
    if (error) {
        fuzz_check_error(error, settings_errors);
        return 0;
    }
    FUZZ_PROMISE(settings->email_endswith->nelts > 0);
    for (int i = 0; i < settings->email_endswith->nelts; i++)
        check_text(APR_ARRAY_IDX(settings->email_endswith, i, const char *));
    check_text(settings->register_url);
    check_text(settings->register_username);
    check_text(settings->register_password);
    check_text(settings->transfer_type);
    for (int i = 0; i < settings->transfer->nelts; i++) {
        const tardis_site_setting_t *setting = &APR_ARRAY_IDX(settings->transfer, i, tardis_site_setting_t);
        check_text(setting->name);
        check_text(setting->value);
    }
    return 1;
}
