/**
 * @file tardis_search.h
 * Finding experiments by what is in them, for the lists of both tools.
 *
 * A pattern is compared with all of a value; `*` in it stands for any text, also none. Titles and owners are
 * compared without regard to case, the others byte for byte. What stands before the first `*` is looked up in
 * an index.
 */
#ifndef TARDIS_SEARCH_H
#define TARDIS_SEARCH_H

#include "tardis_command.h"

/** The options by which a list is searched, to put into a command's table. */
#define TARDIS_SEARCH_OPTIONS                                                                                \
    {"title", "PATTERN", 0, "only those with this title; * stands for any text"},                            \
    {"owner", "PATTERN", 0, "only those of this owner"},                                                     \
    {"parameter", "NAME=PATTERN", 1, "only those with this value of a parameter"},                           \
    {"file", "PATTERN", 0, "only those with a file of this name"}

/**
 * Finds what the search options of a command name; all of them must hold.
 * @param found set to the experiments' ids, apr_uint64_t in ascending order; NULL: no such option was given.
 * @return TARDIS_USAGE for a parameter without a name, or a database error.
 */
tardis_error_t *tardis_search(const tardis_context_t *context, const tardis_arguments_t *arguments,
                              apr_array_header_t **found, apr_pool_t *pool);

/** Whether an experiment is among those that were found; always if @a found is NULL. */
int tardis_search_has(const apr_array_header_t *found, apr_uint64_t experiment_id);

/* For going through a list by pages of what is above an id. */

/** How many to read at a time, at most @a most: few that were found are far between. */
int tardis_search_page(const apr_array_header_t *found, int most);

/**
 * Raises @a after so far that the next that was found is the first above it; leaves it if @a found is NULL.
 * @return 0: none is left.
 */
int tardis_search_skip(const apr_array_header_t *found, apr_uint64_t *after);

#endif
