#include "xml_mets_write_private.h"

#include <apr_strings.h>

#include "tardis_db.h"
#include "tardis_ingest.h"

static tardis_error_t *write_document(mets_writer_t *writer, apr_file_t *file);
static void write_header(mets_writer_t *writer);
static void write_agent(mets_writer_t *writer, const char *role, const char *type, const char *name);
static const char *date_time(apr_time_t time, apr_pool_t *pool);
static tardis_error_t *write_experiment(mets_writer_t *writer);
static tardis_error_t *write_authors(mets_writer_t *writer);
static void write_dates(mets_writer_t *writer);
static tardis_error_t *write_datasets(mets_writer_t *writer);
static void start_description(mets_writer_t *writer, const char *id, const char *title);
static void end_description(mets_writer_t *writer);

tardis_error_t *tardis_mets_write(const tardis_context_t *context, apr_uint64_t experiment_id,
                                  const char *file_protocol, apr_file_t *file, apr_pool_t *pool)
{
    tardis_experiment_t *experiment;
    mets_writer_t writer = {.context = context, .file_protocol = file_protocol ? file_protocol : "tardis"};
    tardis_error_t *error = tardis_db_ensure(context->db, pool);
    if (!error)
        error = tardis_db_begin(context->db, pool);
    if (error)
        return error;
    apr_pool_create(&writer.pool, pool);
    apr_pool_create(&writer.page, writer.pool);
    error = tardis_experiment_hold(context, experiment_id, &experiment, writer.pool);
    if (!error && !experiment)
        error = tardis_error_create(pool, TARDIS_NOT_FOUND, "there is no experiment %" APR_UINT64_T_FMT,
                                    experiment_id);
    if (!error) {
        writer.experiment = experiment;
        error = write_document(&writer, file);
    }
    tardis_db_rollback(context->db);
    error = tardis_error_copy(pool, error);
    apr_pool_destroy(writer.pool);
    return error;
}

/* What the original's importer needs decides the order: the header, the experiment, then its datasets. */
static tardis_error_t *write_document(mets_writer_t *writer, apr_file_t *file)
{
    tardis_error_t *error = mets_writer_open(writer, file);
    if (error)
        return error;
    mets_start(writer, NULL, "mets", METS_NS);
    mets_attribute(writer, "xmlns:xlink", XLINK_NS);
    mets_attribute(writer, "xmlns:xsi", XSI_NS);
    mets_attribute(writer, "xsi:schemaLocation", METS_NS " http://www.loc.gov/standards/mets/mets.xsd");
    mets_attribute(writer, "OBJID", "A-1");
    mets_attribute(writer, "TYPE", "study");
    mets_attribute(writer, "PROFILE", "Scientific Dataset Profile 1.0");
    write_header(writer);
    error = write_experiment(writer);
    if (!error)
        error = write_datasets(writer);
    if (!error)
        error = mets_write_sets(writer);
    if (!error)
        error = mets_write_files(writer);
    if (!error)
        error = mets_write_structure(writer);
    if (error)
        return error;
    mets_close(writer);
    return mets_writer_close(writer);
}

static void write_header(mets_writer_t *writer)
{
    mets_start(writer, NULL, "metsHdr", NULL);
    mets_attribute(writer, "CREATEDATE", date_time(writer->experiment->created_at, writer->pool));
    mets_attribute(writer, "LASTMODDATE", date_time(writer->experiment->updated_at, writer->pool));
    write_agent(writer, "DISSEMINATOR", "ORGANIZATION", writer->experiment->institution);
    write_agent(writer, "CREATOR", "OTHER", "tardis-transfer " TARDIS_VERSION);
    mets_close(writer);
}

static void write_agent(mets_writer_t *writer, const char *role, const char *type, const char *name)
{
    mets_start(writer, NULL, "agent", NULL);
    mets_attribute(writer, "ROLE", role);
    mets_attribute(writer, "TYPE", type);
    mets_element(writer, NULL, "name", name);
    mets_close(writer);
}

