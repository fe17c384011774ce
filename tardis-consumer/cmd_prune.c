#include "commands.h"

#include <errno.h>
#include <stdlib.h>

#include <apr_strings.h>

#include "tardis_synced_report.h"

/* More than a century. */
#define DAYS_MAX 36500

const tardis_command_option_t cmd_prune_options[] = {
    {"older-than", "DAYS", 0, "of experiments that have finished longer ago than this; required"},
    {"failed", NULL, 0, "of those in FailPermanent as well"},
    {"dry-run", NULL, 0, "only tell what would be removed"},
    {NULL, NULL, 0, NULL},
};

static tardis_error_t *read_options(const tardis_invocation_t *invocation, tardis_synced_prune_t *prune);
static tardis_error_t *run(const tardis_invocation_t *invocation, const tardis_synced_prune_t *prune,
                           tardis_synced_pruned_t *pruned);
static const char *plural(apr_uint64_t count, const char *noun, apr_pool_t *pool);

tardis_error_t *cmd_prune(tardis_invocation_t *invocation)
{
    apr_pool_t *pool = invocation->pool;
    tardis_synced_prune_t prune;
    tardis_synced_pruned_t pruned = {0};
    tardis_error_t *error = read_options(invocation, &prune);
    if (error)
        return error;
    error = run(invocation, &prune, &pruned);
    printf("prune: %s and %s %s %s that finished more than %s ago\n", plural(pruned.events, "event", pool),
           plural(pruned.mails, "mail", pool),
           prune.only_count ? "would be removed from" : "were removed from",
           plural(pruned.experiments, "experiment", pool), plural((apr_uint64_t)prune.days, "day", pool));
    return error;
}

static tardis_error_t *read_options(const tardis_invocation_t *invocation, tardis_synced_prune_t *prune)
{
    const char *given = tardis_arguments_value(invocation->arguments, "older-than");
    char *end;
    if (!given)
        return tardis_error_create(invocation->pool, TARDIS_USAGE, "give --older-than DAYS");
    errno = 0;
    long days = strtol(given, &end, 10);
    if (errno || end == given || *end || days < 1 || days > DAYS_MAX)
        return tardis_error_create(invocation->pool, TARDIS_USAGE, "--older-than %.40s: give 1 to %d days",
                                   given, DAYS_MAX);
    *prune = (tardis_synced_prune_t){
        .days = (int)days,
        .failed = tardis_arguments_has(invocation->arguments, "failed"),
        .only_count = tardis_arguments_has(invocation->arguments, "dry-run"),
    };
    return NULL;
}

static tardis_error_t *run(const tardis_invocation_t *invocation, const tardis_synced_prune_t *prune,
                           tardis_synced_pruned_t *pruned)
{
    apr_pool_t *pool;
    tardis_error_t *error;
    apr_pool_create(&pool, invocation->pool);
    do {
        apr_pool_clear(pool);
        error = tardis_synced_prune(invocation->context, prune, pruned, pool);
        if (!error && pruned->last && tardis_command_interrupted())
            error =
                tardis_error_create(pool, TARDIS_INTERRUPTED, "interrupted before everything was trimmed");
    } while (!error && pruned->last);
    error = tardis_error_copy(invocation->pool, error);
    apr_pool_destroy(pool);
    return error;
}

static const char *plural(apr_uint64_t count, const char *noun, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT " %s%s", count, noun, count == 1 ? "" : "s");
}
