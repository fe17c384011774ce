#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "tardis_command.h"
#include "tardis_uid.h"

/* What of a directory is visited: the first level in two steps, as what lies beside the datasets comes first.
 */
typedef enum { BESIDE_DATASETS, DATASETS, EVERYTHING } which_t;

/* One walk under way. */
typedef struct {
    walk_t *walk;
    walk_file_t **end;   /* where the next file is linked */
    int root;            /* descriptor of the directory */
    const char *dataset; /* description of the dataset that files belong to now */
    int dataset_begun;   /* whether it has a file, and so a number */
    apr_pool_t *pool;    /* of what is kept */
} walker_t;

static const char *base_name(const char *directory);
static void begin_dataset(walker_t *walker, const char *description);
static void visit(walker_t *walker, const char *path, which_t which, apr_pool_t *parent);
static tardis_error_t *read_names(const walker_t *walker, const char *path, apr_array_header_t **names,
                                  apr_pool_t *pool);
static int by_name(const void *a, const void *b);
static void visit_child(walker_t *walker, const char *path, which_t which, apr_pool_t *scratch);
static void visit_entry(walker_t *walker, const char *path, const struct stat *entry, apr_pool_t *scratch);
static void refuse(walker_t *walker, const char *path, const struct stat *entry, apr_pool_t *scratch);
static void add_file(walker_t *walker, const char *path, const struct stat *entry);
static const char *printable(const char *path, apr_pool_t *pool);

tardis_error_t *walk_directory(const char *directory, walk_t **walk, apr_pool_t *pool)
{
    walker_t walker = {.pool = pool};
    walk_t *result = apr_pcalloc(pool, sizeof(*result));
    result->directory = directory;
    result->datasets = apr_array_make(pool, 16, sizeof(const char *));
    result->problems = apr_array_make(pool, WALK_PROBLEMS_SHOWN, sizeof(tardis_error_t *));
    walker.walk = result;
    walker.end = &result->first;
    walker.root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (walker.root < 0)
        return tardis_error_from_status(pool, TARDIS_FILE_UNREADABLE, errno, "%s", directory);
    begin_dataset(&walker, base_name(directory));
    visit(&walker, "", BESIDE_DATASETS, pool);
    visit(&walker, "", DATASETS, pool);
    close(walker.root);
    *walk = result;
    if (tardis_command_interrupted())
        return tardis_error_create(pool, TARDIS_INTERRUPTED, "told to stop while reading %s", directory);
    return NULL;
}

static const char *base_name(const char *directory)
{
    const char *slash = strrchr(directory, '/');
    return slash && slash[1] ? slash + 1 : directory;
}

static void begin_dataset(walker_t *walker, const char *description)
{
    walker->dataset = description;
    walker->dataset_begun = 0;
}

static void visit(walker_t *walker, const char *path, which_t which, apr_pool_t *parent)
{
    apr_pool_t *scratch;
    apr_array_header_t *names;
    apr_pool_create(&scratch, parent);
    tardis_error_t *error = read_names(walker, path, &names, scratch);
    if (error && which != DATASETS)
        walk_problem(walker->walk, *path ? path : walker->walk->directory, error, walker->pool);
    for (int i = 0; !error && i < names->nelts && !tardis_command_interrupted(); i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        visit_child(walker, *path ? apr_pstrcat(scratch, path, "/", name, NULL) : name, which, scratch);
    }
    apr_pool_destroy(scratch);
}

