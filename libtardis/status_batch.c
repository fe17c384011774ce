#include "status_private.h"

#include <apr_strings.h>

static tardis_error_t *read_protocol(const json_t *document, int *batch_status, apr_pool_t *pool);
static tardis_error_t *read_statuses(const json_t *document, const char *const *uids, int count,
                                     tardis_status_answer_t *answers, apr_pool_t *pool);
static tardis_error_t *load(const char *text, apr_size_t length, json_t **document, apr_pool_t *pool);

tardis_error_t *tardis_protocol_decode(const char *text, apr_size_t length, int *batch_status,
                                       apr_pool_t *pool)
{
    json_t *document;
    tardis_error_t *error = load(text, length, &document, pool);
    if (!error)
        error = read_protocol(document, batch_status, pool);
    json_decref(document);
    return error;
}

static tardis_error_t *read_protocol(const json_t *document, int *batch_status, apr_pool_t *pool)
{
    const json_t *protocol = json_object_get(document, "protocol");
    const json_t *limit = json_object_get(document, "batch_status");
    *batch_status = 0;
    if (!json_is_integer(protocol) || json_integer_value(protocol) != 1)
        return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "it has no `protocol` that is 1");
    if (!limit)
        return NULL;
    if (!json_is_integer(limit) || json_integer_value(limit) < 1)
        return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "its `batch_status` is not a count");
    *batch_status = json_integer_value(limit) < TARDIS_STATUS_BATCH_MAX ? (int)json_integer_value(limit)
                                                                        : TARDIS_STATUS_BATCH_MAX;
    return NULL;
}

tardis_error_t *tardis_statuses_decode(const char *text, apr_size_t length, const char *const *uids,
                                       int count, tardis_status_answer_t *answers, apr_pool_t *pool)
{
    json_t *document;
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
