#include "build.h"

#include "sorter_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Records held at a time, as a part of the bytes held: shorter records than this do not fill their memory. */
#define BYTES_PER_ENTRY 24
#define ROOM_FIRST 65536

static apr_status_t release(void *data);
static int make_room(sorter_t *sorter, apr_size_t length);
static apr_uint64_t prefix_of(const unsigned char *record, apr_size_t length);
static int compare_entries(const void *left, const void *right, void *block);

sorter_t *sorter_create(apr_size_t memory, apr_pool_t *pool)
{
    sorter_t *sorter = apr_pcalloc(pool, sizeof(*sorter));
    sorter->pool = pool;
    sorter->memory = memory;
    sorter->fd = -1;
    apr_pool_cleanup_register(pool, sorter, release, apr_pool_cleanup_null);
    return sorter;
}

/* Not from the pool, which would keep every size that has been outgrown. */
static apr_status_t release(void *data)
{
    sorter_t *sorter = data;
    free(sorter->block);
    free(sorter->entries);
    if (sorter->fd >= 0)
        close(sorter->fd);
    return APR_SUCCESS;
}

tardis_error_t *sorter_add(sorter_t *sorter, const void *record, apr_size_t length)
{
    if (!length || length > sorter_share(sorter) - LENGTH_BYTES || length > WRITE_BYTES - LENGTH_BYTES)
        return tardis_error_create(sorter->pool, TARDIS_INTERNAL_ERROR, "a record to sort has %lu bytes",
                                   (unsigned long)length);
    int is_full =
        sorter->block_used + length > sorter->memory || sorter->held == sorter->memory / BYTES_PER_ENTRY;
    tardis_error_t *error = is_full ? sorter_spill(sorter) : NULL;
    if (error)
        return error;
    if (!make_room(sorter, length))
        return sorter_no_memory(sorter);
    entry_t *entry = &sorter->entries[sorter->held++];
    entry->at = (apr_uint32_t)sorter->block_used;
    entry->length = (apr_uint32_t)length;
    entry->prefix = prefix_of(record, length);
    memcpy(sorter->block + sorter->block_used, record, length);
    sorter->block_used += length;
    sorter->count++;
    return NULL;
}

static int make_room(sorter_t *sorter, apr_size_t length)
{
    apr_size_t entry_room = sorter->entry_room;
    unsigned char *block =
        sorter_grow(sorter->block, &sorter->block_room, sorter->block_used + length, sorter->memory, 1);
    if (!block)
        return 0;
    sorter->block = block;
    entry_t *entries = sorter_grow(sorter->entries, &entry_room, (apr_size_t)sorter->held + 1,
                                   sorter->memory / BYTES_PER_ENTRY, sizeof(*entries));
    if (!entries)
        return 0;
    sorter->entries = entries;
    sorter->entry_room = (apr_uint32_t)entry_room;
    return 1;
}

void *sorter_grow(void *memory, apr_size_t *room, apr_size_t wanted, apr_size_t most, apr_size_t unit)
{
    if (wanted <= *room)
        return memory;
    apr_size_t larger = *room ? *room * 2 : ROOM_FIRST / unit;
    while (larger < wanted)
        larger *= 2;
    *room = larger < most ? larger : most;
    return realloc(memory, *room * unit);
}

static apr_uint64_t prefix_of(const unsigned char *record, apr_size_t length)
{
    apr_uint64_t prefix = 0;
    for (apr_size_t i = 0; i < sizeof(prefix); i++)
        prefix = prefix << 8 | (i < length ? record[i] : 0);
    return prefix;
}

tardis_error_t *sorter_start(sorter_t *sorter)
{
    tardis_error_t *error = NULL;
    sorter->given = 0;
    sorter->is_begun = 0;
    if (!sorter->run_count) {
        sorter_sort_held(sorter);
        return NULL;
    }
    if (sorter->held)
        error = sorter_spill(sorter);
    return error ? error : sorter_merge_start(sorter, 0);
}

void sorter_sort_held(sorter_t *sorter)
{
    if (sorter->held)
        qsort_r(sorter->entries, sorter->held, sizeof(*sorter->entries), compare_entries, sorter->block);
}

static int compare_entries(const void *left, const void *right, void *block)
{
    const entry_t *a = left;
    const entry_t *b = right;
    const unsigned char *records = block;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    return sorter_compare(records + a->at, a->length, records + b->at, b->length);
}

int sorter_compare(const unsigned char *left, apr_size_t left_length, const unsigned char *right,
                   apr_size_t right_length)
{
    int order = memcmp(left, right, left_length < right_length ? left_length : right_length);
    if (order)
        return order;
    return left_length < right_length ? -1 : left_length > right_length;
}

tardis_error_t *sorter_next(sorter_t *sorter, const unsigned char **record, apr_size_t *length)
{
    tardis_error_t *error = NULL;
    *record = NULL;
    if (!sorter->run_count) {
        if (sorter->given == sorter->held)
            return NULL;
        const entry_t *entry = &sorter->entries[sorter->given++];
        *record = sorter->block + entry->at;
        *length = entry->length;
        return NULL;
    }
    if (sorter->is_begun && sorter->heap_size)
        error = sorter_merge_step(sorter);
    sorter->is_begun = 1;
    if (error || !sorter->heap_size)
        return error;
    *record = sorter->runs[sorter->heap[0]].record;
    *length = sorter->runs[sorter->heap[0]].length;
    return NULL;
}

apr_uint64_t sorter_count(const sorter_t *sorter)
{
    return sorter->count;
}

tardis_error_t *sorter_no_memory(sorter_t *sorter)
{
    return tardis_error_create(sorter->pool, TARDIS_INTERNAL_ERROR, "out of memory for sorting");
}

unsigned char *sorter_put(unsigned char *to, apr_uint32_t value)
{
    *to++ = (unsigned char)(value >> 24);
    *to++ = (unsigned char)(value >> 16);
    *to++ = (unsigned char)(value >> 8);
    *to++ = (unsigned char)value;
    return to;
}

apr_uint32_t sorter_get(const unsigned char *from)
{
    return (apr_uint32_t)from[0] << 24 | (apr_uint32_t)from[1] << 16 | (apr_uint32_t)from[2] << 8 | from[3];
}
