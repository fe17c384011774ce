#include "xml_mets_private.h"

#include <string.h>

#include <apr_strings.h>

static tardis_error_t *keep_first(mets_t *mets, tardis_xml_reader_t *reader, const char **kept,
                                  const char *what, apr_size_t maximum);
static tardis_error_t *describe_experiment(mets_t *mets, tardis_xml_reader_t *reader);
static void keep(ingest_t *ingest, const char **kept, const char *value);
static tardis_error_t *describe_dataset(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t number);
static int first_reference(const mets_t *mets, apr_uint32_t id);

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
    apr_pool_clear(mets->description_pool);
    mets->description =
        (mets_description_t){.authors = apr_array_make(mets->description_pool, 8, sizeof(const char *))};
    return mets_define(mets, reader, METS_ID_DESCRIPTION, &mets->description_id);
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
    mets->description.name = NULL;
    mets->description.is_author = 0;
    return NULL;
}

/* A name may come in parts, such as family and given name. */
tardis_error_t *mets_name_part_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    const char **name = &mets->description.name;
    if (!mets->ingest->writer)
        return NULL;
    *name = *name ? apr_pstrcat(mets->description_pool, *name, " ", tardis_xml_text(reader), NULL)
                  : apr_pstrdup(mets->description_pool, tardis_xml_text(reader));
    return ingest_fits(reader, *name, "name of an author", TARDIS_TEXT_MAX);
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
    (void)reader;
    if (mets->ingest->writer && mets->description.is_author && mets->description.name)
        APR_ARRAY_PUSH(mets->description.authors, const char *) = mets->description.name;
    return NULL;
}

tardis_error_t *mets_dmd_end(void *baton, tardis_xml_reader_t *reader)
{
    mets_t *mets = baton;
    tardis_error_t *error = NULL;
    if (!mets->ingest->writer)
        return NULL;
    for (int i = first_reference(mets, mets->description_id); !error && i < mets->descriptions->nelts; i++) {
        const mets_reference_t *reference = &APR_ARRAY_IDX(mets->descriptions, i, mets_reference_t);
        if (reference->id != mets->description_id)
            break;
        error = reference->owner ? describe_dataset(mets, reader, reference->owner)
                                 : describe_experiment(mets, reader);
    }
    return error;
}

/* The references are sorted by ID. */
static int first_reference(const mets_t *mets, apr_uint32_t id)
{
    int low = 0;
    int high = mets->descriptions->nelts;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (APR_ARRAY_IDX(mets->descriptions, middle, mets_reference_t).id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static tardis_error_t *describe_experiment(mets_t *mets, tardis_xml_reader_t *reader)
{
    ingest_t *ingest = mets->ingest;
    const mets_description_t *description = &mets->description;
    tardis_experiment_t *experiment = &ingest->experiment;
    const char *url = description->url ? description->url : description->location;
    keep(ingest, &experiment->title, description->title);
    keep(ingest, &experiment->description, description->abstract);
    keep(ingest, &experiment->url, url);
    keep(ingest, &experiment->start_time, description->start_time);
    keep(ingest, &experiment->end_time, description->end_time);
    tardis_error_t *error = NULL;
    for (int i = 0; !error && i < description->authors->nelts; i++)
        error = ingest_add_author(ingest, reader, APR_ARRAY_IDX(description->authors, i, const char *));
    return error;
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
