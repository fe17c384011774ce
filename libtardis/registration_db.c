#include "tardis_transfer_db.h"

#include <string.h>

#include <apr_strings.h>

#include "transfer_rows.h"

#define FREE "(lease_until IS NULL OR lease_until <= UTC_TIMESTAMP(6))"
#define HELD " WHERE experiment_id = ? AND site_url = ? AND state = 'Pending' AND lease_owner = ?"
#define RELEASE "lease_owner = NULL, lease_until = NULL, updated_at = UTC_TIMESTAMP(6)"

/* One change of a registration, and what it needs. */
typedef struct {
    const tardis_lease_t *lease;
    apr_uint64_t experiment_id;
    const tardis_site_t *site;
    int chosen;
    const tardis_registration_t *registration;
    const char *state;
    const char *location;
    const tardis_error_t *cause;
    apr_interval_time_t delay;
} change_t;

static tardis_error_t *open_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *hold_existing(const tardis_context_t *context, const change_t *change, int *exists,
                                     apr_pool_t *pool);
static tardis_error_t *find(const tardis_context_t *context, apr_uint64_t experiment_id, const char *site_url,
                            tardis_registration_t **registration, apr_pool_t *pool);
static tardis_error_t *take(const tardis_context_t *context, const tardis_lease_t *lease,
                            const tardis_registration_t *registration, int *taken, apr_pool_t *pool);
static tardis_error_t *settle_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *postpone_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *drop_within(const tardis_context_t *context, void *baton, apr_pool_t *pool);
static tardis_error_t *held(tardis_error_t *error, const tardis_db_changes_t *changes,
                            const tardis_registration_t *registration, apr_pool_t *pool);
static tardis_error_t *tell(const tardis_context_t *context, apr_uint64_t experiment_id, const char *site_url,
                            const tardis_error_t *cause, const char *text, apr_pool_t *pool);

tardis_error_t *tardis_registration_open(const tardis_context_t *context, const tardis_lease_t *lease,
                                         apr_uint64_t experiment_id, const tardis_site_t *site, int chosen,
                                         tardis_registration_t **registration, apr_pool_t *pool)
{
    change_t change = {.lease = lease, .experiment_id = experiment_id, .site = site, .chosen = chosen};
    *registration = NULL;
    tardis_error_t *error = transfer_transact(context, open_within, &change, pool);
    if (!error)
        error = find(context, experiment_id, site->url, registration, pool);
    if (!error && !*registration)
        error = tardis_error_create(pool, TARDIS_LEASE_LOST, "the registration was removed meanwhile");
    return error;
}

static tardis_error_t *open_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    int exists;
    tardis_error_t *error = hold_existing(context, change, &exists, pool);
    if (error || exists)
        return error;
    error = tardis_db_execute(
        context->db,
        "INSERT INTO registration (experiment_id, site_url, site_name, state, chosen, next_attempt_at, "
        "lease_owner, "
        "lease_until, created_at, updated_at) VALUES (?, ?, ?, 'Pending', ?, UTC_TIMESTAMP(6), ?, "
        "UTC_TIMESTAMP(6) + INTERVAL ? SECOND, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        TARDIS_DB_VALUES(tardis_db_unsigned(change->experiment_id), tardis_db_text(change->site->url),
                         tardis_db_text(change->site->name), tardis_db_signed(change->chosen),
                         tardis_db_text(change->lease->owner), tardis_db_signed(change->lease->seconds)),
        NULL, pool);
    if (error && error->code == TARDIS_DATABASE_DUPLICATE)
        return tardis_error_create(pool, TARDIS_CONFLICT, "another process is registering it just now");
    if (error)
        return error;
    return tell(context, change->experiment_id, change->site->url, NULL, "- -> Pending", pool);
}

