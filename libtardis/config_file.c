#include "config_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#define FILE_SIZE_MAXIMUM (1024 * 1024)

static tardis_error_t *read_stream(char **text, FILE *stream, const char *file, apr_pool_t *pool);
static void blank_comments(char *text);
static char *blank_comment(char *start, const char *end);

tardis_error_t *config_load(char **text, const char *file, apr_pool_t *pool)
{
    struct stat info;
    tardis_error_t *error;
    FILE *stream = fopen(file, "r");
    if (!stream || fstat(fileno(stream), &info) != 0)
        error = tardis_error_from_status(pool, errno == ENOENT ? TARDIS_CONFIG_INVALID : TARDIS_IO_ERROR,
                                         errno, "configuration file %s", file);
    else if (!S_ISREG(info.st_mode))
        error = tardis_error_create(pool, TARDIS_CONFIG_INVALID, "configuration file %s: not a regular file",
                                    file);
    else
        error = read_stream(text, stream, file, pool);
    if (stream)
        fclose(stream);
    if (!error)
        blank_comments(*text);
    return error;
}

static tardis_error_t *read_stream(char **text, FILE *stream, const char *file, apr_pool_t *pool)
{
    *text = apr_palloc(pool, FILE_SIZE_MAXIMUM + 1);
    size_t length = fread(*text, 1, FILE_SIZE_MAXIMUM + 1, stream);
    if (ferror(stream))
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, errno, "configuration file %s", file);
    if (length > FILE_SIZE_MAXIMUM)
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "configuration file %s: larger than %d bytes",
                                   file, FILE_SIZE_MAXIMUM);
    if (memchr(*text, '\0', length))
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "configuration file %s: it holds a NUL byte",
                                   file);
    (*text)[length] = '\0';
    return NULL;
}

/*
 * libconfuse 3.3 counts the lines of comments wrongly and refuses comments within lists, so it gets to see
 * none. As there, // and the other comments begin where a word could, so that https://host needs no quotes.
 */
static void blank_comments(char *text)
{
    char quote = '\0';
    int in_word = 0;
    for (char *c = text; *c; c++) {
        if (quote) {
            if (*c == '\\' && c[1])
                c++;
            else if (*c == quote)
                quote = '\0';
        } else if (*c == '#') {
            c = blank_comment(c, "\n");
        } else if (!in_word && c[0] == '/' && c[1] == '/') {
            c = blank_comment(c, "\n");
        } else if (!in_word && c[0] == '/' && c[1] == '*') {
            c = blank_comment(c, "*/");
        } else if (*c == '"' || *c == '\'') {
            quote = *c;
        } else {
            in_word = strchr(" \t\r\n={}(),+", *c) == NULL;
        }
        if (!*c)
            return;
    }
}

/* Returns the last character of the comment, or the NUL after it. */
static char *blank_comment(char *start, const char *end)
{
    char *last = strstr(start + strlen(end), end);
    last = last ? last + strlen(end) - 1 : start + strlen(start);
    for (char *c = start; c <= last && *c; c++) {
        if (*c != '\n')
            *c = ' ';
    }
    return last;
}
