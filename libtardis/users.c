#include "tardis_users.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_md5.h>
#include <apr_strings.h>

/* What was found in the file. */
typedef struct {
    const char *user;
    const char *hash;  /* of the user; NULL: there is no such user */
    const char *dummy; /* of the first user: what an unknown user's password is checked against */
} lookup_t;

static tardis_error_t *look_up(lookup_t *lookup, const char *file, apr_pool_t *pool);
static tardis_error_t *take_line(lookup_t *lookup, const char *file, long number, char *line,
                                 apr_pool_t *pool);

tardis_error_t *tardis_users_check(const char *file, const char *user, const char *password, apr_pool_t *pool)
{
    lookup_t lookup = {.user = user};
    tardis_error_t *error = look_up(&lookup, file, pool);
    if (error)
        return error;
    apr_status_t rv = apr_password_validate(password, lookup.hash ? lookup.hash : lookup.dummy);
    if (!lookup.hash)
        return tardis_error_create(pool, TARDIS_FORBIDDEN, "there is no user \"%.64s\"", user);
    if (rv != APR_SUCCESS)
        return tardis_error_create(pool, TARDIS_FORBIDDEN, "wrong password for user \"%.64s\"", user);
    return NULL;
}

tardis_error_t *tardis_users_check_file(const char *file, apr_pool_t *pool)
{
    lookup_t lookup = {.user = ""};
    return look_up(&lookup, file, pool);
}

static tardis_error_t *look_up(lookup_t *lookup, const char *file, apr_pool_t *pool)
{
    apr_file_t *handle;
    apr_status_t rv = apr_file_open(&handle, file, APR_FOPEN_READ | APR_FOPEN_BUFFERED, APR_OS_DEFAULT, pool);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "%s", file);
    char line[TARDIS_USERS_LINE_MAX];
    tardis_error_t *error = NULL;
    long number = 0;
    while (!error && (rv = apr_file_gets(line, sizeof(line), handle)) == APR_SUCCESS)
        error = take_line(lookup, file, ++number, line, pool);
    apr_file_close(handle);
    if (error)
        return error;
    if (rv != APR_EOF)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "%s", file);
    if (!lookup->dummy)
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "%s: there is no user in it", file);
    return NULL;
}

static tardis_error_t *take_line(lookup_t *lookup, const char *file, long number, char *line,
                                 apr_pool_t *pool)
{
    apr_size_t length = strlen(line);
    if (length == TARDIS_USERS_LINE_MAX - 1 && line[length - 1] != '\n')
        return tardis_error_at_line(pool, TARDIS_CONFIG_INVALID, number, "%s: the line is too long", file);
    line[strcspn(line, "\r\n")] = '\0';
    if (!*line || *line == '#')
        return NULL;
    char *hash = strchr(line, ':');
    if (!hash || hash == line || !hash[1])
        return tardis_error_at_line(pool, TARDIS_CONFIG_INVALID, number, "%s: a line must be user:hash",
                                    file);
    *hash++ = '\0';
    hash[strcspn(hash, ":")] = '\0';
    if (!lookup->dummy)
        lookup->dummy = apr_pstrdup(pool, hash);
    if (!lookup->hash && strcmp(line, lookup->user) == 0)
        lookup->hash = apr_pstrdup(pool, hash);
    return NULL;
}
