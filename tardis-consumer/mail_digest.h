/**
 * @file mail_digest.h
 * One mail that stands for many.
 */
#ifndef MAIL_DIGEST_H
#define MAIL_DIGEST_H

#include "settings.h"
#include "tardis_outbox.h"

/**
 * Composes the digest of the mails that are held under a lease, all to one recipient. It names the first of
 * them and counts the others.
 * @param sum of what is held.
 * @param digest set to the mail; its id is that of the first mail it stands for.
 */
tardis_error_t *mail_digest_compose(const tardis_context_t *context, const consumer_settings_t *settings,
                                    const char *lease_owner, const char *recipient,
                                    const tardis_outbox_sum_t *sum, tardis_notification_t *digest,
                                    apr_pool_t *pool);

#endif
