#include "tardis_site.h"

#include <string.h>
#include <strings.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "tardis_command.h"
#include "tardis_http.h"

enum { DOCUMENT_MAX = 1024 * 1024, SHOWN_MAX = 200 };

static int is_url(const char *location);
static tardis_error_t *read_document(const char *file, const char **text, apr_size_t *length,
                                     apr_pool_t *pool);
static tardis_error_t *ask_registry(const tardis_context_t *context, const tardis_registry_source_t *source,
                                    const char **text, apr_size_t *length, apr_pool_t *pool);
static tardis_http_request_t with_credentials(const char *url, const char *username, const char *password,
                                              apr_pool_t *pool);
static void take_settings(void *baton, tardis_http_response_t *response);
static tardis_error_t *settings_error(const tardis_http_response_t *response, apr_pool_t *pool);
static const char *describe_status(const tardis_http_response_t *response, apr_pool_t *pool);
static int belongs(const tardis_site_settings_t *settings, const char *owner);

tardis_error_t *tardis_registry_load(const tardis_context_t *context, const tardis_registry_source_t *source,
                                     apr_array_header_t **sites, apr_pool_t *pool)
{
    const char *text = NULL;
    apr_size_t length = 0;

    *sites = NULL;
    tardis_error_t *error = is_url(source->location) ? tardis_url_check(source->location, pool) : NULL;
    if (error) /* without the URL: it may hold a password */
        return tardis_error_create(pool, TARDIS_REGISTRY_INVALID, "site registry: %s", error->text);
    error = is_url(source->location) ? ask_registry(context, source, &text, &length, pool)
                                     : read_document(source->location, &text, &length, pool);
    if (!error)
        error = tardis_registry_parse(text, length, sites, pool);
    if (!error)
        return NULL;
    return tardis_error_prefix(pool, error, "site registry %s", source->location);
}

static int is_url(const char *location)
{
    return strncasecmp(location, "http://", 7) == 0 || strncasecmp(location, "https://", 8) == 0;
}

static tardis_error_t *read_document(const char *file, const char **text, apr_size_t *length,
                                     apr_pool_t *pool)
{
    apr_file_t *opened;
    apr_finfo_t about;
    apr_status_t rv =
        apr_file_open(&opened, file, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_FPROT_OS_DEFAULT, pool);

    if (rv == APR_SUCCESS)
        rv = apr_file_info_get(&about, APR_FINFO_SIZE, opened);
    if (rv == APR_SUCCESS && about.size > DOCUMENT_MAX)
        return tardis_error_create(pool, TARDIS_REGISTRY_INVALID, "it is larger than %d bytes", DOCUMENT_MAX);
    if (rv == APR_SUCCESS) {
        char *buffer = apr_palloc(pool, (apr_size_t)about.size + 1);
        rv = apr_file_read_full(opened, buffer, (apr_size_t)about.size, length);
        buffer[*length] = '\0';
        *text = buffer;
    }
    /* It may have become shorter since it was looked at. */
    if (rv == APR_SUCCESS || APR_STATUS_IS_EOF(rv))
        return NULL;
    return tardis_error_from_status(pool, TARDIS_REGISTRY_UNAVAILABLE, rv, "cannot be read");
}

static tardis_error_t *ask_registry(const tardis_context_t *context, const tardis_registry_source_t *source,
                                    const char **text, apr_size_t *length, apr_pool_t *pool)
{
    tardis_http_request_t request =
        with_credentials(source->location, source->username, source->password, pool);
    const tardis_http_response_t *response = tardis_http_call(context->http, &request, pool);
    if (response->error)
        return tardis_error_create(pool, TARDIS_REGISTRY_UNAVAILABLE, "%s", response->error->text);
    if (response->status != 200) {
        tardis_error_t *error =
            tardis_error_create(pool, TARDIS_REGISTRY_UNAVAILABLE, "%s", describe_status(response, pool));
        error->retry_after = response->retry_after;
        return error;
    }
    *text = response->body;
    *length = response->body_length;
    return NULL;
}

static tardis_http_request_t with_credentials(const char *url, const char *username, const char *password,
                                              apr_pool_t *pool)
{
    apr_table_t *fields = apr_table_make(pool, 2);
    tardis_http_request_t request = {
        .method = "POST", .url = url, .fields = fields, .maximum_answer = DOCUMENT_MAX};

    apr_table_setn(fields, "username", username ? username : "");
    apr_table_setn(fields, "password", password ? password : "");
    return request;
}

const tardis_site_t *tardis_registry_find_url(const apr_array_header_t *sites, const char *url)
{
    for (int i = 0; i < sites->nelts; i++) {
        const tardis_site_t *site = &APR_ARRAY_IDX(sites, i, tardis_site_t);
        if (strcmp(site->url, url) == 0)
            return site;
    }
    return NULL;
}

const tardis_site_t *tardis_registry_find_name(const apr_array_header_t *sites, const char *name)
{
    for (int i = 0; i < sites->nelts; i++) {
        const tardis_site_t *site = &APR_ARRAY_IDX(sites, i, tardis_site_t);
        if (strcmp(site->name, name) == 0)
            return site;
    }
    return NULL;
}

