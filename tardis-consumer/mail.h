/**
 * @file mail.h
 * Mail as it goes over the wire (RFC 5322, RFC 2045, RFC 2047).
 */
#ifndef MAIL_H
#define MAIL_H

#include "tardis_synced_db.h"

/** Whether @a address is a plain ASCII local@domain that can neither end a header nor an SMTP command. */
int mail_address_is_plausible(const char *address);

/**
 * A message of one recipient: Date, Message-ID, From, To, Subject and a UTF-8 text, lines ending in CRLF. The
 * Message-ID follows from the notification alone, so that a mail that was sent twice can be recognized.
 * @param stands_for 1; of a digest: the number of mails, of which @a notification has the first one's id.
 * @param from a plausible address.
 */
const char *mail_message(const tardis_notification_t *notification, apr_uint64_t stands_for, const char *from,
                         apr_pool_t *pool);

#endif
