#include "why.h"

static json_t *left_json(const tardis_provider_health_t *left);
static json_t *way_json(const why_t *why);
static json_t *failures_json(const why_t *why);
static json_t *commands_json(const why_t *why);
static json_t *mails_json(const why_t *why);

tardis_error_t *why_print_json(const why_t *why, apr_pool_t *pool)
{
    static const char *const turns[] = {
        [WHY_NOBODY] = "nobody",
        [WHY_PROVIDER] = "provider",
        [WHY_CONSUMER] = "consumer",
        [WHY_NETWORK] = "network",
    };
    const tardis_synced_t *synced = why->synced;
    json_t *object = experiment_json(synced);
    json_object_set_new(object, "seconds_in_state",
                        json_integer((json_int_t)apr_time_sec(synced->now - synced->state_since)));
    json_object_set_new(object, "where", json_text(why_place(why, pool)));
    json_object_set_new(object, "answered_at", json_time(experiment_answered_at(synced)));
    json_object_set_new(object, "partial", partial_json(why->partial));
    json_object_set_new(object, "hold", manual_hold_json(why->hold));
    json_object_set_new(object, "left_alone", left_json(why->left));
    json_object_set_new(object, "way", way_json(why));
    json_object_set_new(object, "starts", json_integer((json_int_t)why->story->starts));
    json_object_set_new(object, "failures_before", json_integer((json_int_t)why->story->failures_before));
    json_object_set_new(object, "failures", failures_json(why));
    json_object_set_new(object, "turn", json_text(turns[why->turn]));
    json_object_set_new(object, "reason", json_text(why->reason));
    json_object_set_new(object, "next", json_text(why_next(why, pool)));
    json_object_set_new(object, "deadline", json_time(why_deadline(why)));
    json_object_set_new(object, "advice", json_text(why->advice));
    json_object_set_new(object, "commands", commands_json(why));
    json_object_set_new(object, "mails", mails_json(why));
    return json_print(object, pool);
}

static json_t *left_json(const tardis_provider_health_t *left)
{
    if (!left)
        return json_null();
    return json_pack("{s:o, s:o, s:I, s:s?, s:s?}", "until", json_time(left->left_until), "failing_since",
                     json_time(left->failing_since), "failures", (json_int_t)left->failures, "code",
                     left->error_code, "text", left->error_text);
}

static json_t *way_json(const why_t *why)
{
    json_t *array = json_array();
    for (int i = 0; i < why->story->way->nelts; i++) {
        const tardis_synced_event_t *event = &APR_ARRAY_IDX(why->story->way, i, tardis_synced_event_t);
        json_array_append_new(array, json_pack("{s:o, s:s, s:s?, s:s}", "at", json_time(event->at), "state",
                                               event->to_state, "code", event->code, "text", event->text));
    }
    return array;
}

static json_t *failures_json(const why_t *why)
{
    json_t *array = json_array();
    for (int i = 0; i < why->story->failures->nelts; i++) {
        const tardis_synced_failure_t *failure =
            &APR_ARRAY_IDX(why->story->failures, i, tardis_synced_failure_t);
        tardis_error_code_t code = tardis_error_code_of(failure->code);
        int is_known = code != TARDIS_ERROR_CODES;
        json_array_append_new(
            array, json_pack("{s:s, s:s?, s:b, s:I, s:o, s:o, s:s}", "code", failure->code, "fault",
                             is_known ? tardis_fault_name(tardis_error_fault(code)) : NULL, "transient",
                             is_known && tardis_error_is_transient(code), "count", (json_int_t)failure->count,
                             "first_at", json_time(failure->first_at), "last_at", json_time(failure->last_at),
                             "text", failure->text));
    }
    return array;
}

static json_t *commands_json(const why_t *why)
{
    json_t *array = json_array();
    for (int i = 0; i < why->commands->nelts; i++) {
        const why_command_t *command = &APR_ARRAY_IDX(why->commands, i, why_command_t);
        json_array_append_new(array,
                              json_pack("{s:s, s:s}", "at", command->at_provider ? "provider" : "consumer",
                                        "command", command->text));
    }
    return array;
}

static json_t *mails_json(const why_t *why)
{
    json_t *array = json_array();
    for (int i = 0; i < why->mails->nelts; i++) {
        const tardis_notification_t *mail = &APR_ARRAY_IDX(why->mails, i, tardis_notification_t);
        json_array_append_new(array, json_pack("{s:s, s:o, s:b, s:s?}", "recipient", mail->recipient,
                                               "sent_at", json_time(mail->sent_at), "given_up",
                                               !mail->sent_at && !mail->next_attempt_at, "error_code",
                                               mail->error_code));
    }
    return array;
}
