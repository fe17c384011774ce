/**
 * @file mail_template_parts.h
 * What a template is, for mail_template.c, which reads it, and mail_template_fill.c, which puts values in.
 */
#ifndef MAIL_TEMPLATE_PARTS_H
#define MAIL_TEMPLATE_PARTS_H

#include <apr_tables.h>

#include "mail_template.h"

/** A part of a line. */
typedef struct mail_part_t {
    const char *text; /**< as it is; NULL: a variable */
    int variable;     /**< a mail_variable_t */
} mail_part_t;

struct mail_template_t {
    apr_array_header_t *subject; /**< of mail_part_t */
    apr_array_header_t *lines;   /**< of apr_array_header_t *, each of mail_part_t */
};

/** Whether a variable may have several lines. */
int mail_variable_is_list(int variable);

#endif
