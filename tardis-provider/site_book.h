/*
 * The sites of the registry and their settings, asked for once and kept for a minute, so that a run of `send`
 * with many things to do for a site does not ask it for each.
 */
#ifndef PROVIDER_SITE_BOOK_H
#define PROVIDER_SITE_BOOK_H

#include "settings.h"

typedef struct site_book_t site_book_t;

/* An empty book. Nothing is asked for yet. */
site_book_t *site_book_create(const tardis_context_t *context, const provider_settings_t *settings,
                              apr_pool_t *pool);

/*
 * The site with this URL and its settings. Both live until the book is asked again.
 * @return TARDIS_SITE_UNKNOWN: it is not in the registry (any more); or what tardis_registry_load() and
 *         tardis_site_settings_fetch() return.
 */
tardis_error_t *site_book_find(site_book_t *book, const char *url, const tardis_site_t **site,
                               const tardis_site_settings_t **settings);

#endif
