#include "xml_mets_private.h"

#include <string.h>

#include <apr_strings.h>

/* Many datasets may share one long description: the document is short then, but the rows are not. */
#define DESCRIPTION_BYTES_MAX 268435456

static tardis_error_t *keep_first(mets_t *mets, tardis_xml_reader_t *reader, const char **kept,
                                  const char *what, apr_size_t maximum);
static void describe_experiment(mets_t *mets);
static void keep(ingest_t *ingest, const char **kept, const char *value);
static tardis_error_t *describe_dataset(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t number);

tardis_error_t *mets_agent_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    const char *role = tardis_xml_attribute(reader, "", "ROLE");
    const char *type = tardis_xml_attribute(reader, "", "TYPE");
    mets->is_institution = mets->ingest->writer && role && strcmp(role, "DISSEMINATOR") == 0 && type &&
                           strcmp(type, "ORGANIZATION") == 0;
    return NULL;
}

tardis_error_t *mets_agent_name_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    if (!mets->is_institution)
        return NULL;
    return ingest_keep(mets->ingest, reader, &mets->ingest->experiment.institution, tardis_xml_text(reader),
                       "name of the institution", TARDIS_INSTITUTION_MAX);
}

/* Whose description it is, the structMap says, which comes last: that is known when the document is read
 * again. */
tardis_error_t *mets_dmd_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    const char *id;
    mets->descriptions++;
    if (mets->ingest->writer) {
        apr_pool_clear(mets->description_pool);
        mets->name = (xml_text_t){0};
        /* The experiment's number is the lowest. */
        mets->description = (mets_description_t){.is_experiments = mets->title_of == mets->descriptions &&
                                                                   mets->title_owner == 0};
        return NULL;
    }
    const mets_definition_t definition = {
        .kind = METS_ID_DESCRIPTION,
        .line = (apr_uint32_t)tardis_xml_line(reader),
        .number = mets->descriptions,
    };
    tardis_error_t *error = mets_id_of(reader, &id);
    return error ? error : mets_define(mets, reader, id, &definition);
}

tardis_error_t *mets_title_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    return keep_first(mets, reader, &mets->description.title, "title", TARDIS_TEXT_MAX);
}

/* A maximum of 0: as long as the reader lets it be. */
static tardis_error_t *keep_first(mets_t *mets, tardis_xml_reader_t *reader, const char **kept,
                                  const char *what, apr_size_t maximum)
{
    const char *text = tardis_xml_text(reader);
    if (!mets->ingest->writer || *kept)
        return NULL;
    *kept = apr_pstrdup(mets->description_pool, text);
    return maximum ? ingest_fits(reader, text, what, maximum) : NULL;
}

tardis_error_t *mets_abstract_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    return keep_first(mets, reader, &mets->description.abstract, "abstract", 0);
}

tardis_error_t *mets_location_url_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    return keep_first(mets, reader, &mets->description.url, "url", TARDIS_TEXT_MAX);
}

tardis_error_t *mets_location_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    const char *text = tardis_xml_trimmed(reader);
    if (!mets->ingest->writer || !*text || mets->description.location)
        return NULL;
    mets->description.location = apr_pstrdup(mets->description_pool, text);
    return ingest_fits(reader, text, "url", TARDIS_TEXT_MAX);
}

tardis_error_t *mets_start_time_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    return keep_first(mets, reader, &mets->description.start_time, "start time", TARDIS_TIME_MAX);
}

tardis_error_t *mets_end_time_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    return keep_first(mets, reader, &mets->description.end_time, "end time", TARDIS_TIME_MAX);
}

tardis_error_t *mets_name_start(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    (void)reader;
    mets->description.has_name = 0;
    mets->description.is_author = 0;
    xml_text_truncate(&mets->name, 0);
    return NULL;
}

/* A name may come in parts, such as family and given name. */
tardis_error_t *mets_name_part_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    const char *text = tardis_xml_text(reader);
    if (!mets->description.is_experiments)
        return NULL;
    if (mets->description.has_name)
        xml_text_append(&mets->name, " ", 1, mets->description_pool);
    xml_text_append(&mets->name, text, strlen(text), mets->description_pool);
    mets->description.has_name = 1;
    return ingest_fits(reader, mets->name.data, "name of an author", TARDIS_TEXT_MAX);
}

tardis_error_t *mets_role_term_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    if (strcmp(tardis_xml_trimmed(reader), "author") == 0)
        mets->description.is_author = 1;
    return NULL;
}

tardis_error_t *mets_name_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    if (!mets->description.has_name || !mets->description.is_author)
        return NULL;
    return ingest_add_author(mets->ingest, reader, mets->name.data);
}

tardis_error_t *mets_dmd_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    tardis_error_t *error = NULL;
    if (!mets->ingest->writer)
        return NULL;
    if (mets->description.is_experiments)
        describe_experiment(mets);
    while (!error && mets->title_of == mets->descriptions) {
        if (mets->title_owner)
            error = describe_dataset(mets, reader, mets->title_owner);
        if (!error)
            error = mets_next_title(mets);
    }
    return error;
}

static void describe_experiment(mets_t *mets)
{
    ingest_t *ingest = mets->ingest;
    const mets_description_t *description = &mets->description;
    tardis_experiment_t *experiment = &ingest->experiment;
    keep(ingest, &experiment->title, description->title);
    keep(ingest, &experiment->description, description->abstract);
    keep(ingest, &experiment->url, description->url ? description->url : description->location);
    keep(ingest, &experiment->start_time, description->start_time);
    keep(ingest, &experiment->end_time, description->end_time);
}

/* Of several dmdSecs the first that says it counts. */
static void keep(ingest_t *ingest, const char **kept, const char *value)
{
    if (value && !*kept)
        *kept = apr_pstrdup(ingest->store_pool, value);
}

static tardis_error_t *describe_dataset(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t number)
{
    if (!mets->description.title || mets_bit(mets->is_described, number))
        return NULL;
    mets->description_bytes += strlen(mets->description.title);
    if (mets->description_bytes > DESCRIPTION_BYTES_MAX)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT,
                               "the descriptions of the datasets have more than %d bytes",
                               DESCRIPTION_BYTES_MAX);
    mets_set_bit(mets->is_described, number);
    return ingest_add_dataset(mets->ingest, reader, number, mets->description.title);
}

tardis_error_t *mets_add_undescribed(mets_t *mets, tardis_xml_reader_t *reader)
{
    tardis_error_t *error = NULL;
    for (apr_uint32_t number = 1; !error && number <= mets->ingest->datasets; number++) {
        if (!mets_bit(mets->is_described, number))
            error = ingest_add_dataset(mets->ingest, reader, number, "");
    }
    return error;
}
