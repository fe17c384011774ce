/**
 * @file catalogue_private.h
 * What the files catalogue*_db.c share.
 */
#ifndef TARDIS_CATALOGUE_PRIVATE_H
#define TARDIS_CATALOGUE_PRIVATE_H

/** How the database spells each tardis_owner_kind_t. */
extern const char *const catalogue_owner_kinds[];

#endif
