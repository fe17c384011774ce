#include "xml_mets_write_private.h"

#include <string.h>

#include <apr_strings.h>

/* The prefix of a parameter set's namespace. */
#define PREFIX "trd"

/* OTHERMDTYPE by the kind of what a set belongs to (first); a set may belong to nothing. */
static const char *const metadata_types[] = {
    [TARDIS_OWNER_EXPERIMENT] = "TARDISEXPERIMENT",
    [TARDIS_OWNER_DATASET] = "TARDISDATASET",
    [TARDIS_OWNER_DATAFILE] = "TARDISDATAFILE",
};
#define NO_OWNER 3
static const char no_owner_type[] = "TARDIS";

/* The kind of the first owner of each set. */
typedef struct {
    unsigned char *kinds; /* by number - 1 */
    apr_uint32_t room;
    apr_pool_t *pool;
} owners_t;

/* Walks through the parameters of all sets. */
typedef struct {
    apr_pool_t *pool;
    apr_array_header_t *page;
    int at;
    apr_uint32_t set;
    apr_uint32_t number;
} parameters_t;

static tardis_error_t *find_owners(mets_writer_t *writer, owners_t *owners);
static void note_owner(owners_t *owners, apr_uint32_t set, tardis_owner_kind_t kind);
static tardis_error_t *write_set(mets_writer_t *writer, const tardis_parameter_set_t *set, const char *type,
                                 parameters_t *parameters);
static tardis_error_t *write_parameters(mets_writer_t *writer, apr_uint32_t set, const char *prefix,
                                        parameters_t *parameters);
static tardis_error_t *next_parameter(mets_writer_t *writer, parameters_t *parameters,
                                      const tardis_parameter_t **parameter);
static const char *go_to(mets_writer_t *writer, const char *prefix, const char *name,
                         apr_array_header_t *open);

tardis_error_t *mets_write_sets(mets_writer_t *writer)
{
    owners_t owners = {.pool = writer->pool};
    parameters_t parameters = {0};
    apr_array_header_t *sets;
    apr_uint32_t last = 0;
    apr_pool_create(&parameters.pool, writer->pool);
    tardis_error_t *error = find_owners(writer, &owners);
    if (error)
        return error;
    do {
        apr_pool_clear(writer->page);
        error = tardis_parameter_set_page(writer->context, writer->experiment->id, last, METS_PAGE, &sets,
                                          writer->page);
        if (!error && !last && sets->nelts)
            mets_start(writer, NULL, "amdSec", NULL);
        for (int i = 0; !error && i < sets->nelts; i++) {
            const tardis_parameter_set_t *set = &APR_ARRAY_IDX(sets, i, tardis_parameter_set_t);
            int kind = set->number <= owners.room ? owners.kinds[set->number - 1] : NO_OWNER;
            error =
                write_set(writer, set, kind == NO_OWNER ? no_owner_type : metadata_types[kind], &parameters);
            last = set->number;
        }
    } while (!error && sets->nelts == METS_PAGE);
    if (!error && last)
        mets_close(writer);
    return error;
}

static tardis_error_t *find_owners(mets_writer_t *writer, owners_t *owners)
{
    for (int kind = TARDIS_OWNER_EXPERIMENT; kind <= TARDIS_OWNER_DATAFILE; kind++) {
        mets_links_t links;
        const tardis_parameter_link_t *link;
        mets_links_open(writer, &links, (tardis_owner_kind_t)kind);
        for (;;) {
            tardis_error_t *error = mets_links_peek(writer, &links, &link);
            if (error)
                return error;
            if (!link)
                break;
            note_owner(owners, link->set_number, link->kind);
            mets_links_take(&links);
        }
    }
    return NULL;
}

