/**
 * @file tardis_form.h
 * Forms that come with a POST: application/x-www-form-urlencoded and multipart/form-data (RFC 7578).
 *
 * A caller describes the fields it knows in one literal table. A parser is pushed the body in pieces of any
 * size; what it keeps is bounded by that table, and files are streamed to a function. Errors are
 * TARDIS_FORM_INVALID and name the field.
 */
#ifndef TARDIS_FORM_H
#define TARDIS_FORM_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "tardis_error.h"

/** Most fields that a form may have, the ignored ones included. */
#define TARDIS_FORM_FIELDS_MAX 1000

/** Most bytes of the headers of one part of a multipart form. */
#define TARDIS_FORM_HEADERS_MAX 8192

/** Flags of a field. */
enum {
    TARDIS_FIELD_REQUIRED = 1,   /**< must be there */
    TARDIS_FIELD_REPEATABLE = 2, /**< may be there more than once; others may not */
    TARDIS_FIELD_FILE = 4,       /**< streamed to the form's file function; multipart only */
    TARDIS_FIELD_CUT = 8         /**< what is beyond the maximum is left out; else that is an error */
};

/** One field; a table ends with a NULL name. Fields that are not in the table are ignored. */
typedef struct tardis_form_field_t {
    const char *name;
    apr_size_t maximum; /**< bytes of its value, decoded; not looked at for a file */
    unsigned flags;
} tardis_form_field_t;

/** The fields of one form. */
typedef struct tardis_form_t tardis_form_t;

/** Takes the next bytes of a file. Its error ends the parsing and is what the parser returns. */
typedef tardis_error_t *tardis_form_file_fn(void *baton, const char *data, apr_size_t length);

/**
 * A form without any field yet.
 * @param fields must outlive the form.
 * @param file takes the bytes of the TARDIS_FIELD_FILE field; NULL if there is none in the table.
 */
tardis_form_t *tardis_form_create(const tardis_form_field_t *fields, tardis_form_file_fn *file, void *baton,
                                  apr_pool_t *pool);

/** The value of a text field, without NUL bytes, not yet known to be UTF-8; NULL if it is absent (so far). */
const char *tardis_form_value(const tardis_form_t *form, const char *name);

/** All values of a repeatable field, in order: const char *. Empty if there is none. */
const apr_array_header_t *tardis_form_values(const tardis_form_t *form, const char *name);

/** A parser that fills a form. */
typedef struct tardis_form_parser_t tardis_form_parser_t;

/**
 * A parser of application/x-www-form-urlencoded. Percent-encoding is strict: a `%` without two hexadecimal
 * digits is refused, and so is a NUL.
 */
tardis_form_parser_t *tardis_form_urlencoded(tardis_form_t *form, apr_pool_t *pool);

/**
 * A parser of multipart/form-data. `Content-Disposition: file`, which the original's sender writes, is taken
 * as `form-data`.
 * @param content_type value of the request's Content-Type; NULL: it had none.
 */
tardis_error_t *tardis_form_multipart(tardis_form_parser_t **parser, tardis_form_t *form,
                                      const char *content_type, apr_pool_t *pool);

/** Hands the parser the next bytes of the body. After an error the parser may not be used any more. */
tardis_error_t *tardis_form_push(tardis_form_parser_t *parser, const char *data, apr_size_t length);

/** The body is at its end: checks that the form is whole and that the required fields are there. */
tardis_error_t *tardis_form_finish(tardis_form_parser_t *parser);

#endif
