#include "status_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* What one status takes mostly, with its key. */
#define USUAL_LENGTH 384
/* Digits of a 64 bit number. */
#define DIGITS_MAX 20

#define DIGITS_AND_POINT "0123456789."

/*
 * JSON as jansson writes it (a test compares), made without a tree: a batch has a thousand statuses, and
 * their trees would cost more than all else that is done for them. Strings that need escaping go through
 * jansson.
 */
typedef struct {
    char *data;
    apr_size_t length;
    apr_size_t capacity;
    apr_pool_t *pool;
} text_t;

static text_t text_start(apr_size_t capacity, apr_pool_t *pool);
static void put_status(text_t *text, const tardis_status_t *status);
static void put_member(text_t *text, const char *name);
static void put_string(text_t *text, const char *value);
static void put_escaped(text_t *text, const char *value);
static char *escaped(const char *value);
static const char *ascii_only(const char *value, apr_pool_t *pool);
static void put_time(text_t *text, apr_time_t time);
static void put_number(text_t *text, apr_int64_t number);
static void put(text_t *text, const char *data, apr_size_t length);

#define PUT(text, literal) put(text, literal, sizeof(literal) - 1)

/* What is before the time, with its quotes, which no text has unescaped. */
#define BEFORE_TIME "\"timestamp\": "

const char *tardis_status_encode(const tardis_status_t *status, apr_pool_t *pool)
{
    text_t text = text_start(USUAL_LENGTH, pool);
    put_status(&text, status);
    put(&text, "", 1);
    return text.data;
}

int tardis_status_is_same(const char *document, const tardis_status_t *status, apr_pool_t *pool)
{
    char space[2 * USUAL_LENGTH];
    text_t text = {.data = space, .capacity = sizeof(space), .pool = pool};
    put_status(&text, status);
    put(&text, "", 1);
    const char *time = strstr(text.data, BEFORE_TIME) + strlen(BEFORE_TIME);
    apr_size_t before = (apr_size_t)(time - text.data);
    if (strncmp(document, text.data, before) != 0)
        return 0;
    document += before;
    return strcmp(document + strspn(document, DIGITS_AND_POINT), time + strspn(time, DIGITS_AND_POINT)) == 0;
}

const char *tardis_statuses_encode(const tardis_status_entry_t *entries, int count, apr_size_t *length,
                                   apr_pool_t *pool)
{
    text_t text = text_start(USUAL_LENGTH * ((apr_size_t)count + 1), pool);
    PUT(&text, "{\"statuses\": {");
    for (int i = 0; i < count; i++) {
        if (i)
            PUT(&text, ", ");
        put_string(&text, entries[i].key);
        PUT(&text, ": ");
        put_status(&text, entries[i].status);
    }
    PUT(&text, "}}");
    *length = text.length;
    put(&text, "", 1);
    return text.data;
}

static text_t text_start(apr_size_t capacity, apr_pool_t *pool)
{
    return (text_t){.data = apr_palloc(pool, capacity), .capacity = capacity, .pool = pool};
}

/* An original reads message and progress always; error and code are absent unless there is one. */
static void put_status(text_t *text, const tardis_status_t *status)
{
    PUT(text, "{\"status\": ");
    put_number(text, status->status);
    put_member(text, "human_status");
    put_string(text, tardis_status_human(status->status));
    put_member(text, "timestamp");
    put_time(text, status->timestamp);
    for (const status_member_t *member = status_texts; member->name; member++) {
        const char *value = *status_text_of(status, member);
        if (!member->always && (!value || !*value))
            continue;
        put_member(text, member->name);
        put_string(text, value ? value : "");
    }
    for (const status_member_t *member = status_counts; member->name; member++) {
        apr_int64_t value = *status_count_of(status, member);
        if (value < 0)
            continue;
        put_member(text, member->name);
        put_number(text, value);
    }
    PUT(text, "}");
}

static void put_member(text_t *text, const char *name)
{
    PUT(text, ", \"");
    put(text, name, strlen(name));
    PUT(text, "\": ");
}

static void put_string(text_t *text, const char *value)
{
    const char *c = value;
    while (*c >= ' ' && *c <= '~' && *c != '"' && *c != '\\')
        c++;
    if (*c) {
        put_escaped(text, value);
        return;
    }
    PUT(text, "\"");
    put(text, value, (apr_size_t)(c - value));
    PUT(text, "\"");
}

/* JSON is UTF-8; of a text that is not, what is not ASCII becomes `?`. */
static void put_escaped(text_t *text, const char *value)
{
    char *quoted = escaped(value);
    if (!quoted)
        quoted = escaped(ascii_only(value, text->pool));
    put(text, quoted, strlen(quoted));
    free(quoted);
}

static char *escaped(const char *value)
{
    json_t *string = json_string(value);
    char *quoted = json_dumps(string, JSON_ENCODE_ANY);
    json_decref(string);
    return quoted;
}

static const char *ascii_only(const char *value, apr_pool_t *pool)
{
    char *plain = apr_pstrdup(pool, value);
    for (char *c = plain; *c; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    return plain;
}

/* Seconds with as many decimals as they have, and always one. */
static void put_time(text_t *text, apr_time_t time)
{
    char decimals[6];
    apr_size_t length = sizeof(decimals);
    apr_int64_t rest = time % APR_USEC_PER_SEC;
    for (int i = 5; i >= 0; i--, rest /= 10)
        decimals[i] = (char)('0' + rest % 10);
    while (length > 1 && decimals[length - 1] == '0')
        length--;
    put_number(text, time / APR_USEC_PER_SEC);
    PUT(text, ".");
    put(text, decimals, length);
}

/* Not negative. */
static void put_number(text_t *text, apr_int64_t number)
{
    char digits[DIGITS_MAX];
    char *first = digits + DIGITS_MAX;
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    put(text, first, (apr_size_t)(digits + DIGITS_MAX - first));
}

static void put(text_t *text, const char *data, apr_size_t length)
{
    if (length > text->capacity - text->length) {
        apr_size_t capacity = (text->capacity + length) * 2;
        char *larger = apr_palloc(text->pool, capacity);
        memcpy(larger, text->data, text->length);
        text->data = larger;
        text->capacity = capacity;
    }
    memcpy(text->data + text->length, data, length);
    text->length += length;
}
