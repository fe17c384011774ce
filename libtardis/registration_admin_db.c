#include "tardis_transfer_db.h"

#include <apr_strings.h>

#include "transfer_rows.h"

/* What a person does to a registration. */
typedef struct {
    const tardis_registration_t *registration;
    const char *state;
    const tardis_error_t *cause;
} override_t;

static tardis_error_t *override_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);

tardis_error_t *tardis_registration_retry(const tardis_context_t *context,
                                          const tardis_registration_t *registration, apr_pool_t *pool)
{
    override_t override = {.registration = registration, .state = TARDIS_REGISTRATION_STATE_PENDING};
    return transfer_transact(context, override_within, &override, pool);
}

tardis_error_t *tardis_registration_cancel(const tardis_context_t *context,
                                           const tardis_registration_t *registration, apr_pool_t *pool)
{
    override_t override = {.registration = registration, .state = TARDIS_REGISTRATION_STATE_REFUSED};
    override.cause = tardis_error_create(pool, TARDIS_TRANSFER_CANCELLED, "the registration was cancelled");
    return transfer_transact(context, override_within, &override, pool);
}

/* By hand: the lease goes too, so that a process in the middle of it finds it lost. */
static tardis_error_t *override_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const override_t *override = baton;
    const tardis_registration_t *registration = override->registration;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE registration SET next_attempt_at = IF(? = 'Pending', UTC_TIMESTAMP(6), NULL), "
        "state = ?, attempts = 0, error_code = ?, error_text = ?, lease_owner = NULL, lease_until = NULL, "
        "updated_at = UTC_TIMESTAMP(6) WHERE experiment_id = ? AND site_url = ? AND state = ?",
        TARDIS_DB_VALUES(tardis_db_text(override->state), tardis_db_text(override->state),
                         tardis_db_text(override->cause ? tardis_error_name(override->cause->code) : NULL),
                         tardis_db_text(override->cause ? override->cause->text : NULL),
                         tardis_db_unsigned(registration->experiment_id),
                         tardis_db_text(registration->site_url), tardis_db_text(registration->state)),
        &changes, pool);
    if (!error && changes.rows != 1)
        return tardis_error_create(pool, TARDIS_CONFLICT, "the registration at %s is no longer %s",
                                   registration->site_name, registration->state);
    if (error)
        return error;
    transfer_event_t event = {
        .experiment_id = registration->experiment_id,
        .site_url = registration->site_url,
        .kind = "manual",
        .error = override->cause,
        .text = apr_pstrcat(pool, registration->state, " -> ", override->state, NULL),
    };
    return transfer_event_add(context, &event, pool);
}

tardis_error_t *tardis_registration_list(const tardis_context_t *context, apr_uint64_t experiment_id,
                                         apr_array_header_t **registrations, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *registrations = apr_array_make(pool, 4, sizeof(tardis_registration_t *));
    tardis_error_t *error =
        tardis_db_query(context->db,
                        "SELECT " REGISTRATION_COLUMNS
                        " FROM registration WHERE experiment_id = ? ORDER BY site_name, site_url",
                        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id)), &rows, pool);
    while (!error && tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*registrations, tardis_registration_t *) = registration_from_row(rows, pool);
    return error;
}