static const char *date_time(apr_time_t time, apr_pool_t *pool)
{
    apr_time_exp_t parts;
    apr_time_exp_gmt(&parts, time);
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                        parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

static tardis_error_t *write_experiment(mets_writer_t *writer)
{
    const tardis_experiment_t *experiment = writer->experiment;
    start_description(writer, "E-1", experiment->title);
    mets_element(writer, "mods", "genre", "experiment");
    if (experiment->url) {
        mets_start(writer, "mods", "relatedItem", NULL);
        mets_attribute(writer, "type", "otherVersion");
        mets_start(writer, "mods", "location", NULL);
        mets_element(writer, "mods", "url", experiment->url);
        mets_close(writer);
        mets_close(writer);
    }
    mets_element(writer, "mods", "abstract", experiment->description);
    tardis_error_t *error = write_authors(writer);
    mets_close(writer);
    write_dates(writer);
    end_description(writer);
    return error;
}

static tardis_error_t *write_authors(mets_writer_t *writer)
{
    apr_array_header_t *names;
    tardis_error_t *error =
        tardis_experiment_authors(writer->context, writer->experiment->id, &names, writer->page);
    for (int i = 0; !error && i < names->nelts; i++) {
        mets_start(writer, "mods", "name", NULL);
        mets_attribute(writer, "type", "personal");
        mets_element(writer, "mods", "namePart", APR_ARRAY_IDX(names, i, const char *));
        mets_start(writer, "mods", "role", NULL);
        mets_start(writer, "mods", "roleTerm", NULL);
        mets_attribute(writer, "type", "text");
        xmlTextWriterWriteString(writer->xml, (const xmlChar *)"author");
        mets_close(writer);
        mets_close(writer);
        mets_close(writer);
    }
    apr_pool_clear(writer->page);
    return error;
}

static void write_dates(mets_writer_t *writer)
{
    const tardis_experiment_t *experiment = writer->experiment;
    if (!experiment->start_time && !experiment->end_time)
        return;
    mets_start(writer, "tardis", "tardis", DATES_NS);
    if (experiment->start_time)
        mets_element(writer, "tardis", "startTime", experiment->start_time);
    if (experiment->end_time)
        mets_element(writer, "tardis", "endTime", experiment->end_time);
    mets_close(writer);
}

static tardis_error_t *write_datasets(mets_writer_t *writer)
{
    apr_array_header_t *datasets;
    do {
        apr_pool_clear(writer->page);
        tardis_error_t *error = tardis_dataset_page(writer->context, writer->experiment->id, writer->datasets,
                                                    METS_PAGE, &datasets, writer->page);
        if (error)
            return error;
        for (int i = 0; i < datasets->nelts; i++) {
            const tardis_dataset_t *dataset = &APR_ARRAY_IDX(datasets, i, tardis_dataset_t);
            start_description(writer, apr_psprintf(writer->page, "D-%u", dataset->number),
                              dataset->description);
            mets_close(writer);
            end_description(writer);
            writer->datasets = dataset->number;
        }
    } while (datasets->nelts == METS_PAGE);
    return NULL;
}

/* Leaves `mods` open. */
static void start_description(mets_writer_t *writer, const char *id, const char *title)
{
    mets_start(writer, NULL, "dmdSec", NULL);
    mets_attribute(writer, "ID", id);
    mets_start(writer, NULL, "mdWrap", NULL);
    mets_attribute(writer, "MDTYPE", "MODS");
    mets_start(writer, NULL, "xmlData", NULL);
    mets_start(writer, "mods", "mods", MODS_NS);
    mets_start(writer, "mods", "titleInfo", NULL);
    mets_element(writer, "mods", "title", title);
    mets_close(writer);
}

static void end_description(mets_writer_t *writer)
{
    mets_close(writer);
    mets_close(writer);
    mets_close(writer);
}
