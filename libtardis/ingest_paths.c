#include "build.h"

#include "ingest_private.h"

#include <locale.h>
#include <string.h>
#include <wctype.h>

#include <apr_strings.h>

#include "tardis_uid.h"

/* Most files: a bound on the temporary file, whatever the document says. */
#define FILES_MAX 16777216
/* Bytes of a path, and of one whose letters were folded: 2 bytes may become 3. */
#define PATH_BYTES_MAX 4096
#define FOLDED_BYTES_MAX (PATH_BYTES_MAX * 3 / 2)
/* What ends the folded path in a record; paths have no control characters. */
#define END_OF_FOLDED 1
/* What a message shows of a path. */
#define SHOWN_MAX 200

/*
 * The paths of all files. A record is the folded path with 0 for each slash, END_OF_FOLDED, the line, and the
 * path itself if it is another. So all that is below a path comes just before it.
 */
typedef struct ingest_paths_t {
    apr_pool_t *pool;
    sorter_t *sorter;
    locale_t locale; /* whose case mappings are Unicode's; 0: this system has none, only ASCII is folded */
} ingest_paths_t;

/* One record, and what is needed of the one before. */
typedef struct {
    apr_size_t length;
    apr_uint32_t line;
    char folded[FOLDED_BYTES_MAX];
    char path[PATH_BYTES_MAX];
} noted_t;

/* Two files that cannot both be; line 0: none. */
typedef struct {
    enum { ONE_PATH, ONE_BUT_FOR_CASE, FILE_AND_DIRECTORY } kind;
    apr_uint32_t line;
    char path[PATH_BYTES_MAX];
    char other[PATH_BYTES_MAX];
} conflict_t;

static ingest_paths_t *open_paths(apr_pool_t *parent);
static apr_status_t free_locale(void *data);
static apr_size_t fold(const ingest_paths_t *paths, const char *path, unsigned char *folded);
static apr_uint32_t fold_letter(const ingest_paths_t *paths, apr_uint32_t code);
static unsigned char *encode(unsigned char *to, apr_uint32_t code);
static void read_record(const unsigned char *record, apr_size_t length, noted_t *noted);
static void compare(const noted_t *before, const noted_t *now, conflict_t *first);
static tardis_error_t *refusal(const conflict_t *conflict, apr_pool_t *pool);

tardis_error_t *ingest_note_path(ingest_t *ingest, tardis_xml_reader_t *reader, const char *path)
{
    unsigned char record[FOLDED_BYTES_MAX + 1 + sizeof(apr_uint32_t) + PATH_BYTES_MAX];
    if (!ingest->paths)
        ingest->paths = open_paths(ingest->pool);
    if (sorter_count(ingest->paths->sorter) == FILES_MAX)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "more than %d files", FILES_MAX);
    apr_size_t path_length = strlen(path);
    apr_size_t length = fold(ingest->paths, path, record);
    int is_other = length != path_length || memcmp(record, path, length) != 0;
    unsigned char *end = record + length;
    for (unsigned char *c = record; c < end; c++)
        *c = *c == '/' ? 0 : *c;
    *end++ = END_OF_FOLDED;
    end = sorter_put(end, (apr_uint32_t)tardis_xml_line(reader));
    if (is_other) {
        memcpy(end, path, path_length);
        end += path_length;
    }
    return sorter_add(ingest->paths->sorter, record, (apr_size_t)(end - record));
}

static ingest_paths_t *open_paths(apr_pool_t *parent)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, parent);
    ingest_paths_t *paths = apr_pcalloc(pool, sizeof(*paths));
    paths->pool = pool;
    paths->sorter = sorter_create(SORTER_MEMORY, pool);
    paths->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    apr_pool_cleanup_register(pool, paths, free_locale, apr_pool_cleanup_null);
    return paths;
}

static apr_status_t free_locale(void *data)
{
    const ingest_paths_t *paths = data;
    if (paths->locale)
        freelocale(paths->locale);
    return APR_SUCCESS;
}

/* The path is UTF-8 already. */
static apr_size_t fold(const ingest_paths_t *paths, const char *path, unsigned char *folded)
{
    tardis_utf8_t decoder = {0};
    unsigned char *to = folded;
    for (const char *c = path; *c; c++) {
        if (tardis_utf8_step(&decoder, (unsigned char)*c) > 0)
            to = encode(to, fold_letter(paths, decoder.code));
    }
    return (apr_size_t)(to - folded);
}

