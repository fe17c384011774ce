/*
 * METS and notMETS: both passes over a document, with a writer in the catalogue's place that looks at what it
 * is given. What the survey accepts can be stored.
 */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>

#include "ingest_private.h"
#include "tardis_uid.h"

struct tardis_catalogue_writer_t {
    apr_uint32_t datasets;
    apr_uint32_t datafiles;
    apr_uint32_t sets;
};

static int ingest(ingest_pass_fn *survey, ingest_pass_fn *store, const char *data, apr_size_t size,
                  apr_pool_t *pool);
static void check_text(const char *text);
static int is_xml_control(unsigned char c);

static const tardis_error_code_t refusals[] = {
    TARDIS_DOCUMENT_MALFORMED, TARDIS_DOCUMENT_LIMIT, TARDIS_DOCUMENT_INVALID,
    TARDIS_PATH_INVALID,       TARDIS_ERROR_CODES,
};

int fuzz_mets(const char *data, apr_size_t size, apr_pool_t *pool)
{
    return ingest(ingest_mets_survey, ingest_mets_store, data, size, pool);
}

int fuzz_notmets(const char *data, apr_size_t size, apr_pool_t *pool)
{
    return ingest(ingest_notmets_survey, ingest_notmets_store, data, size, pool);
}

static int ingest(ingest_pass_fn *survey, ingest_pass_fn *store, const char *data, apr_size_t size,
                  apr_pool_t *pool)
{
    struct tardis_catalogue_writer_t writer = {0};
    ingest_t document = {.source = {.text = data, .length = size}, .pool = pool};
    tardis_error_t *error = survey(&document);
    if (!error)
        error = ingest_check_paths(&document);
    if (!error) {
        document.writer = &writer;
        document.store_pool = pool;
        document.warnings = apr_array_make(pool, 8, sizeof(const char *));
        error = store(&document);
        FUZZ_PROMISE(error || writer.datafiles == document.files);
    }
    if (error) {
        fuzz_check_error(error, refusals);
        FUZZ_PROMISE(error->line > 0 || size == 0);
    }
    return !error;
}

/* The metadata is kept as it is, and XML allows U+007F to U+009F, which are not clean. */
static void check_text(const char *text)
{
    FUZZ_PROMISE(text);
    for (const char *c = text; *c; c++)
        FUZZ_PROMISE(!is_xml_control((unsigned char)*c));
}

static int is_xml_control(unsigned char c)
{
    return c < 0x20 && c != '\t' && c != '\r' && c != '\n';
}

tardis_error_t *tardis_catalogue_writer_add_author(tardis_catalogue_writer_t *writer, const char *name,
                                                   apr_pool_t *pool)
{
    (void)writer;
    (void)pool;
    check_text(name);
    return NULL;
}

tardis_error_t *tardis_catalogue_writer_add_dataset(tardis_catalogue_writer_t *writer,
                                                    const tardis_dataset_t *dataset, apr_pool_t *pool)
{
    (void)pool;
    FUZZ_PROMISE(dataset->number > 0);
    check_text(dataset->description);
    writer->datasets++;
    return NULL;
}

tardis_error_t *tardis_catalogue_writer_add_datafile(tardis_catalogue_writer_t *writer,
                                                     const tardis_datafile_t *datafile, apr_pool_t *pool)
{
    FUZZ_PROMISE(datafile->number > 0 && datafile->dataset_number > 0);
    FUZZ_PROMISE(!tardis_path_check(datafile->path, pool));
    FUZZ_PROMISE((datafile->digest_algorithm == TARDIS_DIGEST_NONE) == !!datafile->digest_note);
    check_text(datafile->name);
    check_text(datafile->media_type);
    writer->datafiles++;
    return NULL;
}

tardis_error_t *tardis_catalogue_writer_add_parameter_set(tardis_catalogue_writer_t *writer,
                                                          const tardis_parameter_set_t *set, apr_pool_t *pool)
{
    (void)pool;
    FUZZ_PROMISE(set->number == ++writer->sets);
    check_text(set->schema_uri);
    FUZZ_PROMISE(*set->root_element);
    return NULL;
}

tardis_error_t *tardis_catalogue_writer_add_parameter(tardis_catalogue_writer_t *writer,
                                                      const tardis_parameter_t *parameter, apr_pool_t *pool)
{
    (void)pool;
    FUZZ_PROMISE(parameter->set_number > 0 && parameter->set_number <= writer->sets && parameter->number > 0);
    FUZZ_PROMISE(*parameter->name);
    check_text(parameter->text);
    return NULL;
}

tardis_error_t *tardis_catalogue_writer_link(tardis_catalogue_writer_t *writer,
                                             const tardis_parameter_link_t *link, apr_pool_t *pool)
{
    (void)writer;
    (void)pool;
    FUZZ_PROMISE(link->position > 0 && link->set_number > 0);
    FUZZ_PROMISE((link->kind == TARDIS_OWNER_EXPERIMENT) == (link->owner_number == 0));
    return NULL;
}
