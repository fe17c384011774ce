#include "mail_template.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "mail_template_parts.h"
#include "tardis_uid.h"

/* Bytes of a template. */
#define SIZE_MAX_TEMPLATE (64 * 1024)

#define IN(kind) (1u << (kind))
#define ABOUT_ONE (IN(MAIL_COMPLETE) | IN(MAIL_FAILED))
#define ANY (ABOUT_ONE | IN(MAIL_DIGEST))

/* clang-format off */
static const char *const files[MAIL_KINDS] = {
    [MAIL_COMPLETE] = "complete.txt",
    [MAIL_FAILED] = "failed.txt",
    [MAIL_DIGEST] = "digest.txt",
};

/* What can be put in, where, and whether it has several lines. */
static const struct {
    const char *name;
    unsigned kinds;
    int is_list;
} variables[MAIL_VARIABLES] = {
    [MAIL_ID] = {"id", ABOUT_ONE, 0},
    [MAIL_TITLE] = {"title", ABOUT_ONE, 0},
    [MAIL_UID] = {"uid", ABOUT_ONE, 0},
    [MAIL_PROVIDER] = {"provider", ABOUT_ONE, 0},
    [MAIL_STATE] = {"state", ABOUT_ONE, 0},
    [MAIL_STATE_BEFORE] = {"state_before", ABOUT_ONE, 0},
    [MAIL_FILES] = {"files", ABOUT_ONE, 0},
    [MAIL_BYTES] = {"bytes", ABOUT_ONE, 0},
    [MAIL_DIRECTORY] = {"directory", ABOUT_ONE, 0},
    [MAIL_URL] = {"url", ABOUT_ONE, 0},
    [MAIL_COMMAND] = {"command", ABOUT_ONE, 0},
    [MAIL_PROGRAM] = {"program", ANY, 0},
    [MAIL_ERROR_CODE] = {"error_code", IN(MAIL_FAILED), 0},
    [MAIL_ERROR_TEXT] = {"error_text", IN(MAIL_FAILED), 0},
    [MAIL_FAULT] = {"fault", IN(MAIL_FAILED), 0},
    [MAIL_ADVICE] = {"advice", IN(MAIL_FAILED), 0},
    [MAIL_TOTAL] = {"total", IN(MAIL_DIGEST), 0},
    [MAIL_COMPLETE_COUNT] = {"complete", IN(MAIL_DIGEST), 0},
    [MAIL_FAILED_COUNT] = {"failed", IN(MAIL_DIGEST), 0},
    [MAIL_OTHER_COUNT] = {"other", IN(MAIL_DIGEST), 0},
    [MAIL_SUMMARY] = {"summary", IN(MAIL_DIGEST), 0},
    [MAIL_COMPLETE_LIST] = {"complete_list", IN(MAIL_DIGEST), 1},
    [MAIL_FAILED_LIST] = {"failed_list", IN(MAIL_DIGEST), 1},
    [MAIL_OTHER_LIST] = {"other_list", IN(MAIL_DIGEST), 1},
};
/* clang-format on */

/* Where the reading of a template is. */
typedef struct {
    mail_kind_t kind;
    const char *name;
    const char *next; /* line */
    const char *end;  /* of the text */
    long line;
    apr_pool_t *pool;
} reader_t;

static tardis_error_t *read_file(const char **text, apr_size_t *length, const char *name, apr_pool_t *pool);
static tardis_error_t *read_descriptor(char *text, apr_size_t *length, int fd, const char *name,
                                       apr_pool_t *pool);
static tardis_error_t *check_text(const char *name, const char *text, apr_size_t length, apr_pool_t *pool);
static const char *next_line(reader_t *reader);
static tardis_error_t *read_subject(reader_t *reader, mail_template_t *template);
static tardis_error_t *read_line(const reader_t *reader, const char *line, int is_subject,
                                 apr_array_header_t **parts);
static const char *trimmed(const char *start, const char *end, apr_pool_t *pool);
static tardis_error_t *find_variable(const reader_t *reader, const char *name, int is_subject, int *variable);
static const char *known_names(mail_kind_t kind, apr_pool_t *pool);
static tardis_error_t *wrong(const reader_t *reader, const char *what);

