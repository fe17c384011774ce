/**
 * @file xml_mets_private.h
 * What the files xml_mets_*.c that read share. xml_mets_read.c has the table of elements;
 * xml_mets_structure.c reads IDs and the structMap; xml_mets_resolve.c finds what they refer to;
 * xml_mets_describe.c reads dmdSecs and the header; xml_mets_files.c reads files and parameter sets.
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
typedef enum { METS_ID_DESCRIPTION, METS_ID_METADATA, METS_ID_FILE, METS_ID_OTHER } mets_id_kind_t;

/** What refers to IDs, and to what kind of ID. */
typedef enum {
    METS_DIV_TO_DESCRIPTION, /**< DMDID */
    METS_DIV_TO_METADATA,    /**< ADMID */
    METS_FILE_TO_METADATA,   /**< ADMID */
    METS_FPTR_TO_FILE        /**< FILEID */
} mets_reference_kind_t;

/** An element that defines an ID, in the order of the document. */
typedef struct mets_definition_t {
    mets_id_kind_t kind;
    apr_uint32_t line;
    apr_uint32_t number; /**< of the dmdSec or the file; metadata: of its first set */
    apr_uint32_t sets;   /**< metadata: how many */
} mets_definition_t;

/** What follows an ID in a record of mets_t.names: whether it is defined or referred to, and more. */
#define METS_NAME_DEFINED 0
#define METS_NAME_REFERRED 1
#define METS_NAME_MORE 16

/** Most parameter sets in one techMD; each is linked to whatever refers to the techMD. */
#define METS_SETS_MAX 16

/** The file being read. */
typedef struct mets_file_t {
    int is_open;
    long line;
    const char *id;
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

/** Parameter sets in a row. */
typedef struct mets_sets_t {
    apr_uint32_t first;
    apr_uint32_t count;
} mets_sets_t;

/** A METS document. */
typedef struct mets_t {
    ingest_t *ingest;
    apr_uint32_t descriptions; /**< dmdSecs, files and sets so far in this reading */
    apr_uint32_t files;
    apr_uint32_t sets;
    /* What refers to what: see mets_resolve(). */
    apr_pool_t *names_pool;
    sorter_t *names;                      /**< survey: every ID, and every reference to one */
    sorter_t *titles;                     /**< which dmdSec describes what */
    sorter_t *places;                     /**< the dataset of each file */
    sorter_t *links;                      /**< which sets belong to what */
    apr_array_header_t *experiments_sets; /**< of mets_sets_t */
    apr_uint32_t title_of, title_owner;   /**< store: the next of titles; title_of 0: there is none */
    /* structMap */
    int has_investigation;
    unsigned char is_inside[TARDIS_XML_DEPTH_MAX + 1]; /**< by depth: the div is within the investigation */
    apr_uint32_t dataset_at[TARDIS_XML_DEPTH_MAX + 1]; /**< by depth: the dataset that the div is or is in */
    /* What is being read */
    mets_file_t file;
    apr_pool_t *file_pool;
    mets_description_t description;
    apr_pool_t *description_pool;
    xml_text_t name;                /**< the MODS name being read */
    unsigned char *is_described;    /**< store: a bit for each dataset that has its description */
    apr_uint64_t description_bytes; /**< store: of the descriptions of all datasets */
    int is_institution;             /**< store: the agent is the one we look for */
    xml_text_t metadata_id;         /**< survey: of the techMD being read */
    apr_uint32_t metadata_sets;     /**< survey: sets of the techMD being read so far */
    ingest_set_t set;
} mets_t;

/** One bit of a field of bits, from 1. */
int mets_bit(const unsigned char *bits, apr_uint32_t number);
void mets_set_bit(unsigned char *bits, apr_uint32_t number);

/* ---- xml_mets_structure.c ---- */

/** Survey: the element's ID, trimmed, in the reader's scratch pool. An error if it has none. */
tardis_error_t *mets_id_of(tardis_xml_reader_t *reader, const char **id);

/** Survey: an ID is defined. */
tardis_error_t *mets_define(mets_t *mets, tardis_xml_reader_t *reader, const char *id,
                            const mets_definition_t *definition);

/**
 * Survey: the IDs in the list (IDREFS; NULL: none) are referred to.
 * @param owner by which dataset or file, or 0: the experiment; of an fptr, the dataset it is in.
 */
tardis_error_t *mets_refer(mets_t *mets, tardis_xml_reader_t *reader, const char *list,
                           mets_reference_kind_t kind, apr_uint32_t owner);

tardis_xml_event_fn mets_any_start, mets_struct_div_start, mets_fptr_start, mets_end;

/* ---- xml_mets_resolve.c ---- */

/**
 * After the survey: finds what every reference names. Refuses an ID that is defined twice or nowhere, one
 * that names something of another kind, and a file that is in two datasets or in none. Of several faults it
 * tells the first, and of a file in no dataset only where that is all: it may follow from another fault.
 */
tardis_error_t *mets_resolve(mets_t *mets);

/** Store: begins with the first of what mets_resolve() found. */
tardis_error_t *mets_resolved_start(mets_t *mets);
/** Store: goes on to the next of titles. */
tardis_error_t *mets_next_title(mets_t *mets);
/** Store: the dataset of the next file. */
tardis_error_t *mets_next_place(mets_t *mets, tardis_xml_reader_t *reader, apr_uint32_t *dataset);
/** Store: whether a set is, or is also, the experiment's. */
int mets_is_experiments_set(const mets_t *mets, apr_uint32_t set);
/** Store: links all sets to what they belong to. */
tardis_error_t *mets_link_all(mets_t *mets);

/* ---- xml_mets_describe.c ---- */
tardis_xml_event_fn mets_agent_start, mets_agent_name_end, mets_dmd_start, mets_dmd_end, mets_title_end,
    mets_abstract_end, mets_location_end, mets_location_url_end, mets_name_start, mets_name_part_end,
    mets_role_term_end, mets_name_end, mets_start_time_end, mets_end_time_end;

/** Store, at the end: adds the datasets that no dmdSec described. */
tardis_error_t *mets_add_undescribed(mets_t *mets, tardis_xml_reader_t *reader);

/* ---- xml_mets_files.c ---- */
tardis_xml_event_fn mets_tech_start, mets_tech_end, mets_other_metadata_start, mets_set_start,
    mets_parameter_start, mets_parameter_end, mets_file_start, mets_locator_start, mets_file_end;

#endif
