#include "tardis_uid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#define PATH_LENGTH_MAX 4095
#define COMPONENT_LENGTH_MAX 255
/* What is shown of a uid or a path that is wrong. */
#define SHOWN_MAX 80

static int is_uid_character(char c);
static const char *shown(const char *text, apr_pool_t *pool);
static const char *component_fault(const char *component, apr_size_t length);
static int is_control(apr_uint32_t code);
static tardis_error_t *open_component(int parent, const char *name, int is_last, int *fd, const char *path,
                                      apr_pool_t *pool);
static tardis_error_t *look_at(int fd, const char *path, apr_uint64_t *size, apr_pool_t *pool);
static apr_status_t close_descriptor(void *data);

tardis_error_t *tardis_uid_check(const char *uid, apr_pool_t *pool)
{
    apr_size_t length = strlen(uid);
    if (length == 0)
        return tardis_error_create(pool, TARDIS_UID_INVALID, "invalid UID: it is empty");
    if (length > TARDIS_UID_MAX)
        return tardis_error_create(pool, TARDIS_UID_INVALID,
                                   "invalid UID: %s: it is longer than %d characters", shown(uid, pool),
                                   TARDIS_UID_MAX);
    for (const char *c = uid; *c; c++) {
        if (!is_uid_character(*c))
            return tardis_error_create(pool, TARDIS_UID_INVALID,
                                       "invalid UID: %s: only letters, digits, `_`, `.` and `-` are allowed",
                                       shown(uid, pool));
    }
    return NULL;
}

/* Not isalnum(): the answer must not depend on a locale. */
static int is_uid_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

static const char *shown(const char *text, apr_pool_t *pool)
{
    apr_size_t length = strlen(text);
    return length <= SHOWN_MAX ? text : apr_pstrcat(pool, apr_pstrmemdup(pool, text, SHOWN_MAX), "...", NULL);
}

const char *tardis_uid_format(const char *institution, apr_uint64_t experiment_id, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s.%" APR_UINT64_T_FMT, institution, experiment_id);
}

tardis_error_t *tardis_uid_parse(const char *uid, const char *institution, apr_uint64_t *experiment_id,
                                 apr_pool_t *pool)
{
    tardis_error_t *error = tardis_uid_check(uid, pool);
    if (error)
        return error;
    apr_size_t length = strlen(institution);
    const char *digits = uid + length + 1;
    if (strncmp(uid, institution, length) != 0 || uid[length] != '.' || *digits < '1' || *digits > '9')
        return tardis_error_create(pool, TARDIS_UID_UNKNOWN, "invalid UID: %s is not known here",
                                   shown(uid, pool));
    errno = 0;
    char *end;
    apr_uint64_t id = strtoull(digits, &end, 10);
    if (errno || *end)
        return tardis_error_create(pool, TARDIS_UID_UNKNOWN, "invalid UID: %s is not known here",
                                   shown(uid, pool));
    *experiment_id = id;
    return NULL;
}

tardis_error_t *tardis_path_check(const char *path, apr_pool_t *pool)
{
    const char *fault = NULL;
    if (strlen(path) > PATH_LENGTH_MAX)
        fault = "is longer than 4095 bytes";
    else if (!tardis_text_is_clean(path, strlen(path), ""))
        fault = "is not UTF-8 or has a control character";
    for (const char *component = path; !fault && component;) {
        const char *slash = strchr(component, '/');
        fault = component_fault(component, slash ? (apr_size_t)(slash - component) : strlen(component));
        component = slash ? slash + 1 : NULL;
    }
    return fault ? tardis_error_create(pool, TARDIS_PATH_INVALID, "the path \"%s\" %s", shown(path, pool),
                                       fault)
                 : NULL;
}

static const char *component_fault(const char *component, apr_size_t length)
{
    if (length == 0)
        return "has an empty component";
    if (length > COMPONENT_LENGTH_MAX)
        return "has a component of more than 255 bytes";
    if ((length == 1 && component[0] == '.') || (length == 2 && memcmp(component, "..", 2) == 0))
        return "has a component `.` or `..`";
    if (memchr(component, '\\', length))
        return "has a backslash";
    return NULL;
}

int tardis_text_is_clean(const char *text, apr_size_t length, const char *allowed)
{
    tardis_utf8_t decoder = {0};
    for (apr_size_t i = 0; i < length; i++) {
        int complete = tardis_utf8_step(&decoder, (unsigned char)text[i]);
        if (complete < 0)
            return 0;
        if (!complete)
            continue;
        if (decoder.code == 0xfffe || decoder.code == 0xffff)
            return 0;
        if (is_control(decoder.code) &&
            (decoder.code == 0 || decoder.code > 0x7f || !strchr(allowed, text[i])))
            return 0;
    }
    return decoder.missing == 0;
}

