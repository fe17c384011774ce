#include "tardis_command.h"

#include <string.h>

#include <apr_file_info.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "tardis_uid.h"

static const char *cell_text(const apr_array_header_t *row, int column, apr_pool_t *pool);
static size_t width_of(const char *text);

void tardis_print_table(FILE *out, const apr_array_header_t *rows, apr_pool_t *pool)
{
    apr_array_header_t *widths = apr_array_make(pool, 8, sizeof(size_t));
    for (int i = 0; i < rows->nelts; i++) {
        const apr_array_header_t *row = APR_ARRAY_IDX(rows, i, const apr_array_header_t *);
        for (int column = 0; column < row->nelts; column++) {
            if (column == widths->nelts)
                APR_ARRAY_PUSH(widths, size_t) = 0;
            size_t width = width_of(cell_text(row, column, pool));
            if (width > APR_ARRAY_IDX(widths, column, size_t))
                APR_ARRAY_IDX(widths, column, size_t) = width;
        }
    }
    for (int i = 0; i < rows->nelts; i++) {
        const apr_array_header_t *row = APR_ARRAY_IDX(rows, i, const apr_array_header_t *);
        for (int column = 0; column < row->nelts; column++) {
            const char *text = cell_text(row, column, pool);
            int is_last = column == row->nelts - 1;
            size_t padding = is_last ? 0 : APR_ARRAY_IDX(widths, column, size_t) - width_of(text) + 2;
            fprintf(out, "%s%*s", text, (int)padding, "");
        }
        fputc('\n', out);
    }
}

/* Names and titles come from other hosts; a terminal must not obey them. */
static const char *cell_text(const apr_array_header_t *row, int column, apr_pool_t *pool)
{
    const char *text = APR_ARRAY_IDX(row, column, const char *);
    if (!text)
        return "-";
    return tardis_text_tame(apr_pstrdup(pool, text));
}

/* Characters of UTF-8. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (const char *c = text; *c; c++)
        width += ((unsigned char)*c & 0xc0) != 0x80;
    return width;
}

const char *tardis_format_bytes(apr_uint64_t bytes, apr_pool_t *pool)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000)
        return apr_psprintf(pool, "%d B", (int)bytes);
    double value = (double)bytes / 1000;
    size_t unit = 0;
    while (value >= 999.95) {
        value /= 1000;
        unit++;
    }
    return apr_psprintf(pool, "%.1f %s", value, units[unit]);
}

const char *tardis_format_time(apr_time_t time, apr_pool_t *pool)
{
    apr_time_exp_t t;
    if (!time)
        return "-";
    apr_time_exp_gmt(&t, time);
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                        t.tm_hour, t.tm_min, t.tm_sec);
}

const char *tardis_shell_quote(const char *text, apr_pool_t *pool)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
    const char *quoted = "";
    if (*text && !text[strspn(text, plain)])
        return text;
    /* A single quote ends the quoting, stands escaped, and begins it anew. */
    for (;;) {
        apr_size_t length = strcspn(text, "'");
        quoted = apr_pstrcat(pool, quoted, "'", apr_pstrmemdup(pool, text, length), "'", NULL);
        text += length;
        if (!*text++)
            return quoted;
        quoted = apr_pstrcat(pool, quoted, "\\'", NULL);
    }
}

const char *tardis_command_line(const char *program, const tardis_config_t *config, const char *initial,
                                apr_pool_t *pool)
{
    const char *file = tardis_config_file(config);
    char *whole;
    if (strcmp(file, initial) == 0)
        return program;
    if (apr_filepath_merge(&whole, NULL, file, APR_FILEPATH_NATIVE, pool) == APR_SUCCESS)
        file = whole;
    return apr_pstrcat(pool, program, " --config ", tardis_shell_quote(file, pool), NULL);
}
