/**
 * @file tardis_catalogue.h
 * The catalogue: experiments, their datasets and datafiles, and their parameter sets
 * (schema/catalogue-*.sql). Private to the library, the modules and the tools. Every function needs
 * context->db.
 *
 * Rows below an experiment are numbered from 1 within it, in the order of the document or directory they came
 * from. Text is stored and given back byte for byte. It must be text that XML can carry (see
 * tardis_text_is_clean()).
 */
#ifndef TARDIS_CATALOGUE_H
#define TARDIS_CATALOGUE_H

#include <apr_tables.h>
#include <apr_time.h>

#include "tardis_context.h"
#include "tardis_digest.h"

/* How long a value may be: of VARCHAR columns in characters, of TEXT columns in bytes. */
#define TARDIS_TEXT_MAX 65535 /**< title, url, author, dataset description; bytes */
#define TARDIS_EPN_MAX 255    /**< characters, as all that follow */
#define TARDIS_INSTITUTION_MAX 400
#define TARDIS_OWNER_MAX 400
#define TARDIS_TIME_MAX 64
#define TARDIS_NAME_MAX 1024 /**< datafile name, schema of a parameter set, parameter name */
#define TARDIS_MEDIA_TYPE_MAX 255
#define TARDIS_ROOT_ELEMENT_MAX 255
#define TARDIS_DIGEST_NOTE_MAX 255

/** One experiment. */
typedef struct tardis_experiment_t {
    apr_uint64_t id;
    const char
        *epn; /**< the facility's proposal number; NULL: none. See tardis_catalogue_writer_add_epn(). */
    const char *title;
    const char *description;
    const char *institution;
    const char *start_time; /**< verbatim; NULL: none */
    const char *end_time;   /**< verbatim; NULL: none */
    const char *url;        /**< NULL: none */
    apr_uint64_t file_count;
    apr_uint64_t byte_count;
    apr_time_t created_at; /**< the database server's clock */
    apr_time_t updated_at;
} tardis_experiment_t;

/** One dataset. */
typedef struct tardis_dataset_t {
    apr_uint32_t number;
    const char *description;
} tardis_dataset_t;

/** One datafile. */
typedef struct tardis_datafile_t {
    apr_uint32_t number;
    apr_uint32_t dataset_number;
    const char *name;
    const char *path; /**< below the experiment's directory; tardis_path_check() accepts it */
    apr_uint64_t size;
    const char *media_type;                     /**< "" if unknown */
    tardis_digest_algorithm_t digest_algorithm; /**< TARDIS_DIGEST_NONE: the file is unverifiable */
    unsigned char digest[TARDIS_DIGEST_MAX];    /**< tardis_digest_length(digest_algorithm) bytes */
    const char *digest_note; /**< why there is no digest, with what the document said; NULL otherwise */
} tardis_datafile_t;

/** What a parameter set may belong to. */
typedef enum { TARDIS_OWNER_EXPERIMENT, TARDIS_OWNER_DATASET, TARDIS_OWNER_DATAFILE } tardis_owner_kind_t;

/** One parameter set. */
typedef struct tardis_parameter_set_t {
    apr_uint32_t number;
    const char *schema_uri;   /**< its namespace; "" for none */
    const char *root_element; /**< local name of the element that holds it */
} tardis_parameter_set_t;

/** That a parameter set belongs to something; one set may belong to several. */
typedef struct tardis_parameter_link_t {
    tardis_owner_kind_t kind;
    apr_uint32_t owner_number; /**< of the dataset or datafile; 0 for the experiment */
    apr_uint32_t position;     /**< among the owner's sets, from 1 */
    apr_uint32_t set_number;
} tardis_parameter_link_t;

/** One parameter. */
typedef struct tardis_parameter_t {
    apr_uint32_t set_number;
    apr_uint32_t number; /**< within its set, from 1 */
    const char *name;    /**< a nested one has its path, a/b */
    const char *text;    /**< verbatim */
    int is_number;       /**< the whole trimmed text is a finite decimal number ... */
    double numeric;      /**< ... namely this one */
} tardis_parameter_t;

/* ---- Writing. ---- */

/**
 * Writes one experiment and everything below it through bulk inserts, within a transaction that the caller
 * has begun and ends. After an error the caller rolls back; the writer itself needs no closing.
 */
typedef struct tardis_catalogue_writer_t tardis_catalogue_writer_t;

/**
 * Starts to write an experiment.
 * @param replace_id 0: a new experiment. Otherwise the experiment whose content is replaced: its row is
 * locked, and its authors, owners, datasets, datafiles and parameter sets are removed; it keeps its id and
 * what other tables say of it.
 * @return TARDIS_NOT_FOUND if there is no experiment with replace_id.
 */
tardis_error_t *tardis_catalogue_writer_open(const tardis_context_t *context, apr_uint64_t replace_id,
                                             tardis_catalogue_writer_t **writer, apr_pool_t *pool);

/** The id of the experiment being written. */
apr_uint64_t tardis_catalogue_writer_id(const tardis_catalogue_writer_t *writer);

/* Each adds one row; authors and owners get the next number, everything else has the number the caller gives.
 * Values are copied. The order in which the tables are filled does not matter. @a pool is for errors only. */
tardis_error_t *tardis_catalogue_writer_add_author(tardis_catalogue_writer_t *writer, const char *name,
                                                   apr_pool_t *pool);
tardis_error_t *tardis_catalogue_writer_add_owner(tardis_catalogue_writer_t *writer, const char *email,
                                                  apr_pool_t *pool);
