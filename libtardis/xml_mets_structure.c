#include "xml_mets_private.h"

#include <string.h>

/* Longest ID. */
#define ID_MAX 255
/* Most IDs that one attribute may refer to. */
#define REFERENCES_MAX 256
/* Most IDs and references in a document: a bound on the temporary file, whatever the document says. */
#define NAMES_MAX 33554432

/* Elements whose own handlers define their IDs. */
static const char *const defined_elsewhere[] = {"dmdSec",     "techMD", "rightsMD", "sourceMD",
                                                "digiprovMD", "file",   NULL};

static tardis_error_t *find_id(tardis_xml_reader_t *reader, const char **id);
static tardis_error_t *add_name(mets_t *mets, const tardis_xml_reader_t *reader, const char *text,
                                apr_size_t length, const unsigned char *more, apr_size_t more_length);

/* Every ID counts, also of elements that do not matter otherwise: two that are alike leave open which one is
 * meant. */
tardis_error_t *mets_any_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    const char *id;
    if (mets->ingest->writer || strcmp(tardis_xml_namespace(reader), METS_NS) != 0)
        return NULL;
    for (int i = 0; defined_elsewhere[i]; i++) {
        if (strcmp(tardis_xml_name(reader), defined_elsewhere[i]) == 0)
            return NULL;
    }
    tardis_error_t *error = find_id(reader, &id);
    const mets_definition_t definition = {METS_ID_OTHER, (apr_uint32_t)tardis_xml_line(reader), 0, 0};
    return error || !id ? error : mets_define(mets, reader, id, &definition);
}

static tardis_error_t *find_id(tardis_xml_reader_t *reader, const char **id)
{
    *id = tardis_xml_attribute(reader, "", "ID");
    if (!*id)
        return NULL;
    *id = xml_trim(*id, tardis_xml_scratch(reader));
    return **id ? NULL : tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "an empty ID");
}

tardis_error_t *mets_id_of(tardis_xml_reader_t *reader, const char **id)
{
    tardis_error_t *error = find_id(reader, id);
    if (error || *id)
        return error;
    return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "<%s> has no ID", tardis_xml_name(reader));
}

/* After the text and a NUL, which no ID has: definitions first, each by its line. mets_resolve() reads this.
 */
tardis_error_t *mets_define(mets_t *mets, tardis_xml_reader_t *reader, const char *id,
                            const mets_definition_t *definition)
{
    unsigned char more[METS_NAME_MORE] = {METS_NAME_DEFINED};
    unsigned char *end = sorter_put(more + 1, definition->line);
    *end++ = (unsigned char)definition->kind;
    end = sorter_put(end, definition->number);
    end = sorter_put(end, definition->sets);
    return add_name(mets, reader, id, strlen(id), more, (apr_size_t)(end - more));
}

static tardis_error_t *add_name(mets_t *mets, const tardis_xml_reader_t *reader, const char *text,
                                apr_size_t length, const unsigned char *more, apr_size_t more_length)
{
    unsigned char record[ID_MAX + 1 + METS_NAME_MORE];
    if (length > ID_MAX)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "an ID is longer than %d bytes", ID_MAX);
    if (sorter_count(mets->names) == NAMES_MAX)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "more than %d IDs and references", NAMES_MAX);
    memcpy(record, text, length);
    record[length] = 0;
    memcpy(record + length + 1, more, more_length);
    return sorter_add(mets->names, record, length + 1 + more_length);
}

tardis_error_t *mets_refer(mets_t *mets, tardis_xml_reader_t *reader, const char *list,
                           mets_reference_kind_t kind, apr_uint32_t owner)
{
    tardis_error_t *error = NULL;
    apr_uint32_t position = 0;
    while (!error && list && *list) {
        apr_size_t length = strcspn(list, " \t\r\n");
        unsigned char more[METS_NAME_MORE] = {METS_NAME_REFERRED};
        if (length) {
            if (++position > REFERENCES_MAX)
                return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "more than %d references",
                                       REFERENCES_MAX);
            unsigned char *end = sorter_put(more + 1, (apr_uint32_t)tardis_xml_line(reader));
            *end++ = (unsigned char)kind;
            end = sorter_put(end, owner);
            end = sorter_put(end, position);
            error = add_name(mets, reader, list, length, more, (apr_size_t)(end - more));
        }
        list += length + (list[length] != '\0');
    }
    return error;
}

tardis_error_t *mets_struct_div_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    int depth = tardis_xml_depth(reader);
    const char *type = tardis_xml_attribute(reader, "", "TYPE");
    int is_investigation = type && strcmp(type, "investigation") == 0;
    int is_dataset = type && strcmp(type, "dataset") == 0;
    if (mets->ingest->writer)
        return NULL;
    /* The structMap above the first div left its places at 0. */
    mets->is_inside[depth] = is_investigation || mets->is_inside[depth - 1];
    mets->dataset_at[depth] = mets->dataset_at[depth - 1];
    if (is_investigation && mets->has_investigation)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "a second div of TYPE investigation");
    if (is_dataset && !mets->is_inside[depth])
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "a dataset outside the investigation");
    if (!is_investigation && !is_dataset)
        return NULL;
    mets->has_investigation = 1;
    apr_uint32_t owner = is_dataset ? ++mets->ingest->datasets : 0;
    mets->dataset_at[depth] = owner;
    tardis_error_t *error =
        mets_refer(mets, reader, tardis_xml_attribute(reader, "", "DMDID"), METS_DIV_TO_DESCRIPTION, owner);
    return error ? error
                 : mets_refer(mets, reader, tardis_xml_attribute(reader, "", "ADMID"), METS_DIV_TO_METADATA,
                              owner);
}

/* A structMap may say other things of files, too: outside of datasets the dataset is 0. */
tardis_error_t *mets_fptr_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    if (mets->ingest->writer)
        return NULL;
    return mets_refer(mets, reader, tardis_xml_attribute(reader, "", "FILEID"), METS_FPTR_TO_FILE,
                      mets->dataset_at[tardis_xml_depth(reader) - 1]);
}

tardis_error_t *mets_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    if (mets->ingest->writer)
        return mets_add_undescribed(mets, reader);
    return mets->has_investigation
               ? NULL
               : tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID,
                                 "no structMap has a div of TYPE investigation: there is no experiment");
}
