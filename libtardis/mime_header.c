#include "mime_header.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

static const char *unfold(const char *text, apr_pool_t *pool);
static const char *skip_blanks(const char *c);
static int read_parameter(const char **c, const char **name, const char **value, apr_pool_t *pool);
static int read_quoted(const char **c, const char **value, apr_pool_t *pool);

const char *mime_header(const char *headers, const char *name, apr_pool_t *pool)
{
    apr_size_t length = strlen(name);
    for (const char *line = headers; line && *line;
         line = strstr(line, "\r\n"), line = line ? line + 2 : NULL) {
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return unfold(line + length + 1, pool);
    }
    return NULL;
}

const char *mime_value(const char *header, apr_pool_t *pool)
{
    const char *start = skip_blanks(header);
    apr_size_t length = strcspn(start, ";");
    while (length && apr_isspace(start[length - 1]))
        length--;
    char *value = apr_pstrmemdup(pool, start, length);
    for (char *c = value; *c; c++)
        *c = (char)apr_tolower(*c);
    return value;
}

const char *mime_parameter(const char *header, const char *name, apr_pool_t *pool)
{
    const char *c = header + strcspn(header, ";");
    const char *found, *value;
    while (read_parameter(&c, &found, &value, pool)) {
        if (strcasecmp(found, name) == 0)
            return value;
    }
    return NULL;
}

/* The text up to the end of its line, with continuation lines joined to it. */
static const char *unfold(const char *text, apr_pool_t *pool)
{
    char *joined = apr_palloc(pool, strlen(text) + 1);
    apr_size_t length = 0;
    for (; *text; text++) {
        if (text[0] == '\r' && text[1] == '\n') {
            if (text[2] != ' ' && text[2] != '\t')
                break;
            text++;
        } else {
            joined[length++] = *text;
        }
    }
    joined[length] = '\0';
    return joined;
}

static const char *skip_blanks(const char *c)
{
    return c + strspn(c, " \t");
}

/* Reads `; name=value` at *c and steps past it. Returns 0 if there is none. */
static int read_parameter(const char **c, const char **name, const char **value, apr_pool_t *pool)
{
    const char *at = skip_blanks(*c);
    if (*at != ';')
        return 0;
    at = skip_blanks(at + 1);
    apr_size_t length = strcspn(at, " \t=;\"");
    *name = apr_pstrmemdup(pool, at, length);
    at = skip_blanks(at + length);
    if (!length || *at != '=')
        return 0;
    *c = skip_blanks(at + 1);
    if (**c == '"')
        return read_quoted(c, value, pool);
    length = strcspn(*c, " \t;");
    *value = apr_pstrmemdup(pool, *c, length);
    *c += length;
    return 1;
}

static int read_quoted(const char **c, const char **value, apr_pool_t *pool)
{
    const char *at = *c + 1;
    char *text = apr_palloc(pool, strlen(at) + 1);
    apr_size_t length = 0;
    for (; *at && *at != '"'; at++) {
        /* Browsers send C:\x.xml unescaped, so only an escaped quote or backslash is taken as one. */
        if (at[0] == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        text[length++] = *at;
    }
    text[length] = '\0';
    *value = text;
    if (*at != '"')
        return 0;
    *c = at + 1;
    return 1;
}
