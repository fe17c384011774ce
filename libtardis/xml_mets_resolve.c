#include "xml_mets_private.h"

#include <string.h>

#include <apr_strings.h>

/* Longest message about an ID. */
#define FAULT_MAX 600

/* How messages call what an ID names. */
static const char *const kind_names[] = {
    [METS_ID_DESCRIPTION] = "a dmdSec",
    [METS_ID_METADATA] = "metadata of an amdSec",
    [METS_ID_FILE] = "a file",
    [METS_ID_OTHER] = "another element",
};

/* What each kind of reference has to name. */
static const mets_id_kind_t wanted_kinds[] = {
    [METS_DIV_TO_DESCRIPTION] = METS_ID_DESCRIPTION,
    [METS_DIV_TO_METADATA] = METS_ID_METADATA,
    [METS_FILE_TO_METADATA] = METS_ID_METADATA,
    [METS_FPTR_TO_FILE] = METS_ID_FILE,
};

/* One reference, as mets_refer() writes it. */
typedef struct {
    mets_reference_kind_t kind;
    apr_uint32_t line;
    apr_uint32_t owner;
    apr_uint32_t position;
} reference_t;

/* The first thing wrong of its sort; line 0: nothing is. */
typedef struct {
    apr_uint32_t line;
    char text[FAULT_MAX];
} fault_t;

/* The ID that is looked at: its records come one after the other. */
typedef struct {
    mets_t *mets;
    char text[256]; /* the ID; "" before the first */
    int is_defined;
    mets_definition_t definition;
    apr_uint32_t dataset; /* of a file; 0: none yet */
    fault_t fault;
    fault_t left_out; /* a file in no dataset, which may be no more than what another fault led to */
} resolver_t;

static void open_results(mets_t *mets);
static tardis_error_t *take(resolver_t *resolver, const unsigned char *record);
static void define(resolver_t *resolver, const unsigned char *from);
static tardis_error_t *refer(resolver_t *resolver, const unsigned char *from);
static tardis_error_t *settle(resolver_t *resolver, const reference_t *reference);
static tardis_error_t *add_link(mets_t *mets, const mets_definition_t *definition,
                                const reference_t *reference);
