#include "registration.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include "tardis_catalogue.h"
#include "tardis_db.h"
#include "tardis_http.h"
#include "tardis_ingest.h"
#include "tardis_uid.h"

/* How much of a consumer's reason is kept. */
#define REASON_MAX 300
/* Longest Location that is kept, in bytes. */
#define LOCATION_MAX 2048

static tardis_error_t *export_document(const tardis_context_t *context, apr_uint64_t experiment_id,
                                       const char *file_protocol, const char **document, apr_pool_t *pool);
static tardis_error_t *post(const tardis_context_t *context, const provider_settings_t *settings,
                            const tardis_registration_t *registration,
                            const tardis_site_settings_t *site_settings, const char *document,
                            tardis_http_response_t **response, apr_pool_t *pool);
static tardis_error_t *owners_for(const tardis_context_t *context, const tardis_registration_t *registration,
                                  const tardis_site_settings_t *site_settings,
                                  const apr_array_header_t **owners, apr_pool_t *pool);
static void add_field(apr_array_header_t *parts, const char *name, const char *value);
static tardis_error_t *judge(const tardis_http_response_t *response, apr_pool_t *pool);
static const char *location_of(const tardis_http_response_t *response);
static tardis_error_t *unreachable(const tardis_error_t *error, apr_pool_t *pool);
static const char *reason(const tardis_http_response_t *response, apr_pool_t *pool);
static int is_ours(const tardis_error_t *error);
static tardis_error_t *record(tardis_error_t *error, registration_result_t *result);

tardis_error_t *registration_carry_out(const tardis_context_t *context, const provider_settings_t *settings,
                                       const tardis_registration_t *registration,
                                       const tardis_site_settings_t *site_settings,
                                       registration_result_t *result, apr_pool_t *pool)
{
    const char *document = NULL;
    tardis_http_response_t *response = NULL;
    tardis_error_t *error =
        export_document(context, registration->experiment_id, site_settings->file_protocol, &document, pool);
    if (!error)
        error = post(context, settings, registration, site_settings, document, &response, pool);
    if (is_ours(error))
        return error;
    if (!error)
        error = judge(response, pool);
    tardis_error_t *away = tardis_db_ensure(context->db, pool);
    if (away)
        return away;
    if (error)
        return registration_give_up(context, settings, registration, error, result, pool);
    tardis_lease_t lease = provider_lease(settings, pool);
    result->outcome = REGISTRATION_ACCEPTED;
    result->location = location_of(response);
    return record(tardis_registration_accept(context, &lease, registration, result->location, pool), result);
}

/* The file has no name any more before it has a content: nothing is left of it, however the tool ends. */
static tardis_error_t *export_document(const tardis_context_t *context, apr_uint64_t experiment_id,
                                       const char *file_protocol, const char **document, apr_pool_t *pool)
{
    const char *directory;
    apr_file_t *file;
    apr_os_file_t descriptor = -1;
    apr_status_t rv = apr_temp_dir_get(&directory, pool);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "no directory for temporary files");
    char *name = apr_pstrcat(pool, directory, "/tardis-METS-XXXXXX", NULL);
    rv = apr_file_mktemp(&file, name, APR_FOPEN_CREATE | APR_FOPEN_EXCL | APR_FOPEN_READ | APR_FOPEN_WRITE,
                         pool);
    if (rv == APR_SUCCESS)
        rv = apr_file_remove(name, pool);
    if (rv == APR_SUCCESS)
        rv = apr_os_file_get(&descriptor, file);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "%s", name);
    *document = apr_psprintf(pool, "/proc/self/fd/%d", descriptor);
    tardis_error_t *error = tardis_mets_write(context, experiment_id, file_protocol, file, pool);
    if (error)
        return error;
    rv = apr_file_flush(file);
    return rv == APR_SUCCESS ? NULL : tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "%s", name);
}

static tardis_error_t *post(const tardis_context_t *context, const provider_settings_t *settings,
                            const tardis_registration_t *registration,
                            const tardis_site_settings_t *site_settings, const char *document,
                            tardis_http_response_t **response, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, 8, sizeof(tardis_http_part_t));
    const apr_array_header_t *owners;
    tardis_error_t *error = owners_for(context, registration, site_settings, &owners, pool);
    if (error)
        return error;
    add_field(parts, "username", site_settings->register_username);
    add_field(parts, "password", site_settings->register_password);
    for (int i = 0; i < owners->nelts; i++)
        add_field(parts, "experiment_owner", APR_ARRAY_IDX(owners, i, const char *));
    add_field(parts, "originid", tardis_uid_format(settings->institution, registration->experiment_id, pool));
    add_field(parts, "from_url", settings->base_url);
    tardis_http_part_t file = {
        .name = "xmldata",
        .file = document,
        .file_name = "METS.xml",
        .content_type = "application/xml",
    };
    APR_ARRAY_PUSH(parts, tardis_http_part_t) = file;
    tardis_http_request_t request = {
        .method = "POST",
        .url = site_settings->register_url,
        .parts = parts,
        .flags = TARDIS_HTTP_BULK,
    };
    *response = tardis_http_call(context->http, &request, pool);
    return NULL;
}

