#include "build.h"

#include "sorter_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

static tardis_error_t *open_file(sorter_t *sorter);
static tardis_error_t *write_record(sorter_t *sorter, run_t *out, const unsigned char *record,
                                    apr_size_t length);
static tardis_error_t *write_out(sorter_t *sorter, run_t *out);
static tardis_error_t *merge_levels(sorter_t *sorter);
static tardis_error_t *merge_runs(sorter_t *sorter, int first, int level);
static tardis_error_t *advance(sorter_t *sorter, run_t *run);
static tardis_error_t *fill(sorter_t *sorter, run_t *run);
static void sift_down(sorter_t *sorter, int at);
static int run_is_lower(const sorter_t *sorter, int left, int right);
static tardis_error_t *file_error(sorter_t *sorter, int number);

/* The first file that a document needs is made here. */
tardis_error_t *sorter_spill(sorter_t *sorter)
{
    tardis_error_t *error = sorter->fd < 0 ? open_file(sorter) : NULL;
    unsigned char buffer[WRITE_BYTES];
    run_t out = {.from = sorter->end, .buffer = buffer};
    sorter_sort_held(sorter);
    for (apr_uint32_t i = 0; !error && i < sorter->held; i++)
        error = write_record(sorter, &out, sorter->block + sorter->entries[i].at, sorter->entries[i].length);
    if (!error)
        error = write_out(sorter, &out);
    if (error)
        return error;
    out.to = sorter->end;
    sorter->runs[sorter->run_count++] = out;
    sorter->held = 0;
    sorter->block_used = 0;
    return merge_levels(sorter);
}

static tardis_error_t *open_file(sorter_t *sorter)
{
    const char *directory;
    apr_status_t rv = apr_temp_dir_get(&directory, sorter->pool);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(sorter->pool, TARDIS_IO_ERROR, rv,
                                        "no directory for temporary files");
    char *name = apr_pstrcat(sorter->pool, directory, "/tardis-sort-XXXXXX", NULL);
    sorter->fd = mkostemp(name, O_CLOEXEC);
    if (sorter->fd < 0 || unlink(name) != 0)
        return tardis_error_from_status(sorter->pool, TARDIS_IO_ERROR, errno, "%s", name);
    return NULL;
}

static tardis_error_t *write_record(sorter_t *sorter, run_t *out, const unsigned char *record,
                                    apr_size_t length)
{
    const apr_uint16_t length_bytes = (apr_uint16_t)length;
    tardis_error_t *error = out->filled + LENGTH_BYTES + length > WRITE_BYTES ? write_out(sorter, out) : NULL;
    memcpy(out->buffer + out->filled, &length_bytes, LENGTH_BYTES);
    memcpy(out->buffer + out->filled + LENGTH_BYTES, record, length);
    out->filled += LENGTH_BYTES + length;
    return error;
}

static tardis_error_t *write_out(sorter_t *sorter, run_t *out)
{
    for (apr_size_t done = 0; done < out->filled;) {
        ssize_t written = pwrite(sorter->fd, out->buffer + done, out->filled - done, sorter->end);
        if (written < 0 && errno != EINTR)
            return file_error(sorter, errno);
        done += written > 0 ? (apr_size_t)written : 0;
        sorter->end += written > 0 ? written : 0;
    }
    out->filled = 0;
    return NULL;
}

static tardis_error_t *merge_levels(sorter_t *sorter)
{
    tardis_error_t *error = NULL;
    while (!error) {
        int level = sorter->runs[sorter->run_count - 1].level;
        int first = sorter->run_count - 1;
        while (first > 0 && sorter->runs[first - 1].level == level)
            first--;
        int is_full = sorter->run_count == RUNS_MAX;
        if (sorter->run_count - first < RUNS_PER_LEVEL && !is_full)
            return NULL;
        error = merge_runs(sorter, is_full ? 0 : first, level + 1);
    }
    return error;
}

/* All runs from the first one on become one, at the end of the file. */
static tardis_error_t *merge_runs(sorter_t *sorter, int first, int level)
{
    unsigned char buffer[WRITE_BYTES];
    run_t out = {.level = level, .from = sorter->end, .buffer = buffer};
    tardis_error_t *error = sorter_merge_start(sorter, first);
    while (!error && sorter->heap_size) {
        run_t *lowest = &sorter->runs[sorter->heap[0]];
        error = write_record(sorter, &out, lowest->record, lowest->length);
        if (!error)
            error = sorter_merge_step(sorter);
    }
    if (!error)
        error = write_out(sorter, &out);
    out.to = sorter->end;
    sorter->runs[first] = out;
    sorter->run_count = first + 1;
    return error;
}

