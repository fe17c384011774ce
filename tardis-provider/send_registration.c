#include "send.h"

#include <apr_strings.h>

#include "registration.h"
#include "tardis_catalogue.h"
#include "tardis_uid.h"

static tardis_error_t *carry_out(send_t *send, const tardis_registration_t *registration,
                                 registration_result_t *result, apr_pool_t *pool);
static tardis_error_t *belongs(send_t *send, const tardis_registration_t *registration,
                               const tardis_site_settings_t *site_settings, int *matches, apr_pool_t *pool);
static void count(send_t *send, const tardis_registration_t *registration,
                  const registration_result_t *result, apr_pool_t *pool);

tardis_error_t *send_registration(send_t *send, int *did, apr_pool_t *pool)
{
    tardis_registration_t *registration;
    registration_result_t result = {.outcome = REGISTRATION_TAKEN};
    tardis_error_t *error = tardis_registration_claim(send->context, &send->lease, &registration, pool);
    if (error || !registration)
        return error;
    *did = 1;
    error = carry_out(send, registration, &result, pool);
    if (!error)
        count(send, registration, &result, pool);
    return error;
}

static tardis_error_t *carry_out(send_t *send, const tardis_registration_t *registration,
                                 registration_result_t *result, apr_pool_t *pool)
{
    const tardis_site_t *site;
    const tardis_site_settings_t *site_settings;
    int matches = 1;
    tardis_error_t *cause = site_book_find(send->book, registration->site_url, &site, &site_settings);
    if (cause)
        return registration_give_up(send->context, send->settings, registration, cause, result, pool);
    tardis_error_t *error = belongs(send, registration, site_settings, &matches, pool);
    if (error)
        return error;
    if (matches)
        return registration_carry_out(send->context, send->settings, registration, site_settings, result,
                                      pool);
    result->cause = tardis_error_create(pool, TARDIS_SITE_UNKNOWN, "no owner belongs to this site");
    error = tardis_registration_drop(send->context, &send->lease, registration, pool);
    return error && error->code == TARDIS_LEASE_LOST ? NULL : error;
}

static tardis_error_t *belongs(send_t *send, const tardis_registration_t *registration,
                               const tardis_site_settings_t *site_settings, int *matches, apr_pool_t *pool)
{
    apr_array_header_t *owners;
    *matches = 1;
    if (registration->chosen)
        return NULL;
    tardis_error_t *error =
        tardis_experiment_owners(send->context, registration->experiment_id, &owners, pool);
    if (!error)
        *matches = tardis_site_settings_owners(site_settings, owners, pool)->nelts > 0;
    return error;
}

static void count(send_t *send, const tardis_registration_t *registration,
                  const registration_result_t *result, apr_pool_t *pool)
{
    const char *about =
        apr_psprintf(pool, "uid %s: registration at %s",
                     tardis_uid_format(send->settings->institution, registration->experiment_id, pool),
                     registration->site_name);
    switch (result->outcome) {
    case REGISTRATION_ACCEPTED:
        send->registered++;
        tardis_log(send->context, TARDIS_LOG_INFO, "%s: registered as %s", about, result->location);
        break;
    case REGISTRATION_REFUSED:
        send->refused++;
        tardis_log_problem(send->context, TARDIS_LOG_ERROR, about, result->cause, "given up until `retry`");
        break;
    case REGISTRATION_POSTPONED:
        tardis_log_problem(send->context, TARDIS_LOG_WARNING, about, result->cause, "tried again later");
        break;
    case REGISTRATION_TAKEN:
        tardis_log_problem(send->context, TARDIS_LOG_NOTICE, about, result->cause, "left alone");
        break;
    }
}
