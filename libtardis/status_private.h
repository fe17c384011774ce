/**
 * @file status_private.h
 * What the files status*.c share.
 */
#ifndef TARDIS_STATUS_PRIVATE_H
#define TARDIS_STATUS_PRIVATE_H

#include <jansson.h>

#include "tardis_status.h"

/** One text or number member of a document, and where it is in tardis_status_t. */
typedef struct status_member_t {
    const char *name;
    apr_size_t offset;
    int always; /**< it is written also if there is nothing to say: an original reads it */
} status_member_t;

/** In the order in which they are written; each ends with a NULL name. */
extern const status_member_t status_texts[];
extern const status_member_t status_counts[];

/** Where the text is; the status is not changed through it unless it is the caller's own. */
const char **status_text_of(const tardis_status_t *status, const status_member_t *member);
/** Where the number is. */
apr_int64_t *status_count_of(const tardis_status_t *status, const status_member_t *member);

/**
 * Reads an answer that is written exactly as tardis_statuses_encode() writes it, with the statuses of these
 * uids in this order and plain texts: no tree is made, which would take most of the time of a tick.
 * @return 0: it is not, which tells nothing about whether it is right.
 */
int status_scan_batch(const char *text, apr_size_t length, const char *const *uids, int count,
                      tardis_status_answer_t *answers, apr_pool_t *pool);

/** As tardis_status_decode(), for a document that is parsed; NULL is none. */
tardis_error_t *status_read_document(const json_t *document, tardis_status_t **status, apr_pool_t *pool);

#endif
