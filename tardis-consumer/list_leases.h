/**
 * @file list_leases.h
 * What `list --leases` prints.
 */
#ifndef LIST_LEASES_H
#define LIST_LEASES_H

#include "manual.h"

/** Prints who has which experiment under a lease, and until when, as a table or as a JSON array. */
tardis_error_t *list_leases(const tardis_invocation_t *invocation, int as_json);

#endif
