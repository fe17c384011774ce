#include "xml_mets_private.h"

#include <string.h>

/* Longest ID. */
#define ID_MAX 255
/* Most IDs that one attribute may refer to. */
#define REFERENCES_MAX 256

/* How messages call what an ID names. */
static const char *const kind_names[] = {
    [METS_ID_UNDEFINED] = "nothing",
    [METS_ID_DESCRIPTION] = "a dmdSec",
    [METS_ID_METADATA] = "metadata of an amdSec",
    [METS_ID_FILE] = "a file",
    [METS_ID_OTHER] = "another element",
};

/* Elements whose own handlers define their IDs. */
static const char *const defined_elsewhere[] = {"dmdSec",     "techMD", "rightsMD", "sourceMD",
                                                "digiprovMD", "file",   NULL};

static tardis_error_t *enter(mets_t *mets, tardis_xml_reader_t *reader, const char *text, apr_size_t length,
                             apr_uint32_t *id, int *is_new);
static tardis_error_t *look_up(mets_t *mets, tardis_xml_reader_t *reader, const char *text, apr_size_t length,
                               mets_id_kind_t kind, apr_uint32_t *id);
static tardis_error_t *resolve(mets_t *mets, tardis_xml_reader_t *reader, const char *text, apr_size_t length,
                               mets_id_kind_t kind, apr_uint32_t *id);
static tardis_error_t *add_reference(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t id, void *baton);
static tardis_error_t *put_into_dataset(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t id,
                                        void *baton);
static tardis_error_t *check_all_defined(mets_t *mets, tardis_xml_reader_t *reader);

/* Every ID counts, also of elements that do not matter otherwise: two that are alike leave open which one is
 * meant. */
tardis_error_t *mets_any_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    if (mets->ingest->writer || strcmp(tardis_xml_namespace(reader), METS_NS) != 0)
        return NULL;
    for (int i = 0; defined_elsewhere[i]; i++) {
        if (strcmp(tardis_xml_name(reader), defined_elsewhere[i]) == 0)
            return NULL;
    }
    return mets_define(mets, reader, METS_ID_OTHER, NULL);
}

tardis_error_t *mets_define(mets_t *mets, tardis_xml_reader_t *reader, mets_id_kind_t kind, apr_uint32_t *id)
{
    const char *text = tardis_xml_attribute(reader, "", "ID");
    apr_uint32_t index;
    int is_new;
    if (!text)
        return id ? tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "<%s> has no ID",
                                    tardis_xml_name(reader))
                  : NULL;
    text = xml_trim(text, tardis_xml_scratch(reader));
    if (mets->ingest->writer)
        return look_up(mets, reader, text, strlen(text), kind, id);
    tardis_error_t *error = enter(mets, reader, text, strlen(text), &index, &is_new);
    if (error)
        return error;
    mets_id_t *named = mets_id(mets, index);
    if (named->kind != METS_ID_UNDEFINED)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "the ID \"%s\" is defined twice", text);
    if (!is_new && named->expected != kind)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID,
                               "the ID \"%s\" names %s, but line %lu refers to it as %s", text,
                               kind_names[kind], (unsigned long)named->value, kind_names[named->expected]);
    mets->undefined -= is_new ? 0 : 1;
    named->kind = (unsigned char)kind;
    named->value = 0;
    if (id)
        *id = index;
    return NULL;
}

static tardis_error_t *enter(mets_t *mets, tardis_xml_reader_t *reader, const char *text, apr_size_t length,
                             apr_uint32_t *id, int *is_new)
{
    if (length == 0)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "an empty ID");
    if (length > ID_MAX)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "an ID is longer than %d bytes", ID_MAX);
    switch (intern_add(mets->ids, text, length, id)) {
    case INTERN_FOUND:
        *is_new = 0;
        return NULL;
    case INTERN_ADDED:
        *is_new = 1;
        return NULL;
    default:
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "more than %d IDs", INTERN_MAX);
    }
}

/* In the second reading every ID is known, unless it is another document by now. */
static tardis_error_t *look_up(mets_t *mets, tardis_xml_reader_t *reader, const char *text, apr_size_t length,
                               mets_id_kind_t kind, apr_uint32_t *id)
{
    if (intern_find(mets->ids, text, length, id) && mets_id(mets, *id)->kind == kind)
        return NULL;
    return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "the document was changed while it was read");
}

tardis_error_t *mets_each(mets_t *mets, tardis_xml_reader_t *reader, const char *list, mets_id_kind_t kind,
                          mets_found_fn *found, void *baton)
{
    tardis_error_t *error = NULL;
    int count = 0;
    while (!error && list && *list) {
        apr_size_t length = strcspn(list, " \t\r\n");
        apr_uint32_t id;
        if (length && ++count > REFERENCES_MAX)
            return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "more than %d references", REFERENCES_MAX);
        if (length) {
            error = resolve(mets, reader, list, length, kind, &id);
            if (!error && found)
                error = found(mets, reader, id, baton);
        }
        list += length + (list[length] != '\0');
    }
    return error;
}

