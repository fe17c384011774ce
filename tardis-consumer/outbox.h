/**
 * @file outbox.h
 * Delivers the mail that state changes left in the database.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include "settings.h"

/** What became of the mail. */
typedef struct outbox_counts_t {
    int sent;     /**< mails that the server has accepted, digests among them */
    int failed;   /**< mails that it has not */
    int digests;  /**< of those sent: each stands for many */
    int given_up; /**< mails that will not be tried again, each of a digest's counted */
} outbox_counts_t;

/**
 * Sends the mail that is due when it begins, one after the other over one connection, until there is none,
 * the mail server cannot be reached or takes mail from nobody, or @a stopping says so (not asked before the
 * first). Who has more than mail_digest_threshold of them gets one digest (for each 50000). A mail that is
 * not accepted is due again after a backoff; one that the server has refused for as long as mail_deadline is
 * given up. Any number may run at once. Needs context->http.
 * @return an error of the database.
 */
tardis_error_t *outbox_deliver(const tardis_context_t *context, const consumer_settings_t *settings,
                               int (*stopping)(void *baton), void *baton, outbox_counts_t *counts,
                               apr_pool_t *pool);

#endif
