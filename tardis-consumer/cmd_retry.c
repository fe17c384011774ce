#include <apr_strings.h>

#include "manual.h"
#include "partial.h"

/* Failed experiments that are restarted in one transaction. */
#define PAGE 500

const tardis_command_option_t cmd_retry_options[] = {
    {"all-failed", NULL, 0, "every experiment that is in FailPermanent"},
    {"code", "CODE", 0, "with --all-failed: only those that failed with this error"},
    {"provider", "URL", 0, "with --all-failed: only those of this provider"},
    {"dry-run", NULL, 0, "only tell what would be done"},
    {NULL, NULL, 0, NULL},
};

static tardis_error_t *check_usage(const tardis_invocation_t *invocation);
static tardis_error_t *check_code(const char *code, apr_pool_t *pool);
static tardis_error_t *retry_one(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                 const void *baton);
static tardis_error_t *retry_all(const tardis_invocation_t *invocation, const tardis_synced_failed_t *failed,
                                 const char *text);
static tardis_error_t *retry_page(const tardis_invocation_t *invocation, const apr_array_header_t *page,
                                  const char *text, int *restarted, apr_pool_t *pool);
static int is_among(const apr_array_header_t *ids, apr_uint64_t id);
static tardis_error_t *tell(const tardis_invocation_t *invocation, const tardis_synced_t *before,
                            const tardis_synced_hold_t *hold, apr_pool_t *pool);
static tardis_error_t *tell_plan(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                 apr_pool_t *pool);
static const char *files_of(const tardis_partial_retry_t *partial, apr_pool_t *pool);
static void sum_up(int count, int dry);

tardis_error_t *cmd_retry(tardis_invocation_t *invocation)
{
    const tardis_arguments_t *arguments = invocation->arguments;
    apr_pool_t *pool = invocation->pool;
    const char *text = apr_psprintf(pool, "%s started it again", manual_user(pool));
    int done;
    tardis_error_t *error = check_usage(invocation);
    if (error)
        return error;
    if (tardis_arguments_has(arguments, "all-failed")) {
        tardis_synced_failed_t failed = {.error_code = tardis_arguments_value(arguments, "code")};
        error = failed.error_code ? check_code(failed.error_code, pool) : NULL;
        if (!error)
            error = manual_provider(invocation, &failed.provider_url);
        return error ? error : retry_all(invocation, &failed, text);
    }
    error = manual_each(invocation, retry_one, text, &done);
    if (!error && tardis_arguments_operands(arguments)->nelts > 1)
        sum_up(done, tardis_arguments_has(arguments, "dry-run"));
    return error;
}

static tardis_error_t *check_usage(const tardis_invocation_t *invocation)
{
    const tardis_arguments_t *arguments = invocation->arguments;
    int named = tardis_arguments_operands(arguments)->nelts > 0;
    int all = tardis_arguments_has(arguments, "all-failed");
    if (named == all)
        return tardis_error_create(invocation->pool, TARDIS_USAGE,
                                   "name the experiments to start again, or give --all-failed");
    if (!all && (tardis_arguments_has(arguments, "code") || tardis_arguments_has(arguments, "provider")))
        return tardis_error_create(invocation->pool, TARDIS_USAGE,
                                   "--code and --provider select among --all-failed");
    return NULL;
}

static tardis_error_t *check_code(const char *code, apr_pool_t *pool)
{
    if (tardis_error_code_of(code) != TARDIS_ERROR_CODES)
        return NULL;
    return tardis_error_create(pool, TARDIS_USAGE, "--code %.64s: there is no such error%s", code,
                               tardis_error_suggest(code, pool));
}

static tardis_error_t *retry_one(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                 const void *baton)
{
    const fsm_state_t *state = fsm_state_find(TARDIS_STATE_FAILED);
    const tardis_synced_hold_t *hold = NULL;
    apr_pool_t *pool = invocation->pool;
    if (tardis_arguments_has(invocation->arguments, "dry-run")) {
        if (fsm_state_find(synced->state) != state)
            return tardis_error_create(pool, TARDIS_CONFLICT,
                                       "%s is %s; only a " TARDIS_STATE_FAILED " one can be restarted",
                                       manual_name(synced, pool), synced->state);
        return tell_plan(invocation, synced, pool);
    }
    tardis_error_t *error = tardis_synced_retry(invocation->context, synced->experiment_id, baton, pool);
    if (!error)
        error = manual_hold_of(invocation, synced->experiment_id, &hold);
    return error ? error : tell(invocation, synced, hold, pool);
}