/* By way of the upper case, so that letters with two lower cases, as sigma, are one. */
static apr_uint32_t fold_letter(const ingest_paths_t *paths, apr_uint32_t code)
{
    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
    if (!paths->locale)
        return code;
    return (apr_uint32_t)towlower_l(towupper_l((wint_t)code, paths->locale), paths->locale);
}

static unsigned char *encode(unsigned char *to, apr_uint32_t code)
{
    if (code < 0x80) {
        *to++ = (unsigned char)code;
        return to;
    }
    if (code >= 0x10000)
        *to++ = (unsigned char)(0xf0 | code >> 18);
    if (code >= 0x800)
        *to++ = (unsigned char)(code >= 0x10000 ? 0x80 | (code >> 12 & 0x3f) : 0xe0 | code >> 12);
    *to++ = (unsigned char)(code >= 0x800 ? 0x80 | (code >> 6 & 0x3f) : 0xc0 | code >> 6);
    *to++ = (unsigned char)(0x80 | (code & 0x3f));
    return to;
}

tardis_error_t *ingest_check_paths(ingest_t *ingest)
{
    const unsigned char *record;
    apr_size_t length;
    if (!ingest->paths)
        return NULL;
    noted_t *before = apr_pcalloc(ingest->paths->pool, sizeof(*before));
    noted_t *now = apr_pcalloc(ingest->paths->pool, sizeof(*now));
    conflict_t *first = apr_pcalloc(ingest->paths->pool, sizeof(*first));
    tardis_error_t *error = sorter_start(ingest->paths->sorter);
    while (!error) {
        error = sorter_next(ingest->paths->sorter, &record, &length);
        if (error || !record)
            break;
        read_record(record, length, now);
        compare(before, now, first);
        noted_t *old = before;
        before = now;
        now = old;
    }
    if (!error && first->line)
        error = refusal(first, ingest->pool);
    error = tardis_error_copy(ingest->pool, error);
    apr_pool_destroy(ingest->paths->pool);
    ingest->paths = NULL;
    return error;
}

static void read_record(const unsigned char *record, apr_size_t length, noted_t *noted)
{
    const unsigned char *end = memchr(record, END_OF_FOLDED, length);
    noted->length = (apr_size_t)(end - record);
    memcpy(noted->folded, record, noted->length);
    noted->line = sorter_get(end + 1);
    const unsigned char *path = end + 1 + sizeof(apr_uint32_t);
    apr_size_t path_length = length - (apr_size_t)(path - record);
    if (!path_length) {
        path = record;
        path_length = noted->length;
    }
    for (apr_size_t i = 0; i < path_length; i++)
        noted->path[i] = path[i] ? (char)path[i] : '/';
    noted->path[path_length] = '\0';
}

/* Before the first record there is one with nothing in it. */
static void compare(const noted_t *before, const noted_t *now, conflict_t *first)
{
    apr_uint32_t line = now->line > before->line ? now->line : before->line;
    int is_same = before->length == now->length && memcmp(before->folded, now->folded, now->length) == 0;
    int is_below = before->length > now->length && before->folded[now->length] == 0 &&
                   memcmp(before->folded, now->folded, now->length) == 0;
    if ((!is_same && !is_below) || (first->line && first->line <= line))
        return;
    first->line = line;
    first->kind = is_below                               ? FILE_AND_DIRECTORY
                  : strcmp(before->path, now->path) == 0 ? ONE_PATH
                                                         : ONE_BUT_FOR_CASE;
    apr_cpystrn(first->path, now->path, sizeof(first->path));
    apr_cpystrn(first->other, before->path, sizeof(first->other));
}

static tardis_error_t *refusal(const conflict_t *conflict, apr_pool_t *pool)
{
    const char *path = xml_clip(conflict->path, strlen(conflict->path), SHOWN_MAX, pool);
    const char *other = xml_clip(conflict->other, strlen(conflict->other), SHOWN_MAX, pool);
    long line = (long)conflict->line;
    switch (conflict->kind) {
    case ONE_PATH:
        return tardis_error_at_line(pool, TARDIS_PATH_INVALID, line, "two files have the path \"%s\"", path);
    case ONE_BUT_FOR_CASE:
        return tardis_error_at_line(pool, TARDIS_PATH_INVALID, line,
                                    "the paths \"%s\" and \"%s\" differ only in upper and lower case, which "
                                    "not every store keeps apart",
                                    path, other);
    default:
        return tardis_error_at_line(pool, TARDIS_PATH_INVALID, line,
                                    "\"%s\" would be a file and a directory at once, because of \"%s\"", path,
                                    other);
    }
}
