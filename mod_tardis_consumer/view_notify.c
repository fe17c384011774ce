#include "consumer.h"

#include <apr_strings.h>

#include "tardis_synced_db.h"
#include "tardis_uid.h"

tardis_error_t *consumer_view_notify(view_t *view)
{
    int found = 0;
    tardis_error_t *error = consumer_log_in(view, CONSUMER_REGISTER_USERS);
    if (!error)
        error = tardis_uid_check(view->tail, view->pool);
    if (error)
        return error;
    view->about = apr_psprintf(view->pool, "uid %s: %s", view->tail, view->about);
    error = child_lend_database(view->conf, TARDIS_SCHEMA_CONSUMER, &view->context);
    if (!error)
        error = tardis_synced_notify(&view->context, view->tail, &found, view->pool);
    if (error)
        return error;
    if (!found)
        return tardis_error_create(view->pool, TARDIS_NOT_FOUND,
                                   "no experiment with this uid was registered here");
    tardis_log(&view->context, TARDIS_LOG_INFO, "%s: due now, the provider says", view->about);
    view_answer(view, HTTP_NO_CONTENT, NULL, "", 0);
    return NULL;
}
