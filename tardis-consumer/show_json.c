#include "show.h"

static json_t *owners_json(const show_t *show);
static json_t *problems_json(const show_t *show);
static json_t *events_json(const show_t *show);
static json_t *mails_json(const show_t *show);

tardis_error_t *show_print_json(const show_t *show, apr_pool_t *pool)
{
    json_t *object = experiment_json(show->synced);
    json_object_set_new(object, "held", manual_hold_json(show->hold));
    json_object_set_new(object, "store", json_text(show->settings->store));
    json_object_set_new(object, "owners", owners_json(show));
    json_object_set_new(object, "files_unverifiable", json_integer((json_int_t)show->unverifiable));
    json_object_set_new(object, "partial", partial_json(show->partial));
    json_object_set_new(object, "problem_count", json_integer((json_int_t)show->problem_count));
    json_object_set_new(object, "problems", problems_json(show));
    json_object_set_new(object, "event_count", json_integer((json_int_t)show->event_count));
    json_object_set_new(object, "events", events_json(show));
    json_object_set_new(object, "mails", mails_json(show));
    json_object_set_new(object, "next", json_text(show_next(show, pool)));
    json_object_set_new(object, "advice", json_text(show_advice(show, pool)));
    return json_print(object, pool);
}

static json_t *owners_json(const show_t *show)
{
    json_t *array = json_array();
    for (int i = 0; i < show->owners->nelts; i++)
        json_array_append_new(array, json_text(APR_ARRAY_IDX(show->owners, i, const char *)));
    return array;
}

static json_t *problems_json(const show_t *show)
{
    json_t *array = json_array();
    for (int i = 0; i < show->problems->nelts; i++) {
        const tardis_file_problem_t *problem = &APR_ARRAY_IDX(show->problems, i, tardis_file_problem_t);
        json_array_append_new(array, json_pack("{s:I, s:s, s:s}", "file", (json_int_t)problem->file_number,
                                               "code", problem->code, "text", problem->text));
    }
    return array;
}

static json_t *events_json(const show_t *show)
{
    json_t *array = json_array();
    for (int i = 0; i < show->events->nelts; i++) {
        const tardis_synced_event_t *event = &APR_ARRAY_IDX(show->events, i, tardis_synced_event_t);
        json_array_append_new(array, json_pack("{s:o, s:s, s:s, s:s?, s:s?, s:s?, s:s}", "at",
                                               json_time(event->at), "host", event->host, "kind", event->kind,
                                               "from_state", event->from_state, "to_state", event->to_state,
                                               "code", event->code, "text", event->text));
    }
    return array;
}

static json_t *mails_json(const show_t *show)
{
    json_t *array = json_array();
    for (int i = 0; i < show->notifications->nelts; i++) {
        const tardis_notification_t *mail = &APR_ARRAY_IDX(show->notifications, i, tardis_notification_t);
        json_array_append_new(array,
                              json_pack("{s:s, s:s, s:o, s:o, s:b, s:I, s:s?, s:s?}", "recipient",
                                        mail->recipient, "subject", mail->subject, "sent_at",
                                        json_time(mail->sent_at), "next_attempt_at",
                                        json_time(mail->next_attempt_at), "given_up",
                                        !mail->sent_at && !mail->next_attempt_at, "attempts",
                                        (json_int_t)mail->attempts, "error_code", mail->error_code,
                                        "error_text", mail->error_text));
    }
    return array;
}