static tardis_error_t *read_names(const walker_t *walker, const char *path, apr_array_header_t **names,
                                  apr_pool_t *pool)
{
    int descriptor =
        openat(walker->root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = descriptor < 0 ? NULL : fdopendir(descriptor);
    const struct dirent *entry;
    int problem = errno;
    *names = apr_array_make(pool, 64, sizeof(const char *));
    if (!directory) {
        if (descriptor >= 0)
            close(descriptor);
        return tardis_error_from_status(walker->pool, TARDIS_FILE_UNREADABLE, problem, "cannot be read");
    }
    errno = 0;
    while ((entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            APR_ARRAY_PUSH(*names, const char *) = apr_pstrdup(pool, entry->d_name);
        errno = 0;
    }
    problem = errno;
    closedir(directory);
    if (problem)
        return tardis_error_from_status(walker->pool, TARDIS_FILE_UNREADABLE, problem, "cannot be read");
    if ((*names)->nelts)
        qsort((*names)->elts, (size_t)(*names)->nelts, sizeof(const char *), by_name);
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void visit_child(walker_t *walker, const char *path, which_t which, apr_pool_t *scratch)
{
    struct stat entry;
    if (fstatat(walker->root, path, &entry, AT_SYMLINK_NOFOLLOW)) {
        walk_problem(
            walker->walk, path,
            tardis_error_from_status(walker->pool, TARDIS_FILE_UNREADABLE, errno, "cannot be looked at"),
            walker->pool);
        return;
    }
    if ((which == DATASETS && !S_ISDIR(entry.st_mode)) ||
        (which == BESIDE_DATASETS && S_ISDIR(entry.st_mode)))
        return;
    if (which == DATASETS)
        begin_dataset(walker, path);
    visit_entry(walker, path, &entry, scratch);
}

static void visit_entry(walker_t *walker, const char *path, const struct stat *entry, apr_pool_t *scratch)
{
    tardis_error_t *error = tardis_path_check(path, walker->pool);
    if (error)
        walk_problem(walker->walk, path,
                     tardis_error_create(walker->pool, TARDIS_NAME_INVALID, "%s", error->text), walker->pool);
    else if (S_ISDIR(entry->st_mode))
        visit(walker, path, EVERYTHING, scratch);
    else if (!S_ISREG(entry->st_mode))
        refuse(walker, path, entry, scratch);
    else if (faccessat(walker->root, path, R_OK, AT_EACCESS))
        walk_problem(walker->walk, path,
                     tardis_error_from_status(walker->pool, TARDIS_FILE_UNREADABLE, errno, "cannot be read"),
                     walker->pool);
    else
        add_file(walker, path, entry);
}

/* Sending opens no symbolic link, wherever it leads: what a link points to may change without the file itself
 * changing. */
static void refuse(walker_t *walker, const char *path, const struct stat *entry, apr_pool_t *scratch)
{
    const char *what = S_ISFIFO(entry->st_mode)   ? "a pipe"
                       : S_ISSOCK(entry->st_mode) ? "a socket"
                       : S_ISCHR(entry->st_mode)  ? "a character device"
                       : S_ISBLK(entry->st_mode)  ? "a block device"
                                                  : "a special file";
    if (S_ISLNK(entry->st_mode)) {
        char target[4096];
        ssize_t length = readlinkat(walker->root, path, target, sizeof(target));
        what = apr_psprintf(
            scratch, "a symbolic link to %s",
            printable(apr_pstrndup(scratch, target, length > 0 ? (apr_size_t)length : 0), scratch));
    }
    walk_problem(walker->walk, path,
                 tardis_error_create(walker->pool, TARDIS_FILE_NOT_REGULAR, "is %s", what), walker->pool);
}

static void add_file(walker_t *walker, const char *path, const struct stat *entry)
{
    walk_t *walk = walker->walk;
    walk_file_t *file = apr_pcalloc(walker->pool, sizeof(*file));
    if (!walker->dataset_begun) {
        APR_ARRAY_PUSH(walk->datasets, const char *) = apr_pstrdup(walker->pool, walker->dataset);
        walker->dataset_begun = 1;
    }
    file->job.directory = walk->directory;
    file->job.path = apr_pstrdup(walker->pool, path);
    file->job.algorithm = TARDIS_DIGEST_SHA512;
    file->size = (apr_uint64_t)entry->st_size;
    file->modified = (apr_int64_t)entry->st_mtim.tv_sec * 1000000000 + entry->st_mtim.tv_nsec;
    file->inode = entry->st_ino;
    file->dataset = (apr_uint32_t)walk->datasets->nelts;
    *walker->end = file;
    walker->end = &file->next;
    walk->files++;
    walk->bytes += file->size;
}

void walk_problem(walk_t *walk, const char *path, tardis_error_t *error, apr_pool_t *pool)
{
    walk->problem_count++;
    if (walk->problems->nelts < WALK_PROBLEMS_SHOWN)
        APR_ARRAY_PUSH(walk->problems, tardis_error_t *) =
            tardis_error_prefix(pool, error, "%s", printable(path, pool));
}

/* Bytes that are no clean UTF-8 as \xNN: the name must be found again by whoever reads the message. */
static const char *printable(const char *path, apr_pool_t *pool)
{
    apr_size_t length = strlen(path);
    if (tardis_text_is_clean(path, length, ""))
        return path;
    char *text = apr_palloc(pool, 4 * length + 1);
    char *out = text;
    for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
        if (*c < 0x20 || *c >= 0x7f)
            out += apr_snprintf(out, 5, "\\x%02x", *c);
        else
            *out++ = (char)*c;
    }
    *out = '\0';
    return text;
}

tardis_error_t *walk_compare(const walk_t *before, const walk_t *after, apr_pool_t *pool)
{
    const walk_file_t *old = before->first;
    const walk_file_t *new = after->first;
    for (; old && new; old = old->next, new = new->next) {
        int order = strcmp(old->job.path, new->job.path);
        if (order)
            return tardis_error_create(pool, TARDIS_SOURCE_CHANGED,
                                       "files came or went during the import, such as %s",
                                       order < 0 ? old->job.path : new->job.path);
        if (old->size != new->size || old->modified != new->modified || old->inode != new->inode)
            return tardis_error_create(pool, TARDIS_SOURCE_CHANGED, "%s changed during the import",
                                       old->job.path);
    }
    if (old || new)
        return tardis_error_create(pool, TARDIS_SOURCE_CHANGED,
                                   "files came or went during the import, such as %s",
                                   old ? old->job.path : new->job.path);
    return NULL;
}
