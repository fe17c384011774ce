/**
 * @file form_private.h
 * What form.c offers to the two parsers.
 */
#ifndef TARDIS_FORM_PRIVATE_H
#define TARDIS_FORM_PRIVATE_H

#include "tardis_form.h"

struct tardis_form_parser_t {
    tardis_error_t *(*push)(void *state, const char *data, apr_size_t length);
    tardis_error_t *(*finish)(void *state);
    void *state;
    tardis_form_t *form;
};

/**
 * A field called @a name begins; what form_field_data() is given next belongs to it. An unknown name is
 * accepted and what it holds is dropped.
 * @param files_allowed 0 in a form that cannot carry files: a TARDIS_FIELD_FILE field is refused there.
 */
tardis_error_t *form_field_begin(tardis_form_t *form, const char *name, int files_allowed);

/** The next bytes of the current field. Refuses a NUL in text, and more than the field's maximum. */
tardis_error_t *form_field_data(tardis_form_t *form, const char *data, apr_size_t length);

/** The current field is complete. */
void form_field_end(tardis_form_t *form);

#endif