const char *mail_template_file(mail_kind_t kind)
{
    return files[kind];
}

int mail_variable_is_list(int variable)
{
    return variables[variable].is_list;
}

tardis_error_t *mail_templates_read(mail_templates_t **templates, const char *directory, apr_pool_t *pool)
{
    mail_templates_t *read = apr_pcalloc(pool, sizeof(*read));
    tardis_error_t *error = NULL;
    for (int kind = 0; kind < MAIL_KINDS && !error; kind++) {
        const char *name = apr_pstrcat(pool, directory, "/", files[kind], NULL);
        const char *text;
        apr_size_t length = 0;
        error = read_file(&text, &length, name, pool);
        if (!error)
            error = mail_template_parse(&read->of[kind], (mail_kind_t)kind, name, text, length, pool);
    }
    *templates = read;
    return error;
}

/* Not blocked by a FIFO. */
static tardis_error_t *read_file(const char **text, apr_size_t *length, const char *name, apr_pool_t *pool)
{
    struct stat info;
    tardis_error_t *error = NULL;
    char *read = apr_palloc(pool, SIZE_MAX_TEMPLATE + 1);
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0)
        error = tardis_error_from_status(pool, TARDIS_CONFIG_INVALID, APR_FROM_OS_ERROR(errno), "%s", name);
    else if (!S_ISREG(info.st_mode))
        error = tardis_error_create(pool, TARDIS_CONFIG_INVALID, "%s: not a regular file", name);
    else
        error = read_descriptor(read, length, fd, name, pool);
    if (fd >= 0)
        close(fd);
    *text = read;
    return error;
}

static tardis_error_t *read_descriptor(char *text, apr_size_t *length, int fd, const char *name,
                                       apr_pool_t *pool)
{
    ssize_t got = 0;
    *length = 0;
    while (*length <= SIZE_MAX_TEMPLATE &&
           (got = read(fd, text + *length, SIZE_MAX_TEMPLATE + 1 - *length)) != 0) {
        if (got < 0 && errno != EINTR)
            return tardis_error_from_status(pool, TARDIS_CONFIG_INVALID, APR_FROM_OS_ERROR(errno), "%s",
                                            name);
        *length += got > 0 ? (apr_size_t)got : 0;
    }
    if (*length > SIZE_MAX_TEMPLATE)
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "%s: larger than %d bytes", name,
                                   SIZE_MAX_TEMPLATE);
    return NULL;
}

tardis_error_t *mail_template_parse(const mail_template_t **template, mail_kind_t kind, const char *name,
                                    const char *text, apr_size_t length, apr_pool_t *pool)
{
    mail_template_t *made = apr_pcalloc(pool, sizeof(*made));
    tardis_error_t *error = check_text(name, text, length, pool);
    if (error)
        return error;
    reader_t reader = {.kind = kind, .name = name, .next = text, .end = text + length, .pool = pool};
    made->lines = apr_array_make(pool, 32, sizeof(apr_array_header_t *));
    error = read_subject(&reader, made);
    for (const char *line; !error && (line = next_line(&reader)) != NULL;) {
        apr_array_header_t *parts;
        error = read_line(&reader, line, 0, &parts);
        APR_ARRAY_PUSH(made->lines, apr_array_header_t *) = parts;
    }
    *template = made;
    return error;
}

static tardis_error_t *check_text(const char *name, const char *text, apr_size_t length, apr_pool_t *pool)
{
    long line = 1;
    for (const char *start = text; start < text + length; line++) {
        const char *end = memchr(start, '\n', (apr_size_t)(text + length - start));
        apr_size_t size = (apr_size_t)((end ? end : text + length) - start);
        if (!tardis_text_is_clean(start, size, "\t\r"))
            return tardis_error_create(pool, TARDIS_CONFIG_INVALID,
                                       "%s:%ld: this line is not UTF-8, or has a control character", name,
                                       line);
        start += size + 1;
    }
    return NULL;
}