char *tardis_text_tame(char *text)
{
    char *end = text;
    for (const char *c = text; *c; c++) {
        int is_c1 = (unsigned char)*c == 0xc2 && ((unsigned char)c[1] & 0xe0) == 0x80;
        *end++ = is_c1 || is_control((unsigned char)*c & 0x80 ? ' ' : (apr_uint32_t)*c) ? '?' : *c;
        c += is_c1;
    }
    *end = '\0';
    return text;
}

static int is_control(apr_uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/* Table 3-7 of the Unicode standard: which bytes may follow which. */
int tardis_utf8_step(tardis_utf8_t *decoder, unsigned char byte)
{
    if (decoder->missing) {
        if (byte < decoder->low || byte > decoder->high)
            return -1;
        decoder->code = decoder->code << 6 | (byte & 0x3f);
        decoder->low = 0x80;
        decoder->high = 0xbf;
        return --decoder->missing == 0;
    }
    decoder->low = 0x80;
    decoder->high = 0xbf;
    if (byte < 0x80) {
        decoder->code = byte;
        return 1;
    }
    if (byte < 0xc2 || byte > 0xf4)
        return -1;
    decoder->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    decoder->code = byte & (0x3fU >> decoder->missing);
    if (byte == 0xe0)
        decoder->low = 0xa0; /* shorter forms exist */
    else if (byte == 0xed)
        decoder->high = 0x9f; /* surrogates */
    else if (byte == 0xf0)
        decoder->low = 0x90;
    else if (byte == 0xf4)
        decoder->high = 0x8f; /* beyond U+10FFFF */
    return 0;
}

tardis_error_t *tardis_path_open(const char *directory, const char *path, int *fd, apr_uint64_t *size,
                                 apr_pool_t *pool)
{
    tardis_error_t *error = tardis_path_check(path, pool);
    if (error)
        return error;
    int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return tardis_error_from_status(pool, TARDIS_STORE_UNAVAILABLE, errno, "%s", directory);
    for (const char *component = path; !error && component;) {
        const char *slash = strchr(component, '/');
        const char *name =
            slash ? apr_pstrmemdup(pool, component, (apr_size_t)(slash - component)) : component;
        int child = -1;
        error = open_component(parent, name, !slash, &child, path, pool);
        close(parent);
        parent = child;
        component = slash ? slash + 1 : NULL;
    }
    if (error)
        return error;
    error = look_at(parent, path, size, pool);
    if (error) {
        close(parent);
        return error;
    }
    *fd = parent;
    apr_pool_cleanup_register(pool, apr_pmemdup(pool, fd, sizeof(*fd)), close_descriptor,
                              apr_pool_cleanup_null);
    return NULL;
}

/* O_NONBLOCK: a FIFO that was put there must not hold us up before it is seen to be one. */
static tardis_error_t *open_component(int parent, const char *name, int is_last, int *fd, const char *path,
                                      apr_pool_t *pool)
{
    int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (is_last ? O_NONBLOCK | O_NOCTTY : O_DIRECTORY);
    *fd = openat(parent, name, flags);
    if (*fd >= 0)
        return NULL;
    switch (errno) {
    case ENOENT:
        return tardis_error_create(pool, TARDIS_FILE_MISSING, "%s is not there", path);
    case ELOOP:
    case ENOTDIR:
        return tardis_error_create(pool, TARDIS_FILE_NOT_REGULAR, "%s: \"%s\" is a symbolic link or not a %s",
                                   path, name, is_last ? "file" : "directory");
    case ENXIO:
        return tardis_error_create(pool, TARDIS_FILE_NOT_REGULAR, "%s is not a regular file", path);
    case EACCES:
    case EPERM:
        return tardis_error_from_status(pool, TARDIS_FILE_UNREADABLE, errno, "%s", path);
    default:
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, errno, "%s", path);
    }
}

static tardis_error_t *look_at(int fd, const char *path, apr_uint64_t *size, apr_pool_t *pool)
{
    struct stat found;
    if (fstat(fd, &found) != 0)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, errno, "%s", path);
    if (!S_ISREG(found.st_mode))
        return tardis_error_create(pool, TARDIS_FILE_NOT_REGULAR, "%s is not a regular file", path);
    *size = (apr_uint64_t)found.st_size;
    return NULL;
}

static apr_status_t close_descriptor(void *data)
{
    close(*(int *)data);
    return APR_SUCCESS;
}
