/*
 * What `show` shows of an experiment.
 */
#ifndef PROVIDER_SHOW_H
#define PROVIDER_SHOW_H

#include "commands.h"

/* Everything that is known of one experiment. */
typedef struct {
    const tardis_experiment_t *experiment;
    const char *uid;
    const char *directory;      /* NULL: not known */
    apr_uint64_t unverifiable;  /* files without a digest */
    apr_array_header_t *owners; /* const char * */
    apr_array_header_t *authors;
    apr_array_header_t *registrations; /* tardis_registration_t * */
    apr_array_header_t *transfers;     /* tardis_transfer_t * */
    apr_array_header_t *events;        /* tardis_transfer_event_t *, oldest first */
} page_t;

/* The page as a JSON document on standard output. */
tardis_error_t *show_json(const page_t *page, apr_pool_t *pool);

#endif
