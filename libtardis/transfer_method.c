#include "transfer_method.h"

#include <string.h>

#include <apr_strings.h>

/* What there is. */
static const tardis_transfer_method_t *const methods[] = {
    &transfer_method_webdav,
    &transfer_method_file,
    NULL,
};

tardis_error_t *tardis_transfer_method_find(const char *type, const tardis_transfer_method_t **method,
                                            apr_pool_t *pool)
{
    const char *known = NULL;

    for (const tardis_transfer_method_t *const *candidate = methods; *candidate; candidate++) {
        if (strcmp((*candidate)->type, type) == 0) {
            *method = *candidate;
            return NULL;
        }
        known = known ? apr_pstrcat(pool, known, ", ", (*candidate)->type, NULL) : (*candidate)->type;
    }
    *method = NULL;
    return tardis_error_create(pool, TARDIS_TRANSFER_TYPE_UNKNOWN,
                               "transfer type \"%.60s\" is not one of those here: %s", type, known);
}
