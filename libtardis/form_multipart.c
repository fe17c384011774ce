#include "form_private.h"
#include "mime_header.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* RFC 2046, 5.1.1. */
#define BOUNDARY_MAX 70

typedef enum {
    PREAMBLE,        /* before the first delimiter: dropped */
    AFTER_DELIMITER, /* the rest of a delimiter's line */
    HEADERS,
    CONTENT,
    EPILOGUE /* after the closing delimiter: dropped */
} place_t;

typedef struct {
    apr_pool_t *pool;
    tardis_form_t *form;
    const char *delimiter; /* CR LF -- boundary */
    apr_size_t delimiter_length;
    place_t place;
    apr_size_t matched; /* how much of the delimiter the last bytes were */
    char line[3];       /* AFTER_DELIMITER: what decides, "--" or CR LF; spaces are skipped */
    apr_size_t line_length;
    char headers[TARDIS_FORM_HEADERS_MAX + 1];
    apr_size_t headers_length;
} multipart_t;

static tardis_error_t *read_boundary(const char **boundary, const char *content_type, apr_pool_t *pool);
static tardis_error_t *push(void *state, const char *data, apr_size_t length);
static tardis_error_t *scan(multipart_t *parser, const char **data, const char *end);
static tardis_error_t *give(multipart_t *parser, const char *data, apr_size_t length);
static tardis_error_t *take_after_delimiter(multipart_t *parser, char c);
static tardis_error_t *take_header(multipart_t *parser, char c);
static tardis_error_t *begin_part(multipart_t *parser);
static tardis_error_t *finish(void *state);
static tardis_error_t *invalid(const multipart_t *parser, const char *text);

tardis_error_t *tardis_form_multipart(tardis_form_parser_t **parser, tardis_form_t *form,
                                      const char *content_type, apr_pool_t *pool)
{
    const char *boundary = NULL;
    tardis_error_t *error = read_boundary(&boundary, content_type, pool);
    if (error)
        return error;
    multipart_t *state = apr_pcalloc(pool, sizeof(*state));
    state->pool = pool;
    state->form = form;
    state->delimiter = apr_pstrcat(pool, "\r\n--", boundary, NULL);
    state->delimiter_length = strlen(state->delimiter);
    state->matched = 2; /* the first delimiter may stand at the very start, without its CR LF */
    *parser = apr_pcalloc(pool, sizeof(**parser));
    (*parser)->push = push;
    (*parser)->finish = finish;
    (*parser)->state = state;
    (*parser)->form = form;
    return NULL;
}

static tardis_error_t *read_boundary(const char **boundary, const char *content_type, apr_pool_t *pool)
{
    const char *type = content_type ? mime_value(content_type, pool) : "";
    if (strcmp(type, "multipart/form-data") != 0)
        return tardis_error_create(pool, TARDIS_FORM_INVALID, "the Content-Type must be multipart/form-data");
    *boundary = mime_parameter(content_type, "boundary", pool);
    apr_size_t length = *boundary ? strlen(*boundary) : 0;
    if (!length || length > BOUNDARY_MAX || (*boundary)[length - 1] == ' ')
        return tardis_error_create(pool, TARDIS_FORM_INVALID,
                                   "the Content-Type needs a boundary of 1 to %d characters", BOUNDARY_MAX);
    for (const char *c = *boundary; *c; c++) {
        if (!apr_isalnum(*c) && !strchr("'()+_,-./:=? ", *c))
            return tardis_error_create(pool, TARDIS_FORM_INVALID,
                                       "the boundary in the Content-Type holds a character it may not");
    }
    return NULL;
}

static tardis_error_t *push(void *state, const char *data, apr_size_t length)
{
    multipart_t *parser = state;
    const char *end = data + length;
    tardis_error_t *error = NULL;
    while (!error && data < end) {
        switch (parser->place) {
        case PREAMBLE:
        case CONTENT:
            error = scan(parser, &data, end);
            break;
        case AFTER_DELIMITER:
            error = take_after_delimiter(parser, *data++);
            break;
        case HEADERS:
            error = take_header(parser, *data++);
            break;
        case EPILOGUE:
            return NULL;
        }
    }
    return error;
}

