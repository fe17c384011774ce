#include "db_private.h"

#include <ctype.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>

static tardis_error_t *check_permissions(const char *path, apr_pool_t *pool);
static tardis_error_t *check_group(const tardis_db_settings_t *settings, apr_pool_t *pool);
static int mentions_group(char *line, const char *group);

/* The client library ignores files that it cannot read and groups that are not there, and would then connect
 * as somebody else to somewhere else. */
tardis_error_t *db_option_file_check(const tardis_db_settings_t *settings, apr_pool_t *pool)
{
    if (!settings->option_file)
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "no MySQL option file is configured");
    tardis_error_t *error = check_permissions(settings->option_file, pool);
    return error ? error : check_group(settings, pool);
}

static tardis_error_t *check_permissions(const char *path, apr_pool_t *pool)
{
    apr_finfo_t info;
    apr_status_t rv = apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_PROT, pool);
    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE)
        return tardis_error_from_status(pool, TARDIS_CONFIG_INVALID, rv, "MySQL option file %s", path);
    if (info.filetype != APR_REG)
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "MySQL option file %s: not a regular file",
                                   path);
    if (info.protection & (APR_FPROT_WREAD | APR_FPROT_WWRITE))
        return tardis_error_create(
            pool, TARDIS_CONFIG_INVALID,
            "MySQL option file %s: everybody may read or write it; run \"chmod o-rwx %s\"", path, path);
    return NULL;
}

static tardis_error_t *check_group(const tardis_db_settings_t *settings, apr_pool_t *pool)
{
    apr_file_t *file;
    char line[1024];
    int found = 0;
    apr_status_t rv = apr_file_open(&file, settings->option_file, APR_FOPEN_READ | APR_FOPEN_BUFFERED,
                                    APR_FPROT_OS_DEFAULT, pool);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_CONFIG_INVALID, rv, "MySQL option file %s",
                                        settings->option_file);
    while (!found && apr_file_gets(line, sizeof(line), file) == APR_SUCCESS)
        found = mentions_group(line, settings->group);
    apr_file_close(file);
    explicit_bzero(line, sizeof(line));
    if (!found)
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "MySQL option file %s: it has no group [%s]",
                                   settings->option_file, settings->group);
    return NULL;
}

/* "[group]", or an !include that may lead to it. */
static int mentions_group(char *line, const char *group)
{
    while (isspace((unsigned char)*line))
        line++;
    if (strncmp(line, "!include", 8) == 0)
        return 1;
    if (*line != '[')
        return 0;
    char *end = strchr(line, ']');
    if (!end)
        return 0;
    *end = '\0';
    return strcmp(line + 1, group) == 0;
}
