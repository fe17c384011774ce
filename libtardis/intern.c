#include "intern.h"

#include <stdlib.h>
#include <string.h>

#include <apr_siphash.h>

#include "tardis_digest.h"

#define SLOTS_FIRST 1024

typedef struct {
    apr_uint32_t hash[3];
    apr_uint32_t number; /* index + 1; 0: free */
} slot_t;

struct intern_t {
    unsigned char keys[2][APR_SIPHASH_KSIZE];
    slot_t *slots;
    apr_uint32_t slot_count; /* a power of two */
    char *payloads;
    apr_size_t payload_size;
    apr_uint32_t payload_room;
    apr_uint32_t count;
};

static apr_status_t release(void *data);
static slot_t hash_of(const intern_t *table, const void *data, apr_size_t length);
static slot_t *slot_of(slot_t *slots, apr_uint32_t slot_count, const slot_t *wanted);
static int make_room(intern_t *table);
static int grow_slots(intern_t *table, apr_uint32_t slot_count);

intern_t *intern_create(apr_size_t payload_size, apr_pool_t *pool)
{
    intern_t *table = apr_pcalloc(pool, sizeof(*table));
    tardis_random_bytes(table->keys[0], sizeof(table->keys[0]));
    tardis_random_bytes(table->keys[1], sizeof(table->keys[1]));
    table->payload_size = payload_size;
    apr_pool_cleanup_register(pool, table, release, apr_pool_cleanup_null);
    return table;
}

/* Not from the pool: a pool would keep every size that the table has outgrown. */
static apr_status_t release(void *data)
{
    intern_t *table = data;
    free(table->slots);
    free(table->payloads);
    return APR_SUCCESS;
}

intern_outcome_t intern_add(intern_t *table, const void *data, apr_size_t length, apr_uint32_t *index)
{
    if (!make_room(table))
        return INTERN_REFUSED;
    slot_t wanted = hash_of(table, data, length);
    slot_t *slot = slot_of(table->slots, table->slot_count, &wanted);
    if (slot->number) {
        *index = slot->number - 1;
        return INTERN_FOUND;
    }
    if (table->count == INTERN_MAX)
        return INTERN_REFUSED;
    *index = table->count++;
    *slot = wanted;
    slot->number = table->count;
    memset(intern_payload(table, *index), 0, table->payload_size);
    return INTERN_ADDED;
}

static slot_t hash_of(const intern_t *table, const void *data, apr_size_t length)
{
    apr_uint64_t first = apr_siphash24(data, length, table->keys[0]);
    apr_uint64_t second = apr_siphash24(data, length, table->keys[1]);
    return (slot_t){{(apr_uint32_t)first, (apr_uint32_t)(first >> 32), (apr_uint32_t)second}, 0};
}

/* The slot that holds the wanted string, or the free one where it belongs. */
static slot_t *slot_of(slot_t *slots, apr_uint32_t slot_count, const slot_t *wanted)
{
    apr_uint32_t at = wanted->hash[0] & (slot_count - 1);
    while (slots[at].number && memcmp(slots[at].hash, wanted->hash, sizeof(wanted->hash)) != 0)
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

static int make_room(intern_t *table)
{
    if (!table->slots && !grow_slots(table, SLOTS_FIRST))
        return 0;
    if (table->count >= table->slot_count / 4 * 3 && !grow_slots(table, table->slot_count * 2))
        return 0;
    if (table->count < table->payload_room)
        return 1;
    apr_uint32_t room = table->payload_room ? table->payload_room * 2 : SLOTS_FIRST;
    char *payloads = realloc(table->payloads, room * table->payload_size);
    if (!payloads)
        return 0;
    table->payloads = payloads;
    table->payload_room = room;
    return 1;
}

static int grow_slots(intern_t *table, apr_uint32_t slot_count)
{
    slot_t *slots = calloc(slot_count, sizeof(*slots));
    if (!slots)
        return 0;
    for (apr_uint32_t i = 0; i < table->slot_count; i++) {
        if (table->slots[i].number)
            *slot_of(slots, slot_count, &table->slots[i]) = table->slots[i];
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    return 1;
}

int intern_find(const intern_t *table, const void *data, apr_size_t length, apr_uint32_t *index)
{
    if (!table->slots)
        return 0;
    slot_t wanted = hash_of(table, data, length);
    const slot_t *slot = slot_of(table->slots, table->slot_count, &wanted);
    *index = slot->number - 1;
    return slot->number != 0;
}

apr_uint32_t intern_count(const intern_t *table)
{
    return table->count;
}

void *intern_payload(const intern_t *table, apr_uint32_t index)
{
    return table->payloads + index * table->payload_size;
}
