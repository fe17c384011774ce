/*
 * Telling a site of an experiment: the METS export, the POST to its register view, and what becomes of the
 * registration.
 */
#ifndef PROVIDER_REGISTRATION_H
#define PROVIDER_REGISTRATION_H

#include "settings.h"

/* What became of one registration. */
typedef struct {
    enum {
        REGISTRATION_ACCEPTED,
        REGISTRATION_REFUSED,
        REGISTRATION_POSTPONED, /* tried again by `send` */
        REGISTRATION_TAKEN      /* another process has it, or it was cancelled */
    } outcome;
    const char *location;        /* accepted: where the consumer shows it */
    const tardis_error_t *cause; /* of the other outcomes */
} registration_result_t;

/*
 * Registers an experiment at a site, @a registration being held, and records the outcome.
 * @return only what kept the outcome from being found out or recorded here: a database error.
 */
tardis_error_t *registration_carry_out(const tardis_context_t *context, const provider_settings_t *settings,
                                       const tardis_registration_t *registration,
                                       const tardis_site_settings_t *site_settings,
                                       registration_result_t *result, apr_pool_t *pool);

/* Records that the registration failed for @a cause: postponed if that may pass and the limit is not reached,
 * else refused. */
tardis_error_t *registration_give_up(const tardis_context_t *context, const provider_settings_t *settings,
                                     const tardis_registration_t *registration, const tardis_error_t *cause,
                                     registration_result_t *result, apr_pool_t *pool);

#endif
