/**
 * @file tardis_site.h
 * The site registry and the sites' settings (protocol.md, "The site registry" and "POST
 * /site-settings.xml/").
 */
#ifndef TARDIS_SITE_H
#define TARDIS_SITE_H

#include <apr_tables.h>

#include "tardis_context.h"

/** One site of the registry. */
typedef struct tardis_site_t {
    const char *name;
    const char *url; /**< of its settings; byte for byte as in the registry; identifies the site */
    const char *username;
    const char *password;
} tardis_site_t;

/** Where the registry is. */
typedef struct tardis_registry_source_t {
    const char *location; /**< a file's path, or an http(s) URL that is asked by POST */
    const char *username; /**< for a URL */
    const char *password;
} tardis_registry_source_t;

/** An element of <transfer> in the order of the document; unknown ones are kept too. */
typedef struct tardis_site_setting_t {
    const char *name;  /**< local name */
    const char *value; /**< trimmed; "" if empty */
} tardis_site_setting_t;

/** A site's settings. */
typedef struct tardis_site_settings_t {
    apr_array_header_t *email_endswith; /**< const char *; at least one */
    const char *register_url;
    const char *register_username;
    const char *register_password;
    const char *file_protocol;    /**< NULL: absent or empty */
    const char *transfer_type;    /**< "" if there is no <type> */
    apr_array_header_t *transfer; /**< of tardis_site_setting_t: all of <transfer>, `type` included */
} tardis_site_settings_t;

/**
 * Parses a registry. @return TARDIS_REGISTRY_INVALID with the line: not XML, no URL, a site twice, a URL
 * over 255 bytes ...
 */
tardis_error_t *tardis_registry_parse(const char *text, apr_size_t length, apr_array_header_t **sites,
                                      apr_pool_t *pool);

/** Parses site settings. @return TARDIS_SITE_SETTINGS_INVALID with the line. */
tardis_error_t *tardis_site_settings_parse(const char *text, apr_size_t length,
                                           tardis_site_settings_t **settings, apr_pool_t *pool);

/**
 * Reads the registry from its file, or by POST from its URL (then context->http is needed).
 * @param sites set to an array of tardis_site_t.
 * @return TARDIS_REGISTRY_UNAVAILABLE (with retry_after where the other side named one) or
 * TARDIS_REGISTRY_INVALID.
 */
tardis_error_t *tardis_registry_load(const tardis_context_t *context, const tardis_registry_source_t *source,
                                     apr_array_header_t **sites, apr_pool_t *pool);

/** The site with exactly this URL; NULL: none. */
const tardis_site_t *tardis_registry_find_url(const apr_array_header_t *sites, const char *url);
/** The site with this name; NULL: none. */
const tardis_site_t *tardis_registry_find_name(const apr_array_header_t *sites, const char *name);

/**
 * Asks a site for its settings (needs context->http).
 * The settings live in @a pool and may hold passwords.
 * @return TARDIS_CONSUMER_UNREACHABLE, TARDIS_CONSUMER_TIMEOUT, TARDIS_TLS_FAILED,
 * TARDIS_CREDENTIALS_REFUSED, TARDIS_CONSUMER_ERROR or TARDIS_SITE_SETTINGS_INVALID.
 */
tardis_error_t *tardis_site_settings_fetch(const tardis_context_t *context, const tardis_site_t *site,
                                           tardis_site_settings_t **settings, apr_pool_t *pool);

/** What a site that was asked for its settings has answered. */
typedef struct tardis_site_answer_t {
    const tardis_site_t *site;
    tardis_site_settings_t *settings; /**< NULL: there is an error */
    tardis_error_t *error;            /**< as tardis_site_settings_fetch() returns it; NULL: none */
    apr_pool_t *pool;                 /**< where both are */
} tardis_site_answer_t;

/**
 * Asks several sites for their settings, all at once: one that is slow or away holds up no other. A command
 * that is told to stop breaks off what is in flight; those sites have TARDIS_INTERRUPTED.
 * @param sites const tardis_site_t *.
 * @return tardis_site_answer_t *, in the order of @a sites.
 */
apr_array_header_t *tardis_site_settings_fetch_all(const tardis_context_t *context,
                                                   const apr_array_header_t *sites, apr_pool_t *pool);

/**
 * Those of @a owners (const char *) whose end is one of the site's `email-endswith`, without regard to case,
 * in their order. Only they are named to the site: an original consumer may open an account for each.
 * @return an array of const char *; empty: the experiment is not this site's.
 */
apr_array_header_t *tardis_site_settings_owners(const tardis_site_settings_t *settings,
                                                const apr_array_header_t *owners, apr_pool_t *pool);

/** The value of an element of <transfer>; "" if it is absent. */
const char *tardis_site_settings_transfer(const tardis_site_settings_t *settings, const char *name);

#endif
