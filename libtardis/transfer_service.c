#include "tardis_sync_manager.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_uid.h"

/* Lengths that protocol.md sets for get/, in bytes. */
#define DEST_PATH_MAX 300
#define SITE_SETTINGS_URL_MAX 255

/* Digits of the number of a sending, at most. */
#define SENDING_DIGITS_MAX 18

/* How long a consumer is asked to wait while the registry cannot be read, in seconds. */
#define REGISTRY_RETRY_AFTER 60

static tardis_error_t *check_form(const tardis_get_form_t *form, apr_pool_t *pool);
static tardis_error_t *check_files(const tardis_get_form_t *form, tardis_sync_partial_t *partial,
                                   apr_pool_t *pool);
static tardis_error_t *check_field(const char *name, const char *value, apr_size_t maximum, apr_pool_t *pool);
static tardis_error_t *check_site(const tardis_context_t *context, const tardis_registry_source_t *registry,
                                  const tardis_sync_client_t *client, const char *url, apr_pool_t *pool);

tardis_error_t *tardis_transfer_service_get(const tardis_context_t *context,
                                            const tardis_sync_manager_t *manager,
                                            const tardis_sync_settings_t *settings,
                                            const tardis_registry_source_t *registry,
                                            const tardis_sync_client_t *client, const tardis_get_form_t *form,
                                            tardis_sync_partial_t *partial, apr_pool_t *pool)
{
    tardis_error_t *error = check_form(form, pool);
    if (!error)
        error = check_files(form, partial, pool);
    if (!error)
        error = check_site(context, registry, client, form->site_settings_url, pool);
    if (error)
        return error;
    if (partial->files->nelts && manager->start_partial)
        return manager->start_partial(context, settings, client, form->uid, form->dest_path, partial, pool);
    return manager->start_transfer(context, settings, client, form->uid, form->dest_path, pool);
}

static tardis_error_t *check_form(const tardis_get_form_t *form, apr_pool_t *pool)
{
    tardis_error_t *error = check_field("uid", form->uid, TARDIS_UID_MAX, pool);
    if (!error)
        error = check_field("dest_path", form->dest_path, DEST_PATH_MAX, pool);
    if (!error)
        error = check_field("site_settings_url", form->site_settings_url, SITE_SETTINGS_URL_MAX, pool);
    if (!error)
        error = tardis_uid_check(form->uid, pool);
    if (error)
        return error;
    error = tardis_path_check(form->dest_path, pool);
    return error ? tardis_error_prefix(pool, error, "dest_path") : NULL;
}

static tardis_error_t *check_files(const tardis_get_form_t *form, tardis_sync_partial_t *partial,
                                   apr_pool_t *pool)
{
    const char *digits = form->sending ? form->sending : "0";
    *partial = (tardis_sync_partial_t){.files = form->files};
    if (form->files->nelts > TARDIS_GET_FILES_MAX)
        return tardis_error_create(pool, TARDIS_FORM_INVALID, "there are %d fields file, more than %d",
                                   form->files->nelts, TARDIS_GET_FILES_MAX);
    if (!*digits || strlen(digits) > SENDING_DIGITS_MAX || digits[strspn(digits, "0123456789")])
        return tardis_error_create(pool, TARDIS_FORM_INVALID, "the field sending is no number: \"%.20s\"",
                                   digits);
    partial->sending = (apr_uint64_t)apr_atoi64(digits);
    for (int i = 0; i < form->files->nelts; i++) {
        tardis_error_t *error = tardis_path_check(APR_ARRAY_IDX(form->files, i, const char *), pool);
        if (error)
            return tardis_error_prefix(pool, error, "file");
    }
    return NULL;
}

static tardis_error_t *check_field(const char *name, const char *value, apr_size_t maximum, apr_pool_t *pool)
{
    if (!value || !*value)
        return tardis_error_create(pool, TARDIS_FORM_INVALID, "the field %s is missing", name);
    if (strlen(value) > maximum)
        return tardis_error_create(pool, TARDIS_FORM_INVALID, "the field %s is longer than %d bytes", name,
                                   (int)maximum);
    return NULL;
}

/* The registry is asked, not only the client's own URL compared: a site that was taken out of it gets nothing
 * more. */
static tardis_error_t *check_site(const tardis_context_t *context, const tardis_registry_source_t *registry,
                                  const tardis_sync_client_t *client, const char *url, apr_pool_t *pool)
{
    apr_array_header_t *sites;
    tardis_error_t *error = tardis_registry_load(context, registry, &sites, pool);
    if (error && error->code == TARDIS_REGISTRY_UNAVAILABLE && !error->retry_after) {
        error = tardis_error_copy(pool, error);
        error->retry_after = REGISTRY_RETRY_AFTER;
    }
    if (error)
        return error;
    if (!tardis_registry_find_url(sites, url))
        return tardis_error_create(pool, TARDIS_SITE_UNKNOWN,
                                   "site_settings_url is no registered site: %.255s", url);
    if (strcmp(client->site_url, url) != 0)
        return tardis_error_create(pool, TARDIS_SITE_UNKNOWN,
                                   "this key belongs to %s, not to the site at %.255s", client->site_name,
                                   url);
    return NULL;
}
