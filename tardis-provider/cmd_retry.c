#include "commands.h"

#include <stdio.h>

#include "by_hand.h"

static tardis_error_t *retry_transfer(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                      apr_pool_t *pool);
static tardis_error_t *retry_registration(const tardis_context_t *context,
                                          const tardis_registration_t *registration, apr_pool_t *pool);

tardis_error_t *retry_run(tardis_invocation_t *invocation)
{
    static const char *const transfer_states[] = {
        TARDIS_TRANSFER_STATE_FAILED, TARDIS_TRANSFER_STATE_CANCELLED, TARDIS_TRANSFER_STATE_QUEUED, NULL};
    static const char *const registration_states[] = {TARDIS_REGISTRATION_STATE_REFUSED,
                                                      TARDIS_REGISTRATION_STATE_PENDING, NULL};
    static const by_hand_t retry = {
        .verb = "retry",
        .transfer_states = transfer_states,
        .registration_states = registration_states,
        .transfer = retry_transfer,
        .registration = retry_registration,
    };
    return by_hand_run(invocation, &retry);
}

static tardis_error_t *retry_transfer(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                      apr_pool_t *pool)
{
    tardis_error_t *error = tardis_transfer_retry(context, transfer, pool);
    if (!error)
        printf("%s: transfer queued again, from file %" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT "\n",
               transfer->site_name, transfer->sent_through + 1, transfer->files_total);
    return error;
}

static tardis_error_t *retry_registration(const tardis_context_t *context,
                                          const tardis_registration_t *registration, apr_pool_t *pool)
{
    tardis_error_t *error = tardis_registration_retry(context, registration, pool);
    if (!error)
        printf("%s: registration is due now\n", registration->site_name);
    return error;
}
