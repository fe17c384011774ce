#include "status_private.h"

#include <apr_strings.h>

static tardis_error_t *read_protocol(const json_t *document, tardis_protocol_t *protocol, apr_pool_t *pool);
static tardis_error_t *read_limit(const json_t *document, const char *name, int maximum, int *limit,
                                  apr_pool_t *pool);
static tardis_error_t *read_statuses(const json_t *document, const char *const *uids, int count,
                                     tardis_status_answer_t *answers, apr_pool_t *pool);
static tardis_error_t *load(const char *text, apr_size_t length, json_t **document, apr_pool_t *pool);

tardis_error_t *tardis_protocol_decode(const char *text, apr_size_t length, tardis_protocol_t *protocol,
                                       apr_pool_t *pool)
{
    json_t *document;
    tardis_error_t *error = load(text, length, &document, pool);
    if (!error)
        error = read_protocol(document, protocol, pool);
    json_decref(document);
    return error;
}

static tardis_error_t *read_protocol(const json_t *document, tardis_protocol_t *protocol, apr_pool_t *pool)
{
    const json_t *number = json_object_get(document, "protocol");
    if (!json_is_integer(number) || json_integer_value(number) != 1)
        return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "it has no `protocol` that is 1");
    tardis_error_t *error =
        read_limit(document, "batch_status", TARDIS_STATUS_BATCH_MAX, &protocol->batch_status, pool);
    if (!error)
        error = read_limit(document, "get_files", TARDIS_GET_FILES_MAX, &protocol->get_files, pool);
    return error;
}

static tardis_error_t *read_limit(const json_t *document, const char *name, int maximum, int *limit,
                                  apr_pool_t *pool)
{
    const json_t *value = json_object_get(document, name);
    *limit = 0;
    if (!value)
        return NULL;
    if (!json_is_integer(value) || json_integer_value(value) < 1)
        return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "its `%s` is not a count", name);
    *limit = json_integer_value(value) < maximum ? (int)json_integer_value(value) : maximum;
    return NULL;
}

tardis_error_t *tardis_statuses_decode(const char *text, apr_size_t length, const char *const *uids,
                                       int count, tardis_status_answer_t *answers, apr_pool_t *pool)
{
    json_t *document;
    if (status_scan_batch(text, length, uids, count, answers, pool))
        return NULL;
    tardis_error_t *error = load(text, length, &document, pool);
    if (!error)
        error = read_statuses(document, uids, count, answers, pool);
    json_decref(document);
    return error;
}

static tardis_error_t *read_statuses(const json_t *document, const char *const *uids, int count,
                                     tardis_status_answer_t *answers, apr_pool_t *pool)
{
    const json_t *statuses = json_object_get(document, "statuses");
    if (!json_is_object(statuses))
        return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "it has no object `statuses`");
    for (int i = 0; i < count; i++) {
        const json_t *entry = json_object_get(statuses, uids[i]);
        answers[i] = (tardis_status_answer_t){NULL, NULL};
        answers[i].error =
            entry ? status_read_document(entry, &answers[i].status, pool)
                  : tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "`statuses` has nothing about it");
    }
    return NULL;
}

/* @param document set to NULL after an error. */
static tardis_error_t *load(const char *text, apr_size_t length, json_t **document, apr_pool_t *pool)
{
    json_error_t why;
    *document = json_loadb(text, length, 0, &why);
    if (*document)
        return NULL;
    return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "it is not JSON: %s (byte %d)", why.text,
                               why.position);
}