tardis_error_t *tardis_site_settings_fetch(const tardis_context_t *context, const tardis_site_t *site,
                                           tardis_site_settings_t **settings, apr_pool_t *pool)
{
    tardis_http_request_t request = with_credentials(site->url, site->username, site->password, pool);
    tardis_site_answer_t answer = {.site = site, .pool = pool};

    take_settings(&answer, tardis_http_call(context->http, &request, pool));
    *settings = answer.settings;
    return answer.error;
}

apr_array_header_t *tardis_site_settings_fetch_all(const tardis_context_t *context,
                                                   const apr_array_header_t *sites, apr_pool_t *pool)
{
    apr_array_header_t *answers = apr_array_make(pool, sites->nelts, sizeof(tardis_site_answer_t *));

    for (int i = 0; i < sites->nelts; i++) {
        const tardis_site_t *site = APR_ARRAY_IDX(sites, i, const tardis_site_t *);
        tardis_http_request_t request = with_credentials(site->url, site->username, site->password, pool);
        tardis_site_answer_t *answer = apr_pcalloc(pool, sizeof(*answer));
        answer->site = site;
        answer->pool = pool;
        APR_ARRAY_PUSH(answers, tardis_site_answer_t *) = answer;
        tardis_http_submit(context->http, &request, take_settings, answer, pool);
    }
    while (tardis_http_in_flight(context->http)) {
        tardis_http_run(context->http, 1000, 0);
        if (tardis_command_interrupted())
            tardis_http_abort(context->http);
    }
    return answers;
}

static void take_settings(void *baton, tardis_http_response_t *response)
{
    tardis_site_answer_t *answer = baton;

    answer->error = settings_error(response, answer->pool);
    if (!answer->error)
        answer->error = tardis_site_settings_parse(response->body, response->body_length, &answer->settings,
                                                   answer->pool);
    if (!answer->error)
        return;
    answer->settings = NULL;
    answer->error =
        tardis_error_prefix(answer->pool, answer->error, "settings of site %s", answer->site->name);
}

/* What keeps an answer from being settings; NULL: it may be some. */
static tardis_error_t *settings_error(const tardis_http_response_t *response, apr_pool_t *pool)
{
    tardis_error_code_t code = TARDIS_CONSUMER_ERROR;

    if (response->error) {
        switch (response->error->code) {
        case TARDIS_HOST_UNREACHABLE:
            code = TARDIS_CONSUMER_UNREACHABLE;
            break;
        case TARDIS_HOST_TIMEOUT:
            code = TARDIS_CONSUMER_TIMEOUT;
            break;
        case TARDIS_ANSWER_TOO_LARGE:
            code = TARDIS_SITE_SETTINGS_INVALID;
            break;
        default:
            code = response->error->code;
        }
        return tardis_error_create(pool, code, "%s", response->error->text);
    }
    if (response->status == 200)
        return NULL;
    if (response->status == 401 || response->status == 403)
        code = TARDIS_CREDENTIALS_REFUSED;
    tardis_error_t *error = tardis_error_create(pool, code, "%s", describe_status(response, pool));
    error->retry_after = response->retry_after;
    return error;
}

/*
 * A redirect is not followed, for it would take the password along; where it points helps whoever mends the
 * URL.
 */
static const char *describe_status(const tardis_http_response_t *response, apr_pool_t *pool)
{
    const char *location = apr_table_get(response->headers, "Location");

    if (response->status == 401 || response->status == 403)
        return apr_psprintf(pool, "the user name or password was refused (HTTP status %ld)",
                            response->status);
    if (response->status / 100 == 3 && location)
        return apr_psprintf(pool, "HTTP status %ld, a redirect to %.*s, which is not followed",
                            response->status, SHOWN_MAX, location);
    return apr_psprintf(pool, "HTTP status %ld", response->status);
}

apr_array_header_t *tardis_site_settings_owners(const tardis_site_settings_t *settings,
                                                const apr_array_header_t *owners, apr_pool_t *pool)
{
    apr_array_header_t *matching = apr_array_make(pool, owners->nelts, sizeof(const char *));
    for (int i = 0; i < owners->nelts; i++) {
        const char *owner = APR_ARRAY_IDX(owners, i, const char *);
        if (belongs(settings, owner))
            APR_ARRAY_PUSH(matching, const char *) = owner;
    }
    return matching;
}

static int belongs(const tardis_site_settings_t *settings, const char *owner)
{
    size_t whole = strlen(owner);
    for (int i = 0; i < settings->email_endswith->nelts; i++) {
        const char *ending = APR_ARRAY_IDX(settings->email_endswith, i, const char *);
        size_t length = strlen(ending);
        if (length > 0 && whole >= length && strcasecmp(owner + whole - length, ending) == 0)
            return 1;
    }
    return 0;
}

const char *tardis_site_settings_transfer(const tardis_site_settings_t *settings, const char *name)
{
    for (int i = 0; i < settings->transfer->nelts; i++) {
        const tardis_site_setting_t *setting = &APR_ARRAY_IDX(settings->transfer, i, tardis_site_setting_t);
        if (strcmp(setting->name, name) == 0)
            return setting->value;
    }
    return "";
}
