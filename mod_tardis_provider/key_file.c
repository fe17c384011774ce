#include "provider.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "tardis_digest.h"
#include "tardis_transfer_db.h"

#define LINE_MAX_BYTES 1024

/* What is looked for. */
typedef struct {
    const char *file;
    const char *address;
    unsigned char digest[32];
    const char *site; /* found */
    apr_pool_t *pool;
} search_t;

static tardis_error_t *open_private(apr_file_t **handle, const char *file, apr_pool_t *pool);
static tardis_error_t *take_line(search_t *search, long number, char *line);
static tardis_error_t *invalid(const search_t *search, long number, const char *text);

tardis_error_t *provider_key_file_find(const char *file, const char *address, const char *key,
                                       const char **site, apr_pool_t *pool)
{
    search_t search = {.file = file, .address = key ? address : "", .pool = pool};
    apr_file_t *handle;
    tardis_error_t *error = open_private(&handle, file, pool);
    if (error)
        return error;
    if (key)
        tardis_digest_sha256(key, strlen(key), search.digest);
    char line[LINE_MAX_BYTES];
    long number = 0;
    apr_status_t rv = APR_SUCCESS;
    while (!error && (rv = apr_file_gets(line, sizeof(line), handle)) == APR_SUCCESS)
        error = take_line(&search, ++number, line);
    apr_file_close(handle);
    if (!error && rv != APR_EOF)
        error = tardis_error_from_status(pool, TARDIS_CONFIG_INVALID, rv, "%s", file);
    *site = search.site;
    return error;
}

static tardis_error_t *open_private(apr_file_t **handle, const char *file, apr_pool_t *pool)
{
    apr_finfo_t info;
    apr_status_t rv = apr_file_open(handle, file, APR_FOPEN_READ | APR_FOPEN_BUFFERED, APR_OS_DEFAULT, pool);
    if (rv == APR_SUCCESS)
        rv = apr_file_info_get(&info, APR_FINFO_PROT, *handle);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_CONFIG_INVALID, rv, "%s", file);
    if (!(info.protection & APR_FPROT_WREAD))
        return NULL;
    apr_file_close(*handle);
    return tardis_error_create(pool, TARDIS_CONFIG_INVALID,
                               "%s: everybody can read this file of keys; chmod o-r", file);
}

/* The whole file is read even when the line was found: a mistake shows at once, not when its client comes. */
static tardis_error_t *take_line(search_t *search, long number, char *line)
{
    unsigned char digest[sizeof(search->digest)];
    const char *address;
    char *rest;
    apr_size_t length = strlen(line);
    if (length == LINE_MAX_BYTES - 1 && line[length - 1] != '\n')
        return invalid(search, number, "the line is too long");
    char *field = apr_strtok(line, " \t\r\n", &rest);
    if (!field || *field == '#')
        return NULL;
    tardis_error_t *error = tardis_address_canonical(field, &address, search->pool);
    if (error)
        return invalid(search, number, error->text);
    field = apr_strtok(NULL, " \t\r\n", &rest);
    if (!field || !tardis_hex_decode(field, digest, sizeof(digest)))
        return invalid(search, number,
                       "the address is not followed by a SHA-256 sum of 64 hexadecimal digits");
    char *site = rest + strspn(rest, " \t");
    for (length = strlen(site); length && strchr(" \t\r\n", site[length - 1]);)
        site[--length] = '\0';
    if (!*site)
        return invalid(search, number, "the line names no site");
    if (!search->site && strcmp(address, search->address) == 0 &&
        memcmp(digest, search->digest, sizeof(digest)) == 0)
        search->site = apr_pstrdup(search->pool, site);
    return NULL;
}

static tardis_error_t *invalid(const search_t *search, long number, const char *text)
{
    return tardis_error_at_line(search->pool, TARDIS_CONFIG_INVALID, number, "%s: %s", search->file, text);
}
