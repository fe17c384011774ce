#include "notice.h"

#include <string.h>

#include <apr_strings.h>

#include "mail.h"
#include "tardis_catalogue.h"
#include "transfer_client.h"

/* Bytes of a title that a subject holds. */
#define TITLE_MAX 100

static tardis_error_t *add_notices(fsm_step_t *step, const char *subject, const char *body);
static tardis_error_t *recipients_of(const fsm_step_t *step, apr_array_header_t **recipients);
static void add_recipient(apr_array_header_t *recipients, const char *address);
static const char *about(const fsm_step_t *step);

tardis_error_t *notice_complete(fsm_step_t *step)
{
    const tardis_synced_t *synced = step->synced;
    if (!step->fsm->settings->mail_on_complete)
        return NULL;
    const char *subject =
        apr_psprintf(step->pool, "[tardis] experiment %" APR_UINT64_T_FMT " is complete: %s",
                     synced->experiment_id, transfer_bounded(synced->title, TITLE_MAX, step->pool));
    const char *body =
        apr_psprintf(step->pool,
                     "All files of this experiment have arrived and are as the provider promised.\n\n"
                     "%s\n"
                     "Nothing needs to be done. To see its history:\n\n"
                     "    tardis-consumer show %" APR_UINT64_T_FMT "\n",
                     about(step), synced->experiment_id);
    return add_notices(step, subject, body);
}

tardis_error_t *notice_failed(fsm_step_t *step)
{
    const tardis_synced_t *synced = step->synced;
    const tardis_error_t *error = step->error;
    const char *subject = apr_psprintf(
        step->pool, "[tardis] experiment %" APR_UINT64_T_FMT " has failed (%s): %s", synced->experiment_id,
        tardis_error_name(error->code), transfer_bounded(synced->title, TITLE_MAX, step->pool));
    const char *body =
        apr_psprintf(step->pool,
                     "The transfer of this experiment has failed, and will not go on by itself.\n\n"
                     "%s\n"
                     "What happened, in state %s:\n\n    %s [%s]\n\n"
                     "Who has to act: %s\n"
                     "What to do: %s\n\n"
                     "To see all about it, and to start it again once the cause is mended:\n\n"
                     "    tardis-consumer show %" APR_UINT64_T_FMT "\n"
                     "    tardis-consumer retry %" APR_UINT64_T_FMT "\n",
                     about(step), synced->state, step->outcome.error_text, tardis_error_name(error->code),
                     tardis_fault_name(tardis_error_fault(error->code)), tardis_error_advice(error->code),
                     synced->experiment_id, synced->experiment_id);
    return add_notices(step, subject, body);
}

static tardis_error_t *add_notices(fsm_step_t *step, const char *subject, const char *body)
{
    apr_array_header_t *recipients;
    tardis_error_t *error = recipients_of(step, &recipients);
    if (error)
        return error;
    for (int i = 0; i < recipients->nelts; i++)
        *(tardis_notification_t *)apr_array_push(step->outcome.notifications) =
            (tardis_notification_t){.experiment_id = step->synced->experiment_id,
                                    .recipient = APR_ARRAY_IDX(recipients, i, const char *),
                                    .subject = subject,
                                    .body = body};
    return NULL;
}

static tardis_error_t *recipients_of(const fsm_step_t *step, apr_array_header_t **recipients)
{
    const consumer_settings_t *settings = step->fsm->settings;
    *recipients = apr_array_make(step->pool, 4, sizeof(const char *));
    for (int i = 0; i < settings->mail_administrators->nelts; i++)
        add_recipient(*recipients, APR_ARRAY_IDX(settings->mail_administrators, i, const char *));
    if (!settings->mail_owners)
        return NULL;
    apr_array_header_t *owners;
    tardis_error_t *error =
        tardis_experiment_owners(step->fsm->context, step->synced->experiment_id, &owners, step->pool);
    for (int i = 0; !error && i < owners->nelts; i++) {
        const char *owner = APR_ARRAY_IDX(owners, i, const char *);
        if (mail_address_is_plausible(owner))
            add_recipient(*recipients, owner);
    }
    return error;
}

/* Each gets one mail, also an administrator who is an owner. */
static void add_recipient(apr_array_header_t *recipients, const char *address)
{
    for (int i = 0; i < recipients->nelts; i++) {
        if (strcasecmp(APR_ARRAY_IDX(recipients, i, const char *), address) == 0)
            return;
    }
    APR_ARRAY_PUSH(recipients, const char *) = address;
}

static const char *about(const fsm_step_t *step)
{
    const tardis_synced_t *synced = step->synced;
    const char *base_url = step->fsm->settings->base_url;
    const char *link = "";
    if (base_url)
        link = apr_psprintf(step->pool, "    at          %s/experiment/view/%" APR_UINT64_T_FMT "\n",
                            base_url, synced->experiment_id);
    return apr_psprintf(step->pool,
                        "    experiment  %" APR_UINT64_T_FMT "\n"
                        "    title       %s\n"
                        "    uid         %s\n"
                        "    provider    %s\n"
                        "    files       %" APR_UINT64_T_FMT ", %s\n"
                        "    below       %s/%" APR_UINT64_T_FMT "\n"
                        "%s",
                        synced->experiment_id, transfer_bounded(synced->title, 1000, step->pool), synced->uid,
                        synced->provider_url, synced->file_count,
                        tardis_format_bytes(synced->byte_count, step->pool), step->fsm->settings->store,
                        synced->experiment_id, link);
}
