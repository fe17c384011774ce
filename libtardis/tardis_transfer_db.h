/**
 * @file tardis_transfer_db.h
 * The provider's tables: keys, registrations, transfers and their history. Every function needs context->db.
 * Times are the database server's, so the clocks of the hosts do not matter.
 */
#ifndef TARDIS_TRANSFER_DB_H
#define TARDIS_TRANSFER_DB_H

#include <apr_tables.h>
#include <apr_time.h>

#include "tardis_context.h"

/** The states of a transfer, as the database spells them. */
#define TARDIS_TRANSFER_QUEUED "Queued"
#define TARDIS_TRANSFER_SENDING "Sending"
#define TARDIS_TRANSFER_COMPLETE "Complete"
#define TARDIS_TRANSFER_FAILED "Failed"
#define TARDIS_TRANSFER_CANCELLED "Cancelled"

/** One transfer: an experiment to a site. */
typedef struct tardis_transfer_t {
    apr_uint64_t id;
    apr_uint64_t experiment_id;
    const char *site_name;
    const char *site_url;
    const char *dest_path;
    const char *state;
    apr_uint64_t attempts;
    apr_time_t next_attempt_at; /**< 0: nothing more to do */
    const char *lease_owner;    /**< NULL: none */
    apr_uint64_t sent_through;  /**< every file up to this number has arrived */
    apr_uint64_t files_done;
    apr_uint64_t files_total;
    apr_uint64_t bytes_done;
    apr_uint64_t bytes_total;
    const char *error_code; /**< NULL: none */
    const char *error_text;
    int told_complete;
    int notify_pending;
    apr_time_t requested_at;
    apr_time_t started_at;
    apr_time_t finished_at;
    apr_time_t updated_at;
} tardis_transfer_t;

/** A client key, without the key. */
typedef struct tardis_client_key_t {
    apr_uint64_t id;
    const char *address;
    const char *site_name;
    const char *site_url;
    apr_time_t created_at;
} tardis_client_key_t;

/** The canonical text of an IPv4 or IPv6 address; an IPv4-mapped one becomes IPv4. @return TARDIS_USAGE if it is none. */
tardis_error_t *tardis_address_canonical(const char *address, const char **canonical, apr_pool_t *pool);

/** The client with this address and key; @a client is set to NULL if there is none. */
tardis_error_t *tardis_client_key_find(const tardis_context_t *context, const char *address, const char *key,
                                       tardis_client_key_t **client, apr_pool_t *pool);

/** What `get/` asks for. */
typedef struct tardis_transfer_request_t {
    apr_uint64_t experiment_id;
    const char *site_name;
    const char *site_url;
    const char *dest_path;
} tardis_transfer_request_t;

/**
 * Records a transfer, in one transaction with its event. Idempotent per experiment and site: one that is queued or being sent is
 * left alone, also a Complete one whose completion the site has not been told yet (a repeat of a lost answer). A Failed or
 * Cancelled one, and a Complete one the site was told of, is queued anew from the first file.
 * @return TARDIS_UID_UNKNOWN: no such experiment (or one without a source directory); TARDIS_CONFLICT: being sent to another dest_path.
 */
tardis_error_t *tardis_transfer_request(const tardis_context_t *context, const tardis_transfer_request_t *request,
                                        apr_pool_t *pool);

/**
 * The transfer of an experiment to a site. @a transfer is NULL when it was never requested; *exists tells whether the
 * experiment exists at all. One query.
 */
tardis_error_t *tardis_transfer_find(const tardis_context_t *context, apr_uint64_t experiment_id, const char *site_url,
                                     tardis_transfer_t **transfer, int *exists, apr_pool_t *pool);

/** Notes that the site has been told of completion (see tardis_transfer_request()). Costs nothing when it is noted already. */
tardis_error_t *tardis_transfer_told_complete(const tardis_context_t *context, const tardis_transfer_t *transfer, apr_pool_t *pool);

#endif
