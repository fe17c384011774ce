#include "consumer.h"

#include "tardis_users.h"

static const tardis_form_field_t fields[] = {
    {"username", CONSUMER_FIELD_MAX, TARDIS_FIELD_REQUIRED},
    {"password", CONSUMER_FIELD_MAX, TARDIS_FIELD_REQUIRED},
    {NULL, 0, 0},
};

tardis_error_t *consumer_check_user(const view_t *view, int place, const char *user, const char *password)
{
    const char *name =
        place == CONSUMER_STAFF_USERS ? "TardisConsumerStaffUsers" : "TardisConsumerRegisterUsers";
    const char *file;
    tardis_error_t *error = view_require(view, place, name, &file);
    return error ? error : tardis_users_check(file, user, password, view->pool);
}

tardis_error_t *consumer_log_in(view_t *view, int place)
{
    tardis_form_t *form;
    tardis_error_t *error = view_read_urlencoded(view, fields, &form);
    if (error)
        return error;
    return consumer_check_user(view, place, tardis_form_value(form, "username"),
                               tardis_form_value(form, "password"));
}
