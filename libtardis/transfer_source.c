#include "transfer_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tardis_uid.h"

struct transfer_source_t {
    const tardis_transfer_file_t *file;
    apr_pool_t *pool;
    int fd;
    tardis_digest_t *digest;
    apr_uint64_t position;
    int proven;
};

static tardis_error_t *begin(transfer_source_t *source);
static tardis_error_t *read_some(transfer_source_t *source, void *buffer, apr_size_t size,
                                 apr_size_t *length);
static tardis_error_t *prove(transfer_source_t *source);

tardis_error_t *transfer_source_open(transfer_source_t **source, const char *directory,
                                     const tardis_transfer_file_t *file, apr_pool_t *pool)
{
    apr_uint64_t size = 0;
    transfer_source_t *opened = apr_pcalloc(pool, sizeof(*opened));

    *source = NULL;
    opened->file = file;
    opened->pool = pool;
    tardis_error_t *error = tardis_path_open(directory, file->path, &opened->fd, &size, pool);
    if (error)
        return error;
    if (size != file->size)
        return tardis_error_create(pool, TARDIS_SOURCE_CHANGED,
                                   "%s has %" APR_UINT64_T_FMT
                                   " bytes; it was imported with %" APR_UINT64_T_FMT,
                                   file->path, size, file->size);
    posix_fadvise(opened->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    error = begin(opened);
    if (!error)
        *source = opened;
    return error;
}

static tardis_error_t *begin(transfer_source_t *source)
{
    source->position = 0;
    source->proven = 0;
    tardis_error_t *error = tardis_digest_start(&source->digest, source->file->algorithm, source->pool);
    if (!error && source->file->size == 0)
        error = prove(source);
    return error;
}

tardis_error_t *transfer_source_read(transfer_source_t *source, void *buffer, apr_size_t size,
                                     apr_size_t *length)
{
    apr_uint64_t left = source->file->size - source->position;

    *length = 0;
    if (left == 0 || size == 0)
        return NULL;
    apr_size_t got = 0;
    tardis_error_t *error = read_some(source, buffer, size < left ? size : (apr_size_t)left, &got);
    if (!error && got == 0)
        error = tardis_error_create(source->pool, TARDIS_SOURCE_CHANGED,
                                    "%s has become shorter while it was read", source->file->path);
    if (error)
        return error;
    tardis_digest_update(source->digest, buffer, got);
    source->position += got;
    if (source->position == source->file->size)
        error = prove(source);
    if (!error)
        *length = got;
    return error;
}

static tardis_error_t *read_some(transfer_source_t *source, void *buffer, apr_size_t size, apr_size_t *length)
{
    ssize_t got;

    do {
        got = read(source->fd, buffer, size);
    } while (got < 0 && errno == EINTR);
    *length = got > 0 ? (apr_size_t)got : 0;
    if (got < 0)
        return tardis_error_from_status(source->pool, TARDIS_IO_ERROR, errno, "%s", source->file->path);
    return NULL;
}

/* All that was promised has been read: nothing may follow, and the digest must be the imported one. */
static tardis_error_t *prove(transfer_source_t *source)
{
    unsigned char value[TARDIS_DIGEST_MAX];
    char further;
    apr_size_t length = 0;
    const tardis_transfer_file_t *file = source->file;

    tardis_error_t *error = read_some(source, &further, 1, &length);
    if (error)
        return error;
    if (length > 0)
        return tardis_error_create(source->pool, TARDIS_SOURCE_CHANGED,
                                   "%s has become longer while it was read", file->path);
    tardis_digest_finish(source->digest, value);
    if (memcmp(value, file->digest, tardis_digest_length(file->algorithm)) != 0)
        return tardis_error_create(source->pool, TARDIS_SOURCE_CHANGED,
                                   "%s: its content is not what was imported (%s)", file->path,
                                   tardis_digest_name(file->algorithm));
    source->proven = 1;
    return NULL;
}

tardis_error_t *transfer_source_rewind(transfer_source_t *source)
{
    if (lseek(source->fd, 0, SEEK_SET) != 0)
        return tardis_error_from_status(source->pool, TARDIS_IO_ERROR, errno, "%s", source->file->path);
    return begin(source);
}

int transfer_source_is_proven(const transfer_source_t *source)
{
    return source->proven;
}

int transfer_error_stops_job(const tardis_error_t *error)
{
    switch (error->code) {
    case TARDIS_SOURCE_CHANGED:
    case TARDIS_FILE_MISSING:
    case TARDIS_FILE_UNREADABLE:
    case TARDIS_FILE_NOT_REGULAR:
    case TARDIS_PATH_INVALID:
    case TARDIS_IO_ERROR:
    case TARDIS_DESTINATION_ERROR:
        return 0;
    default:
        return 1;
    }
}
