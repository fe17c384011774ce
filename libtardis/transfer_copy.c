#include "transfer_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "transfer_source.h"

/* The longest name that file systems take. */
enum { NAME_LENGTH_MAX = 255 };

static tardis_error_t *open_directory(const transfer_copy_t *copy, const char *path, int *directory,
                                      apr_pool_t *pool);
static int enter(int parent, const char *name);
static const char *part_name(const char *name, apr_pool_t *pool);
static tardis_error_t *place(const transfer_copy_t *copy, transfer_source_t *source, int directory,
                             const char *name, const char *path, char *block, apr_pool_t *pool);
static tardis_error_t *fill(const transfer_copy_t *copy, transfer_source_t *source, int fd, const char *path,
                            char *block, apr_pool_t *pool);
static int write_all(int fd, const char *bytes, apr_size_t length);

tardis_error_t *transfer_copy_file(const transfer_copy_t *copy, const tardis_transfer_file_t *file,
                                   char *block, apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, copy->dest_path, "/", file->path, NULL);
    transfer_source_t *source;
    int directory = -1;

    tardis_error_t *error = transfer_source_open(&source, copy->source, file, pool);
    if (!error)
        error = open_directory(copy, path, &directory, pool);
    if (error)
        return error;
    error = place(copy, source, directory, strrchr(path, '/') + 1, path, block, pool);
    close(directory);
    return error;
}

/* Opens the directory that @a path is in, making what is missing. */
static tardis_error_t *open_directory(const transfer_copy_t *copy, const char *path, int *directory,
                                      apr_pool_t *pool)
{
    char *rest = apr_pstrdup(pool, path);
    int parent = copy->destination;
    char *slash;

    while ((slash = strchr(rest, '/')) != NULL) {
        *slash = '\0';
        int entered = enter(parent, rest);
        int why = errno;
        if (parent != copy->destination)
            close(parent);
        if (entered < 0)
            return transfer_copy_error(why, apr_psprintf(pool, "directory %s of %s", rest, path), pool);
        parent = entered;
        rest = slash + 1;
    }
    *directory = parent;
    return NULL;
}

/* Opens a directory, made if need be; -1: errno says why. */
static int enter(int parent, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int entered = openat(parent, name, flags);

    if (entered >= 0 || errno != ENOENT)
        return entered;
    /* Another thread may be first. */
    if (mkdirat(parent, name, 0777) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, name, flags);
}

static tardis_error_t *place(const transfer_copy_t *copy, transfer_source_t *source, int directory,
                             const char *name, const char *path, char *block, apr_pool_t *pool)
{
    const char *part = part_name(name, pool);

    /* What a killed run left, or whatever else somebody put there, is not written to but replaced. */
    if (unlinkat(directory, part, 0) != 0 && errno != ENOENT)
        return transfer_copy_error(errno, path, pool);
    int fd = openat(directory, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return transfer_copy_error(errno, path, pool);
    tardis_error_t *error = fill(copy, source, fd, path, block, pool);
    if (!error && fsync(fd) != 0)
        error = transfer_copy_error(errno, path, pool);
    if (close(fd) != 0 && !error)
        error = transfer_copy_error(errno, path, pool);
    if (!error && renameat(directory, part, directory, name) != 0)
        error = transfer_copy_error(errno, path, pool);
    if (error)
        unlinkat(directory, part, 0);
    return error;
}

/* ".<name>.tardis-part"; of a name that is too long for that, its digest. */
static const char *part_name(const char *name, apr_pool_t *pool)
{
    const char *part = apr_pstrcat(pool, ".", name, ".tardis-part", NULL);
    unsigned char digest[32];

    if (strlen(part) <= NAME_LENGTH_MAX)
        return part;
    tardis_digest_sha256(name, strlen(name), digest);
    return apr_pstrcat(pool, ".", tardis_hex_encode(digest, sizeof(digest), pool), ".tardis-part", NULL);
}

static tardis_error_t *fill(const transfer_copy_t *copy, transfer_source_t *source, int fd, const char *path,
                            char *block, apr_pool_t *pool)
{
    for (;;) {
        apr_size_t length;
        if (copy->stopped(copy->baton))
            return tardis_error_create(pool, TARDIS_INTERRUPTED, "told to stop while files were copied");
        tardis_error_t *error = transfer_source_read(source, block, TRANSFER_COPY_BLOCK, &length);
        if (error || length == 0)
            return error;
        if (write_all(fd, block, length) != 0)
            return transfer_copy_error(errno, path, pool);
        copy->moved(copy->baton, length);
    }
}

static int write_all(int fd, const char *bytes, apr_size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        bytes += written;
        length -= (apr_size_t)written;
    }
    return 0;
}

tardis_error_t *transfer_copy_error(int why, const char *what, apr_pool_t *pool)
{
    tardis_error_code_t code = TARDIS_DESTINATION_ERROR;

    switch (why) {
    case ENOSPC:
    case EDQUOT:
        code = TARDIS_DESTINATION_FULL;
        break;
    case EACCES:
    case EPERM:
    case EROFS:
    case EFBIG:
    case ELOOP:
    case ENOTDIR:
        code = TARDIS_DESTINATION_REFUSED;
        break;
    default:
        break;
    }
    return tardis_error_from_status(pool, code, APR_FROM_OS_ERROR(why), "%s", what);
}
