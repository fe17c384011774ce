/*
 * Drives tardis_ingest.h for t/mets/.
 *
 *   ingest_client OPTION-FILE schema
 *   ingest_client OPTION-FILE register DOCUMENT [allow-empty] [UID URL [OWNER...]]
 *   ingest_client OPTION-FILE write EXPERIMENT DOCUMENT [PROTOCOL]
 *
 * Prints "created|updated|unchanged EXPERIMENT FILES BYTES" and a line "warning TEXT" each, or "written", and
 * exits 0; or prints "error CODE LINE TEXT" and exits 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "tardis_db.h"
#include "tardis_ingest.h"
#include "tardis_schema.h"

typedef tardis_error_t *command_fn(const tardis_context_t *context, int count, char **arguments,
                                   apr_pool_t *pool);

static command_fn do_schema, do_register, do_write;

static const struct {
    const char *name;
    command_fn *run;
    int least;
} commands[] = {{"schema", do_schema, 0}, {"register", do_register, 1}, {"write", do_write, 2}};

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    tardis_context_t context = {0};
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 2;
    atexit(apr_terminate);
    context.pool = pool;
    tardis_error_t *error =
        tardis_error_create(pool, TARDIS_USAGE, "ingest_client OPTION-FILE schema|register|write ...");
    for (apr_size_t i = 0; argc > 2 && i < sizeof(commands) / sizeof(*commands); i++) {
        const tardis_db_settings_t settings = {.option_file = argv[1]};
        if (strcmp(argv[2], commands[i].name) != 0 || argc - 3 < commands[i].least)
            continue;
        error = tardis_db_open(&context.db, &settings, pool);
        if (!error)
            error = commands[i].run(&context, argc - 3, argv + 3, pool);
    }
    if (error)
        printf("error %s %ld %s\n", tardis_error_name(error->code), error->line, error->text);
    apr_pool_destroy(pool);
    return error ? 1 : 0;
}

static tardis_error_t *do_schema(const tardis_context_t *context, int count, char **arguments,
                                 apr_pool_t *pool)
{
    apr_array_header_t *applied;
    (void)count;
    (void)arguments;
    return tardis_schema_upgrade(context, TARDIS_SCHEMA_CONSUMER, &applied, pool);
}

static tardis_error_t *do_register(const tardis_context_t *context, int count, char **arguments,
                                   apr_pool_t *pool)
{
    static const char *const outcomes[] = {"created", "updated", "unchanged"};
    apr_array_header_t *owners = apr_array_make(pool, 4, sizeof(const char *));
    tardis_ingest_request_t request = {.document = arguments[0], .name = "the document", .owners = owners};
    tardis_ingest_result_t *result;
    int at = 1;
    if (at < count && strcmp(arguments[at], "allow-empty") == 0) {
        request.allow_empty = 1;
        at++;
    }
    if (at + 1 < count) {
        request.uid = arguments[at++];
        request.provider_url = arguments[at++];
    }
    while (at < count)
        APR_ARRAY_PUSH(owners, const char *) = arguments[at++];
    tardis_error_t *error = tardis_ingest(context, &request, &result, pool);
    if (error)
        return error;
    printf("%s %" APR_UINT64_T_FMT " %" APR_UINT64_T_FMT " %" APR_UINT64_T_FMT "\n",
           outcomes[result->outcome], result->experiment_id, result->files, result->bytes);
    for (int i = 0; i < result->warnings->nelts; i++)
        printf("warning %s\n", APR_ARRAY_IDX(result->warnings, i, const char *));
    return NULL;
}

static tardis_error_t *do_write(const tardis_context_t *context, int count, char **arguments,
                                apr_pool_t *pool)
{
    apr_file_t *file;
    apr_uint64_t id = strtoull(arguments[0], NULL, 10);
    apr_status_t rv =
        apr_file_open(&file, arguments[1], APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE,
                      APR_FPROT_OS_DEFAULT, pool);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "%s", arguments[1]);
    tardis_error_t *error = tardis_mets_write(context, id, count > 2 ? arguments[2] : NULL, file, pool);
    apr_file_close(file);
    if (!error)
        printf("written\n");
    return error;
}