/*
 * Hands content on up to a delimiter. A delimiter holds its only CR at its start, so what was matched in vain
 * can only be content, and a new match can begin with the byte that failed but not before it.
 */
static tardis_error_t *scan(multipart_t *parser, const char **data, const char *end)
{
    tardis_error_t *error = NULL;
    while (!error && *data < end && parser->matched < parser->delimiter_length) {
        if (**data == parser->delimiter[parser->matched]) {
            parser->matched++;
            (*data)++;
        } else if (parser->matched) {
            error = give(parser, parser->delimiter, parser->matched);
            parser->matched = 0;
        } else {
            const char *stop = memchr(*data, '\r', (apr_size_t)(end - *data));
            if (!stop)
                stop = end;
            error = give(parser, *data, (apr_size_t)(stop - *data));
            *data = stop;
        }
    }
    if (error || parser->matched < parser->delimiter_length)
        return error;
    if (parser->place == CONTENT)
        form_field_end(parser->form);
    parser->place = AFTER_DELIMITER;
    parser->matched = 0;
    parser->line_length = 0;
    return NULL;
}

static tardis_error_t *give(multipart_t *parser, const char *data, apr_size_t length)
{
    return parser->place == CONTENT ? form_field_data(parser->form, data, length) : NULL;
}

static tardis_error_t *take_after_delimiter(multipart_t *parser, char c)
{
    if (!parser->line_length && (c == ' ' || c == '\t'))
        return NULL;
    parser->line[parser->line_length++] = c;
    if (parser->line_length < 2)
        return NULL;
    if (memcmp(parser->line, "--", 2) == 0) {
        parser->place = EPILOGUE;
    } else if (memcmp(parser->line, "\r\n", 2) == 0) {
        parser->place = HEADERS;
        parser->headers_length = 0;
    } else {
        return invalid(parser, "a line of the form begins with the boundary and goes on");
    }
    return NULL;
}

static tardis_error_t *take_header(multipart_t *parser, char c)
{
    if (!c)
        return invalid(parser, "the headers of a part hold a NUL");
    if (parser->headers_length == TARDIS_FORM_HEADERS_MAX)
        return invalid(parser, "the headers of a part are too long");
    parser->headers[parser->headers_length++] = c;
    parser->headers[parser->headers_length] = '\0';
    if (c != '\n')
        return NULL;
    const char *tail = parser->headers + parser->headers_length;
    if (parser->headers_length == 2 && memcmp(tail - 2, "\r\n", 2) == 0)
        return invalid(parser, "a part has no Content-Disposition");
    if (parser->headers_length < 4 || memcmp(tail - 4, "\r\n\r\n", 4) != 0)
        return NULL;
    return begin_part(parser);
}

static tardis_error_t *begin_part(multipart_t *parser)
{
    const char *disposition = mime_header(parser->headers, "Content-Disposition", parser->pool);
    if (!disposition)
        return invalid(parser, "a part has no Content-Disposition");
    const char *kind = mime_value(disposition, parser->pool);
    if (strcmp(kind, "form-data") != 0 && strcmp(kind, "file") != 0)
        return invalid(parser, "the Content-Disposition of a part must be form-data or file");
    const char *name = mime_parameter(disposition, "name", parser->pool);
    if (!name)
        return invalid(parser, "the Content-Disposition of a part names no field");
    const char *encoding = mime_header(parser->headers, "Content-Transfer-Encoding", parser->pool);
    const char *how = encoding ? mime_value(encoding, parser->pool) : "binary";
    if (strcmp(how, "binary") != 0 && strcmp(how, "8bit") != 0 && strcmp(how, "7bit") != 0)
        return invalid(parser, "a part may not have a Content-Transfer-Encoding");
    parser->place = CONTENT;
    return form_field_begin(parser->form, name, 1);
}

static tardis_error_t *finish(void *state)
{
    const multipart_t *parser = state;
    return parser->place == EPILOGUE ? NULL : invalid(parser, "the form ends before its closing boundary");
}

static tardis_error_t *invalid(const multipart_t *parser, const char *text)
{
    return tardis_error_create(parser->pool, TARDIS_FORM_INVALID, "%s", text);
}
