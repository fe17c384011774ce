#include "tardis_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>

#define OPEN_FLAGS (APR_FOPEN_WRITE | APR_FOPEN_BUFFERED)

typedef struct {
    tardis_output_t public;
    const char *target;
    char *temporary; /* NULL: there is none, or none any more */
} output_t;

static tardis_error_t *open_standard(output_t *output, apr_pool_t *pool);
static tardis_error_t *open_beside(output_t *output, unsigned mode, apr_pool_t *pool);
static apr_status_t forget(void *data);

tardis_error_t *tardis_output_open(tardis_output_t **output, const char *name, unsigned mode,
                                   apr_pool_t *pool)
{
    output_t *opened = apr_pcalloc(pool, sizeof(*opened));
    struct stat status;
    *output = &opened->public;
    if (!name || strcmp(name, "-") == 0)
        return open_standard(opened, pool);
    opened->public.name = name;
    char *resolved = realpath(name, NULL);
    opened->target = apr_pstrdup(pool, resolved ? resolved : name);
    free(resolved);
    if (stat(opened->target, &status) != 0 || S_ISREG(status.st_mode))
        return open_beside(opened, mode, pool);
    apr_status_t rv = apr_file_open(&opened->public.file, opened->target, OPEN_FLAGS, 0, pool);
    return rv == APR_SUCCESS ? NULL : tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "%s", name);
}

static tardis_error_t *open_standard(output_t *output, apr_pool_t *pool)
{
    output->public.name = "standard output";
    apr_status_t rv = apr_file_open_flags_stdout(&output->public.file, APR_FOPEN_BUFFERED, pool);
    return rv == APR_SUCCESS ? NULL
                             : tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "standard output");
}

/* Hidden, so that nobody who takes up files by their names takes up half of one. */
static tardis_error_t *open_beside(output_t *output, unsigned mode, apr_pool_t *pool)
{
    const char *slash = strrchr(output->target, '/');
    const char *name = slash ? slash + 1 : output->target;
    char *temporary =
        apr_psprintf(pool, "%.*s.%s.XXXXXX", (int)(name - output->target), output->target, name);
    int fd = mkstemp(temporary);
    if (fd < 0)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, errno, "%s", output->public.name);
    output->temporary = temporary;
    apr_pool_cleanup_register(pool, output, forget, apr_pool_cleanup_null);
    mode_t mask = umask(0);
    umask(mask);
    apr_status_t rv = fchmod(fd, mode & ~mask) == 0 ? APR_SUCCESS : errno;
    if (rv == APR_SUCCESS)
        rv = apr_os_file_put(&output->public.file, &fd, OPEN_FLAGS, pool);
    if (rv == APR_SUCCESS)
        return NULL;
    close(fd);
    return tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "%s", output->public.name);
}

static apr_status_t forget(void *data)
{
    output_t *output = data;
    if (output->temporary)
        unlink(output->temporary);
    return APR_SUCCESS;
}

int tardis_output_is_standard(const tardis_output_t *output)
{
    return !((const output_t *)(const void *)output)->target;
}

tardis_error_t *tardis_output_finish(tardis_output_t *output, apr_pool_t *pool)
{
    output_t *written = (output_t *)(void *)output;
    apr_status_t rv = apr_file_flush(output->file);
    if (rv == APR_SUCCESS && written->temporary)
        rv = apr_file_sync(output->file);
    if (rv == APR_SUCCESS && written->target)
        rv = apr_file_close(output->file);
    if (rv == APR_SUCCESS && written->temporary) {
        rv = rename(written->temporary, written->target) == 0 ? APR_SUCCESS : errno;
        if (rv == APR_SUCCESS)
            written->temporary = NULL;
    }
    return rv == APR_SUCCESS ? NULL : tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "%s", output->name);
}