static tardis_error_t *resolve(mets_t *mets, tardis_xml_reader_t *reader, const char *text, apr_size_t length,
                               mets_id_kind_t kind, apr_uint32_t *id)
{
    int is_new;
    if (mets->ingest->writer)
        return look_up(mets, reader, text, length, kind, id);
    tardis_error_t *error = enter(mets, reader, text, length, id, &is_new);
    if (error)
        return error;
    mets_id_t *named = mets_id(mets, *id);
    if (is_new) {
        named->expected = (unsigned char)kind;
        named->value = (apr_uint32_t)tardis_xml_line(reader);
        mets->undefined++;
    }
    mets_id_kind_t actual = named->kind == METS_ID_UNDEFINED ? named->expected : named->kind;
    return actual == kind
               ? NULL
               : tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "the ID \"%.*s\" names %s, not %s",
                                 (int)length, text, kind_names[actual], kind_names[kind]);
}

mets_id_t *mets_id(const mets_t *mets, apr_uint32_t id)
{
    return intern_payload(mets->ids, id);
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
    mets_reference_t reference = {0, owner};
    tardis_error_t *error = mets_each(mets, reader, tardis_xml_attribute(reader, "", "DMDID"),
                                      METS_ID_DESCRIPTION, add_reference, &reference);
    return error ? error
                 : mets_each(mets, reader, tardis_xml_attribute(reader, "", "ADMID"), METS_ID_METADATA,
                             add_reference, &reference);
}

static tardis_error_t *add_reference(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t id, void *baton)
{
    mets_reference_t reference = *(mets_reference_t *)baton;
    const mets_id_t *named = mets_id(mets, id);
    mets_id_kind_t kind = named->kind == METS_ID_UNDEFINED ? named->expected : named->kind;
    apr_array_header_t *references = kind == METS_ID_METADATA ? mets->metadata : mets->descriptions;
    if (references->nelts == INTERN_MAX)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "more than %d references of divs", INTERN_MAX);
    reference.id = id;
    APR_ARRAY_PUSH(references, mets_reference_t) = reference;
    return NULL;
}

tardis_error_t *mets_fptr_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    apr_uint32_t dataset = mets->dataset_at[tardis_xml_depth(reader) - 1];
    if (mets->ingest->writer)
        return NULL;
    return mets_each(mets, reader, tardis_xml_attribute(reader, "", "FILEID"), METS_ID_FILE, put_into_dataset,
                     &dataset);
}

static tardis_error_t *put_into_dataset(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t id,
                                        void *baton)
{
    const apr_uint32_t *dataset = baton;
    mets_id_t *file = mets_id(mets, id);
    /* A structMap may say other things of files, too. One that is in no dataset at all is refused by
     * mets_file_end(). */
    if (!*dataset)
        return NULL;
    if (file->extra)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID,
                               "the file is in dataset %lu already: a file belongs to one dataset, once",
                               (unsigned long)file->extra);
    file->extra = *dataset;
    return NULL;
}

tardis_error_t *mets_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    if (mets->ingest->writer)
        return mets_add_undescribed(mets, reader);
    if (!mets->has_investigation)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID,
                               "no structMap has a div of TYPE investigation: there is no experiment");
    return mets->undefined ? check_all_defined(mets, reader) : NULL;
}

static tardis_error_t *check_all_defined(mets_t *mets, tardis_xml_reader_t *reader)
{
    const mets_id_t *first = NULL;
    for (apr_uint32_t i = 0; i < intern_count(mets->ids); i++) {
        const mets_id_t *named = mets_id(mets, i);
        if (named->kind == METS_ID_UNDEFINED && (!first || named->value < first->value))
            first = named;
    }
    tardis_error_t *error = tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID,
                                            "an ID of %s is referred to here, but it is defined nowhere",
                                            kind_names[first->expected]);
    error->line = (long)first->value;
    return error;
}

tardis_error_t *mets_link(mets_t *mets, apr_uint32_t id, tardis_owner_kind_t kind, apr_uint32_t owner,
                          apr_uint32_t *position, apr_pool_t *pool)
{
    const mets_id_t *metadata = mets_id(mets, id);
    tardis_error_t *error = NULL;
    for (apr_uint32_t i = 0; !error && i < metadata->extra; i++) {
        const tardis_parameter_link_t link = {kind, owner, ++*position, metadata->value + i};
        error = tardis_catalogue_writer_link(mets->ingest->writer, &link, pool);
    }
    return error;
}