/* There may be very many: a page at a time is read, restarted and forgotten. */
static tardis_error_t *retry_all(const tardis_invocation_t *invocation, const tardis_synced_failed_t *failed,
                                 const char *text)
{
    int dry = tardis_arguments_has(invocation->arguments, "dry-run");
    apr_uint64_t after = 0;
    int count = 0;
    int full = 1;
    tardis_error_t *error = NULL;
    apr_pool_t *pool;
    apr_pool_create(&pool, invocation->pool);
    while (full && !error) {
        apr_array_header_t *page;
        apr_pool_clear(pool);
        error = tardis_synced_failed_page(invocation->context, failed, after, PAGE, &page, pool);
        full = !error && page->nelts == PAGE;
        if (error || page->nelts == 0)
            break;
        after = APR_ARRAY_IDX(page, page->nelts - 1, tardis_synced_t).experiment_id;
        for (int i = 0; dry && !error && i < page->nelts; i++)
            error = tell_plan(invocation, &APR_ARRAY_IDX(page, i, tardis_synced_t), pool);
        if (dry)
            count += page->nelts;
        else
            error = retry_page(invocation, page, text, &count, pool);
        if (!error && full && tardis_command_interrupted())
            error = tardis_error_create(pool, TARDIS_INTERRUPTED, "told to stop before all were done");
    }
    sum_up(count, dry);
    error = tardis_error_copy(invocation->pool, error);
    apr_pool_destroy(pool);
    return error;
}

static tardis_error_t *retry_page(const tardis_invocation_t *invocation, const apr_array_header_t *page,
                                  const char *text, int *restarted, apr_pool_t *pool)
{
    apr_array_header_t *ids;
    apr_hash_t *holds;
    apr_uint64_t first = APR_ARRAY_IDX(page, 0, tardis_synced_t).experiment_id;
    apr_uint64_t last = APR_ARRAY_IDX(page, page->nelts - 1, tardis_synced_t).experiment_id;
    tardis_error_t *error = tardis_synced_retry_page(invocation->context, page, text, &ids, pool);
    if (error)
        return error;
    *restarted += ids->nelts;
    error = tardis_synced_holds(invocation->context, first, last, &holds, pool);
    for (int i = 0; !error && i < page->nelts; i++) {
        const tardis_synced_t *synced = &APR_ARRAY_IDX(page, i, tardis_synced_t);
        if (is_among(ids, synced->experiment_id))
            error = tell(invocation, synced,
                         apr_hash_get(holds, &synced->experiment_id, sizeof(synced->experiment_id)), pool);
        else
            printf("%s is no longer " TARDIS_STATE_FAILED "; it was left alone\n", manual_name(synced, pool));
    }
    return error;
}

static int is_among(const apr_array_header_t *ids, apr_uint64_t id)
{
    int low = 0;
    int high = ids->nelts;
    while (low < high) {
        int middle = (low + high) / 2;
        if (APR_ARRAY_IDX(ids, middle, apr_uint64_t) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ids->nelts && APR_ARRAY_IDX(ids, low, apr_uint64_t) == id;
}

/* Where nothing was checked before, everything is asked for. */
static tardis_error_t *tell(const tardis_invocation_t *invocation, const tardis_synced_t *before,
                            const tardis_synced_hold_t *hold, apr_pool_t *pool)
{
    tardis_partial_retry_t *partial = NULL;
    const char *next = NULL;
    tardis_error_t *error = NULL;
    if (partial_is_possible(before))
        error = tardis_partial_retry_find(invocation->context, before->experiment_id, &partial, pool);
    if (hold)
        next = apr_pstrcat(pool, "nothing is done about it while it is ", manual_hold_text(hold, pool), NULL);
    else
        next = apr_pstrcat(pool, "the next tick asks for ", files_of(partial, pool), NULL);
    printf("%s is " TARDIS_STATE_INGESTED " again; %s\n", manual_name(before, pool), next);
    return error;
}

static tardis_error_t *tell_plan(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                 apr_pool_t *pool)
{
    const tardis_partial_retry_t *partial;
    tardis_error_t *error = partial_of(invocation->context, synced, &partial, pool);
    if (!error)
        printf("%s would be started again; it failed %s [%s]%s%s\n", manual_name(synced, pool),
               tardis_format_time(synced->state_since, pool), synced->error_code ? synced->error_code : "-",
               partial ? "; the next tick would ask for " : "",
               partial ? files_of(partial, pool) : "");
    return error;
}

static const char *files_of(const tardis_partial_retry_t *partial, apr_pool_t *pool)
{
    if (!partial)
        return "its files";
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT " of its %" APR_UINT64_T_FMT " files", partial->files,
                        partial->all);
}

static void sum_up(int count, int dry)
{
    printf("retry: %d experiment%s %sstarted again\n", count, count == 1 ? "" : "s", dry ? "would be " : "");
}