static void note_owner(owners_t *owners, apr_uint32_t set, tardis_owner_kind_t kind)
{
    if (set > owners->room) {
        apr_uint32_t room = owners->room ? owners->room : 1024;
        while (room < set)
            room *= 2;
        unsigned char *kinds = apr_palloc(owners->pool, room);
        memset(kinds, NO_OWNER, room);
        if (owners->room)
            memcpy(kinds, owners->kinds, owners->room);
        owners->kinds = kinds;
        owners->room = room;
    }
    if (owners->kinds[set - 1] == NO_OWNER)
        owners->kinds[set - 1] = (unsigned char)kind;
}

static tardis_error_t *write_set(mets_writer_t *writer, const tardis_parameter_set_t *set, const char *type,
                                 parameters_t *parameters)
{
    const char *prefix = *set->schema_uri ? PREFIX : NULL;
    mets_start(writer, NULL, "techMD", NULL);
    mets_attribute(writer, "ID", apr_psprintf(writer->page, "A-%u", set->number));
    mets_start(writer, NULL, "mdWrap", NULL);
    mets_attribute(writer, "MDTYPE", "OTHER");
    mets_attribute(writer, "OTHERMDTYPE", type);
    mets_start(writer, NULL, "xmlData", NULL);
    mets_start(writer, prefix, set->root_element, set->schema_uri);
    tardis_error_t *error = write_parameters(writer, set->number, prefix, parameters);
    mets_close(writer);
    mets_close(writer);
    mets_close(writer);
    mets_close(writer);
    return error;
}

static tardis_error_t *write_parameters(mets_writer_t *writer, apr_uint32_t set, const char *prefix,
                                        parameters_t *parameters)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, writer->page);
    apr_array_header_t *open = apr_array_make(pool, 8, sizeof(const char *));
    const tardis_parameter_t *parameter;
    tardis_error_t *error;
    while (!(error = next_parameter(writer, parameters, &parameter)) && parameter &&
           parameter->set_number == set) {
        const char *leaf = go_to(writer, prefix, parameter->name, open);
        mets_element(writer, prefix, leaf, parameter->text);
        parameters->set = set;
        parameters->number = parameter->number;
        parameters->at++;
    }
    for (int i = 0; i < open->nelts; i++)
        mets_close(writer);
    apr_pool_destroy(pool);
    return error;
}

static tardis_error_t *next_parameter(mets_writer_t *writer, parameters_t *parameters,
                                      const tardis_parameter_t **parameter)
{
    *parameter = NULL;
    if (!parameters->page ||
        (parameters->at == parameters->page->nelts && parameters->page->nelts == METS_PAGE)) {
        apr_pool_clear(parameters->pool);
        parameters->at = 0;
        tardis_error_t *error =
            tardis_parameter_page(writer->context, writer->experiment->id, parameters->set,
                                  parameters->number, METS_PAGE, &parameters->page, parameters->pool);
        if (error)
            return error;
    }
    if (parameters->at < parameters->page->nelts)
        *parameter = &APR_ARRAY_IDX(parameters->page, parameters->at, tardis_parameter_t);
    return NULL;
}

/* Closes and opens elements until those that are open are the parents in a parameter's path; returns its last
 * name. */
static const char *go_to(mets_writer_t *writer, const char *prefix, const char *name,
                         apr_array_header_t *open)
{
    int depth = 0;
    for (const char *slash; (slash = strchr(name, '/')); name = slash + 1, depth++) {
        apr_size_t length = (apr_size_t)(slash - name);
        const char *same = depth < open->nelts ? APR_ARRAY_IDX(open, depth, const char *) : NULL;
        if (same && strlen(same) == length && memcmp(same, name, length) == 0)
            continue;
        for (; open->nelts > depth; apr_array_pop(open))
            mets_close(writer);
        const char *parent = apr_pstrmemdup(open->pool, name, length);
        mets_start(writer, prefix, parent, NULL);
        APR_ARRAY_PUSH(open, const char *) = parent;
    }
    for (; open->nelts > depth; apr_array_pop(open))
        mets_close(writer);
    return name;
}
