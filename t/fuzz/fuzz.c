#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tardis_uid.h"

void fuzz_broken(const char *promise, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, promise);
    abort();
}

void fuzz_check_error(const tardis_error_t *error, const tardis_error_code_t *allowed)
{
    FUZZ_PROMISE(error->text && *error->text);
    FUZZ_PROMISE(error->line >= 0);
    while (*allowed != error->code && *allowed != TARDIS_ERROR_CODES)
        allowed++;
    if (*allowed == TARDIS_ERROR_CODES)
        fprintf(stderr, "%s [%s]\n", error->text, tardis_error_name(error->code));
    FUZZ_PROMISE(*allowed != TARDIS_ERROR_CODES);
}
