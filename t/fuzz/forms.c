/* Forms: however a body is cut into pieces, the answer is the same. The first byte says how. */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_form.h"

static const tardis_form_field_t urlencoded_fields[] = {
    {"uid", 255, TARDIS_FIELD_REQUIRED},
    {"dest_path", 300, 0},
    {"note", 20, TARDIS_FIELD_CUT},
    {"file", 100, TARDIS_FIELD_REPEATABLE},
    {NULL, 0, 0},
};

static const tardis_form_field_t multipart_fields[] = {
    {"username", 400, TARDIS_FIELD_REQUIRED},
    {"originid", 20, TARDIS_FIELD_CUT},
    {"experiment_owner", 400, TARDIS_FIELD_REPEATABLE},
    {"xmldata", 0, TARDIS_FIELD_FILE},
    {NULL, 0, 0},
};

/* The bytes of the file so far. */
typedef struct {
    char *data;
    apr_size_t length;
} taken_t;

typedef struct {
    tardis_form_t *form;
    tardis_error_t *error;
    taken_t file;
} parsed_t;

static int run(const tardis_form_field_t *fields, const char *content_type, const char *body,
               apr_size_t length, apr_size_t piece, apr_pool_t *pool);
static parsed_t parse(const tardis_form_field_t *fields, const char *content_type, const char *body,
                      apr_size_t length, apr_size_t piece, apr_pool_t *pool);
static tardis_error_t *take(void *baton, const char *data, apr_size_t length);
static void compare(const tardis_form_field_t *fields, const parsed_t *a, const parsed_t *b);
static void compare_values(const apr_array_header_t *a, const apr_array_header_t *b);

static const tardis_error_code_t allowed[] = {TARDIS_FORM_INVALID, TARDIS_ERROR_CODES};

int fuzz_urlencoded(const char *data, apr_size_t size, apr_pool_t *pool)
{
    return size > 0 && run(urlencoded_fields, NULL, data + 1, size - 1, (unsigned char)data[0], pool);
}

/* The first line, after the byte, is the Content-Type. */
int fuzz_multipart(const char *data, apr_size_t size, apr_pool_t *pool)
{
    const char *end = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;
    if (!end)
        return 0;
    const char *content_type = apr_pstrmemdup(pool, data + 1, (apr_size_t)(end - data - 1));
    return run(multipart_fields, content_type, end + 1, size - (apr_size_t)(end + 1 - data),
               (unsigned char)data[0], pool);
}

static int run(const tardis_form_field_t *fields, const char *content_type, const char *body,
               apr_size_t length, apr_size_t piece, apr_pool_t *pool)
{
    parsed_t whole = parse(fields, content_type, body, length, length ? length : 1, pool);
    parsed_t pieces = parse(fields, content_type, body, length, piece ? piece : 1, pool);
    FUZZ_PROMISE(!whole.error == !pieces.error);
    if (whole.error)
        fuzz_check_error(whole.error, allowed);
    else
        compare(fields, &whole, &pieces);
    return !whole.error;
}

/* content_type NULL: urlencoded. */
static parsed_t parse(const tardis_form_field_t *fields, const char *content_type, const char *body,
                      apr_size_t length, apr_size_t piece, apr_pool_t *pool)
{
    parsed_t parsed = {.file = {.data = apr_palloc(pool, length + 1)}};
    tardis_form_parser_t *parser;
    taken_t *file = apr_pmemdup(pool, &parsed.file, sizeof(parsed.file));
    parsed.form = tardis_form_create(fields, take, file, pool);
    if (content_type)
        parsed.error = tardis_form_multipart(&parser, parsed.form, content_type, pool);
    else
        parser = tardis_form_urlencoded(parsed.form, pool);
    for (apr_size_t at = 0; !parsed.error && at < length; at += piece)
        parsed.error = tardis_form_push(parser, body + at, length - at < piece ? length - at : piece);
    if (!parsed.error)
        parsed.error = tardis_form_finish(parser);
    parsed.file = *file;
    return parsed;
}

static tardis_error_t *take(void *baton, const char *data, apr_size_t length)
{
    taken_t *taken = baton;
    memcpy(taken->data + taken->length, data, length);
    taken->length += length;
    return NULL;
}

static void compare(const tardis_form_field_t *fields, const parsed_t *a, const parsed_t *b)
{
    for (const tardis_form_field_t *field = fields; field->name; field++) {
        const char *value = tardis_form_value(a->form, field->name);
        const char *other = tardis_form_value(b->form, field->name);
        if (field->flags & TARDIS_FIELD_FILE)
            continue;
        FUZZ_PROMISE(!value == !other && (!value || strcmp(value, other) == 0));
        FUZZ_PROMISE(!value || strlen(value) <= field->maximum);
        FUZZ_PROMISE(value || !(field->flags & TARDIS_FIELD_REQUIRED));
        if (field->flags & TARDIS_FIELD_REPEATABLE)
            compare_values(tardis_form_values(a->form, field->name), tardis_form_values(b->form, field->name));
    }
    FUZZ_PROMISE(a->file.length == b->file.length &&
                 memcmp(a->file.data, b->file.data, a->file.length) == 0);
}

static void compare_values(const apr_array_header_t *a, const apr_array_header_t *b)
{
    FUZZ_PROMISE(a->nelts == b->nelts);
    for (int i = 0; i < a->nelts; i++)
        FUZZ_PROMISE(strcmp(APR_ARRAY_IDX(a, i, const char *), APR_ARRAY_IDX(b, i, const char *)) == 0);
}
