#include "provider.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_status.h"

/* What this provider can do beyond the original (protocol.md, "Extensions"). */
tardis_error_t *provider_view_index(view_t *view)
{
    const char *document =
        apr_psprintf(view->pool, "{\"protocol\": 1, \"batch_status\": %d, \"get_files\": %d}",
                     TARDIS_STATUS_BATCH_MAX, TARDIS_GET_FILES_MAX);
    view_answer(view, HTTP_OK, "application/json", document, strlen(document));
    return NULL;
}
