/**
 * @file xml_mets_private.h
 * What the files xml_mets_*.c that read share. xml_mets_read.c has the table of elements;
 * xml_mets_structure.c resolves IDs and reads the structMap; xml_mets_describe.c reads dmdSecs and the
 * header; xml_mets_files.c reads files and parameter sets.
 */
#ifndef TARDIS_XML_METS_PRIVATE_H
#define TARDIS_XML_METS_PRIVATE_H

#include "ingest_private.h"

#define METS_NS "http://www.loc.gov/METS/"
#define MODS_NS "http://www.loc.gov/mods/v3"
#define XLINK_NS "http://www.w3.org/1999/xlink"
/** Of the start and end times. */
#define DATES_NS "http://tardisdates.com/"

/** What an ID names. */
typedef enum {
    METS_ID_UNDEFINED,
    METS_ID_DESCRIPTION,
    METS_ID_METADATA,
    METS_ID_FILE,
    METS_ID_OTHER
} mets_id_kind_t;

/** One ID: the payload of mets_t.ids. */
typedef struct mets_id_t {
    unsigned char kind;     /**< mets_id_kind_t */
    unsigned char expected; /**< while undefined: the kind that was referred to */
    apr_uint32_t
        value; /**< undefined: line of the first reference; file: its number; metadata: its first set's */
    apr_uint32_t extra; /**< file: number of its dataset, 0: none yet; metadata: how many sets */
} mets_id_t;

/** That a div refers to an ID. */
typedef struct mets_reference_t {
    apr_uint32_t id;
    apr_uint32_t owner; /**< number of the dataset; 0: the experiment */
} mets_reference_t;

/** The file being read. */
typedef struct mets_file_t {
    int is_open;
    apr_uint32_t id;
    const char *path; /**< NULL: no FLocat yet */
    const char *admid;
    const char *name;
    const char *media_type;
    const char *checksum;
    const char *checksum_type;
    apr_uint64_t size;
} mets_file_t;

/** What a dmdSec says. */
typedef struct mets_description_t {
    const char *title;
    const char *abstract;
    const char *url;
    const char *location; /**< the text of a location without a url */
    const char *start_time;
    const char *end_time;
    int is_experiments; /**< it is, or is also, the experiment's */
    int has_name;       /**< the MODS name being read has a namePart */
    int is_author;
} mets_description_t;

/** A METS document. */
typedef struct mets_t {
    ingest_t *ingest;
    intern_t *ids;
    apr_uint32_t files;
    apr_uint32_t sets;
    apr_uint32_t undefined; /**< IDs that were referred to and are not defined yet */
    /* structMap */
    apr_array_header_t *descriptions; /**< of mets_reference_t: DMDIDs; by ID after the survey */
    apr_array_header_t *metadata;     /**< of mets_reference_t: ADMIDs, in the order of the document */
    int has_investigation;
    unsigned char is_inside[TARDIS_XML_DEPTH_MAX + 1]; /**< by depth: the div is within the investigation */
    apr_uint32_t dataset_at[TARDIS_XML_DEPTH_MAX + 1]; /**< by depth: the dataset that the div is or is in */
    unsigned char *is_experiments; /**< after the survey: a bit for each set that is the experiment's */
    /* What is being read */
    mets_file_t file;
    apr_pool_t *file_pool;
    mets_description_t description;
    apr_uint32_t description_id;
    apr_pool_t *description_pool;
    xml_text_t name;                /**< the MODS name being read */
    unsigned char *is_described;    /**< store: a bit for each dataset that has its description */
    apr_uint64_t description_bytes; /**< store: of the descriptions of all datasets */
    int is_institution;             /**< store: the agent is the one we look for */
    apr_uint32_t metadata_id;       /**< of the techMD being read */
    ingest_set_t set;
} mets_t;

/** One bit of a field of bits, from 1. */
int mets_bit(const unsigned char *bits, apr_uint32_t number);
void mets_set_bit(unsigned char *bits, apr_uint32_t number);

/* ---- xml_mets_structure.c ---- */

/**
 * Survey: defines the element's ID. Store: looks it up.
 * @param id set to its index. NULL: the element need not have an ID, and nothing refers to it here.
 */
tardis_error_t *mets_define(mets_t *mets, tardis_xml_reader_t *reader, mets_id_kind_t kind, apr_uint32_t *id);

/** Calls @a found for each ID in the list (IDREFS; NULL: none). During the survey IDs may be undefined yet.
 */
typedef tardis_error_t *mets_found_fn(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t id,
                                      void *baton);
tardis_error_t *mets_each(mets_t *mets, tardis_xml_reader_t *reader, const char *list, mets_id_kind_t kind,
                          mets_found_fn *found, void *baton);

/** What an ID names; good until another is added. */
mets_id_t *mets_id(const mets_t *mets, apr_uint32_t id);

/** Store: links the sets of one ID to an owner; *position counts them. */
tardis_error_t *mets_link(mets_t *mets, apr_uint32_t id, tardis_owner_kind_t kind, apr_uint32_t owner,
                          apr_uint32_t *position, apr_pool_t *pool);

tardis_xml_event_fn mets_any_start, mets_struct_div_start, mets_fptr_start, mets_end;

/* ---- xml_mets_describe.c ---- */
tardis_xml_event_fn mets_agent_start, mets_agent_name_end, mets_dmd_start, mets_dmd_end, mets_title_end,
    mets_abstract_end, mets_location_end, mets_location_url_end, mets_name_start, mets_name_part_end,
    mets_role_term_end, mets_name_end, mets_start_time_end, mets_end_time_end;

/** Store, at the end: adds the datasets that no dmdSec described. */
tardis_error_t *mets_add_undescribed(mets_t *mets, tardis_xml_reader_t *reader);

/* ---- xml_mets_files.c ---- */
tardis_xml_event_fn mets_tech_start, mets_other_metadata_start, mets_set_start, mets_parameter_start,
    mets_parameter_end, mets_file_start, mets_locator_start, mets_file_end;

#endif
