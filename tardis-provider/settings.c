#include "settings.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_digest.h"
#include "tardis_http.h"
#include "tardis_uid.h"

/* What another host may ask us to wait, at most, in seconds. */
#define RETRY_AFTER_MAX 86400

const tardis_option_t provider_options[] = {
    TARDIS_COMMON_OPTIONS,
    {"institution", TARDIS_OPTION_TEXT, "tardis", 0, 0,
     "first part of the uids of this provider's experiments", NULL},
    {"base_url", TARDIS_OPTION_TEXT, NULL, 0, 0,
     "URL below which consumers reach this provider (/apps/sync/provider/ is below it)", NULL},
    {"site_registry", TARDIS_OPTION_TEXT, TARDIS_SYSCONFDIR "/sites.xml", 0, 0,
     "file or http(s) URL of the site registry", NULL},
    {"site_registry_user", TARDIS_OPTION_TEXT, NULL, 0, 0, "user name for a site registry that is a URL",
     NULL},
    {"site_registry_password_file", TARDIS_OPTION_TEXT, NULL, 0, 0,
     "file whose first line is the password for it", NULL},
    {"send_parallel", TARDIS_OPTION_INTEGER, "8", 1, 256, "files of one transfer that move at a time", NULL},
    {"hash_threads", TARDIS_OPTION_INTEGER, "0", 0, 1024, "threads that import hashes with; 0: one per core",
     NULL},
    {"lease_seconds", TARDIS_OPTION_INTEGER, "120", 6, 86400,
     "seconds after which the work of a send that died is taken over", NULL},
    {"retry_minimum", TARDIS_OPTION_INTEGER, "30", 0, 86400, "seconds before the first new attempt", NULL},
    {"retry_maximum", TARDIS_OPTION_INTEGER, "3600", 1, 604800, "seconds between attempts, at most", NULL},
    {"retry_limit", TARDIS_OPTION_INTEGER, "20", 1, 10000,
     "attempts that may fail in a row before a transfer is Failed or a registration Refused", NULL},
    {NULL, TARDIS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

static tardis_error_t *read_base_url(const tardis_config_t *config, provider_settings_t *settings,
                                     apr_pool_t *pool);
static tardis_error_t *read_registry(const tardis_config_t *config, provider_settings_t *settings,
                                     apr_pool_t *pool);

tardis_error_t *provider_settings_read(const tardis_invocation_t *invocation, provider_settings_t **settings)
{
    const tardis_config_t *config = invocation->config;
    apr_pool_t *pool = invocation->pool;
    provider_settings_t *values = apr_pcalloc(pool, sizeof(*values));
    values->institution = tardis_config_text(config, "institution");
    values->send_parallel = (int)tardis_config_integer(config, "send_parallel");
    values->hash_threads = (int)tardis_config_integer(config, "hash_threads");
    values->lease_seconds = (int)tardis_config_integer(config, "lease_seconds");
    values->retry_minimum = (int)tardis_config_integer(config, "retry_minimum");
    values->retry_maximum = (int)tardis_config_integer(config, "retry_maximum");
    values->retry_limit = (int)tardis_config_integer(config, "retry_limit");
    *settings = values;
    if (tardis_uid_check(tardis_uid_format(values->institution, 1, pool), pool))
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID,
                                   "%s: institution may have letters, digits, `_`, `.` and `-` only",
                                   tardis_config_where(config, "institution", pool));
    tardis_error_t *error = read_base_url(config, values, pool);
    return error ? error : read_registry(config, values, pool);
}

static tardis_error_t *read_base_url(const tardis_config_t *config, provider_settings_t *settings,
                                     apr_pool_t *pool)
{
    const char *url = tardis_config_text(config, "base_url");
    if (!url || !*url)
        return NULL;
    tardis_error_t *error = tardis_url_check(url, pool);
    if (error)
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "%s: base_url: %s",
                                   tardis_config_where(config, "base_url", pool), error->text);
    apr_size_t length = strlen(url);
    while (length && url[length - 1] == '/')
        length--;
    settings->base_url = apr_pstrndup(pool, url, length);
    return NULL;
}

static tardis_error_t *read_registry(const tardis_config_t *config, provider_settings_t *settings,
                                     apr_pool_t *pool)
{
    const char *password_file = tardis_config_text(config, "site_registry_password_file");
    settings->registry.location = tardis_config_text(config, "site_registry");
    settings->registry.username = tardis_config_text(config, "site_registry_user");
    if (!settings->registry.username != !password_file)
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID,
                                   "%s: site_registry_user and site_registry_password_file go together",
                                   tardis_config_where(config, "site_registry_user", pool));
    return password_file ? tardis_config_secret(&settings->registry.password, password_file, pool) : NULL;
}

tardis_error_t *provider_settings_read_public(const tardis_invocation_t *invocation,
                                              provider_settings_t **settings)
{
    tardis_error_t *error = provider_settings_read(invocation, settings);
    if (!error && !(*settings)->base_url)
        return tardis_error_create(invocation->pool, TARDIS_CONFIG_INVALID,
                                   "%s: base_url must be set: consumers are told to find this provider there",
                                   tardis_config_where(invocation->config, "base_url", invocation->pool));
    return error;
}

tardis_lease_t provider_lease(const provider_settings_t *settings, apr_pool_t *pool)
{
    tardis_lease_t lease = {.owner = tardis_process_name(pool), .seconds = settings->lease_seconds};
    return lease;
}

apr_interval_time_t provider_backoff(const provider_settings_t *settings, apr_uint64_t attempts,
                                     const tardis_error_t *cause)
{
    unsigned char random[4];
    int doublings = attempts < 20 ? (int)attempts : 20;
    apr_uint64_t maximum = (apr_uint64_t)settings->retry_minimum << doublings;
    if (maximum > (apr_uint64_t)settings->retry_maximum)
        maximum = (apr_uint64_t)settings->retry_maximum;
    apr_uint64_t minimum =
        (apr_uint64_t)settings->retry_minimum < maximum ? (apr_uint64_t)settings->retry_minimum : maximum;
    tardis_random_bytes(random, sizeof(random));
    apr_uint64_t draw = (apr_uint64_t)random[0] << 24 | random[1] << 16 | random[2] << 8 | random[3];
    apr_interval_time_t delay = apr_time_from_sec((apr_interval_time_t)minimum);
    delay += (apr_interval_time_t)((maximum - minimum) * APR_USEC_PER_SEC / 0xffffffffu * draw);
    int asked = cause->retry_after < RETRY_AFTER_MAX ? cause->retry_after : RETRY_AFTER_MAX;
    return delay < apr_time_from_sec(asked) ? apr_time_from_sec(asked) : delay;
}
