#include "commands.h"

#include <stdio.h>

#include "by_hand.h"

static tardis_error_t *cancel_transfer(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                       apr_pool_t *pool);
static tardis_error_t *cancel_registration(const tardis_context_t *context,
                                           const tardis_registration_t *registration, apr_pool_t *pool);

tardis_error_t *cancel_run(tardis_invocation_t *invocation)
{
    static const char *const transfer_states[] = {TARDIS_TRANSFER_STATE_QUEUED, TARDIS_TRANSFER_STATE_SENDING,
                                                  NULL};
    static const char *const registration_states[] = {TARDIS_REGISTRATION_STATE_PENDING, NULL};
    static const by_hand_t cancel = {
        .verb = "cancel",
        .transfer_states = transfer_states,
        .registration_states = registration_states,
        .transfer = cancel_transfer,
        .registration = cancel_registration,
    };
    return by_hand_run(invocation, &cancel);
}

static tardis_error_t *cancel_transfer(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                       apr_pool_t *pool)
{
    tardis_error_t *error = tardis_transfer_cancel(context, transfer, pool);
    if (!error)
        printf("%s: transfer cancelled\n", transfer->site_name);
    return error;
}

static tardis_error_t *cancel_registration(const tardis_context_t *context,
                                           const tardis_registration_t *registration, apr_pool_t *pool)
{
    tardis_error_t *error = tardis_registration_cancel(context, registration, pool);
    if (!error)
        printf("%s: registration cancelled\n", registration->site_name);
    return error;
}
