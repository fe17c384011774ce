#include "form_private.h"

#include <string.h>

#include <apr_strings.h>

struct tardis_form_t {
    apr_pool_t *pool;
    const tardis_form_field_t *fields;
    apr_array_header_t **values; /* of const char *, one array per field of the table */
    int *seen;                   /* how often each field of the table began */
    int count;                   /* fields that began, unknown ones included */
    tardis_form_file_fn *file;
    void *file_baton;
    int current;  /* index of the field being read; -1: one that is ignored */
    char *buffer; /* of the current text field; maximum + 1 bytes */
    apr_size_t length;
};

static int find(const tardis_form_t *form, const char *name);

tardis_form_t *tardis_form_create(const tardis_form_field_t *fields, tardis_form_file_fn *file, void *baton,
                                  apr_pool_t *pool)
{
    tardis_form_t *form = apr_pcalloc(pool, sizeof(*form));
    int known = 0;
    while (fields[known].name)
        known++;
    form->pool = pool;
    form->fields = fields;
    form->values = apr_pcalloc(pool, (apr_size_t)known * sizeof(*form->values));
    form->seen = apr_pcalloc(pool, (apr_size_t)known * sizeof(*form->seen));
    for (int i = 0; i < known; i++)
        form->values[i] = apr_array_make(pool, 1, sizeof(const char *));
    form->file = file;
    form->file_baton = baton;
    form->current = -1;
    return form;
}

const char *tardis_form_value(const tardis_form_t *form, const char *name)
{
    const apr_array_header_t *values = tardis_form_values(form, name);
    return values->nelts ? APR_ARRAY_IDX(values, 0, const char *) : NULL;
}

const apr_array_header_t *tardis_form_values(const tardis_form_t *form, const char *name)
{
    return form->values[find(form, name)];
}

tardis_error_t *tardis_form_push(tardis_form_parser_t *parser, const char *data, apr_size_t length)
{
    return parser->push(parser->state, data, length);
}

tardis_error_t *tardis_form_finish(tardis_form_parser_t *parser)
{
    tardis_error_t *error = parser->finish(parser->state);
    if (error)
        return error;
    const tardis_form_t *form = parser->form;
    for (int i = 0; form->fields[i].name; i++) {
        if ((form->fields[i].flags & TARDIS_FIELD_REQUIRED) && !form->seen[i])
            return tardis_error_create(form->pool, TARDIS_FORM_INVALID, "field %s is missing",
                                       form->fields[i].name);
    }
    return NULL;
}

tardis_error_t *form_field_begin(tardis_form_t *form, const char *name, int files_allowed)
{
    if (++form->count > TARDIS_FORM_FIELDS_MAX)
        return tardis_error_create(form->pool, TARDIS_FORM_INVALID, "the form has more than %d fields",
                                   TARDIS_FORM_FIELDS_MAX);
    form->current = find(form, name);
    if (form->current < 0)
        return NULL;
    const tardis_form_field_t *field = &form->fields[form->current];
    if (form->seen[form->current]++ && !(field->flags & TARDIS_FIELD_REPEATABLE))
        return tardis_error_create(form->pool, TARDIS_FORM_INVALID, "field %s is there more than once",
                                   field->name);
    if ((field->flags & TARDIS_FIELD_FILE) && !files_allowed)
        return tardis_error_create(form->pool, TARDIS_FORM_INVALID, "field %s must be a file", field->name);
    form->length = 0;
    if (!(field->flags & TARDIS_FIELD_FILE))
        form->buffer = apr_palloc(form->pool, field->maximum + 1);
    return NULL;
}

tardis_error_t *form_field_data(tardis_form_t *form, const char *data, apr_size_t length)
{
    if (form->current < 0 || !length)
        return NULL;
    const tardis_form_field_t *field = &form->fields[form->current];
    if (field->flags & TARDIS_FIELD_FILE)
        return form->file(form->file_baton, data, length);
    if (memchr(data, 0, length))
        return tardis_error_create(form->pool, TARDIS_FORM_INVALID, "field %s holds a NUL", field->name);
    apr_size_t room = field->maximum - form->length;
    if (length > room && !(field->flags & TARDIS_FIELD_CUT))
        return tardis_error_create(form->pool, TARDIS_FORM_INVALID,
                                   "field %s is longer than %" APR_SIZE_T_FMT " bytes", field->name,
                                   field->maximum);
    if (length > room)
        length = room;
    memcpy(form->buffer + form->length, data, length);
    form->length += length;
    return NULL;
}

void form_field_end(tardis_form_t *form)
{
    if (form->current >= 0 && !(form->fields[form->current].flags & TARDIS_FIELD_FILE)) {
        form->buffer[form->length] = '\0';
        APR_ARRAY_PUSH(form->values[form->current], const char *) = form->buffer;
    }
    form->current = -1;
}

static int find(const tardis_form_t *form, const char *name)
{
    for (int i = 0; form->fields[i].name; i++) {
        if (strcmp(form->fields[i].name, name) == 0)
            return i;
    }
    return -1;
}
