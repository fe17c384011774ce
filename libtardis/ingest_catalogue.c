#include "ingest_private.h"

#include <string.h>

#include <apr_strings.h>

/* Warnings that are kept; a document may have one for each of its files. */
#define WARNINGS_MAX 100
/* The namespace of the prefix `xml`, which cannot be written as another's. */
#define XML_NAMESPACE "http://www.w3.org/XML/1998/namespace"

static tardis_error_t *at_line(tardis_xml_reader_t *reader, tardis_error_t *error);
static tardis_error_t *add_parameter(ingest_t *ingest, ingest_set_t *set, tardis_xml_reader_t *reader,
                                     const char *text);

tardis_error_t *ingest_add_datafile(ingest_t *ingest, tardis_xml_reader_t *reader,
                                    const tardis_datafile_t *datafile)
{
    tardis_error_t *error = ingest_fits(reader, datafile->name, "name of a file", TARDIS_NAME_MAX);
    if (!error)
        error = ingest_fits(reader, datafile->media_type, "media type", TARDIS_MEDIA_TYPE_MAX);
    if (error)
        return error;
    if (datafile->digest_note)
        ingest_warn(ingest, reader, "%s: %s; it can only be checked by its size", datafile->path,
                    datafile->digest_note);
    return at_line(
        reader, tardis_catalogue_writer_add_datafile(ingest->writer, datafile, tardis_xml_scratch(reader)));
}

/* An error about a document's values has a line, one of the database has none. */
static tardis_error_t *at_line(tardis_xml_reader_t *reader, tardis_error_t *error)
{
    return error && error->code == TARDIS_DOCUMENT_LIMIT
               ? tardis_xml_fail(reader, error->code, "%s", error->text)
               : error;
}

tardis_error_t *ingest_add_dataset(ingest_t *ingest, tardis_xml_reader_t *reader, apr_uint32_t number,
                                   const char *description)
{
    const tardis_dataset_t dataset = {number, description};
    tardis_error_t *error = ingest_fits(reader, description, "description of a dataset", TARDIS_TEXT_MAX);
    return error ? error
                 : tardis_catalogue_writer_add_dataset(ingest->writer, &dataset, tardis_xml_scratch(reader));
}

tardis_error_t *ingest_keep(ingest_t *ingest, tardis_xml_reader_t *reader, const char **kept,
                            const char *value, const char *what, apr_size_t maximum)
{
    if (!value || *kept)
        return NULL;
    *kept = apr_pstrdup(ingest->store_pool, value);
    return maximum ? ingest_fits(reader, value, what, maximum) : NULL;
}

tardis_error_t *ingest_add_author(ingest_t *ingest, tardis_xml_reader_t *reader, const char *name)
{
    tardis_error_t *error = ingest_fits(reader, name, "name of an author", TARDIS_TEXT_MAX);
    return error ? error
                 : tardis_catalogue_writer_add_author(ingest->writer, name, tardis_xml_scratch(reader));
}

void ingest_warn(ingest_t *ingest, const tardis_xml_reader_t *reader, const char *format, ...)
{
    if (ingest->warnings->nelts == WARNINGS_MAX) {
        ingest->warnings_left_out++;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    const char *text = apr_pvsprintf(ingest->pool, format, arguments);
    va_end(arguments);
    APR_ARRAY_PUSH(ingest->warnings, const char *) =
        apr_psprintf(ingest->pool, "line %ld: %s", tardis_xml_line(reader), text);
}

tardis_error_t *ingest_set_start(ingest_t *ingest, ingest_set_t *set, tardis_xml_reader_t *reader,
                                 const char *schema_uri)
{
    const tardis_parameter_set_t row = {set->number, schema_uri, tardis_xml_name(reader)};
    set->parameters = 0;
    xml_text_truncate(&set->path, 0);
    if (strcmp(schema_uri, XML_NAMESPACE) == 0)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID,
                               "the namespace of a parameter set is that of XML");
    tardis_error_t *error = ingest_fits(reader, schema_uri, "namespace of a parameter set", TARDIS_NAME_MAX);
    if (!error)
        error =
            ingest_fits(reader, row.root_element, "root element of a parameter set", TARDIS_ROOT_ELEMENT_MAX);
    return error
               ? error
               : tardis_catalogue_writer_add_parameter_set(ingest->writer, &row, tardis_xml_scratch(reader));
}

tardis_error_t *ingest_parameter_start(ingest_t *ingest, ingest_set_t *set, tardis_xml_reader_t *reader)
{
    const char *name = tardis_xml_name(reader);
    if (set->path.length)
        xml_text_append(&set->path, "/", 1, ingest->store_pool);
    xml_text_append(&set->path, name, strlen(name), ingest->store_pool);
    return ingest_fits(reader, set->path.data, "name of a parameter", TARDIS_NAME_MAX);
}

/* White space between the children of a nested parameter is layout. Any other text there is a value of its
 * own. */
tardis_error_t *ingest_parameter_end(ingest_t *ingest, ingest_set_t *set, tardis_xml_reader_t *reader)
{
    const char *text = tardis_xml_text(reader);
    tardis_error_t *error = NULL;
    if (!tardis_xml_has_children(reader) || !xml_is_blank(text))
        error = add_parameter(ingest, set, reader, text);
    apr_size_t length = strlen(tardis_xml_name(reader));
    xml_text_truncate(&set->path, set->path.length > length ? set->path.length - length - 1 : 0);
    return error;
}

static tardis_error_t *add_parameter(ingest_t *ingest, ingest_set_t *set, tardis_xml_reader_t *reader,
                                     const char *text)
{
    const tardis_parameter_t parameter = {
        .set_number = set->number, .number = ++set->parameters, .name = set->path.data, .text = text};
    if (set->is_experiments && strcmp(parameter.name, "EPN") == 0) {
        const char *epn = xml_trim(text, tardis_xml_scratch(reader));
        if (*epn && xml_characters(epn) <= TARDIS_EPN_MAX && !ingest->experiment.epn)
            ingest->experiment.epn = apr_pstrdup(ingest->store_pool, epn);
    }
    return tardis_catalogue_writer_add_parameter(ingest->writer, &parameter, tardis_xml_scratch(reader));
}