/* The records that were held are in the file: their memory is free for what is read of the runs. */
tardis_error_t *sorter_merge_start(sorter_t *sorter, int first)
{
    unsigned char *block = sorter_grow(sorter->block, &sorter->block_room, sorter->memory, sorter->memory, 1);
    if (!block)
        return sorter_no_memory(sorter);
    sorter->block = block;
    sorter->heap_size = 0;
    for (int i = first; i < sorter->run_count; i++) {
        run_t *run = &sorter->runs[i];
        run->buffer = block + sorter_share(sorter) * (apr_size_t)i;
        run->at = run->from;
        run->filled = run->used = 0;
        tardis_error_t *error = advance(sorter, run);
        if (error)
            return error;
        if (run->record)
            sorter->heap[sorter->heap_size++] = i;
    }
    for (int i = sorter->heap_size / 2; i-- > 0;)
        sift_down(sorter, i);
    return NULL;
}

tardis_error_t *sorter_merge_step(sorter_t *sorter)
{
    run_t *run = &sorter->runs[sorter->heap[0]];
    tardis_error_t *error = advance(sorter, run);
    if (!run->record)
        sorter->heap[0] = sorter->heap[--sorter->heap_size];
    sift_down(sorter, 0);
    return error;
}

static tardis_error_t *advance(sorter_t *sorter, run_t *run)
{
    apr_uint16_t length = 0;
    run->record = NULL;
    if (run->filled - run->used >= LENGTH_BYTES)
        memcpy(&length, run->buffer + run->used, LENGTH_BYTES);
    int is_whole = length && run->filled - run->used >= (apr_size_t)LENGTH_BYTES + length;
    tardis_error_t *error = is_whole || run->at == run->to ? NULL : fill(sorter, run);
    if (error || run->filled == run->used)
        return error;
    memcpy(&length, run->buffer + run->used, LENGTH_BYTES);
    run->record = run->buffer + run->used + LENGTH_BYTES;
    run->length = length;
    run->used += LENGTH_BYTES + run->length;
    return NULL;
}

/* What is left of a record at the end of the buffer goes to its beginning. */
static tardis_error_t *fill(sorter_t *sorter, run_t *run)
{
    run->filled -= run->used;
    memmove(run->buffer, run->buffer + run->used, run->filled);
    run->used = 0;
    while (run->at < run->to && run->filled < sorter_share(sorter)) {
        apr_size_t room = sorter_share(sorter) - run->filled;
        apr_size_t left = (apr_size_t)(run->to - run->at);
        ssize_t length = pread(sorter->fd, run->buffer + run->filled, left < room ? left : room, run->at);
        if (length == 0 || (length < 0 && errno != EINTR))
            return file_error(sorter, length ? errno : EIO);
        run->filled += length > 0 ? (apr_size_t)length : 0;
        run->at += length > 0 ? length : 0;
    }
    return NULL;
}

apr_size_t sorter_share(const sorter_t *sorter)
{
    return sorter->memory / RUNS_MAX;
}

static void sift_down(sorter_t *sorter, int at)
{
    for (;;) {
        int lower = at * 2 + 1;
        if (lower >= sorter->heap_size)
            return;
        if (lower + 1 < sorter->heap_size && run_is_lower(sorter, lower + 1, lower))
            lower++;
        if (!run_is_lower(sorter, lower, at))
            return;
        int run = sorter->heap[at];
        sorter->heap[at] = sorter->heap[lower];
        sorter->heap[lower] = run;
        at = lower;
    }
}

static int run_is_lower(const sorter_t *sorter, int left, int right)
{
    const run_t *a = &sorter->runs[sorter->heap[left]];
    const run_t *b = &sorter->runs[sorter->heap[right]];
    return sorter_compare(a->record, a->length, b->record, b->length) < 0;
}

static tardis_error_t *file_error(sorter_t *sorter, int number)
{
    return tardis_error_from_status(sorter->pool, TARDIS_IO_ERROR, number, "a temporary file for sorting");
}
