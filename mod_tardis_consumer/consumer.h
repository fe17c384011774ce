/**
 * @file consumer.h
 * What the files of mod_tardis_consumer share. A request goes mod_tardis_consumer.c -> routes.c -> view_*.c.
 */
#ifndef TARDIS_MOD_CONSUMER_H
#define TARDIS_MOD_CONSUMER_H

#include "check.h"
#include "view.h"

extern module AP_MODULE_DECLARE_DATA tardis_consumer_module;

/** The name in `SetHandler tardis-consumer`. */
#define CONSUMER_HANDLER "tardis-consumer"

/** Longest text field of a form, in bytes (protocol.md). */
#define CONSUMER_FIELD_MAX 400

/** The places of this module's own directives. */
enum {
    CONSUMER_STORE = DIRECTIVES_IN_COMMON,
    CONSUMER_REGISTER_USERS,
    CONSUMER_STAFF_USERS,
    CONSUMER_SITE_SETTINGS,
    CONSUMER_DOCUMENT_LIMIT, /**< number: bytes */
    CONSUMER_ALLOW_EMPTY,    /**< number: 1 is On */
    CONSUMER_BASE_URL,       /**< value: without a trailing slash */
    CONSUMER_DIRECTIVES
};

/** directives.c: the command table. */
extern const command_rec consumer_commands[];

/** directives.c: complains of every mistake in a server's directives. */
void consumer_check(check_t *check);

/** routes.c: answers one request. @return what the handler returns. */
int consumer_handle(request_rec *r);

/**
 * credentials.c: whether a user of the file at @a place (CONSUMER_REGISTER_USERS, CONSUMER_STAFF_USERS) has
 * this password.
 * @return TARDIS_FORBIDDEN, whose text is for the log alone; TARDIS_CONFIG_INVALID or TARDIS_IO_ERROR.
 */
tardis_error_t *consumer_check_user(const view_t *view, int place, const char *user, const char *password);

/** credentials.c: reads a form that has nothing but a user name and password, and checks them. */
tardis_error_t *consumer_log_in(view_t *view, int place);

/**
 * view_site_settings.c: the content of the site settings file, at most 1 MiB.
 * @return TARDIS_CONFIG_INVALID or TARDIS_IO_ERROR.
 */
tardis_error_t *consumer_read_settings(const char *path, const char **text, apr_size_t *length,
                                       apr_pool_t *pool);

/* The views. */
tardis_error_t *consumer_view_register(view_t *view);
tardis_error_t *consumer_view_site_settings(view_t *view);
tardis_error_t *consumer_view_notify(view_t *view);

#endif
