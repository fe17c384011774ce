/**
 * @file paragraph.h
 * Prose on a terminal: lines that end before the edge, and durations in words.
 */
#ifndef PARAGRAPH_H
#define PARAGRAPH_H

#include <apr_pools.h>
#include <apr_time.h>

/** Columns of a line at most, but for a word that is longer by itself. */
#define PARAGRAPH_WIDTH 80

/**
 * Prints @a text to stdout in lines of at most PARAGRAPH_WIDTH characters, each after @a indent spaces. What
 * could steer a terminal is printed as a question mark, for much of it comes from other hosts.
 * @param label printed instead of the spaces of the first line, padded to @a indent; may be "".
 */
void paragraph_print(int indent, const char *label, const char *text);

/** A duration in words, rounded down: "40 seconds", "3 hours". A negative one counts as none. */
const char *paragraph_duration(apr_interval_time_t duration, apr_pool_t *pool);

#endif
