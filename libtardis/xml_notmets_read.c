#include "ingest_private.h"

#include <string.h>

#include <apr_strings.h>

/* How notMETS says that it has no value for a file's path or md5. */
#define NO_VALUE "unknown"

/* The elements of notMETS that matter here. */
enum {
    EXPERIMENT = 1,
    TITLE,
    ORGANIZATION,
    ABSTRACT,
    AUTHOR,
    START_TIME,
    END_TIME,
    URL,
    DATASET,
    DESCRIPTION,
    DATAFILE,
    NAME,
    SIZE,
    MD5,
    PATH,
    METADATA,
    SET,
    PARAMETER
};

typedef struct {
    ingest_t *ingest;
    apr_pool_t *pool;
    apr_uint32_t datasets;
    apr_uint32_t files;
    apr_uint32_t sets;
    apr_pool_t *dataset_pool;
    const char *description; /* of the dataset being read; NULL: not seen yet */
    apr_pool_t *file_pool;
    const char *name; /* of the file being read, as all that follow; NULL: not seen yet */
    const char *size;
    const char *md5;
    const char *path;
    tardis_parameter_link_t owner; /* whose metadata is read, and how many sets it has so far */
    apr_uint32_t positions[3];     /* by kind of owner: sets so far */
    int has_schema;                /* the metadata says of what schema it is; else its root element does */
    xml_text_t schema_uri;
    ingest_set_t set;
} notmets_t;

static tardis_xml_event_fn title_end, organization_end, abstract_end, author_end, start_time_end,
    end_time_end, url_end, dataset_start, description_end, dataset_end, file_start, name_end, size_end,
    md5_end, path_end, file_end, metadata_start, set_start, parameter_start, parameter_end;
static tardis_error_t *read_document(ingest_t *ingest, notmets_t **state, apr_pool_t *pool);
static tardis_error_t *keep(notmets_t *state, tardis_xml_reader_t *reader, const char **kept,
                            const char *what, apr_size_t maximum);
static tardis_error_t *path_of(notmets_t *state, tardis_xml_reader_t *reader, const char **path);
static tardis_error_t *store_file(notmets_t *state, tardis_xml_reader_t *reader, tardis_datafile_t *datafile);
static int has_value(const char *text);

static const tardis_xml_rule_t rules[] = {
    /* parent, namespace, name, state, has text, start, end */
    {TARDIS_XML_ROOT, TARDIS_XML_ANY, "experiment", EXPERIMENT, 0, NULL, NULL},
    {EXPERIMENT, TARDIS_XML_ANY, "title", TITLE, 1, NULL, title_end},
    {EXPERIMENT, TARDIS_XML_ANY, "organization", ORGANIZATION, 1, NULL, organization_end},
    {EXPERIMENT, TARDIS_XML_ANY, "abstract", ABSTRACT, 1, NULL, abstract_end},
    {EXPERIMENT, TARDIS_XML_ANY, "author", AUTHOR, 1, NULL, author_end},
    {EXPERIMENT, TARDIS_XML_ANY, "starttime", START_TIME, 1, NULL, start_time_end},
    {EXPERIMENT, TARDIS_XML_ANY, "endtime", END_TIME, 1, NULL, end_time_end},
    {EXPERIMENT, TARDIS_XML_ANY, "url", URL, 1, NULL, url_end},
    {EXPERIMENT, TARDIS_XML_ANY, "metadata", METADATA, 0, metadata_start, NULL},
    {EXPERIMENT, TARDIS_XML_ANY, "dataset", DATASET, 0, dataset_start, dataset_end},
    {DATASET, TARDIS_XML_ANY, "description", DESCRIPTION, 1, NULL, description_end},
    {DATASET, TARDIS_XML_ANY, "metadata", METADATA, 0, metadata_start, NULL},
    {DATASET, TARDIS_XML_ANY, "file", DATAFILE, 0, file_start, file_end},
    {DATAFILE, TARDIS_XML_ANY, "name", NAME, 1, NULL, name_end},
    {DATAFILE, TARDIS_XML_ANY, "size", SIZE, 1, NULL, size_end},
    {DATAFILE, TARDIS_XML_ANY, "md5", MD5, 1, NULL, md5_end},
    {DATAFILE, TARDIS_XML_ANY, "path", PATH, 1, NULL, path_end},
    {DATAFILE, TARDIS_XML_ANY, "metadata", METADATA, 0, metadata_start, NULL},
    {METADATA, TARDIS_XML_ANY, TARDIS_XML_ANY, SET, 0, set_start, NULL},
    {SET, TARDIS_XML_ANY, TARDIS_XML_ANY, PARAMETER, 1, parameter_start, parameter_end},
    {PARAMETER, TARDIS_XML_ANY, TARDIS_XML_ANY, PARAMETER, 1, parameter_start, parameter_end},
    {0, NULL, NULL, 0, 0, NULL, NULL},
};

