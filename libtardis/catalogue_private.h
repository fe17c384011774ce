/**
 * @file catalogue_private.h
 * What the files catalogue*_db.c share.
 */
#ifndef TARDIS_CATALOGUE_PRIVATE_H
#define TARDIS_CATALOGUE_PRIVATE_H

#include "tardis_catalogue.h"
#include "tardis_db.h"

/** How the database spells each tardis_owner_kind_t. */
extern const char *const catalogue_owner_kinds[];

/** The columns that catalogue_datafiles_read() reads behind the number, of a table (or alias) called d. */
#define CATALOGUE_DATAFILE_COLUMNS                                                                           \
    "d.dataset_number, d.name, d.path, d.size, d.media_type, d.digest_algorithm, d.digest, d.digest_note"

/** All rows, each a number and CATALOGUE_DATAFILE_COLUMNS, as an array of tardis_datafile_t. */
tardis_error_t *catalogue_datafiles_read(tardis_db_rows_t *rows, apr_array_header_t **datafiles,
                                         apr_pool_t *pool);

#endif
