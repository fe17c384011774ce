#include "status_private.h"

#include <stddef.h>

#include <apr_strings.h>

const status_member_t status_texts[] = {
    {"message", offsetof(tardis_status_t, message), 1},
    {"progress", offsetof(tardis_status_t, progress), 1},
    {"error", offsetof(tardis_status_t, error), 0},
    {"code", offsetof(tardis_status_t, code), 0},
    {NULL, 0, 0},
};

const status_member_t status_counts[] = {
    {"files_done", offsetof(tardis_status_t, files_done), 0},
    {"files_total", offsetof(tardis_status_t, files_total), 0},
    {"bytes_done", offsetof(tardis_status_t, bytes_done), 0},
    {"bytes_total", offsetof(tardis_status_t, bytes_total), 0},
    {"sending", offsetof(tardis_status_t, sending), 0},
    {NULL, 0, 0},
};

static tardis_error_t *read_status(const json_t *document, tardis_status_t *status, apr_pool_t *pool);
static tardis_error_t *read_texts(const json_t *document, tardis_status_t *status, apr_pool_t *pool);
static tardis_error_t *read_numbers(const json_t *document, tardis_status_t *status, apr_pool_t *pool);

const char **status_text_of(const tardis_status_t *status, const status_member_t *member)
{
    return (const char **)((char *)status + member->offset);
}

apr_int64_t *status_count_of(const tardis_status_t *status, const status_member_t *member)
{
    return (apr_int64_t *)((char *)status + member->offset);
}

const char *tardis_status_human(int status)
{
    switch (status) {
    case TARDIS_STATUS_COMPLETE:
        return "Transfer Complete";
    case TARDIS_STATUS_IN_PROGRESS:
        return "Transfer In Progress";
    case TARDIS_STATUS_FAILED:
        return "Transfer Failed";
    case TARDIS_STATUS_BAD_REQUEST:
        return "Transfer Bad Request";
    case TARDIS_STATUS_SERVER_ERROR:
        return "Transfer Server Error";
    default:
        return NULL;
    }
}

tardis_error_t *tardis_status_decode(const char *text, apr_size_t length, tardis_status_t **status,
                                     apr_pool_t *pool)
{
    json_error_t why;
    json_t *document = json_loadb(text, length, 0, &why);

    *status = NULL;
    if (!document)
        return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "the status is not JSON: %s (byte %d)",
                                   why.text, why.position);
    tardis_error_t *error = status_read_document(document, status, pool);
    json_decref(document);
    return error;
}

tardis_error_t *status_read_document(const json_t *document, tardis_status_t **status, apr_pool_t *pool)
{
    tardis_status_t *read = apr_pcalloc(pool, sizeof(*read));
    tardis_error_t *error = NULL;

    *status = NULL;
    if (!json_is_object(document))
        error = tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "the status is not a JSON object");
    if (!error)
        error = read_status(document, read, pool);
    if (!error)
        error = read_texts(document, read, pool);
    if (!error)
        error = read_numbers(document, read, pool);
    if (!error)
        *status = read;
    return error;
}

static tardis_error_t *read_status(const json_t *document, tardis_status_t *status, apr_pool_t *pool)
{
    const json_t *value = json_object_get(document, "status");
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < TARDIS_STATUS_COMPLETE || number > TARDIS_STATUS_SERVER_ERROR)
        return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED,
                                   "the status document has no `status` that is an integer from 1 to 5");
    status->status = (tardis_status_code_t)number;
    return NULL;
}

static tardis_error_t *read_texts(const json_t *document, tardis_status_t *status, apr_pool_t *pool)
{
    for (const status_member_t *member = status_texts; member->name; member++) {
        const json_t *value = json_object_get(document, member->name);
        *status_text_of(status, member) = "";
        if (!value || json_is_null(value))
            continue;
        if (!json_is_string(value))
            return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "`%s` of the status is not text",
                                       member->name);
        *status_text_of(status, member) = apr_pstrdup(pool, json_string_value(value));
    }
    return NULL;
}

static tardis_error_t *read_numbers(const json_t *document, tardis_status_t *status, apr_pool_t *pool)
{
    const json_t *timestamp = json_object_get(document, "timestamp");

    if (timestamp && !json_is_null(timestamp)) {
        double seconds = json_number_value(timestamp);
        if (!json_is_number(timestamp))
            return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED,
                                       "`timestamp` of the status is not a number");
        /* Within what apr_time_t and the database can hold: years 1970 to 9999. A clock that is wrong makes
         * nothing else of the answer wrong. */
        if (seconds >= 0 && seconds <= 253402300799.0)
            status->timestamp = (apr_time_t)(seconds * APR_USEC_PER_SEC + 0.5);
    }
    for (const status_member_t *member = status_counts; member->name; member++) {
        const json_t *value = json_object_get(document, member->name);
        *status_count_of(status, member) = -1;
        if (!value || json_is_null(value))
            continue;
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return tardis_error_create(pool, TARDIS_ANSWER_MALFORMED, "`%s` of the status is not a count",
                                       member->name);
        *status_count_of(status, member) = json_integer_value(value);
    }
    return NULL;
}
