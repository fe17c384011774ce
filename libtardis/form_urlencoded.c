#include "form_private.h"

#include <string.h>

#include <apr_strings.h>

/* A name longer than this is none that a table would hold; it is cut, which cannot make it a known one. */
#define NAME_MAX_BYTES 255

typedef struct {
    apr_pool_t *pool;
    tardis_form_t *form;
    int in_value;
    int started; /* a byte of the current field was seen */
    char name[NAME_MAX_BYTES + 1];
    apr_size_t name_length;
    int escape; /* hexadecimal digits still expected after a `%` */
    unsigned char escaped;
} urlencoded_t;

static tardis_error_t *push(void *state, const char *data, apr_size_t length);
static tardis_error_t *take(urlencoded_t *parser, char c);
static tardis_error_t *take_escaped(urlencoded_t *parser, char digit);
static tardis_error_t *take_decoded(urlencoded_t *parser, char c);
static tardis_error_t *end_name(urlencoded_t *parser);
static tardis_error_t *end_field(urlencoded_t *parser);
static tardis_error_t *finish(void *state);
static int hexadecimal(char c);

tardis_form_parser_t *tardis_form_urlencoded(tardis_form_t *form, apr_pool_t *pool)
{
    tardis_form_parser_t *parser = apr_pcalloc(pool, sizeof(*parser));
    urlencoded_t *state = apr_pcalloc(pool, sizeof(*state));
    state->pool = pool;
    state->form = form;
    parser->push = push;
    parser->finish = finish;
    parser->state = state;
    parser->form = form;
    return parser;
}

static tardis_error_t *push(void *state, const char *data, apr_size_t length)
{
    tardis_error_t *error = NULL;
    for (apr_size_t i = 0; !error && i < length; i++)
        error = take(state, data[i]);
    return error;
}

static tardis_error_t *take(urlencoded_t *parser, char c)
{
    if (parser->escape)
        return take_escaped(parser, c);
    if (c == '&')
        return end_field(parser);
    parser->started = 1;
    if (c == '=' && !parser->in_value)
        return end_name(parser);
    if (c == '%') {
        parser->escape = 2;
        parser->escaped = 0;
        return NULL;
    }
    return take_decoded(parser, c == '+' ? ' ' : c);
}

static tardis_error_t *take_escaped(urlencoded_t *parser, char digit)
{
    int value = hexadecimal(digit);
    if (value < 0)
        return tardis_error_create(parser->pool, TARDIS_FORM_INVALID,
                                   "a %% in the form is not followed by two hexadecimal digits");
    parser->escaped = (unsigned char)(parser->escaped << 4 | value);
    return --parser->escape ? NULL : take_decoded(parser, (char)parser->escaped);
}

static tardis_error_t *take_decoded(urlencoded_t *parser, char c)
{
    if (parser->in_value)
        return form_field_data(parser->form, &c, 1);
    if (!c)
        return tardis_error_create(parser->pool, TARDIS_FORM_INVALID, "the name of a field holds a NUL");
    if (parser->name_length < NAME_MAX_BYTES)
        parser->name[parser->name_length++] = c;
    return NULL;
}

static tardis_error_t *end_name(urlencoded_t *parser)
{
    parser->name[parser->name_length] = '\0';
    parser->in_value = 1;
    return form_field_begin(parser->form, parser->name, 0);
}

/* A field without `=` has an empty value; nothing at all between two `&` is no field. */
static tardis_error_t *end_field(urlencoded_t *parser)
{
    tardis_error_t *error = NULL;
    if (parser->started && !parser->in_value)
        error = end_name(parser);
    if (parser->started && !error)
        form_field_end(parser->form);
    parser->in_value = 0;
    parser->started = 0;
    parser->name_length = 0;
    return error;
}

static tardis_error_t *finish(void *state)
{
    urlencoded_t *parser = state;
    if (parser->escape)
        return tardis_error_create(parser->pool, TARDIS_FORM_INVALID, "the form ends within a %% escape");
    return end_field(parser);
}

static int hexadecimal(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}