tardis_error_t *ingest_notmets_survey(ingest_t *ingest)
{
    notmets_t *state;
    tardis_error_t *error = read_document(ingest, &state, ingest->pool);
    ingest->files = state->files;
    ingest->datasets = state->datasets;
    return error;
}

tardis_error_t *ingest_notmets_store(ingest_t *ingest)
{
    notmets_t *state;
    return read_document(ingest, &state, ingest->store_pool);
}

static tardis_error_t *read_document(ingest_t *ingest, notmets_t **state, apr_pool_t *pool)
{
    static const tardis_xml_plan_t plan = {rules, "`experiment`", NULL};
    *state = apr_pcalloc(pool, sizeof(**state));
    (*state)->ingest = ingest;
    (*state)->pool = pool;
    apr_pool_create(&(*state)->dataset_pool, pool);
    apr_pool_create(&(*state)->file_pool, (*state)->dataset_pool);
    return tardis_xml_read(&ingest->source, &plan, *state, pool);
}

static tardis_error_t *title_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    return keep(state, reader, &state->ingest->experiment.title, "title", TARDIS_TEXT_MAX);
}

static tardis_error_t *keep(notmets_t *state, tardis_xml_reader_t *reader, const char **kept,
                            const char *what, apr_size_t maximum)
{
    if (!state->ingest->writer)
        return NULL;
    return ingest_keep(state->ingest, reader, kept, tardis_xml_text(reader), what, maximum);
}

static tardis_error_t *organization_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    return keep(state, reader, &state->ingest->experiment.institution, "organization",
                TARDIS_INSTITUTION_MAX);
}

static tardis_error_t *abstract_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    return keep(state, reader, &state->ingest->experiment.description, "abstract", 0);
}

static tardis_error_t *start_time_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    return keep(state, reader, &state->ingest->experiment.start_time, "start time", TARDIS_TIME_MAX);
}

static tardis_error_t *end_time_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    return keep(state, reader, &state->ingest->experiment.end_time, "end time", TARDIS_TIME_MAX);
}

static tardis_error_t *url_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    return keep(state, reader, &state->ingest->experiment.url, "url", TARDIS_TEXT_MAX);
}

static tardis_error_t *author_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    return state->ingest->writer ? ingest_add_author(state->ingest, reader, tardis_xml_text(reader)) : NULL;
}

static tardis_error_t *dataset_start(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    (void)reader;
    apr_pool_clear(state->dataset_pool);
    apr_pool_create(&state->file_pool, state->dataset_pool);
    state->datasets++;
    state->description = NULL;
    state->positions[TARDIS_OWNER_DATASET] = 0;
    return NULL;
}

static tardis_error_t *description_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    if (!state->description)
        state->description = apr_pstrdup(state->dataset_pool, tardis_xml_text(reader));
    return NULL;
}

static tardis_error_t *dataset_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    if (!state->ingest->writer)
        return NULL;
    return ingest_add_dataset(state->ingest, reader, state->datasets,
                              state->description ? state->description : "");
}

static tardis_error_t *file_start(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    (void)reader;
    apr_pool_clear(state->file_pool);
    state->files++;
    state->name = state->size = state->md5 = state->path = NULL;
    state->positions[TARDIS_OWNER_DATAFILE] = 0;
    return NULL;
}

static tardis_error_t *name_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    if (!state->name)
        state->name = apr_pstrdup(state->file_pool, tardis_xml_text(reader));
    return NULL;
}

