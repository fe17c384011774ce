#include "xml_mets_private.h"

#include <string.h>

#include <apr_strings.h>

static tardis_error_t *finish_file(mets_t *mets, tardis_xml_reader_t *reader);
static tardis_error_t *store_file(mets_t *mets, tardis_xml_reader_t *reader);
static const char *keep(mets_t *mets, const char *value);

tardis_error_t *mets_tech_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    const char *id = NULL;
    if (mets->ingest->writer)
        return NULL;
    tardis_error_t *error = mets_id_of(reader, &id);
    xml_text_truncate(&mets->metadata_id, 0);
    xml_text_append(&mets->metadata_id, id ? id : "", id ? strlen(id) : 0, mets->ingest->pool);
    mets->metadata_sets = 0;
    return error;
}

/* Only now it is known how many sets there are. */
tardis_error_t *mets_tech_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    if (mets->ingest->writer)
        return NULL;
    const mets_definition_t definition = {
        .kind = METS_ID_METADATA,
        .line = (apr_uint32_t)tardis_xml_line(reader),
        .number = mets->sets - mets->metadata_sets + 1,
        .sets = mets->metadata_sets,
    };
    return mets_define(mets, reader, mets->metadata_id.data, &definition);
}

/* Only techMD has parameter sets. References to the others are in order, they add nothing. */
tardis_error_t *mets_other_metadata_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    const char *id;
    const mets_definition_t definition = {
        .kind = METS_ID_METADATA,
        .line = (apr_uint32_t)tardis_xml_line(reader),
    };
    if (mets->ingest->writer)
        return NULL;
    tardis_error_t *error = mets_id_of(reader, &id);
    return error ? error : mets_define(mets, reader, id, &definition);
}

tardis_error_t *mets_set_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    mets->sets++;
    if (!mets->ingest->writer) {
        if (++mets->metadata_sets > METS_SETS_MAX)
            return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "more than %d elements in one xmlData",
                                   METS_SETS_MAX);
        return NULL;
    }
    mets->set.number = mets->sets;
    mets->set.is_experiments = mets_is_experiments_set(mets, mets->sets);
    return ingest_set_start(mets->ingest, &mets->set, reader, tardis_xml_namespace(reader));
}

tardis_error_t *mets_parameter_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    return mets->ingest->writer ? ingest_parameter_start(mets->ingest, &mets->set, reader) : NULL;
}

tardis_error_t *mets_parameter_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    return mets->ingest->writer ? ingest_parameter_end(mets->ingest, &mets->set, reader) : NULL;
}

tardis_error_t *mets_file_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    mets_file_t *file = &mets->file;
    /* A file may have files within it: METS puts them after its own FLocat. */
    tardis_error_t *error = file->is_open ? finish_file(mets, reader) : NULL;
    if (error)
        return error;
    apr_pool_clear(mets->file_pool);
    *file = (mets_file_t){
        .is_open = 1,
        .line = tardis_xml_line(reader),
        .admid = keep(mets, tardis_xml_attribute(reader, "", "ADMID")),
        .name = keep(mets, tardis_xml_attribute(reader, "", "OWNERID")),
        .media_type = keep(mets, tardis_xml_attribute(reader, "", "MIMETYPE")),
        .checksum = keep(mets, tardis_xml_attribute(reader, "", "CHECKSUM")),
        .checksum_type = keep(mets, tardis_xml_attribute(reader, "", "CHECKSUMTYPE")),
    };
    error = ingest_size(reader, tardis_xml_attribute(reader, "", "SIZE"), &file->size);
    if (!error && !mets->ingest->writer)
        error = mets_id_of(reader, &file->id);
    file->id = keep(mets, file->id);
    return error;
}

static const char *keep(mets_t *mets, const char *value)
{
    return value ? apr_pstrdup(mets->file_pool, value) : NULL;
}

tardis_error_t *mets_locator_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    const char *type = tardis_xml_attribute(reader, "", "LOCTYPE");
    const char *href = tardis_xml_attribute(reader, XLINK_NS, "href");
    if (mets->file.path || !href || !type || strcmp(type, "URL") != 0)
        return NULL;
    tardis_error_t *error = ingest_path(reader, href, &mets->file.path);
    mets->file.path = keep(mets, mets->file.path);
    return error;
}

tardis_error_t *mets_file_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    return mets->file.is_open ? finish_file(mets, reader) : NULL;
}

static tardis_error_t *finish_file(mets_t *mets, tardis_xml_reader_t *reader)
{
    mets_file_t *file = &mets->file;
    file->is_open = 0;
    mets->files++;
    if (!file->path)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "a file has no FLocat of LOCTYPE URL");
    if (mets->ingest->writer)
        return store_file(mets, reader);
    const mets_definition_t definition = {
        .kind = METS_ID_FILE, .line = (apr_uint32_t)file->line, .number = mets->files};
    tardis_error_t *error = mets_define(mets, reader, file->id, &definition);
    if (!error)
        error = ingest_note_path(mets->ingest, reader, file->path);
    return error ? error : mets_refer(mets, reader, file->admid, METS_FILE_TO_METADATA, mets->files);
}

static tardis_error_t *store_file(mets_t *mets, tardis_xml_reader_t *reader)
{
    const mets_file_t *file = &mets->file;
    tardis_datafile_t datafile = {
        .number = mets->files,
        .name = file->name && *file->name ? file->name : ingest_base_name(file->path),
        .path = file->path,
        .size = file->size,
        .media_type = file->media_type ? file->media_type : "",
    };
    tardis_error_t *error = mets_next_place(mets, reader, &datafile.dataset_number);
    if (error)
        return error;
    ingest_digest(reader, file->checksum, file->checksum_type, &datafile);
    return ingest_add_datafile(mets->ingest, reader, &datafile);
}