static tardis_error_t *finish(resolver_t *resolver);
static void note(fault_t *first, apr_uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static tardis_error_t *add_pair(sorter_t *sorter, apr_uint32_t first, apr_uint32_t second);
static tardis_error_t *link_sets(mets_t *mets, const unsigned char *record, apr_uint32_t *position);

tardis_error_t *mets_resolve(mets_t *mets)
{
    resolver_t *resolver = apr_pcalloc(mets->names_pool, sizeof(*resolver));
    const unsigned char *record;
    apr_size_t length;
    resolver->mets = mets;
    open_results(mets);
    tardis_error_t *error = sorter_start(mets->names);
    while (!error) {
        error = sorter_next(mets->names, &record, &length);
        if (error || !record)
            break;
        error = take(resolver, record);
    }
    if (!error)
        error = finish(resolver);
    const fault_t *fault = resolver->fault.line ? &resolver->fault : &resolver->left_out;
    if (!error && fault->line)
        error = tardis_error_at_line(mets->ingest->pool, TARDIS_DOCUMENT_INVALID, (long)fault->line, "%s",
                                     fault->text);
    error = tardis_error_copy(mets->ingest->pool, error);
    apr_pool_destroy(mets->names_pool);
    return error;
}

static void open_results(mets_t *mets)
{
    apr_pool_t *pool = mets->ingest->pool;
    mets->titles = sorter_create(SORTER_MEMORY, pool);
    mets->places = sorter_create(SORTER_MEMORY, pool);
    mets->links = sorter_create(SORTER_MEMORY, pool);
    mets->experiments_sets = apr_array_make(pool, 4, sizeof(mets_sets_t));
}

static tardis_error_t *take(resolver_t *resolver, const unsigned char *record)
{
    const char *text = (const char *)record;
    const unsigned char *from = record + strlen(text) + 1;
    if (strcmp(text, resolver->text) != 0) {
        tardis_error_t *error = finish(resolver);
        if (error)
            return error;
        apr_cpystrn(resolver->text, text, sizeof(resolver->text));
    }
    if (*from == METS_NAME_REFERRED)
        return refer(resolver, from + 1);
    define(resolver, from + 1);
    return NULL;
}

static void define(resolver_t *resolver, const unsigned char *from)
{
    const mets_definition_t definition = {
        .line = sorter_get(from),
        .kind = (mets_id_kind_t)from[4],
        .number = sorter_get(from + 5),
        .sets = sorter_get(from + 9),
    };
    if (resolver->is_defined) {
        note(&resolver->fault, definition.line, "the ID \"%s\" is defined twice, first in line %u",
             resolver->text, resolver->definition.line);
        return;
    }
    resolver->is_defined = 1;
    resolver->definition = definition;
}

/* Definitions come before references. */
static tardis_error_t *refer(resolver_t *resolver, const unsigned char *from)
{
    const reference_t reference = {
        .line = sorter_get(from),
        .kind = (mets_reference_kind_t)from[4],
        .owner = sorter_get(from + 5),
        .position = sorter_get(from + 9),
    };
    const mets_definition_t *definition = &resolver->definition;
    mets_id_kind_t wanted = wanted_kinds[reference.kind];
    if (!resolver->is_defined) {
        note(&resolver->fault, reference.line,
             "the ID \"%s\" of %s is referred to here, but it is defined nowhere", resolver->text,
             kind_names[wanted]);
        return NULL;
    }
    if (definition->kind == wanted)
        return settle(resolver, &reference);
    note(&resolver->fault, reference.line > definition->line ? reference.line : definition->line,
         "the ID \"%s\" names %s in line %u, but line %u refers to it as %s", resolver->text,
         kind_names[definition->kind], definition->line, reference.line, kind_names[wanted]);
    return NULL;
}

static tardis_error_t *settle(resolver_t *resolver, const reference_t *reference)
{
    mets_t *mets = resolver->mets;
    if (reference->kind == METS_DIV_TO_DESCRIPTION)
        return add_pair(mets->titles, resolver->definition.number, reference->owner);
    if (reference->kind != METS_FPTR_TO_FILE)
        return add_link(mets, &resolver->definition, reference);
    if (resolver->dataset && reference->owner)
        note(&resolver->fault, reference->line,
             "the file \"%s\" is in dataset %u already: a file belongs to one dataset, once", resolver->text,
             resolver->dataset);
    else if (reference->owner)
        resolver->dataset = reference->owner;
    return NULL;
}

static tardis_error_t *add_link(mets_t *mets, const mets_definition_t *definition,
                                const reference_t *reference)
{
    unsigned char record[20];
    tardis_owner_kind_t kind = reference->kind == METS_FILE_TO_METADATA ? TARDIS_OWNER_DATAFILE
                               : reference->owner                       ? TARDIS_OWNER_DATASET
                                                                        : TARDIS_OWNER_EXPERIMENT;
    if (!definition->sets)
        return NULL;
    if (kind == TARDIS_OWNER_EXPERIMENT)
        APR_ARRAY_PUSH(mets->experiments_sets, mets_sets_t) =
            (mets_sets_t){definition->number, definition->sets};
    record[0] = (unsigned char)kind;
    unsigned char *end = sorter_put(record + 1, reference->owner);
    end = sorter_put(end, reference->position);
    end = sorter_put(end, definition->number);
    end = sorter_put(end, definition->sets);
    return sorter_add(mets->links, record, (apr_size_t)(end - record));
}

/* All records of the ID were seen. */
static tardis_error_t *finish(resolver_t *resolver)
{
    const mets_definition_t *definition = &resolver->definition;
    tardis_error_t *error = NULL;
    if (resolver->is_defined && definition->kind == METS_ID_FILE) {
        if (resolver->dataset)
            error = add_pair(resolver->mets->places, definition->number, resolver->dataset);
        else
            note(&resolver->left_out, definition->line, "the file \"%s\" is in no dataset", resolver->text);
    }
    resolver->is_defined = 0;
    resolver->dataset = 0;
    return error;
}

static void note(fault_t *first, apr_uint32_t line, const char *format, ...)
{
    va_list arguments;
    if (first->line && first->line <= line)
        return;
    first->line = line;
    va_start(arguments, format);
    apr_vsnprintf(first->text, sizeof(first->text), format, arguments);
    va_end(arguments);
}

static tardis_error_t *add_pair(sorter_t *sorter, apr_uint32_t first, apr_uint32_t second)
{
    unsigned char record[8];
    sorter_put(sorter_put(record, first), second);
    return sorter_add(sorter, record, sizeof(record));
}

tardis_error_t *mets_resolved_start(mets_t *mets)
{
    tardis_error_t *error = sorter_start(mets->titles);
    if (!error)
        error = sorter_start(mets->places);
    if (!error)
        error = sorter_start(mets->links);
    return error ? error : mets_next_title(mets);
}

tardis_error_t *mets_next_title(mets_t *mets)
{
    const unsigned char *record;
    apr_size_t length;
    tardis_error_t *error = sorter_next(mets->titles, &record, &length);
    mets->title_of = !error && record ? sorter_get(record) : 0;
    mets->title_owner = mets->title_of ? sorter_get(record + 4) : 0;
    return error;
}

tardis_error_t *mets_next_place(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t *dataset)
{
    const unsigned char *record;
    apr_size_t length;
    tardis_error_t *error = sorter_next(mets->places, &record, &length);
    if (error)
        return error;
    if (!record || sorter_get(record) != mets->files)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "the document was changed while it was read");
    *dataset = sorter_get(record + 4);
    return NULL;
}

int mets_is_experiments_set(const mets_t *mets, apr_uint32_t set)
{
    for (int i = 0; i < mets->experiments_sets->nelts; i++) {
        const mets_sets_t *sets = &APR_ARRAY_IDX(mets->experiments_sets, i, mets_sets_t);
        if (set - sets->first < sets->count)
            return 1;
    }
    return 0;
}

tardis_error_t *mets_link_all(mets_t *mets)
{
    const unsigned char *record;
    apr_size_t length;
    unsigned char owner[5] = {0};
    apr_uint32_t position = 0;
    for (;;) {
        tardis_error_t *error = sorter_next(mets->links, &record, &length);
        if (error || !record)
            return error;
        if (memcmp(owner, record, sizeof(owner)) != 0)
            position = 0;
        memcpy(owner, record, sizeof(owner));
        error = link_sets(mets, record, &position);
        if (error)
            return error;
    }
}

static tardis_error_t *link_sets(mets_t *mets, const unsigned char *record, apr_uint32_t *position)
{
    tardis_parameter_link_t link = {
        .kind = (tardis_owner_kind_t)record[0],
        .owner_number = sorter_get(record + 1),
        .set_number = sorter_get(record + 9),
    };
    apr_uint32_t count = sorter_get(record + 13);
    tardis_error_t *error = NULL;
    for (apr_uint32_t i = 0; !error && i < count; i++, link.set_number++) {
        link.position = ++*position;
        error = tardis_catalogue_writer_link(mets->ingest->writer, &link, mets->ingest->store_pool);
    }
    return error;
}
