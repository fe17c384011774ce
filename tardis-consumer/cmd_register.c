#include "commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "tardis_ingest.h"

const tardis_command_option_t cmd_register_options[] = {
    {"uid", "UID", 0, "the provider's uid of the experiment (required)"},
    {"from", "URL", 0, "the provider's base URL (required)"},
    {"owner", "OWNER", 1, "an owner, as an e-mail address or a user name here"},
    {NULL, NULL, 0, NULL},
};

static const char *base_name(const char *path);

tardis_error_t *cmd_register(tardis_invocation_t *invocation)
{
    static const char *const outcomes[] = {
        [TARDIS_INGEST_CREATED] = "registered",
        [TARDIS_INGEST_UPDATED] = "updated",
        [TARDIS_INGEST_UNCHANGED] = "unchanged",
    };
    apr_pool_t *pool = invocation->pool;
    const char *file = APR_ARRAY_IDX(tardis_arguments_operands(invocation->arguments), 0, const char *);
    const char *uid = tardis_arguments_value(invocation->arguments, "uid");
    const char *from = tardis_arguments_value(invocation->arguments, "from");
    consumer_settings_t *settings;
    tardis_ingest_result_t *result;
    if (!uid || !from)
        return tardis_error_create(pool, TARDIS_USAGE, "register needs --uid and --from");
    tardis_error_t *error = consumer_settings_read(invocation->config, &settings, pool);
    if (error)
        return error;
    if (access(file, R_OK) != 0)
        return tardis_error_from_status(pool, TARDIS_FILE_UNREADABLE, errno, "%s", file);
    const tardis_ingest_request_t request = {
        .document = file,
        .name = base_name(file),
        .uid = uid,
        .provider_url = consumer_base_url(from, pool),
        .owners = tardis_arguments_values(invocation->arguments, "owner"),
        .allow_empty = settings->allow_empty,
    };
    error = tardis_ingest(invocation->context, &request, &result, pool);
    if (error)
        return error;
    for (int i = 0; i < result->warnings->nelts; i++)
        tardis_log(invocation->context, TARDIS_LOG_WARNING, "%s: %s", request.name,
                   APR_ARRAY_IDX(result->warnings, i, const char *));
    printf("experiment %" APR_UINT64_T_FMT " %s: %" APR_UINT64_T_FMT
           " files, %s, expected below %s/%" APR_UINT64_T_FMT "\n",
           result->experiment_id, outcomes[result->outcome], result->files,
           tardis_format_bytes(result->bytes, pool), settings->store, result->experiment_id);
    return NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
