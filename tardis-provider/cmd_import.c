#include "import.h"

#include <stdio.h>

#include "tardis_uid.h"

static tardis_error_t *find_replaced(const tardis_invocation_t *invocation,
                                     const provider_settings_t *settings, import_t *import);
static tardis_error_t *examine(const tardis_invocation_t *invocation, const provider_settings_t *settings,
                               const import_t *import, walk_t **walk);
static tardis_error_t *refuse_problems(const tardis_invocation_t *invocation, const walk_t *walk);
static tardis_error_t *compare_again(const walk_t *walk, apr_pool_t *pool);

tardis_error_t *import_run(tardis_invocation_t *invocation)
{
    provider_settings_t *settings;
    import_t import;
    walk_t *walk;
    apr_uint64_t id;
    tardis_error_t *error = provider_settings_read(invocation, &settings);
    if (!error)
        error = import_arguments(invocation, settings, &import);
    if (!error)
        error = find_replaced(invocation, settings, &import);
    if (!error)
        error = examine(invocation, settings, &import, &walk);
    if (!error)
        error =
            import_store(invocation->context, &import, walk, settings->institution, &id, invocation->pool);
    if (!error)
        printf("%s\n", tardis_uid_format(settings->institution, id, invocation->pool));
    return error;
}

/* Before hours of hashing: whether the EPN may be imported at all. */
static tardis_error_t *find_replaced(const tardis_invocation_t *invocation,
                                     const provider_settings_t *settings, import_t *import)
{
    tardis_experiment_t *existing = NULL;
    tardis_error_t *error = NULL;
    if (import->experiment.epn)
        error = tardis_experiment_by_epn(invocation->context, import->experiment.epn, &existing,
                                         invocation->pool);
    if (error || !existing)
        return error;
    if (!tardis_arguments_has(invocation->arguments, "update"))
        return tardis_error_create(
            invocation->pool, TARDIS_CONFLICT, "EPN %s was imported already, as %s; --update replaces it",
            import->experiment.epn, tardis_uid_format(settings->institution, existing->id, invocation->pool));
    import->experiment.id = existing->id;
    return tardis_source_hold(invocation->context, existing->id, invocation->pool);
}

static tardis_error_t *examine(const tardis_invocation_t *invocation, const provider_settings_t *settings,
                               const import_t *import, walk_t **walk)
{
    tardis_error_t *error = walk_directory(import->directory, walk, invocation->pool);
    if (!error)
        error = refuse_problems(invocation, *walk);
    if (!error && !(*walk)->files)
        return tardis_error_create(invocation->pool, TARDIS_MANIFEST_EMPTY, "%s has no files",
                                   import->directory);
    if (!error)
        error = import_hash(*walk, settings->hash_threads, import->quiet, invocation->pool);
    if (!error)
        error = refuse_problems(invocation, *walk);
    return error ? error : compare_again(*walk, invocation->pool);
}

/* All of them are named, so that they can be mended in one go. */
static tardis_error_t *refuse_problems(const tardis_invocation_t *invocation, const walk_t *walk)
{
    if (!walk->problem_count)
        return NULL;
    for (int i = 0; i < walk->problems->nelts; i++) {
        const tardis_error_t *problem = APR_ARRAY_IDX(walk->problems, i, const tardis_error_t *);
        fprintf(stderr, "%s: %s [%s]\n", invocation->program, problem->text,
                tardis_error_name(problem->code));
    }
    const tardis_error_t *first = APR_ARRAY_IDX(walk->problems, 0, const tardis_error_t *);
    apr_uint64_t unnamed = walk->problem_count - (apr_uint64_t)walk->problems->nelts;
    if (unnamed)
        fprintf(stderr, "%s: and %" APR_UINT64_T_FMT " more\n", invocation->program, unnamed);
    return tardis_error_create(
        invocation->pool, first->code, "%" APR_UINT64_T_FMT " %s of %s cannot be imported; nothing was",
        walk->problem_count, walk->problem_count == 1 ? "entry" : "entries", walk->directory);
}

static tardis_error_t *compare_again(const walk_t *walk, apr_pool_t *pool)
{
    apr_pool_t *scratch;
    walk_t *again;
    apr_pool_create(&scratch, pool);
    tardis_error_t *error = walk_directory(walk->directory, &again, scratch);
    if (!error)
        error = walk_compare(walk, again, scratch);
    error = tardis_error_copy(pool, error);
    apr_pool_destroy(scratch);
    return error;
}
