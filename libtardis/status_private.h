/**
 * @file status_private.h
 * What the files status*.c that read documents share.
 */
#ifndef TARDIS_STATUS_PRIVATE_H
#define TARDIS_STATUS_PRIVATE_H

#include <jansson.h>

#include "tardis_status.h"

/** As tardis_status_decode(), for a document that is parsed; NULL is none. */
tardis_error_t *status_read_document(const json_t *document, tardis_status_t **status, apr_pool_t *pool);

#endif