/* NULL: there is none. */
static const char *next_line(reader_t *reader)
{
    if (reader->next >= reader->end)
        return NULL;
    const char *start = reader->next;
    const char *end = memchr(start, '\n', (apr_size_t)(reader->end - start));
    if (!end)
        end = reader->end;
    reader->next = end + 1;
    reader->line++;
    while (end > start && strchr(" \t\r", end[-1]))
        end--;
    return apr_pstrmemdup(reader->pool, start, (apr_size_t)(end - start));
}

static tardis_error_t *read_subject(reader_t *reader, mail_template_t *template)
{
    static const char label[] = "Subject:";
    const char *line;
    do
        line = next_line(reader);
    while (line && line[0] == '#');
    if (!line)
        return tardis_error_create(reader->pool, TARDIS_CONFIG_INVALID, "%s:%ld: there is no line \"%s ...\"",
                                   reader->name, reader->line + 1, label);
    if (strncasecmp(line, label, sizeof(label) - 1) != 0)
        return wrong(reader, "the first line has to be \"Subject: ...\"; only comments may come before it");
    line += sizeof(label) - 1;
    line += strspn(line, " \t");
    if (!*line)
        return wrong(reader, "the subject is empty");
    tardis_error_t *error = read_line(reader, line, 1, &template->subject);
    if (error)
        return error;
    line = next_line(reader);
    if (line && *line)
        return wrong(reader, "an empty line has to follow the subject");
    return NULL;
}

/* "text {{name}} text" */
static tardis_error_t *read_line(const reader_t *reader, const char *line, int is_subject,
                                 apr_array_header_t **parts)
{
    apr_pool_t *pool = reader->pool;
    *parts = apr_array_make(pool, 4, sizeof(mail_part_t));
    for (const char *open; (open = strstr(line, "{{")) != NULL;) {
        const char *close = strstr(open, "}}");
        int variable;
        if (!close)
            return wrong(reader, "there is no \"}}\" after \"{{\"");
        tardis_error_t *error = find_variable(reader, trimmed(open + 2, close, pool), is_subject, &variable);
        if (error)
            return error;
        if (open > line)
            *(mail_part_t *)apr_array_push(*parts) =
                (mail_part_t){apr_pstrmemdup(pool, line, (apr_size_t)(open - line)), 0};
        *(mail_part_t *)apr_array_push(*parts) = (mail_part_t){NULL, variable};
        line = close + 2;
    }
    if (*line)
        *(mail_part_t *)apr_array_push(*parts) = (mail_part_t){line, 0};
    return NULL;
}

static const char *trimmed(const char *start, const char *end, apr_pool_t *pool)
{
    while (start < end && *start == ' ')
        start++;
    while (end > start && end[-1] == ' ')
        end--;
    return apr_pstrmemdup(pool, start, (apr_size_t)(end - start));
}

static tardis_error_t *find_variable(const reader_t *reader, const char *name, int is_subject, int *variable)
{
    for (*variable = 0; *variable < MAIL_VARIABLES; ++*variable) {
        if ((variables[*variable].kinds & IN(reader->kind)) && strcmp(variables[*variable].name, name) == 0)
            break;
    }
    if (*variable == MAIL_VARIABLES)
        return wrong(reader, apr_psprintf(reader->pool, "{{%.60s}} is not known here; there are: %s", name,
                                          known_names(reader->kind, reader->pool)));
    if (is_subject && variables[*variable].is_list)
        return wrong(reader, apr_psprintf(reader->pool, "{{%s}} has several lines: not in a subject", name));
    return NULL;
}

static const char *known_names(mail_kind_t kind, apr_pool_t *pool)
{
    const char *names = "";
    for (int i = 0; i < MAIL_VARIABLES; i++) {
        if (variables[i].kinds & IN(kind))
            names = apr_pstrcat(pool, names, *names ? ", " : "", variables[i].name, NULL);
    }
    return names;
}

static tardis_error_t *wrong(const reader_t *reader, const char *what)
{
    return tardis_error_create(reader->pool, TARDIS_CONFIG_INVALID, "%s:%ld: %s", reader->name, reader->line,
                               what);
}
