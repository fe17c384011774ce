#include "xml_mets_private.h"

#include <string.h>

#include <apr_strings.h>

/* Most parameter sets in one techMD; each is linked to whatever refers to the techMD. */
#define SETS_MAX 16

static tardis_error_t *finish_file(mets_t *mets, tardis_xml_reader_t *reader);
static tardis_error_t *store_file(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t number);
static tardis_error_t *link_file(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t id, void *baton);
static const char *keep(mets_t *mets, const char *value);

tardis_error_t *mets_tech_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    tardis_error_t *error = mets_define(mets, reader, METS_ID_METADATA, &mets->metadata_id);
    if (!error && !mets->ingest->writer)
        mets_id(mets, mets->metadata_id)->value = mets->sets + 1;
    return error;
}

/* Only techMD has parameter sets. References to the others are in order, they add nothing. */
tardis_error_t *mets_other_metadata_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    return mets_define(mets, reader, METS_ID_METADATA, &mets->metadata_id);
}

tardis_error_t *mets_set_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    mets->sets++;
    if (!mets->ingest->writer) {
        if (++mets_id(mets, mets->metadata_id)->extra > SETS_MAX)
            return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "more than %d elements in one xmlData",
                                   SETS_MAX);
        return NULL;
    }
    mets->set.number = mets->sets;
    mets->set.is_experiments = mets_bit(mets->is_experiments, mets->sets);
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
        .admid = keep(mets, tardis_xml_attribute(reader, "", "ADMID")),
        .name = keep(mets, tardis_xml_attribute(reader, "", "OWNERID")),
        .media_type = keep(mets, tardis_xml_attribute(reader, "", "MIMETYPE")),
        .checksum = keep(mets, tardis_xml_attribute(reader, "", "CHECKSUM")),
        .checksum_type = keep(mets, tardis_xml_attribute(reader, "", "CHECKSUMTYPE")),
    };
    error = ingest_size(reader, tardis_xml_attribute(reader, "", "SIZE"), &file->size);
    return error ? error : mets_define(mets, reader, METS_ID_FILE, &file->id);
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
        return store_file(mets, reader, mets->files);
    mets_id(mets, file->id)->value = mets->files;
    tardis_error_t *error = ingest_claim_path(mets->ingest, reader, file->path);
    return error ? error : mets_each(mets, reader, file->admid, METS_ID_METADATA, NULL, NULL);
}

static tardis_error_t *store_file(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t number)
{
    const mets_file_t *file = &mets->file;
    tardis_datafile_t datafile = {
        .number = number,
        .dataset_number = mets_id(mets, file->id)->extra,
        .name = file->name && *file->name ? file->name : ingest_base_name(file->path),
        .path = file->path,
        .size = file->size,
        .media_type = file->media_type ? file->media_type : "",
    };
    apr_uint32_t position = 0;
    if (!datafile.dataset_number)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "the file \"%.200s\" is in no dataset",
                               file->path);
    ingest_digest(reader, file->checksum, file->checksum_type, &datafile);
    tardis_error_t *error = ingest_add_datafile(mets->ingest, reader, &datafile);
    return error ? error : mets_each(mets, reader, file->admid, METS_ID_METADATA, link_file, &position);
}

static tardis_error_t *link_file(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t id, void *baton)
{
    return mets_link(mets, id, TARDIS_OWNER_DATAFILE, mets->files, baton, tardis_xml_scratch(reader));
}
