/**
 * @file outbox.h
 * Delivers the mail that state changes left in the database.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include "settings.h"

/** What became of the mail. */
typedef struct outbox_counts_t {
    int sent;
    int failed;
} outbox_counts_t;

/**
 * Sends mail that is due, one after the other over one connection, until there is none, the mail server
 * cannot be reached, or
 * @a stopping says so (not asked before the first). A mail that is not accepted is due again after a backoff;
 * it is never given up. Needs context->http.
 * @return an error of the database.
 */
tardis_error_t *outbox_deliver(const tardis_context_t *context, const consumer_settings_t *settings,
                               int (*stopping)(void *baton), void *baton, outbox_counts_t *counts,
                               apr_pool_t *pool);

#endif