/* A site is told of its own people only, unless it was chosen by hand and has none of them. */
static tardis_error_t *owners_for(const tardis_context_t *context, const tardis_registration_t *registration,
                                  const tardis_site_settings_t *site_settings,
                                  const apr_array_header_t **owners, apr_pool_t *pool)
{
    apr_array_header_t *all;
    tardis_error_t *error = tardis_experiment_owners(context, registration->experiment_id, &all, pool);
    if (error)
        return error;
    const apr_array_header_t *own = tardis_site_settings_owners(site_settings, all, pool);
    *owners = own->nelts ? own : all;
    return NULL;
}

static void add_field(apr_array_header_t *parts, const char *name, const char *value)
{
    tardis_http_part_t part = {.name = name, .value = value ? value : ""};
    APR_ARRAY_PUSH(parts, tardis_http_part_t) = part;
}

/* An original consumer answers a form it finds invalid with 200 and the form; only the Location tells. */
static tardis_error_t *judge(const tardis_http_response_t *response, apr_pool_t *pool)
{
    tardis_error_t *error;
    long status = response->status;
    if (response->error)
        return unreachable(response->error, pool);
    if (status >= 200 && status < 300) {
        if (location_of(response))
            return NULL;
        return tardis_error_create(pool, TARDIS_REGISTRATION_REFUSED,
                                   "it answered %ld without saying where the experiment is: %s", status,
                                   reason(response, pool));
    }
    if (status == 403 || status == 401)
        return tardis_error_create(pool, TARDIS_CREDENTIALS_REFUSED, "it answered %ld: %s", status,
                                   reason(response, pool));
    if (status >= 300 && status < 400)
        return tardis_error_create(pool, TARDIS_REGISTRATION_REFUSED,
                                   "it answered %ld, a redirect; none is followed with a password", status);
    if (status >= 500 || status == 408 || status == 429) {
        error = tardis_error_create(pool, TARDIS_CONSUMER_ERROR, "it answered %ld: %s", status,
                                    reason(response, pool));
        error->retry_after = response->retry_after;
        return error;
    }
    return tardis_error_create(pool, TARDIS_REGISTRATION_REFUSED, "it answered %ld: %s", status,
                               reason(response, pool));
}

/* NULL: none that can be kept and shown. */
static const char *location_of(const tardis_http_response_t *response)
{
    const char *location = apr_table_get(response->headers, "Location");
    apr_size_t length = location ? strlen(location) : 0;
    return length && length <= LOCATION_MAX && tardis_text_is_clean(location, length, "") ? location : NULL;
}

static tardis_error_t *unreachable(const tardis_error_t *error, apr_pool_t *pool)
{
    tardis_error_code_t code = error->code == TARDIS_HOST_UNREACHABLE ? TARDIS_CONSUMER_UNREACHABLE
                               : error->code == TARDIS_HOST_TIMEOUT   ? TARDIS_CONSUMER_TIMEOUT
                                                                      : error->code;
    return tardis_error_create(pool, code, "%s", error->text);
}

/* The beginning of the answer on one line; a page for a browser says nothing that fits into one. */
static const char *reason(const tardis_http_response_t *response, apr_pool_t *pool)
{
    const char *type = response->headers ? apr_table_get(response->headers, "Content-Type") : NULL;
    if (type && strncmp(type, "text/html", 9) == 0)
        return "an HTML page";
    if (!response->body || !tardis_text_is_clean(response->body, response->body_length, "\t\r\n"))
        return "nothing that can be shown";
    apr_size_t length = response->body_length < REASON_MAX ? response->body_length : REASON_MAX;
    while (length < response->body_length && length && ((unsigned char)response->body[length] & 0xc0) == 0x80)
        length--;
    while (length && apr_isspace(response->body[length - 1]))
        length--;
    char *text = apr_pstrndup(pool, response->body, length);
    for (char *c = text; *c; c++)
        *c = apr_isspace(*c) ? ' ' : *c;
    return length ? text : "no reason given";
}

/* Whether an error says nothing of the site: the database is away, so nothing could be recorded either. */
static int is_ours(const tardis_error_t *error)
{
    return error && (error->code == TARDIS_DATABASE_UNAVAILABLE || error->code == TARDIS_DATABASE_BUSY ||
                     error->code == TARDIS_DATABASE_ERROR || error->code == TARDIS_DATABASE_ROW_INVALID);
}

tardis_error_t *registration_give_up(const tardis_context_t *context, const provider_settings_t *settings,
                                     const tardis_registration_t *registration, const tardis_error_t *cause,
                                     registration_result_t *result, apr_pool_t *pool)
{
    tardis_lease_t lease = provider_lease(settings, pool);
    result->cause = cause;
    if (tardis_error_is_transient(cause->code) &&
        registration->attempts + 1 < (apr_uint64_t)settings->retry_limit) {
        result->outcome = REGISTRATION_POSTPONED;
        return record(tardis_registration_postpone(context, &lease, registration, cause,
                                                   provider_backoff(settings, registration->attempts, cause),
                                                   pool),
                      result);
    }
    result->outcome = REGISTRATION_REFUSED;
    return record(tardis_registration_refuse(context, &lease, registration, cause, pool), result);
}

static tardis_error_t *record(tardis_error_t *error, registration_result_t *result)
{
    if (!error || error->code != TARDIS_LEASE_LOST)
        return error;
    result->outcome = REGISTRATION_TAKEN;
    result->cause = error;
    return NULL;
}