tardis_error_t *tardis_catalogue_writer_add_dataset(tardis_catalogue_writer_t *writer,
                                                    const tardis_dataset_t *dataset, apr_pool_t *pool);
tardis_error_t *tardis_catalogue_writer_add_datafile(tardis_catalogue_writer_t *writer,
                                                     const tardis_datafile_t *datafile, apr_pool_t *pool);
tardis_error_t *tardis_catalogue_writer_add_parameter_set(tardis_catalogue_writer_t *writer,
                                                          const tardis_parameter_set_t *set,
                                                          apr_pool_t *pool);
/** is_number and numeric are worked out here; what the caller put there is not looked at. */
tardis_error_t *tardis_catalogue_writer_add_parameter(tardis_catalogue_writer_t *writer,
                                                      const tardis_parameter_t *parameter, apr_pool_t *pool);
tardis_error_t *tardis_catalogue_writer_link(tardis_catalogue_writer_t *writer,
                                             const tardis_parameter_link_t *link, apr_pool_t *pool);

/**
 * Adds parameter set @a set_number of the experiment with the one parameter `EPN` (protocol.md,
 * "Vocabulary"), first among the experiment's sets. That is how an EPN travels in METS: the ingest takes the
 * epn of its experiment from it.
 */
tardis_error_t *tardis_catalogue_writer_add_epn(tardis_catalogue_writer_t *writer, apr_uint32_t set_number,
                                                const char *epn, apr_pool_t *pool);

/**
 * Sends what is still held and writes the experiment's own row.
 * @param experiment its epn, title, description, institution, times and url; the other fields are not looked
 * at: file_count and byte_count are those of the datafiles added, times the database server's.
 */
tardis_error_t *tardis_catalogue_writer_finish(tardis_catalogue_writer_t *writer,
                                               const tardis_experiment_t *experiment, apr_pool_t *pool);

/** How many datafiles were added, and their bytes together. */
apr_uint64_t tardis_catalogue_writer_files(const tardis_catalogue_writer_t *writer);
apr_uint64_t tardis_catalogue_writer_bytes(const tardis_catalogue_writer_t *writer);

/* ---- Reading. What is returned lives in pool. ---- */

/** The experiment with this id; @a experiment is set to NULL if there is none. */
tardis_error_t *tardis_experiment_by_id(const tardis_context_t *context, apr_uint64_t id,
                                        tardis_experiment_t **experiment, apr_pool_t *pool);

/** As tardis_experiment_by_id(), and nobody changes the experiment until the caller's transaction ends. */
tardis_error_t *tardis_experiment_hold(const tardis_context_t *context, apr_uint64_t id,
                                       tardis_experiment_t **experiment, apr_pool_t *pool);

/** The experiment with this EPN (the first, should there be several); @a experiment is set to NULL if there
 * is none. */
tardis_error_t *tardis_experiment_by_epn(const tardis_context_t *context, const char *epn,
                                         tardis_experiment_t **experiment, apr_pool_t *pool);

/** At most @a limit experiments with ids above @a after_id, by id: an array of tardis_experiment_t. */
tardis_error_t *tardis_experiment_page(const tardis_context_t *context, apr_uint64_t after_id, int limit,
                                       apr_array_header_t **experiments, apr_pool_t *pool);

/** The authors' names in order: an array of const char *. */
tardis_error_t *tardis_experiment_authors(const tardis_context_t *context, apr_uint64_t id,
                                          apr_array_header_t **names, apr_pool_t *pool);

/** The owners (e-mail addresses or user names) in order: an array of const char *. */
tardis_error_t *tardis_experiment_owners(const tardis_context_t *context, apr_uint64_t id,
                                         apr_array_header_t **emails, apr_pool_t *pool);

/** How many of its datafiles have no digest. */
tardis_error_t *tardis_experiment_unverifiable(const tardis_context_t *context, apr_uint64_t id,
                                               apr_uint64_t *count, apr_pool_t *pool);

/** At most @a limit datasets with numbers above @a after, by number: an array of tardis_dataset_t. */
tardis_error_t *tardis_dataset_page(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    apr_uint32_t after, int limit, apr_array_header_t **datasets,
                                    apr_pool_t *pool);

/** At most @a limit datafiles with numbers above @a after, by number: an array of tardis_datafile_t. */
tardis_error_t *tardis_datafile_page(const tardis_context_t *context, apr_uint64_t experiment_id,
                                     apr_uint32_t after, int limit, apr_array_header_t **datafiles,
                                     apr_pool_t *pool);

/** At most @a limit parameter sets with numbers above @a after, by number: an array of
 * tardis_parameter_set_t. */
tardis_error_t *tardis_parameter_set_page(const tardis_context_t *context, apr_uint64_t experiment_id,
                                          apr_uint32_t after, int limit, apr_array_header_t **sets,
                                          apr_pool_t *pool);

/** At most @a limit parameters after parameter @a after of set @a set, by set and number: an array of
 * tardis_parameter_t. */
tardis_error_t *tardis_parameter_page(const tardis_context_t *context, apr_uint64_t experiment_id,
                                      apr_uint32_t set, apr_uint32_t after, int limit,
                                      apr_array_header_t **parameters, apr_pool_t *pool);

/**
 * At most @a limit links of owners of one kind, by owner and position, after position @a position of owner @a
 * owner: an array of tardis_parameter_link_t.
 */
tardis_error_t *tardis_parameter_link_page(const tardis_context_t *context, apr_uint64_t experiment_id,
                                           tardis_owner_kind_t kind, apr_uint32_t owner,
                                           apr_uint32_t position, int limit, apr_array_header_t **links,
                                           apr_pool_t *pool);

#endif
