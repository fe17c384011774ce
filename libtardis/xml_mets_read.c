#include "xml_mets_private.h"

/* The elements of METS that matter here. */
enum {
    METS = 1,
    HEADER,
    AGENT,
    AGENT_NAME,
    DMD,
    DMD_WRAP,
    DMD_DATA,
    MODS,
    TITLE_INFO,
    TITLE,
    ABSTRACT,
    RELATED,
    LOCATION,
    LOCATION_URL,
    NAME,
    NAME_PART,
    ROLE,
    ROLE_TERM,
    DATES,
    START_TIME,
    END_TIME,
    AMD,
    TECH,
    TECH_WRAP,
    TECH_DATA,
    SET,
    PARAMETER,
    OTHER_METADATA,
    FILE_SEC,
    FILE_GROUP,
    DATAFILE,
    LOCATOR,
    STRUCT_MAP,
    DIV,
    FPTR
};

static const tardis_xml_rule_t rules[] = {
    /* parent, namespace, name, state, has text, start, end */
    {TARDIS_XML_ROOT, METS_NS, "mets", METS, 0, NULL, mets_end},
    {METS, METS_NS, "metsHdr", HEADER, 0, NULL, NULL},
    {HEADER, METS_NS, "agent", AGENT, 0, mets_agent_start, NULL},
    {AGENT, METS_NS, "name", AGENT_NAME, 1, NULL, mets_agent_name_end},

    {METS, METS_NS, "dmdSec", DMD, 0, mets_dmd_start, mets_dmd_end},
    {DMD, METS_NS, "mdWrap", DMD_WRAP, 0, NULL, NULL},
    {DMD_WRAP, METS_NS, "xmlData", DMD_DATA, 0, NULL, NULL},
    {DMD_DATA, MODS_NS, "mods", MODS, 0, NULL, NULL},
    {MODS, MODS_NS, "titleInfo", TITLE_INFO, 0, NULL, NULL},
    {TITLE_INFO, MODS_NS, "title", TITLE, 1, NULL, mets_title_end},
    {MODS, MODS_NS, "abstract", ABSTRACT, 1, NULL, mets_abstract_end},
    {MODS, MODS_NS, "relatedItem", RELATED, 0, NULL, NULL},
    {RELATED, MODS_NS, "location", LOCATION, 1, NULL, mets_location_end},
    {LOCATION, MODS_NS, "url", LOCATION_URL, 1, NULL, mets_location_url_end},
    {MODS, MODS_NS, "name", NAME, 0, mets_name_start, mets_name_end},
    {NAME, MODS_NS, "namePart", NAME_PART, 1, NULL, mets_name_part_end},
    {NAME, MODS_NS, "role", ROLE, 0, NULL, NULL},
    {ROLE, MODS_NS, "roleTerm", ROLE_TERM, 1, NULL, mets_role_term_end},
    {DMD_DATA, DATES_NS, "tardis", DATES, 0, NULL, NULL},
    {DATES, DATES_NS, "startTime", START_TIME, 1, NULL, mets_start_time_end},
    {DATES, DATES_NS, "endTime", END_TIME, 1, NULL, mets_end_time_end},

    {METS, METS_NS, "amdSec", AMD, 0, NULL, NULL},
    {AMD, METS_NS, "techMD", TECH, 0, mets_tech_start, mets_tech_end},
    {TECH, METS_NS, "mdWrap", TECH_WRAP, 0, NULL, NULL},
    {TECH_WRAP, METS_NS, "xmlData", TECH_DATA, 0, NULL, NULL},
    {TECH_DATA, TARDIS_XML_ANY, TARDIS_XML_ANY, SET, 0, mets_set_start, NULL},
    {SET, TARDIS_XML_ANY, TARDIS_XML_ANY, PARAMETER, 1, mets_parameter_start, mets_parameter_end},
    {PARAMETER, TARDIS_XML_ANY, TARDIS_XML_ANY, PARAMETER, 1, mets_parameter_start, mets_parameter_end},
    {AMD, METS_NS, "rightsMD", OTHER_METADATA, 0, mets_other_metadata_start, NULL},
    {AMD, METS_NS, "sourceMD", OTHER_METADATA, 0, mets_other_metadata_start, NULL},
    {AMD, METS_NS, "digiprovMD", OTHER_METADATA, 0, mets_other_metadata_start, NULL},

    {METS, METS_NS, "fileSec", FILE_SEC, 0, NULL, NULL},
    {FILE_SEC, METS_NS, "fileGrp", FILE_GROUP, 0, NULL, NULL},
    {FILE_GROUP, METS_NS, "fileGrp", FILE_GROUP, 0, NULL, NULL},
    {FILE_GROUP, METS_NS, "file", DATAFILE, 0, mets_file_start, mets_file_end},
    {DATAFILE, METS_NS, "file", DATAFILE, 0, mets_file_start, mets_file_end},
    {DATAFILE, METS_NS, "FLocat", LOCATOR, 0, mets_locator_start, NULL},

    {METS, METS_NS, "structMap", STRUCT_MAP, 0, NULL, NULL},
    {STRUCT_MAP, METS_NS, "div", DIV, 0, mets_struct_div_start, NULL},
    {DIV, METS_NS, "div", DIV, 0, mets_struct_div_start, NULL},
    {DIV, METS_NS, "fptr", FPTR, 0, mets_fptr_start, NULL},
    {0, NULL, NULL, 0, 0, NULL, NULL},
};

static const tardis_xml_plan_t plan = {rules, "`mets` of " METS_NS, mets_any_start};

static void start_reading(mets_t *mets);

tardis_error_t *ingest_mets_survey(ingest_t *ingest)
{
    mets_t *mets = apr_pcalloc(ingest->pool, sizeof(*mets));
    ingest->survey = mets;
    mets->ingest = ingest;
    apr_pool_create(&mets->names_pool, ingest->pool);
    mets->names = sorter_create(SORTER_MEMORY, mets->names_pool);
    apr_pool_create(&mets->file_pool, ingest->pool);
    apr_pool_create(&mets->description_pool, ingest->pool);
    start_reading(mets);
    tardis_error_t *error = tardis_xml_read(&ingest->source, &plan, mets, ingest->pool);
    ingest->files = mets->files;
    return error ? error : mets_resolve(mets);
}

static void start_reading(mets_t *mets)
{
    mets->descriptions = 0;
    mets->files = 0;
    mets->sets = 0;
    mets->file = (mets_file_t){0};
    mets->set = (ingest_set_t){0};
}

tardis_error_t *ingest_mets_store(ingest_t *ingest)
{
    mets_t *mets = ingest->survey;
    start_reading(mets);
    mets->description_bytes = 0;
    mets->is_described = apr_pcalloc(ingest->store_pool, ingest->datasets / 8 + 1);
    tardis_error_t *error = mets_resolved_start(mets);
    if (!error)
        error = tardis_xml_read(&ingest->source, &plan, mets, ingest->store_pool);
    return error ? error : mets_link_all(mets);
}

int mets_bit(const unsigned char *bits, apr_uint32_t number)
{
    return bits[(number - 1) / 8] >> (number - 1) % 8 & 1;
}

void mets_set_bit(unsigned char *bits, apr_uint32_t number)
{
    bits[(number - 1) / 8] |= (unsigned char)(1U << (number - 1) % 8);
}
