#include "notice.h"

#include <string.h>

#include <apr_strings.h>

#include "mail.h"
#include "mail_template.h"
#include "tardis_catalogue.h"
#include "transfer_client.h"

/* Bytes of a title: a subject and a line hold more than it. */
#define TITLE_MAX 160

static tardis_error_t *add_notices(fsm_step_t *step, mail_kind_t kind, const char *values[]);
static tardis_error_t *recipients_of(const fsm_step_t *step, apr_array_header_t **recipients);
static void add_recipient(apr_array_header_t *recipients, const char *address);
static void describe(const fsm_step_t *step, const char *values[]);
static tardis_error_t *describe_experiment(const fsm_step_t *step, const char *values[]);

tardis_error_t *notice_complete(fsm_step_t *step)
{
    const char *values[MAIL_VARIABLES] = {NULL};
    if (!step->fsm->settings->mail_on_complete)
        return NULL;
    describe(step, values);
    values[MAIL_STATE] = TARDIS_STATE_COMPLETE;
    values[MAIL_COMMAND] = apr_pstrcat(step->pool, values[MAIL_PROGRAM], " show ", values[MAIL_ID], NULL);
    return add_notices(step, MAIL_COMPLETE, values);
}

tardis_error_t *notice_failed(fsm_step_t *step)
{
    const char *values[MAIL_VARIABLES] = {NULL};
    tardis_error_code_t code = step->error->code;
    describe(step, values);
    values[MAIL_STATE] = TARDIS_STATE_FAILED;
    values[MAIL_COMMAND] = apr_pstrcat(step->pool, values[MAIL_PROGRAM], " retry ", values[MAIL_ID], NULL);
    values[MAIL_ERROR_CODE] = tardis_error_name(code);
    values[MAIL_ERROR_TEXT] = step->outcome.error_text;
    values[MAIL_FAULT] = tardis_fault_name(tardis_error_fault(code));
    values[MAIL_ADVICE] = tardis_error_advice(code);
    return add_notices(step, MAIL_FAILED, values);
}

static tardis_error_t *add_notices(fsm_step_t *step, mail_kind_t kind, const char *values[])
{
    apr_array_header_t *recipients;
    tardis_error_t *error = recipients_of(step, &recipients);
    if (!error && recipients->nelts > 0)
        error = describe_experiment(step, values);
    if (error || recipients->nelts == 0)
        return error;
    tardis_notification_t notice = {.experiment_id = step->synced->experiment_id,
                                    .about_state = values[MAIL_STATE],
                                    .about_code = values[MAIL_ERROR_CODE]};
    mail_template_fill(step->fsm->settings->mail_templates->of[kind], values, &notice.subject, &notice.body,
                       step->pool);
    for (int i = 0; i < recipients->nelts; i++) {
        notice.recipient = APR_ARRAY_IDX(recipients, i, const char *);
        *(tardis_notification_t *)apr_array_push(step->outcome.notifications) = notice;
    }
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

/* What mail says whatever it is about. */
static void describe(const fsm_step_t *step, const char *values[])
{
    const tardis_synced_t *synced = step->synced;
    const consumer_settings_t *settings = step->fsm->settings;
    apr_pool_t *pool = step->pool;
    values[MAIL_PROGRAM] = settings->command;
    values[MAIL_ID] = apr_psprintf(pool, "%" APR_UINT64_T_FMT, synced->experiment_id);
    values[MAIL_UID] = synced->uid;
    values[MAIL_PROVIDER] = synced->provider_url;
    values[MAIL_STATE_BEFORE] = synced->state;
    values[MAIL_DIRECTORY] = apr_pstrcat(pool, settings->store, "/", values[MAIL_ID], NULL);
    if (settings->base_url)
        values[MAIL_URL] = apr_pstrcat(pool, settings->base_url, "/experiment/view/", values[MAIL_ID], NULL);
}

static tardis_error_t *describe_experiment(const fsm_step_t *step, const char *values[])
{
    tardis_synced_t synced = *step->synced;
    tardis_error_t *error = tardis_synced_describe(step->fsm->context, &synced, step->pool);
    if (error)
        return error;
    values[MAIL_TITLE] = transfer_bounded(synced.title, TITLE_MAX, step->pool);
    values[MAIL_FILES] = apr_psprintf(step->pool, "%" APR_UINT64_T_FMT, synced.file_count);
    values[MAIL_BYTES] = tardis_format_bytes(synced.byte_count, step->pool);
    return NULL;
}
