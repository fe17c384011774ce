#include "consumer.h"

#include <apr_file_io.h>

/* Far more than any settings need. */
#define SETTINGS_MAX (1024 * 1024)

/* The file is read at each request, so that an edited one counts at once. */
tardis_error_t *consumer_view_site_settings(view_t *view)
{
    const char *path;
    const char *text;
    apr_size_t length;
    tardis_error_t *error = consumer_log_in(view, CONSUMER_STAFF_USERS);
    if (!error)
        error = view_require(view, CONSUMER_SITE_SETTINGS, "TardisConsumerSiteSettings", &path);
    if (!error)
        error = consumer_read_settings(path, &text, &length, view->pool);
    if (!error)
        view_answer(view, HTTP_OK, "application/xml", text, length);
    return error;
}

tardis_error_t *consumer_read_settings(const char *path, const char **text, apr_size_t *length,
                                       apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ, APR_OS_DEFAULT, pool);
    if (rv == APR_SUCCESS)
        rv = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    if (rv == APR_SUCCESS && info.size > SETTINGS_MAX)
        return tardis_error_create(pool, TARDIS_CONFIG_INVALID, "%s: larger than %d bytes", path,
                                   SETTINGS_MAX);
    if (rv == APR_SUCCESS) {
        char *buffer = apr_palloc(pool, (apr_size_t)info.size + 1);
        rv = apr_file_read_full(file, buffer, (apr_size_t)info.size, length);
        *text = buffer;
    }
    if (rv != APR_SUCCESS && rv != APR_EOF)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, rv, "%s", path);
    apr_file_close(file);
    return NULL;
}
