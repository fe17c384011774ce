#include "settings.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "mail.h"
#include "tardis_http.h"

enum {
    POLL_INTERVAL_MOST = 86400, /* what poll_interval may be, in seconds */
    POLL_MAXIMUM_MOST = 604800, /* and poll_interval_maximum */
    POLL_MAXIMUM_TIMES = 15     /* so many times poll_interval it is, unset */
};

static const tardis_option_t provider_options[] = {
    {"key_file", TARDIS_OPTION_TEXT, NULL, 0, 0, "file that holds the key this provider gave us, on one line",
     NULL},
    {NULL, TARDIS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

const tardis_option_t consumer_options[] = {
    TARDIS_COMMON_OPTIONS,
    {"store", TARDIS_OPTION_TEXT, NULL, 0, 0, "absolute directory below which the experiments' files arrive",
     NULL},
    {"site_settings_url", TARDIS_OPTION_TEXT, NULL, 0, 0,
     "URL of this site's settings, byte for byte as in the providers' site registry", NULL},
    {"base_url", TARDIS_OPTION_TEXT, NULL, 0, 0, "URL that links in mail begin with; unset: no links", NULL},
    {"provider", TARDIS_OPTION_SECTION, NULL, 0, 0, "a provider, titled with its base URL", provider_options},
    {"poll_interval", TARDIS_OPTION_INTEGER, "50", 1, POLL_INTERVAL_MOST,
     "shortest time between questions about a transfer, in seconds", NULL},
    {"poll_interval_maximum", TARDIS_OPTION_INTEGER, "0", 0, POLL_MAXIMUM_MOST,
     "longest time between them; 0: 15 times poll_interval, a day at most", NULL},
    {"retry_minimum", TARDIS_OPTION_INTEGER, "30", 0, 86400, "shortest wait after an error, in seconds",
     NULL},
    {"retry_maximum", TARDIS_OPTION_INTEGER, "3600", 1, 604800, "longest wait after an error, in seconds",
     NULL},
    {"deadline_ingested", TARDIS_OPTION_INTEGER, "604800", 1, 31536000,
     "seconds after which asking for the files is given up", NULL},
    {"deadline_requested", TARDIS_OPTION_INTEGER, "604800", 1, 31536000,
     "seconds within which the provider must have begun", NULL},
    {"deadline_in_progress", TARDIS_OPTION_INTEGER, "604800", 1, 31536000,
     "seconds without progress after which a transfer is given up", NULL},
    {"deadline_transfer", TARDIS_OPTION_INTEGER, "31536000", 1, 315360000,
     "seconds after which a transfer is given up, whatever moves", NULL},
    {"deadline_checking", TARDIS_OPTION_INTEGER, "604800", 1, 31536000,
     "seconds without progress after which checking the files is given up", NULL},
    {"breaker_failures", TARDIS_OPTION_INTEGER, "3", 1, 1000,
     "requests in a row that do not get through, until a provider is left alone", NULL},
    {"breaker_minimum", TARDIS_OPTION_INTEGER, "60", 1, 86400,
     "seconds for which a provider is left alone the first time; then twice as long each time", NULL},
    {"breaker_maximum", TARDIS_OPTION_INTEGER, "3600", 1, 604800,
     "longest time for which a provider is left alone, in seconds", NULL},
    {"lease_seconds", TARDIS_OPTION_INTEGER, "120", 1, 86400,
     "seconds after which the work of a tick that died is taken over", NULL},
    {"parallel", TARDIS_OPTION_INTEGER, "64", 1, 4096, "requests in flight at most", NULL},
    {"parallel_per_provider", TARDIS_OPTION_INTEGER, "8", 1, 1024,
     "requests in flight to one provider at most", NULL},
    {"hash_threads", TARDIS_OPTION_INTEGER, "0", 0, 256, "threads that check files; 0: one for each core",
     NULL},
    {"allow_empty", TARDIS_OPTION_BOOLEAN, "false", 0, 0, "accept experiments without files", NULL},
    {"smtp_url", TARDIS_OPTION_TEXT, "smtp://localhost:25", 0, 0,
     "mail server: smtp://host:port or smtps://host:port", NULL},
    {"smtp_user", TARDIS_OPTION_TEXT, NULL, 0, 0, "user name for the mail server; unset: none", NULL},
    {"smtp_password_file", TARDIS_OPTION_TEXT, NULL, 0, 0, "file that holds the password for the mail server",
     NULL},
    {"mail_from", TARDIS_OPTION_TEXT, NULL, 0, 0, "sender of mail; unset: tardis@ and this host's name",
     NULL},
    {"mail_administrators", TARDIS_OPTION_LIST, "", 0, 0,
     "who gets mail about what completed and what failed", NULL},
    {"mail_on_complete", TARDIS_OPTION_BOOLEAN, "true", 0, 0, "send mail when an experiment is complete",
     NULL},
    {"mail_owners", TARDIS_OPTION_BOOLEAN, "false", 0, 0, "send it to the experiment's owners as well", NULL},
    {"mail_digest_threshold", TARDIS_OPTION_INTEGER, "5", 0, 1000000,
     "more mails than this that are due for one recipient become one; 0: never", NULL},
    {"mail_deadline", TARDIS_OPTION_INTEGER, "604800", 0, 31536000,
     "seconds after which a mail that the mail server refuses is given up", NULL},
    {"mail_template_directory", TARDIS_OPTION_TEXT, TARDIS_DATADIR "/mail", 0, 0,
     "absolute directory of the texts of mail: complete.txt, failed.txt, digest.txt", NULL},
    {NULL, TARDIS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

static tardis_error_t *read_times(const tardis_config_t *config, consumer_settings_t *read, apr_pool_t *pool);
static tardis_error_t *check_urls(const tardis_config_t *config, const consumer_settings_t *settings,
                                  apr_pool_t *pool);
static tardis_error_t *check_mail(const tardis_config_t *config, const consumer_settings_t *settings,
                                  apr_pool_t *pool);
static tardis_error_t *invalid(const tardis_config_t *config, const char *option, const char *what,
                               apr_pool_t *pool);
static tardis_error_t *add_provider(const tardis_config_t *section, apr_hash_t *providers, apr_pool_t *pool);
static void read_key(consumer_provider_t *provider, const char *file, apr_pool_t *pool);

tardis_error_t *consumer_settings_read(const tardis_config_t *config, consumer_settings_t **settings,
                                       apr_pool_t *pool)
{
    consumer_settings_t *read = apr_pcalloc(pool, sizeof(*read));
    read->command = consumer_command(config, pool);
    read->store = tardis_config_text(config, "store");
    read->site_settings_url = tardis_config_text(config, "site_settings_url");
    read->base_url = tardis_config_text(config, "base_url");
    read->providers = apr_hash_make(pool);
    read->breaker_failures = tardis_config_integer(config, "breaker_failures");
    read->breaker_minimum = tardis_config_integer(config, "breaker_minimum");
    read->breaker_maximum = tardis_config_integer(config, "breaker_maximum");
    read->lease_seconds = (int)tardis_config_integer(config, "lease_seconds");
    read->parallel = (int)tardis_config_integer(config, "parallel");
    read->parallel_per_provider = (int)tardis_config_integer(config, "parallel_per_provider");
    read->hash_threads = (int)tardis_config_integer(config, "hash_threads");
    read->allow_empty = tardis_config_boolean(config, "allow_empty");
    read->total_timeout = tardis_config_integer(config, "total_timeout");
    read->smtp_url = tardis_config_text(config, "smtp_url");
    read->smtp_user = tardis_config_text(config, "smtp_user");
    read->mail_from = tardis_config_text(config, "mail_from");
    if (!read->mail_from)
        read->mail_from = apr_pstrcat(pool, "tardis@", tardis_host_name(pool), NULL);
    read->mail_administrators = tardis_config_list(config, "mail_administrators");
    read->mail_on_complete = tardis_config_boolean(config, "mail_on_complete");
    read->mail_owners = tardis_config_boolean(config, "mail_owners");
    read->mail_digest_threshold = tardis_config_integer(config, "mail_digest_threshold");
    read->mail_deadline = tardis_config_integer(config, "mail_deadline");
    *settings = read;
    tardis_error_t *error = read_times(config, read, pool);
    if (!error)
        error = check_urls(config, read, pool);
    return error ? error : check_mail(config, read, pool);
}

static tardis_error_t *read_times(const tardis_config_t *config, consumer_settings_t *read, apr_pool_t *pool)
{
    read->poll_interval = tardis_config_integer(config, "poll_interval");
    read->poll_interval_maximum = tardis_config_integer(config, "poll_interval_maximum");
    read->retry_minimum = tardis_config_integer(config, "retry_minimum");
    read->retry_maximum = tardis_config_integer(config, "retry_maximum");
    read->deadline_ingested = tardis_config_integer(config, "deadline_ingested");
    read->deadline_requested = tardis_config_integer(config, "deadline_requested");
    read->deadline_in_progress = tardis_config_integer(config, "deadline_in_progress");
    read->deadline_transfer = tardis_config_integer(config, "deadline_transfer");
    read->deadline_checking = tardis_config_integer(config, "deadline_checking");
    if (read->poll_interval_maximum == 0) {
        long usual = POLL_MAXIMUM_TIMES * read->poll_interval;
        read->poll_interval_maximum = usual < POLL_INTERVAL_MOST ? usual : POLL_INTERVAL_MOST;
    }
    if (read->poll_interval_maximum < read->poll_interval)
        return invalid(config, "poll_interval_maximum", "must not be below poll_interval", pool);
    if (read->retry_minimum > read->retry_maximum)
        return invalid(config, "retry_minimum", "must not be above retry_maximum", pool);
    if (read->breaker_minimum > read->breaker_maximum)
        return invalid(config, "breaker_minimum", "must not be above breaker_maximum", pool);
    return NULL;
}

static tardis_error_t *check_urls(const tardis_config_t *config, const consumer_settings_t *settings,
                                  apr_pool_t *pool)
{
    if (!settings->store || settings->store[0] != '/')
        return invalid(config, "store", "must be set to an absolute directory", pool);
    if (!settings->site_settings_url)
        return invalid(config, "site_settings_url",
                       "must be set to the URL that providers have in their site registry", pool);
    tardis_error_t *error = tardis_url_check(settings->site_settings_url, pool);
    if (error)
        return invalid(config, "site_settings_url", error->text, pool);
    if (strlen(settings->site_settings_url) > 255)
        return invalid(config, "site_settings_url", "may have 255 bytes at most", pool);
    if (settings->base_url && (error = tardis_url_check(settings->base_url, pool)) != NULL)
        return invalid(config, "base_url", error->text, pool);
    return NULL;
}

static tardis_error_t *check_mail(const tardis_config_t *config, const consumer_settings_t *settings,
                                  apr_pool_t *pool)
{
    if (strncmp(settings->smtp_url, "smtp://", 7) != 0 && strncmp(settings->smtp_url, "smtps://", 8) != 0)
        return invalid(config, "smtp_url", "must begin with smtp:// or smtps://", pool);
    if (tardis_config_text(config, "mail_from") && !mail_address_is_plausible(settings->mail_from))
        return invalid(config, "mail_from", "is no e-mail address", pool);
    for (int i = 0; i < settings->mail_administrators->nelts; i++) {
        const char *address = APR_ARRAY_IDX(settings->mail_administrators, i, const char *);
        if (!mail_address_is_plausible(address))
            return invalid(config, "mail_administrators",
                           apr_psprintf(pool, "holds \"%s\", which is no e-mail address", address), pool);
    }
    return NULL;
}

static tardis_error_t *invalid(const tardis_config_t *config, const char *option, const char *what,
                               apr_pool_t *pool)
{
    return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "%s: %s %s",
                               tardis_config_where(config, option, pool), option, what);
}

tardis_error_t *consumer_settings_read_keys(const tardis_config_t *config, consumer_settings_t *settings,
                                            apr_pool_t *pool)
{
    const apr_array_header_t *sections = tardis_config_sections(config, "provider");
    tardis_error_t *error = NULL;
    for (int i = 0; i < sections->nelts && !error; i++)
        error = add_provider(APR_ARRAY_IDX(sections, i, const tardis_config_t *), settings->providers, pool);
    const char *password_file = tardis_config_text(config, "smtp_password_file");
    if (error || !password_file)
        return error;
    error = tardis_config_secret(&settings->smtp_password, password_file, pool);
    return error ? invalid(config, "smtp_password_file", error->text, pool) : NULL;
}

tardis_error_t *consumer_settings_read_templates(const tardis_config_t *config, consumer_settings_t *settings,
                                                 apr_pool_t *pool)
{
    const char *directory = tardis_config_text(config, "mail_template_directory");
    mail_templates_t *templates;
    if (!directory || directory[0] != '/')
        return invalid(config, "mail_template_directory", "must be set to an absolute directory", pool);
    tardis_error_t *error = mail_templates_read(&templates, directory, pool);
    if (error)
        return invalid(config, "mail_template_directory", error->text, pool);
    settings->mail_templates = templates;
    return NULL;
}

tardis_error_t *consumer_settings_check(const tardis_config_t *config, apr_pool_t *pool)
{
    consumer_settings_t *settings;
    tardis_error_t *error = consumer_settings_read(config, &settings, pool);
    return error ? error : consumer_settings_read_templates(config, settings, pool);
}

static tardis_error_t *add_provider(const tardis_config_t *section, apr_hash_t *providers, apr_pool_t *pool)
{
    consumer_provider_t *provider = apr_pcalloc(pool, sizeof(*provider));
    provider->url = consumer_base_url(tardis_config_title(section), pool);
    tardis_error_t *error = tardis_url_check(provider->url, pool);
    if (error)
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "%s: provider \"%s\": %s",
                                   tardis_config_where(section, "key_file", pool), provider->url,
                                   error->text);
    if (apr_hash_get(providers, provider->url, APR_HASH_KEY_STRING))
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "%s: provider \"%s\" is there twice",
                                   tardis_config_where(section, "key_file", pool), provider->url);
    const char *file = tardis_config_text(section, "key_file");
    if (file)
        read_key(provider, file, pool);
    else
        provider->problem = "its section has no key_file";
    apr_hash_set(providers, provider->url, APR_HASH_KEY_STRING, provider);
    return NULL;
}

const char *consumer_command(const tardis_config_t *config, apr_pool_t *pool)
{
    return tardis_command_line("tardis-consumer", config, CONSUMER_CONFIG_FILE, pool);
}

const char *consumer_base_url(const char *url, apr_pool_t *pool)
{
    apr_size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    return apr_pstrmemdup(pool, url, length);
}

/* The key goes into a header as it is. */
static void read_key(consumer_provider_t *provider, const char *file, apr_pool_t *pool)
{
    const char *key;
    tardis_error_t *error = tardis_config_secret(&key, file, pool);
    if (error) {
        provider->problem = error->text;
        return;
    }
    for (const char *c = key; *c; c++) {
        if (!apr_isgraph(*c)) {
            provider->problem = apr_psprintf(pool, "%s: a key has no spaces and no control characters", file);
            return;
        }
    }
    provider->key = key;
}