static tardis_error_t *size_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    if (!state->size)
        state->size = apr_pstrdup(state->file_pool, tardis_xml_trimmed(reader));
    return NULL;
}

static tardis_error_t *md5_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    if (!state->md5)
        state->md5 = apr_pstrdup(state->file_pool, tardis_xml_trimmed(reader));
    return NULL;
}

static tardis_error_t *path_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    if (!state->path)
        state->path = apr_pstrdup(state->file_pool, tardis_xml_trimmed(reader));
    return NULL;
}

static tardis_error_t *file_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    tardis_datafile_t datafile = {
        .number = state->files, .dataset_number = state->datasets, .media_type = ""};
    tardis_error_t *error = ingest_size(reader, state->size, &datafile.size);
    if (!error)
        error = path_of(state, reader, &datafile.path);
    if (error)
        return error;
    return state->ingest->writer ? store_file(state, reader, &datafile)
                                 : ingest_note_path(state->ingest, reader, datafile.path);
}

/* mets.md: a file without a path is at <description of the dataset>/<name>. */
static tardis_error_t *path_of(notmets_t *state, tardis_xml_reader_t *reader, const char **path)
{
    if (has_value(state->path))
        return ingest_path(reader, state->path, path);
    if (!has_value(state->name) || !state->description)
        return tardis_xml_fail(
            reader, TARDIS_DOCUMENT_INVALID,
            "a file without a path needs a name, and a description of its dataset before it");
    *path = apr_pstrcat(tardis_xml_scratch(reader), xml_trim(state->description, tardis_xml_scratch(reader)),
                        "/", xml_trim(state->name, tardis_xml_scratch(reader)), NULL);
    return ingest_check_path(reader, *path);
}

static int has_value(const char *text)
{
    return text && *text && strcmp(text, NO_VALUE) != 0;
}

static tardis_error_t *store_file(notmets_t *state, tardis_xml_reader_t *reader, tardis_datafile_t *datafile)
{
    datafile->name = state->name && *state->name ? state->name : ingest_base_name(datafile->path);
    ingest_digest(reader, has_value(state->md5) ? state->md5 : NULL, "MD5", datafile);
    return ingest_add_datafile(state->ingest, reader, datafile);
}

/* The depth tells whose it is: the experiment is the root, a dataset is below it, a file below that. */
static tardis_error_t *metadata_start(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    const char *schema_uri = tardis_xml_attribute(reader, "", "schema");
    int depth = tardis_xml_depth(reader);
    state->owner = depth == 2   ? (tardis_parameter_link_t){TARDIS_OWNER_EXPERIMENT, 0, 0, 0}
                   : depth == 3 ? (tardis_parameter_link_t){TARDIS_OWNER_DATASET, state->datasets, 0, 0}
                                : (tardis_parameter_link_t){TARDIS_OWNER_DATAFILE, state->files, 0, 0};
    state->has_schema = schema_uri != NULL;
    xml_text_truncate(&state->schema_uri, 0);
    xml_text_append(&state->schema_uri, schema_uri ? schema_uri : "", schema_uri ? strlen(schema_uri) : 0,
                    state->pool);
    return NULL;
}

static tardis_error_t *set_start(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    if (!state->ingest->writer)
        return NULL;
    state->set.number = ++state->sets;
    state->set.is_experiments = state->owner.kind == TARDIS_OWNER_EXPERIMENT;
    state->owner.set_number = state->set.number;
    state->owner.position = ++state->positions[state->owner.kind];
    tardis_error_t *error =
        ingest_set_start(state->ingest, &state->set, reader,
                         state->has_schema ? state->schema_uri.data : tardis_xml_namespace(reader));
    return error ? error
                 : tardis_catalogue_writer_link(state->ingest->writer, &state->owner,
                                                tardis_xml_scratch(reader));
}

static tardis_error_t *parameter_start(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    return state->ingest->writer ? ingest_parameter_start(state->ingest, &state->set, reader) : NULL;
}

static tardis_error_t *parameter_end(void *baton, tardis_xml_reader_t *reader)
{
    notmets_t *state = baton;
    return state->ingest->writer ? ingest_parameter_end(state->ingest, &state->set, reader) : NULL;
}
