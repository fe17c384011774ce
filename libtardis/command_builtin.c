#include "command_private.h"

#include "tardis_db.h"

/* A statement that changes a large table may take this long. */
#define UPGRADE_SECONDS_MAXIMUM (24 * 60 * 60)

static tardis_error_t *upgrade_schema(tardis_invocation_t *invocation);
static tardis_error_t *check_schema(tardis_invocation_t *invocation);
static tardis_error_t *show_config(tardis_invocation_t *invocation);
static tardis_schema_side_t side_of(const tardis_invocation_t *invocation);
static const tardis_tool_t *tool_of(const tardis_invocation_t *invocation);

const tardis_command_t command_builtin[] = {
    {"schema upgrade", "", 0, 0, TARDIS_NEEDS_CONFIG, NULL,
     "bring the database to the schema of this program", upgrade_schema},
    {"schema check", "", 0, 0, TARDIS_NEEDS_DATABASE, NULL, "say where the database differs from that schema",
     check_schema},
    {"config show", "", 0, 0, TARDIS_NEEDS_CONFIG, NULL,
     "print every option of the configuration and its value, and check it", show_config},
    {NULL, NULL, 0, 0, 0, NULL, NULL, NULL},
};

static tardis_error_t *upgrade_schema(tardis_invocation_t *invocation)
{
    apr_array_header_t *applied;
    tardis_error_t *error = command_open_database(invocation, UPGRADE_SECONDS_MAXIMUM);
    if (error)
        return error;
    error = tardis_schema_upgrade(invocation->context, side_of(invocation), &applied, invocation->pool);
    for (int i = 0; i < applied->nelts; i++)
        printf("applied %s\n", APR_ARRAY_IDX(applied, i, const char *));
    if (!error && applied->nelts == 0)
        printf("the schema is up to date\n");
    return error;
}

static tardis_error_t *check_schema(tardis_invocation_t *invocation)
{
    apr_array_header_t *differences;
    tardis_error_t *error =
        tardis_schema_check(invocation->context, side_of(invocation), &differences, invocation->pool);
    if (error)
        return error;
    for (int i = 0; i < differences->nelts; i++)
        printf("%s\n", APR_ARRAY_IDX(differences, i, const char *));
    if (differences->nelts == 0)
        printf("the schema is as this program made it\n");
    invocation->exit_status = differences->nelts > 0;
    return NULL;
}

static tardis_error_t *show_config(tardis_invocation_t *invocation)
{
    const tardis_tool_t *tool = tool_of(invocation);
    fputs(tardis_config_print(invocation->config, invocation->pool), stdout);
    return tool->check ? tool->check(invocation->config, invocation->pool) : NULL;
}

static tardis_schema_side_t side_of(const tardis_invocation_t *invocation)
{
    return tool_of(invocation)->side;
}

static const tardis_tool_t *tool_of(const tardis_invocation_t *invocation)
{
    return ((const command_run_t *)(const void *)invocation)->tool;
}
