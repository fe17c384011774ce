/**
 * @file mime_header.h
 * Values of MIME header fields: `text/plain; name="a value"` (RFC 2045, 5.1; RFC 2183).
 */
#ifndef TARDIS_MIME_HEADER_H
#define TARDIS_MIME_HEADER_H

#include <apr_pools.h>

/**
 * The value of the first header called @a name, which is compared without regard to case.
 * @param headers lines that end in CR LF; a line that begins with a space or a tab continues the one before
 * it.
 * @return NULL: there is none.
 */
const char *mime_header(const char *headers, const char *name, apr_pool_t *pool);

/** What stands before the first `;`, trimmed and in lower case. */
const char *mime_value(const char *header, apr_pool_t *pool);

/** The parameter called @a name, unquoted; NULL: there is none, or its quotes are not closed. */
const char *mime_parameter(const char *header, const char *name, apr_pool_t *pool);

#endif
