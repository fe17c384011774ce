#include "show.h"

#include <stdio.h>

#include <jansson.h>

static json_t *experiment_json(const page_t *page, apr_pool_t *pool);
static json_t *names_json(const apr_array_header_t *names);
static json_t *registrations_json(const page_t *page, apr_pool_t *pool);
static json_t *transfers_json(const page_t *page, apr_pool_t *pool);
static json_t *events_json(const page_t *page, apr_pool_t *pool);
static json_t *time_json(apr_time_t time, apr_pool_t *pool);

tardis_error_t *show_json(const page_t *page, apr_pool_t *pool)
{
    json_t *document = experiment_json(page, pool);
    json_object_set_new(document, "registrations", registrations_json(page, pool));
    json_object_set_new(document, "transfers", transfers_json(page, pool));
    json_object_set_new(document, "events", events_json(page, pool));
    int failed = json_dumpf(document, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF;
    json_decref(document);
    return failed ? tardis_error_create(pool, TARDIS_IO_ERROR, "the page could not be written") : NULL;
}

static json_t *experiment_json(const page_t *page, apr_pool_t *pool)
{
    const tardis_experiment_t *experiment = page->experiment;
    return json_pack(
        "{s:s, s:s?, s:s, s:s, s:s, s:s?, s:o, s:o, s:s?, s:s?, s:s?, s:I, s:I, s:I, s:o, s:o}", "uid",
        page->uid, "epn", experiment->epn, "title", experiment->title, "description", experiment->description,
        "institution", experiment->institution, "directory", page->directory, "owners",
        names_json(page->owners), "authors", names_json(page->authors), "start_time", experiment->start_time,
        "end_time", experiment->end_time, "url", experiment->url, "files", (json_int_t)experiment->file_count,
        "bytes", (json_int_t)experiment->byte_count, "unverifiable", (json_int_t)page->unverifiable,
        "created_at", time_json(experiment->created_at, pool), "updated_at",
        time_json(experiment->updated_at, pool));
}

static json_t *names_json(const apr_array_header_t *names)
{
    json_t *array = json_array();
    for (int i = 0; i < names->nelts; i++)
        json_array_append_new(array, json_string(APR_ARRAY_IDX(names, i, const char *)));
    return array;
}

static json_t *registrations_json(const page_t *page, apr_pool_t *pool)
{
    json_t *array = json_array();
    for (int i = 0; i < page->registrations->nelts; i++) {
        const tardis_registration_t *registration =
            APR_ARRAY_IDX(page->registrations, i, const tardis_registration_t *);
        json_array_append_new(array,
                              json_pack("{s:s, s:s, s:s, s:I, s:o, s:s?, s:s?, s:s?, s:o}", "site",
                                        registration->site_name, "site_url", registration->site_url, "state",
                                        registration->state, "attempts", (json_int_t)registration->attempts,
                                        "next_attempt_at", time_json(registration->next_attempt_at, pool),
                                        "location", registration->location, "error", registration->error_code,
                                        "error_text", registration->error_text, "updated_at",
                                        time_json(registration->updated_at, pool)));
    }
    return array;
}

static json_t *transfers_json(const page_t *page, apr_pool_t *pool)
{
    json_t *array = json_array();
    for (int i = 0; i < page->transfers->nelts; i++) {
        const tardis_transfer_t *transfer = APR_ARRAY_IDX(page->transfers, i, const tardis_transfer_t *);
        json_t *object = json_pack(
            "{s:s, s:s, s:s, s:s, s:I, s:o, s:s?, s:I, s:I, s:I, s:I, s:I, s:s?, s:s?, s:b, s:b}", "site",
            transfer->site_name, "site_url", transfer->site_url, "dest_path", transfer->dest_path, "state",
            transfer->state, "attempts", (json_int_t)transfer->attempts, "next_attempt_at",
            time_json(transfer->next_attempt_at, pool), "lease_owner", transfer->lease_owner, "sent_through",
            (json_int_t)transfer->sent_through, "files_done", (json_int_t)transfer->files_done, "files_total",
            (json_int_t)transfer->files_total, "bytes_done", (json_int_t)transfer->bytes_done, "bytes_total",
            (json_int_t)transfer->bytes_total, "error", transfer->error_code, "error_text",
            transfer->error_text, "told_complete", transfer->told_complete, "notify_pending",
            transfer->notify_pending);
        json_object_set_new(object, "partial", json_boolean(transfer->partial));
        json_object_set_new(object, "requested_at", time_json(transfer->requested_at, pool));
        json_object_set_new(object, "started_at", time_json(transfer->started_at, pool));
        json_object_set_new(object, "finished_at", time_json(transfer->finished_at, pool));
        json_object_set_new(object, "updated_at", time_json(transfer->updated_at, pool));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *events_json(const page_t *page, apr_pool_t *pool)
{
    json_t *array = json_array();
    for (int i = 0; i < page->events->nelts; i++) {
        const tardis_transfer_event_t *event =
            APR_ARRAY_IDX(page->events, i, const tardis_transfer_event_t *);
        json_array_append_new(array,
                              json_pack("{s:o, s:s, s:s, s:s, s:s?, s:s}", "at", time_json(event->at, pool),
                                        "host", event->host, "site_url", event->site_url, "kind", event->kind,
                                        "code", event->code, "text", event->text));
    }
    return array;
}

static json_t *time_json(apr_time_t time, apr_pool_t *pool)
{
    return time ? json_string(tardis_format_time(time, pool)) : json_null();
}
