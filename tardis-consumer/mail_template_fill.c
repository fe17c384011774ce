#include <string.h>

#include <apr_strings.h>

#include "mail_template_parts.h"
#include "transfer_client.h"

/* Bytes of a subject, far below the 998 of a line (RFC 5322, 2.1.1), also where it has to be encoded. */
#define SUBJECT_MAX 247
/* Bytes of a value that is one line. */
#define VALUE_MAX 4000

static const char *fill_line(const apr_array_header_t *parts, const char *const values[MAIL_VARIABLES],
                             int *is_left_out, apr_pool_t *pool);

void mail_template_fill(const mail_template_t *template, const char *const values[MAIL_VARIABLES],
                        const char **subject, const char **body, apr_pool_t *pool)
{
    apr_array_header_t *out = apr_array_make(pool, 2 * template->lines->nelts + 1, sizeof(const char *));
    int after_empty = 1;
    int left_out = 0;
    int is_left_out;
    for (int i = 0; i < template->lines->nelts; i++) {
        const char *line = fill_line(APR_ARRAY_IDX(template->lines, i, const apr_array_header_t *), values,
                                     &is_left_out, pool);
        left_out |= is_left_out;
        if (is_left_out || (!*line && left_out && after_empty))
            continue;
        after_empty = !*line;
        left_out &= after_empty;
        APR_ARRAY_PUSH(out, const char *) = line;
        APR_ARRAY_PUSH(out, const char *) = "\n";
    }
    *body = apr_array_pstrcat(pool, out, 0);
    *subject = transfer_bounded(fill_line(template->subject, values, &is_left_out, pool), SUBJECT_MAX, pool);
}

/* @param is_left_out set to whether the line has variables, and all of them are empty. */
static const char *fill_line(const apr_array_header_t *parts, const char *const values[MAIL_VARIABLES],
                             int *is_left_out, apr_pool_t *pool)
{
    apr_array_header_t *out = apr_array_make(pool, parts->nelts + 1, sizeof(const char *));
    int present = 0;
    int absent = 0;
    for (int i = 0; i < parts->nelts; i++) {
        const mail_part_t *part = &APR_ARRAY_IDX(parts, i, mail_part_t);
        const char *value = part->text;
        if (!value) {
            value = values[part->variable] ? values[part->variable] : "";
            if (!mail_variable_is_list(part->variable))
                value = transfer_bounded(value, VALUE_MAX, pool);
            present += *value != '\0';
            absent += *value == '\0';
        }
        APR_ARRAY_PUSH(out, const char *) = value;
    }
    *is_left_out = absent > 0 && present == 0;
    return apr_array_pstrcat(pool, out, 0);
}
