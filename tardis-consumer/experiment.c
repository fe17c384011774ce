#include "commands.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "tardis_status.h"

static int is_number(const char *name);
static tardis_error_t *ambiguous(const char *name, const apr_array_header_t *found, apr_pool_t *pool);

tardis_error_t *experiment_named(const tardis_invocation_t *invocation, const char *name,
                                 tardis_synced_t **synced)
{
    apr_pool_t *pool = invocation->pool;
    tardis_error_t *error = NULL;
    *synced = NULL;
    if (is_number(name))
        error =
            tardis_synced_find(invocation->context, (apr_uint64_t)apr_strtoi64(name, NULL, 10), synced, pool);
    if (error || *synced)
        return error;
    apr_array_header_t *found;
    error = tardis_synced_find_uid(invocation->context, name, &found, pool);
    if (error)
        return error;
    if (found->nelts == 0)
        return tardis_error_create(pool, TARDIS_NOT_FOUND, "no experiment has the id or uid %.255s", name);
    if (found->nelts > 1)
        return ambiguous(name, found, pool);
    *synced = &APR_ARRAY_IDX(found, 0, tardis_synced_t);
    return NULL;
}

static int is_number(const char *name)
{
    apr_size_t digits = strspn(name, "0123456789");
    return digits > 0 && digits <= 18 && !name[digits];
}

static tardis_error_t *ambiguous(const char *name, const apr_array_header_t *found, apr_pool_t *pool)
{
    const char *text = "";
    for (int i = 0; i < found->nelts; i++) {
        const tardis_synced_t *synced = &APR_ARRAY_IDX(found, i, tardis_synced_t);
        text = apr_psprintf(pool, "%s%s%" APR_UINT64_T_FMT " (from %s)", text, i ? ", " : "",
                            synced->experiment_id, synced->provider_url);
    }
    return tardis_error_create(pool, TARDIS_USAGE,
                               "%d providers use the uid %s; name the experiment by its id: %s", found->nelts,
                               name, text);
}

const char *experiment_progress(const tardis_synced_t *synced, apr_pool_t *pool)
{
    tardis_status_t *status;
    if (strcmp(synced->state, TARDIS_STATE_CHECKING) == 0)
        return apr_psprintf(pool, "%s of %s checked", tardis_format_bytes(synced->bytes_checked, pool),
                            tardis_format_bytes(synced->byte_count, pool));
    if (strcmp(synced->state, TARDIS_STATE_COMPLETE) == 0 || !synced->status_document ||
        tardis_status_decode(synced->status_document, strlen(synced->status_document), &status, pool))
        return "";
    return status->progress;
}

const char *experiment_attempts_left(const tardis_synced_t *synced)
{
    switch (fsm_attempts_left(synced)) {
    case 0:
        return "";
    case 1:
        return " With the same answer once more, it is given up.";
    default:
        return " With the same answer twice more, it is given up.";
    }
}

/* Whatever else saves a row that is in progress makes it due, or holds it. */
apr_time_t experiment_answered_at(const tardis_synced_t *synced)
{
    int is_asked = strcmp(synced->state, TARDIS_STATE_IN_PROGRESS) == 0;
    return is_asked && synced->status_document && !synced->error_code ? synced->updated_at : 0;
}

json_t *experiment_json(const tardis_synced_t *synced)
{
    json_t *object = json_object();
    json_t *document = synced->status_document ? json_loads(synced->status_document, 0, NULL) : NULL;
    json_object_set_new(object, "id", json_integer((json_int_t)synced->experiment_id));
    json_object_set_new(object, "uid", json_text(synced->uid));
    json_object_set_new(object, "provider_url", json_text(synced->provider_url));
    json_object_set_new(object, "title", json_text(synced->title));
    json_object_set_new(object, "state", json_text(synced->state));
    json_object_set_new(object, "state_since", json_time(synced->state_since));
    json_object_set_new(object, "moved_at", json_time(synced->moved_at));
    json_object_set_new(object, "attempts", json_integer((json_int_t)synced->attempts));
    json_object_set_new(object, "next_attempt_at", json_time(synced->next_attempt_at));
    json_object_set_new(object, "lease_owner", json_text(synced->lease_owner));
    json_object_set_new(object, "lease_until", json_time(synced->lease_until));
    json_object_set_new(object, "status", document ? document : json_null());
    json_object_set_new(object, "files", json_integer((json_int_t)synced->file_count));
    json_object_set_new(object, "bytes", json_integer((json_int_t)synced->byte_count));
    json_object_set_new(object, "files_checked", json_integer((json_int_t)synced->checked_through));
    json_object_set_new(object, "bytes_checked", json_integer((json_int_t)synced->bytes_checked));
    json_object_set_new(object, "error_code", json_text(synced->error_code));
    json_object_set_new(object, "error_text", json_text(synced->error_text));
    json_object_set_new(object, "registered_at", json_time(synced->created_at));
    json_object_set_new(object, "updated_at", json_time(synced->updated_at));
    return object;
}

json_t *json_time(apr_time_t time)
{
    char text[64];
    apr_time_exp_t parts;
    if (!time || apr_time_exp_gmt(&parts, time) != APR_SUCCESS)
        return json_null();
    apr_snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900,
                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_usec);
    return json_string(text);
}

json_t *json_text(const char *text)
{
    return text ? json_string(text) : json_null();
}

tardis_error_t *json_print(json_t *document, apr_pool_t *pool)
{
    int failed = json_dumpf(document, stdout, JSON_INDENT(2)) != 0 || fputc('\n', stdout) == EOF ||
                 fflush(stdout) != 0;
    json_decref(document);
    return failed ? tardis_error_create(pool, TARDIS_IO_ERROR, "standard output could not be written") : NULL;
}