/* A change from a settled state is told; a Pending one that nobody holds is simply taken up again. */
static tardis_error_t *hold_existing(const tardis_context_t *context, const change_t *change, int *exists,
                                     apr_pool_t *pool)
{
    tardis_registration_t *before;
    tardis_db_changes_t changes = {0};
    *exists = 0;
    tardis_error_t *error = find(context, change->experiment_id, change->site->url, &before, pool);
    if (error || !before)
        return error;
    *exists = 1;
    error = tardis_db_execute(
        context->db,
        "UPDATE registration SET site_name = ?, state = 'Pending', chosen = ?, attempts = 0, "
        "next_attempt_at = UTC_TIMESTAMP(6), lease_owner = ?, lease_until = UTC_TIMESTAMP(6) + INTERVAL ? "
        "SECOND, "
        "updated_at = UTC_TIMESTAMP(6) WHERE experiment_id = ? AND site_url = ? AND " FREE,
        TARDIS_DB_VALUES(tardis_db_text(change->site->name), tardis_db_signed(change->chosen),
                         tardis_db_text(change->lease->owner), tardis_db_signed(change->lease->seconds),
                         tardis_db_unsigned(change->experiment_id), tardis_db_text(change->site->url)),
        &changes, pool);
    if (!error && changes.rows != 1)
        return tardis_error_create(pool, TARDIS_CONFLICT, "another process is registering it just now");
    if (error || strcmp(before->state, TARDIS_REGISTRATION_STATE_PENDING) == 0)
        return error;
    return tell(context, change->experiment_id, change->site->url, NULL,
                apr_pstrcat(pool, before->state, " -> Pending", NULL), pool);
}

static tardis_error_t *find(const tardis_context_t *context, apr_uint64_t experiment_id, const char *site_url,
                            tardis_registration_t **registration, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *registration = NULL;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT " REGISTRATION_COLUMNS " FROM registration WHERE experiment_id = ? AND site_url = ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_text(site_url)), &rows, pool);
    if (!error && tardis_db_rows_next(rows))
        *registration = registration_from_row(rows, pool);
    return error;
}

tardis_error_t *tardis_registration_claim(const tardis_context_t *context, const tardis_lease_t *lease,
                                          tardis_registration_t **registration, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    int taken = 0;
    *registration = NULL;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT " REGISTRATION_COLUMNS
        " FROM registration WHERE state = 'Pending' AND next_attempt_at <= UTC_TIMESTAMP(6) AND " FREE
        " ORDER BY next_attempt_at LIMIT 16",
        TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && !taken && tardis_db_rows_next(rows)) {
        *registration = registration_from_row(rows, pool);
        error = take(context, lease, *registration, &taken, pool);
    }
    if (!taken)
        *registration = NULL;
    return error;
}

static tardis_error_t *take(const tardis_context_t *context, const tardis_lease_t *lease,
                            const tardis_registration_t *registration, int *taken, apr_pool_t *pool)
{
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE registration SET lease_owner = ?, lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND "
        "WHERE experiment_id = ? AND site_url = ? AND state = 'Pending' AND next_attempt_at <= "
        "UTC_TIMESTAMP(6) "
        "AND " FREE,
        TARDIS_DB_VALUES(tardis_db_text(lease->owner), tardis_db_signed(lease->seconds),
                         tardis_db_unsigned(registration->experiment_id),
                         tardis_db_text(registration->site_url)),
        &changes, pool);
    *taken = !error && changes.rows == 1;
    return error;
}

tardis_error_t *tardis_registration_accept(const tardis_context_t *context, const tardis_lease_t *lease,
                                           const tardis_registration_t *registration, const char *location,
                                           apr_pool_t *pool)
{
    change_t change = {
        .lease = lease,
        .registration = registration,
        .state = TARDIS_REGISTRATION_STATE_REGISTERED,
        .location = location,
    };
    return transfer_transact(context, settle_within, &change, pool);
}

tardis_error_t *tardis_registration_refuse(const tardis_context_t *context, const tardis_lease_t *lease,
                                           const tardis_registration_t *registration,
                                           const tardis_error_t *cause, apr_pool_t *pool)
{
    change_t change = {
        .lease = lease,
        .registration = registration,
        .state = TARDIS_REGISTRATION_STATE_REFUSED,
        .location = registration->location,
        .cause = cause,
    };
    return transfer_transact(context, settle_within, &change, pool);
}

