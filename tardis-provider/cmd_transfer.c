#include "commands.h"

#include <stdio.h>

#include <apr_strings.h>

#include "registration.h"
#include "tardis_db.h"
#include "tardis_uid.h"

/* One run of the command. */
typedef struct {
    tardis_invocation_t *invocation;
    const provider_settings_t *settings;
    const tardis_experiment_t *experiment;
    apr_array_header_t *owners; /* const char * */
    int chosen;                 /* the sites were named: the owners need not match */
    int matched;                /* how many sites were told, or are to be */
} telling_t;

static tardis_error_t *choose_sites(telling_t *telling, apr_array_header_t **sites);
static tardis_error_t *named_sites(const telling_t *telling, const apr_array_header_t *all,
                                   apr_array_header_t **sites);
static tardis_error_t *tell_site(telling_t *telling, const tardis_site_answer_t *answer, apr_pool_t *pool);
static tardis_error_t *register_at(telling_t *telling, const tardis_site_t *site,
                                   const tardis_site_settings_t *site_settings, const tardis_error_t *cause,
                                   apr_pool_t *pool);
static void report(telling_t *telling, const tardis_site_t *site, const registration_result_t *result);
static void report_no_match(const telling_t *telling);

const tardis_command_option_t transfer_options[] = {
    {"site", "NAME", 1, "tell this site of the registry, whoever the owners are"},
    {"all-sites", NULL, 0, "tell every site of the registry"},
    {NULL, NULL, 0, NULL},
};

tardis_error_t *transfer_run(tardis_invocation_t *invocation)
{
    provider_settings_t *settings;
    tardis_experiment_t *experiment;
    apr_array_header_t *sites = NULL;
    apr_pool_t *scratch;
    telling_t telling = {.invocation = invocation};
    tardis_error_t *error = provider_settings_read_public(invocation, &settings);
    if (!error)
        error = subject_find(invocation, settings, &experiment);
    if (!error)
        error =
            tardis_experiment_owners(invocation->context, experiment->id, &telling.owners, invocation->pool);
    if (error)
        return error;
    telling.settings = settings;
    telling.experiment = experiment;
    error = choose_sites(&telling, &sites);
    if (error)
        return error;
    const apr_array_header_t *answers =
        tardis_site_settings_fetch_all(invocation->context, sites, invocation->pool);
    apr_pool_create(&scratch, invocation->pool);
    for (int i = 0; !error && i < answers->nelts && !tardis_command_interrupted(); i++) {
        apr_pool_clear(scratch);
        error = tell_site(&telling, APR_ARRAY_IDX(answers, i, const tardis_site_answer_t *), scratch);
    }
    error = tardis_error_copy(invocation->pool, error);
    apr_pool_destroy(scratch);
    if (!error && tardis_command_interrupted())
        return tardis_error_create(invocation->pool, TARDIS_INTERRUPTED,
                                   "told to stop before every site was told");
    if (!error && !telling.matched)
        report_no_match(&telling);
    return error;
}

static tardis_error_t *choose_sites(telling_t *telling, apr_array_header_t **sites)
{
    const tardis_arguments_t *arguments = telling->invocation->arguments;
    apr_pool_t *pool = telling->invocation->pool;
    apr_array_header_t *all;
    if (tardis_arguments_has(arguments, "site") && tardis_arguments_has(arguments, "all-sites"))
        return tardis_error_create(pool, TARDIS_USAGE, "--site and --all-sites exclude each other");
    telling->chosen = tardis_arguments_has(arguments, "site") || tardis_arguments_has(arguments, "all-sites");
    tardis_error_t *error =
        tardis_registry_load(telling->invocation->context, &telling->settings->registry, &all, pool);
    if (!error && tardis_arguments_has(arguments, "site"))
        return named_sites(telling, all, sites);
    if (error)
        return error;
    *sites = apr_array_make(pool, all->nelts, sizeof(const tardis_site_t *));
    for (int i = 0; i < all->nelts; i++)
        APR_ARRAY_PUSH(*sites, const tardis_site_t *) = &APR_ARRAY_IDX(all, i, tardis_site_t);
    return NULL;
}

