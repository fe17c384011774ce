#include "xml_mets_write_private.h"

#include <string.h>

#include <apr_strings.h>

#include "ingest_private.h"
#include "tardis_http.h"

static tardis_error_t *write_file(mets_writer_t *writer, const tardis_datafile_t *datafile,
                                  mets_links_t *links);
static const char *href_of(mets_writer_t *writer, const char *path);
static apr_uint32_t *sort_by_dataset(mets_writer_t *writer, apr_uint32_t **ends);
static tardis_error_t *write_div(mets_writer_t *writer, const char *type, const char *description,
                                 mets_links_t *links, apr_uint32_t owner);

tardis_error_t *mets_write_files(mets_writer_t *writer)
{
    mets_links_t links;
    apr_array_header_t *datafiles;
    apr_uint32_t last = 0;
    apr_uint64_t written = 0;
    tardis_error_t *error = NULL;
    writer->dataset_of =
        apr_pcalloc(writer->pool, sizeof(*writer->dataset_of) * (writer->experiment->file_count + 1));
    mets_links_open(writer, &links, TARDIS_OWNER_DATAFILE);
    mets_start(writer, NULL, "fileSec", NULL);
    mets_start(writer, NULL, "fileGrp", NULL);
    mets_attribute(writer, "USE", "original");
    do {
        apr_pool_clear(writer->page);
        error = tardis_datafile_page(writer->context, writer->experiment->id, last, METS_PAGE, &datafiles,
                                     writer->page);
        for (int i = 0; !error && i < datafiles->nelts; i++) {
            const tardis_datafile_t *datafile = &APR_ARRAY_IDX(datafiles, i, tardis_datafile_t);
            error = write_file(writer, datafile, &links);
            last = datafile->number;
            written++;
        }
    } while (!error && datafiles->nelts == METS_PAGE);
    if (!error && written != writer->experiment->file_count)
        error = tardis_error_create(writer->pool, TARDIS_DATABASE_ROW_INVALID,
                                    "the experiment says that it has %" APR_UINT64_T_FMT
                                    " files, but there are %" APR_UINT64_T_FMT,
                                    writer->experiment->file_count, written);
    mets_close(writer);
    mets_close(writer);
    return error;
}

static tardis_error_t *write_file(mets_writer_t *writer, const tardis_datafile_t *datafile,
                                  mets_links_t *links)
{
    apr_pool_t *pool = writer->page;
    if (datafile->number > writer->experiment->file_count || datafile->dataset_number < 1 ||
        datafile->dataset_number > writer->datasets)
        return tardis_error_create(pool, TARDIS_DATABASE_ROW_INVALID,
                                   "datafile %u is not one of %" APR_UINT64_T_FMT " files in %u datasets",
                                   datafile->number, writer->experiment->file_count, writer->datasets);
    writer->dataset_of[datafile->number - 1] = datafile->dataset_number;
    mets_start(writer, NULL, "file", NULL);
    mets_attribute(writer, "ID", apr_psprintf(pool, "F-%u", datafile->number));
    if (*datafile->media_type)
        mets_attribute(writer, "MIMETYPE", datafile->media_type);
    mets_attribute(writer, "SIZE", apr_psprintf(pool, "%" APR_UINT64_T_FMT, datafile->size));
    if (datafile->digest_algorithm != TARDIS_DIGEST_NONE) {
        apr_size_t length = tardis_digest_length(datafile->digest_algorithm);
        mets_attribute(writer, "CHECKSUM", tardis_hex_encode(datafile->digest, length, pool));
        mets_attribute(writer, "CHECKSUMTYPE", tardis_digest_name(datafile->digest_algorithm));
    }
    mets_attribute(writer, "OWNERID", datafile->name);
    tardis_error_t *error = mets_links_write(writer, links, datafile->number);
    mets_start(writer, NULL, "FLocat", NULL);
    mets_attribute(writer, "LOCTYPE", "URL");
    mets_attribute(writer, "xlink:type", "simple");
    mets_attribute(writer, "xlink:href", href_of(writer, datafile->path));
    mets_close(writer);
    mets_close(writer);
    return error;
}

/* Where a URL of the scheme would name a host, it is left empty, so that no directory is taken for one. */
static const char *href_of(mets_writer_t *writer, const char *path)
{
    const char *scheme = writer->file_protocol;
    const char *slashes = ingest_scheme_has_host(scheme, strlen(scheme)) ? ":///" : "://";
    return apr_pstrcat(writer->page, scheme, slashes, tardis_url_encode(path, 1, writer->page), NULL);
}

tardis_error_t *mets_write_structure(mets_writer_t *writer)
{
    mets_links_t experiment_links;
    mets_links_t dataset_links;
    apr_uint32_t *ends;
    apr_uint32_t *files = sort_by_dataset(writer, &ends);
    apr_uint32_t at = 0;
    mets_links_open(writer, &experiment_links, TARDIS_OWNER_EXPERIMENT);
    mets_links_open(writer, &dataset_links, TARDIS_OWNER_DATASET);
    mets_start(writer, NULL, "structMap", NULL);
    mets_attribute(writer, "TYPE", "logical");
    tardis_error_t *error = write_div(writer, "investigation", "E-1", &experiment_links, 0);
    for (apr_uint32_t dataset = 1; !error && dataset <= writer->datasets; dataset++) {
        apr_pool_clear(writer->page);
        error = write_div(writer, "dataset", apr_psprintf(writer->page, "D-%u", dataset), &dataset_links,
                          dataset);
        for (; at < ends[dataset]; at++) {
            char id[16];
            apr_snprintf(id, sizeof(id), "F-%u", files[at]);
            mets_start(writer, NULL, "fptr", NULL);
            mets_attribute(writer, "FILEID", id);
            mets_close(writer);
        }
        mets_close(writer);
    }
    mets_close(writer);
    mets_close(writer);
    return error;
}

/* The numbers of all files by dataset; those of dataset n end before ends[n]. */
static apr_uint32_t *sort_by_dataset(mets_writer_t *writer, apr_uint32_t **ends)
{
    apr_uint32_t count = (apr_uint32_t)writer->experiment->file_count;
    apr_uint32_t *files = apr_palloc(writer->pool, sizeof(*files) * (count + 1));
    *ends = apr_pcalloc(writer->pool, sizeof(**ends) * (writer->datasets + 2));
    for (apr_uint32_t i = 0; i < count; i++)
        (*ends)[writer->dataset_of[i] + 1]++;
    for (apr_uint32_t dataset = 1; dataset <= writer->datasets + 1; dataset++)
        (*ends)[dataset] += (*ends)[dataset - 1];
    for (apr_uint32_t i = 0; i < count; i++)
        files[(*ends)[writer->dataset_of[i]]++] = i + 1;
    return files;
}

/* Leaves the div open. */
static tardis_error_t *write_div(mets_writer_t *writer, const char *type, const char *description,
                                 mets_links_t *links, apr_uint32_t owner)
{
    mets_start(writer, NULL, "div", NULL);
    mets_attribute(writer, "TYPE", type);
    mets_attribute(writer, "DMDID", description);
    return mets_links_write(writer, links, owner);
}