static tardis_error_t *settle_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    const tardis_registration_t *registration = change->registration;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE registration SET state = ?, attempts = attempts + 1, next_attempt_at = NULL, location = ?, "
        "error_code = ?, error_text = ?, " RELEASE HELD,
        TARDIS_DB_VALUES(
            tardis_db_text(change->state), tardis_db_text(change->location),
            tardis_db_text(change->cause ? tardis_error_name(change->cause->code) : NULL),
            tardis_db_text(change->cause ? transfer_text_bound(change->cause->text, pool) : NULL),
            tardis_db_unsigned(registration->experiment_id), tardis_db_text(registration->site_url),
            tardis_db_text(change->lease->owner)),
        &changes, pool);
    error = held(error, &changes, registration, pool);
    if (error)
        return error;
    const char *text = apr_pstrcat(pool, "Pending -> ", change->state, NULL);
    if (!change->cause && change->location)
        text = apr_pstrcat(pool, text, " as ", change->location, NULL);
    return tell(context, registration->experiment_id, registration->site_url, change->cause, text, pool);
}

tardis_error_t *tardis_registration_postpone(const tardis_context_t *context, const tardis_lease_t *lease,
                                             const tardis_registration_t *registration,
                                             const tardis_error_t *cause, apr_interval_time_t delay,
                                             apr_pool_t *pool)
{
    change_t change = {.lease = lease, .registration = registration, .cause = cause, .delay = delay};
    return transfer_transact(context, postpone_within, &change, pool);
}

static tardis_error_t *postpone_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    const tardis_registration_t *registration = change->registration;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db,
        "UPDATE registration SET attempts = attempts + 1, "
        "next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, error_code = ?, error_text = "
        "?, " RELEASE HELD,
        TARDIS_DB_VALUES(tardis_db_signed(change->delay),
                         tardis_db_text(tardis_error_name(change->cause->code)),
                         tardis_db_text(transfer_text_bound(change->cause->text, pool)),
                         tardis_db_unsigned(registration->experiment_id),
                         tardis_db_text(registration->site_url), tardis_db_text(change->lease->owner)),
        &changes, pool);
    error = held(error, &changes, registration, pool);
    if (error)
        return error;
    return tell(context, registration->experiment_id, registration->site_url, change->cause,
                apr_psprintf(pool, "stays Pending: attempt %" APR_UINT64_T_FMT ", tried again in %d s",
                             registration->attempts + 1, (int)apr_time_sec(change->delay)),
                pool);
}

tardis_error_t *tardis_registration_drop(const tardis_context_t *context, const tardis_lease_t *lease,
                                         const tardis_registration_t *registration, apr_pool_t *pool)
{
    change_t change = {.lease = lease, .registration = registration};
    return transfer_transact(context, drop_within, &change, pool);
}

static tardis_error_t *drop_within(const tardis_context_t *context, void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    const tardis_registration_t *registration = change->registration;
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(
        context->db, "DELETE FROM registration" HELD,
        TARDIS_DB_VALUES(tardis_db_unsigned(registration->experiment_id),
                         tardis_db_text(registration->site_url), tardis_db_text(change->lease->owner)),
        &changes, pool);
    error = held(error, &changes, registration, pool);
    if (error)
        return error;
    return tell(context, registration->experiment_id, registration->site_url, NULL,
                apr_psprintf(pool, "Pending -> -: no owner belongs to %s", registration->site_name), pool);
}

static tardis_error_t *held(tardis_error_t *error, const tardis_db_changes_t *changes,
                            const tardis_registration_t *registration, apr_pool_t *pool)
{
    if (!error && changes->rows != 1)
        return tardis_error_create(pool, TARDIS_LEASE_LOST,
                                   "the registration at %s was taken over or cancelled",
                                   registration->site_name);
    return error;
}

static tardis_error_t *tell(const tardis_context_t *context, apr_uint64_t experiment_id, const char *site_url,
                            const tardis_error_t *cause, const char *text, apr_pool_t *pool)
{
    transfer_event_t event = {
        .experiment_id = experiment_id,
        .site_url = site_url,
        .kind = "registration",
        .error = cause,
        .text = text,
    };
    return transfer_event_add(context, &event, pool);
}