static tardis_error_t *named_sites(const telling_t *telling, const apr_array_header_t *all,
                                   apr_array_header_t **sites)
{
    apr_pool_t *pool = telling->invocation->pool;
    const apr_array_header_t *names = tardis_arguments_values(telling->invocation->arguments, "site");
    *sites = apr_array_make(pool, names->nelts, sizeof(const tardis_site_t *));
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        const tardis_site_t *site = tardis_registry_find_name(all, name);
        if (!site)
            return tardis_error_create(pool, TARDIS_SITE_UNKNOWN, "no site of the registry is called %s",
                                       name);
        APR_ARRAY_PUSH(*sites, const tardis_site_t *) = site;
    }
    return NULL;
}

/* A site that does not give its settings now may match later: `send` finds out. */
static tardis_error_t *tell_site(telling_t *telling, const tardis_site_answer_t *answer, apr_pool_t *pool)
{
    tardis_error_t *error = tardis_db_ensure(telling->invocation->context->db, pool);
    if (error)
        return error;
    if (answer->settings && !telling->chosen &&
        !tardis_site_settings_owners(answer->settings, telling->owners, pool)->nelts)
        return NULL;
    telling->matched++;
    return register_at(telling, answer->site, answer->settings, answer->error, pool);
}

static tardis_error_t *register_at(telling_t *telling, const tardis_site_t *site,
                                   const tardis_site_settings_t *site_settings, const tardis_error_t *cause,
                                   apr_pool_t *pool)
{
    const tardis_context_t *context = telling->invocation->context;
    tardis_lease_t lease = provider_lease(telling->settings, pool);
    tardis_registration_t *registration;
    registration_result_t result = {.outcome = REGISTRATION_TAKEN};
    tardis_error_t *error = tardis_registration_open(context, &lease, telling->experiment->id, site,
                                                     telling->chosen, &registration, pool);
    if (error && error->code == TARDIS_CONFLICT)
        result.cause = error;
    else if (error)
        return error;
    else if (cause)
        error = registration_give_up(context, telling->settings, registration, cause, &result, pool);
    else
        error =
            registration_carry_out(context, telling->settings, registration, site_settings, &result, pool);
    if (error && error->code != TARDIS_CONFLICT)
        return error;
    report(telling, site, &result);
    return NULL;
}

static void report(telling_t *telling, const tardis_site_t *site, const registration_result_t *result)
{
    const char *code = result->cause ? tardis_error_name(result->cause->code) : "";
    switch (result->outcome) {
    case REGISTRATION_ACCEPTED:
        printf("%s: registered as %s\n", site->name, result->location);
        break;
    case REGISTRATION_REFUSED:
        printf("%s: refused: %s [%s]\n", site->name, result->cause->text, code);
        break;
    case REGISTRATION_POSTPONED:
        printf("%s: not reached: %s [%s]; `send` tries again\n", site->name, result->cause->text, code);
        break;
    case REGISTRATION_TAKEN:
        printf("%s: left alone: %s [%s]\n", site->name, result->cause->text, code);
        break;
    }
    fflush(stdout);
    if (result->outcome != REGISTRATION_ACCEPTED)
        telling->invocation->exit_status = 1;
}

static void report_no_match(const telling_t *telling)
{
    tardis_invocation_t *invocation = telling->invocation;
    const char *owners = apr_array_pstrcat(invocation->pool, telling->owners, ',');
    fprintf(stderr, "%s: %s: no site's email-endswith matches %s; name one with --site\n",
            invocation->program,
            tardis_uid_format(telling->settings->institution, telling->experiment->id, invocation->pool),
            telling->owners->nelts ? owners : "an owner, as it has none");
    invocation->exit_status = 1;
}
