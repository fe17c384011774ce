#include "why.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_catalogue.h"

enum { PROBLEMS_SHOWN = 3, MAILS_READ = 100 };

const tardis_command_option_t cmd_why_options[] = {
    {"json", NULL, 0, "print a JSON object"},
    {NULL, NULL, 0, NULL},
};

static tardis_error_t *gather(const tardis_invocation_t *invocation, why_t *why);
static tardis_error_t *gather_mails(const tardis_invocation_t *invocation, why_t *why);
static tardis_error_t *gather_left(const tardis_invocation_t *invocation, why_t *why);
static void read_status(why_t *why, apr_pool_t *pool);

tardis_error_t *cmd_why(tardis_invocation_t *invocation)
{
    apr_pool_t *pool = invocation->pool;
    why_t why = {0};
    tardis_synced_t *synced;
    consumer_settings_t *settings;
    const char *name = APR_ARRAY_IDX(tardis_arguments_operands(invocation->arguments), 0, const char *);
    tardis_error_t *error = consumer_settings_read(invocation->config, &settings, pool);
    if (!error)
        error = experiment_named(invocation, name, &synced);
    if (error)
        return error;
    why.synced = synced;
    why.settings = settings;
    why.ca_file = tardis_config_text(invocation->config, "ca_file");
    why.state = fsm_state_find(synced->state);
    error = gather(invocation, &why);
    if (error)
        return error;
    why_judge(&why, pool);
    if (tardis_arguments_has(invocation->arguments, "json"))
        return why_print_json(&why, pool);
    why_print_page(&why, pool);
    return NULL;
}

static tardis_error_t *gather(const tardis_invocation_t *invocation, why_t *why)
{
    const tardis_context_t *context = invocation->context;
    apr_uint64_t id = why->synced->experiment_id;
    apr_pool_t *pool = invocation->pool;
    read_status(why, pool);
    tardis_error_t *error = tardis_synced_story(context, id, &why->story, pool);
    if (!error)
        error = manual_hold_of(invocation, id, &why->hold);
    if (!error)
        error = tardis_experiment_unverifiable(context, id, &why->unverifiable, pool);
    if (!error)
        error =
            tardis_file_problem_first(context, id, PROBLEMS_SHOWN, &why->problems, &why->problem_count, pool);
    if (!error)
        error = partial_of(context, why->synced, &why->partial, pool);
    if (!error)
        error = gather_mails(invocation, why);
    return error ? error : gather_left(invocation, why);
}

/* Mail of an earlier failure tells nothing about this one. */
static tardis_error_t *gather_mails(const tardis_invocation_t *invocation, why_t *why)
{
    apr_array_header_t *all;
    tardis_error_t *error = tardis_notification_list(invocation->context, why->synced->experiment_id,
                                                     MAILS_READ, &all, invocation->pool);
    why->mails = apr_array_make(invocation->pool, 4, sizeof(tardis_notification_t));
    for (int i = 0; !error && i < all->nelts; i++) {
        const tardis_notification_t *mail = &APR_ARRAY_IDX(all, i, tardis_notification_t);
        if (mail->created_at >= why->synced->state_since)
            *(tardis_notification_t *)apr_array_push(why->mails) = *mail;
    }
    return error;
}

/* Where nobody could ask it, that is what there is to tell. */
static tardis_error_t *gather_left(const tardis_invocation_t *invocation, why_t *why)
{
    apr_pool_t *pool = invocation->pool;
    tardis_provider_health_t *health = apr_palloc(pool, sizeof(*health));
    const char *error_code = why->synced->error_code;
    int is_unknown = error_code && strcmp(error_code, tardis_error_name(TARDIS_PROVIDER_UNKNOWN)) == 0;
    if (!why->state || !fsm_asks(why->state) || is_unknown)
        return NULL;
    tardis_error_t *error =
        tardis_provider_health_find(invocation->context, why->synced->provider_url, health, pool);
    if (!error && health->left_until)
        why->left = health;
    return error;
}

static void read_status(why_t *why, apr_pool_t *pool)
{
    tardis_status_t *status;
    const char *document = why->synced->status_document;
    if (document && !tardis_status_decode(document, strlen(document), &status, pool))
        why->status = status;
}
