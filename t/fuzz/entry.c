/* The entry points of libFuzzer, for the target that FUZZ_TARGET names. */
#include <stddef.h>
#include <stdint.h>

#include <apr_general.h>

#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize() != APR_SUCCESS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 0;
    FUZZ_TARGET((const char *)data, size, pool);
    apr_pool_destroy(pool);
    return 0;
}
