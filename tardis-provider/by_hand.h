/*
 * What `retry` and `cancel` have in common: they do something to an experiment's registrations and transfers
 * that are in certain states, at all sites or at one.
 */
#ifndef PROVIDER_BY_HAND_H
#define PROVIDER_BY_HAND_H

#include "commands.h"

typedef struct {
    const char *verb;
    const char *const *transfer_states; /* in which something can be done; ends with NULL */
    const char *const *registration_states;
    tardis_error_t *(*transfer)(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                apr_pool_t *pool);
    tardis_error_t *(*registration)(const tardis_context_t *context,
                                    const tardis_registration_t *registration, apr_pool_t *pool);
} by_hand_t;

/* @return TARDIS_CONFLICT: nothing is in such a state; TARDIS_SITE_UNKNOWN: nothing is known of the site of
 * --site. */
tardis_error_t *by_hand_run(tardis_invocation_t *invocation, const by_hand_t *action);

#endif
