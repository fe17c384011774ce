/* Runs a target once over each file that is named: replay TARGET FILE... Prints TAP; a file that is a finding
 * ends it. */
#include <stdio.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_general.h>

#include "fuzz.h"

static const struct {
    const char *name;
    fuzz_target_fn *run;
} targets[] = {
    {"urlencoded", fuzz_urlencoded},       {"multipart", fuzz_multipart}, {"registry", fuzz_registry},
    {"site_settings", fuzz_site_settings}, {"status", fuzz_status},       {"mets", fuzz_mets},
    {"notmets", fuzz_notmets},
};

static fuzz_target_fn *target_called(const char *name);
static int replay(fuzz_target_fn *run, const char *file, int *accepted);

int main(int argc, const char *const *argv)
{
    fuzz_target_fn *run = argc > 2 ? target_called(argv[1]) : NULL;
    if (!run || apr_initialize() != APR_SUCCESS) {
        fputs("usage: replay TARGET FILE...\n", stderr);
        return 64;
    }
    int accepted;
    printf("1..%d\n", argc - 2);
    for (int i = 2; i < argc; i++) {
        if (!replay(run, argv[i], &accepted))
            return 66;
        printf("ok %d - %s: %s\n", i - 1, argv[i], accepted ? "accepted" : "refused");
        fflush(stdout);
    }
    apr_terminate();
    return 0;
}

static fuzz_target_fn *target_called(const char *name)
{
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        if (strcmp(targets[i].name, name) == 0)
            return targets[i].run;
    }
    return NULL;
}

/* Returns whether the file could be read. */
static int replay(fuzz_target_fn *run, const char *name, int *accepted)
{
    apr_pool_t *pool;
    apr_file_t *file;
    apr_finfo_t info;
    apr_size_t length = 0;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 0;
    apr_status_t rv = apr_file_open(&file, name, APR_FOPEN_READ, 0, pool);
    if (rv == APR_SUCCESS)
        rv = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    if (rv != APR_SUCCESS) {
        fprintf(stderr, "%s cannot be read\n", name);
        return 0;
    }
    char *data = apr_palloc(pool, (apr_size_t)info.size + 1);
    apr_file_read_full(file, data, (apr_size_t)info.size, &length);
    apr_file_close(file);
    *accepted = run(data, length, pool);
    apr_pool_destroy(pool);
    return 1;
}
