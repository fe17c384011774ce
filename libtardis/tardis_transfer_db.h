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
#include "tardis_site.h"

/** The states of a transfer, as the database spells them. */
#define TARDIS_TRANSFER_STATE_QUEUED "Queued"
#define TARDIS_TRANSFER_STATE_SENDING "Sending"
#define TARDIS_TRANSFER_STATE_COMPLETE "Complete"
#define TARDIS_TRANSFER_STATE_FAILED "Failed"
#define TARDIS_TRANSFER_STATE_CANCELLED "Cancelled"

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
    int partial;                /**< not 0: it is of some files only, which are sent again */
    apr_uint64_t sent_through;  /**< every file up to this one has arrived; see tardis_transfer_files() */
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

/** The canonical text of an IPv4 or IPv6 address; an IPv4-mapped one becomes IPv4. @return TARDIS_USAGE if it
 * is none. */
tardis_error_t *tardis_address_canonical(const char *address, const char **canonical, apr_pool_t *pool);

/** The client with this address and key; @a client is set to NULL if there is none. */
tardis_error_t *tardis_client_key_find(const tardis_context_t *context, const char *address, const char *key,
                                       tardis_client_key_t **client, apr_pool_t *pool);

/** Adds a key (16 to 255 printable ASCII characters, checked by the caller). @return TARDIS_CONFLICT: it is
 * there already. */
tardis_error_t *tardis_client_key_add(const tardis_context_t *context, const char *address, const char *key,
                                      const char *site_name, const char *site_url, apr_uint64_t *id,
                                      apr_pool_t *pool);

/** All keys by id: an array of tardis_client_key_t *. */
tardis_error_t *tardis_client_key_list(const tardis_context_t *context, apr_array_header_t **keys,
                                       apr_pool_t *pool);

/** Removes a key: its consumer is refused from now on. @return TARDIS_NOT_FOUND. */
tardis_error_t *tardis_client_key_remove(const tardis_context_t *context, apr_uint64_t id, apr_pool_t *pool);

/** What `get/` asks for. */
typedef struct tardis_transfer_request_t {
    apr_uint64_t experiment_id;
    const char *site_name;
    const char *site_url;
    const char *dest_path;
    const apr_array_header_t *files; /**< const char *: paths of those that are wanted again; NULL: all */
    apr_uint64_t sending;            /**< after which the site has all other files; 0: it did not say */
} tardis_transfer_request_t;

/** What became of a request for some files. */
typedef struct tardis_transfer_grant_t {
    apr_uint64_t files;   /**< as many are sent, and no others; 0: it is as if all had been asked for */
    apr_uint64_t sending; /**< the one in which they are */
} tardis_transfer_grant_t;

/**
 * Records a transfer, in one transaction with its event. Idempotent per experiment and site: one that is
 * queued or being sent is left alone, also a Complete one whose completion the site has not been told yet (a
 * repeat of a lost answer). A Failed or Cancelled one, and a Complete one the site was told of, is queued
 * anew from the first file.
 *
 * Each time a transfer is queued anew is a sending, with a number that grows. A request for some files only
 * is granted if the transfer is Complete, and its last sending is the one that the request names; or, where
 * that names none, if the site was told that it is Complete. It is granted again, and starts nothing, if it
 * is the request that has led to the sending there is; that one is queued anew if it has Failed or was
 * Cancelled. A partial sending is never left alone for a request for all files.
 * @param grant set to what it is granted.
 * @return TARDIS_UID_UNKNOWN: no such experiment (or one without a source directory); TARDIS_FORM_INVALID: it
 * has no such file; TARDIS_CONFLICT: being sent to another dest_path.
 */
tardis_error_t *tardis_transfer_request(const tardis_context_t *context,
                                        const tardis_transfer_request_t *request,
                                        tardis_transfer_grant_t *grant, apr_pool_t *pool);

/**
 * At most @a limit of the files that a transfer is to send, in their order: an array of tardis_datafile_t. In
 * a partial one their numbers are their places among them, and sent_through counts these.
 * @param after only those with numbers above this.
 */
tardis_error_t *tardis_transfer_files(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                      apr_uint32_t after, int limit, apr_array_header_t **files,
                                      apr_pool_t *pool);

/** The transfers of an experiment by site: an array of tardis_transfer_t *. */
tardis_error_t *tardis_transfer_list(const tardis_context_t *context, apr_uint64_t experiment_id,
                                     apr_array_header_t **transfers, apr_pool_t *pool);

/**
 * `retry`: a Failed or Cancelled transfer is queued again from where it stopped, one that waits is made due
 * now.
 * @return TARDIS_CONFLICT: it is Sending or Complete.
 */
tardis_error_t *tardis_transfer_retry(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                      apr_pool_t *pool);

/**
 * `cancel`: a Queued or Sending transfer becomes Cancelled; whoever is sending it notices within a second.
 * @return TARDIS_CONFLICT: it is in another state by now.
 */
tardis_error_t *tardis_transfer_cancel(const tardis_context_t *context, const tardis_transfer_t *transfer,
                                       apr_pool_t *pool);

/** One line of an experiment's history. */
typedef struct tardis_transfer_event_t {
    apr_time_t at;
    const char *host;
    const char *site_url;
    const char *kind; /**< registration, transition, error, manual or notify */
    const char *code; /**< name of a typed error; NULL: none */
    const char *text;
} tardis_transfer_event_t;

/** The last @a limit events of an experiment, oldest first: an array of tardis_transfer_event_t *. */
tardis_error_t *tardis_transfer_events(const tardis_context_t *context, apr_uint64_t experiment_id, int limit,
                                       apr_array_header_t **events, apr_pool_t *pool);

/* ---- Leases: what `send` works with. A lease is taken by a conditional UPDATE and checked by its row count.
 * ---- */

/** Who takes a lease, and for how long. */
typedef struct tardis_lease_t {
    const char *owner; /**< tardis_process_name() */
    int seconds;
} tardis_lease_t;

/**
 * Takes one transfer that is due and that nobody else holds; it is Sending afterwards, its progress set back
 * to its cursor.
 * @param transfer set to NULL when none is due.
 */
tardis_error_t *tardis_transfer_claim(const tardis_context_t *context, const tardis_lease_t *lease,
                                      tardis_transfer_t **transfer, apr_pool_t *pool);

/**
 * Saves sent_through, files_done, bytes_done and attempts of a transfer that is held, and renews its lease.
 * Without failed attempts its error is forgotten. @return TARDIS_LEASE_LOST: somebody else has it, or it was
 * cancelled; its row must not be touched.
 */
tardis_error_t *tardis_transfer_save(const tardis_context_t *context, const tardis_lease_t *lease,
                                     const tardis_transfer_t *transfer, apr_pool_t *pool);

/** Saves as tardis_transfer_save() and gives the lease back; still Sending and due, for the next `send`. */
tardis_error_t *tardis_transfer_pause(const tardis_context_t *context, const tardis_lease_t *lease,
                                      const tardis_transfer_t *transfer, apr_pool_t *pool);

/** Sending -> Complete, with a notification owed to the site if @a notify. @return also TARDIS_LEASE_LOST. */
tardis_error_t *tardis_transfer_complete(const tardis_context_t *context, const tardis_lease_t *lease,
                                         const tardis_transfer_t *transfer, int notify, apr_pool_t *pool);

/** Sending -> Queued, due again in @a delay, one more attempt failed. @return also TARDIS_LEASE_LOST. */
tardis_error_t *tardis_transfer_postpone(const tardis_context_t *context, const tardis_lease_t *lease,
                                         const tardis_transfer_t *transfer, const tardis_error_t *cause,
                                         apr_interval_time_t delay, apr_pool_t *pool);

/**
 * Sending -> Failed for @a cause. @a files (const tardis_error_t *; may be NULL) go into the history as well,
 * one event each.
 * @return also TARDIS_LEASE_LOST.
 */
tardis_error_t *tardis_transfer_fail(const tardis_context_t *context, const tardis_lease_t *lease,
                                     const tardis_transfer_t *transfer, const tardis_error_t *cause,
                                     const apr_array_header_t *files, apr_pool_t *pool);

/** Takes one Complete transfer whose notification is owed and due. @a transfer is set to NULL when there is
 * none. */
tardis_error_t *tardis_notify_claim(const tardis_context_t *context, const tardis_lease_t *lease,
                                    tardis_transfer_t **transfer, apr_pool_t *pool);

/** The notification is settled: no more tries. @a text says how; @a cause: why it was given up; NULL: it was
 * not. */
tardis_error_t *tardis_notify_settle(const tardis_context_t *context, const tardis_lease_t *lease,
                                     const tardis_transfer_t *transfer, const char *text,
                                     const tardis_error_t *cause, apr_pool_t *pool);

/** The notification failed and is due again in @a delay. */
tardis_error_t *tardis_notify_postpone(const tardis_context_t *context, const tardis_lease_t *lease,
                                       const tardis_transfer_t *transfer, apr_interval_time_t delay,
                                       apr_pool_t *pool);

/* ---- Registrations: experiments that are told to sites. ---- */

/** The states of a registration. */
#define TARDIS_REGISTRATION_STATE_PENDING "Pending"
#define TARDIS_REGISTRATION_STATE_REGISTERED "Registered"
#define TARDIS_REGISTRATION_STATE_REFUSED "Refused"

/** One registration: an experiment at a site. */
typedef struct tardis_registration_t {
    apr_uint64_t experiment_id;
    const char *site_name;
    const char *site_url;
    const char *state;
    int chosen; /**< the site was named: its email-endswith need not match the owners */
    apr_uint64_t attempts;
    apr_time_t next_attempt_at; /**< 0: nothing more to do */
    const char *location;       /**< where the consumer shows it; NULL: not registered, or it did not say */
    const char *error_code;     /**< NULL: none */
    const char *error_text;
    apr_time_t created_at;
    apr_time_t updated_at;
} tardis_registration_t;

/**
 * `transfer`: the registration becomes Pending and is held by the caller, whatever it was before.
 * @param chosen see tardis_registration_t.
 * @return TARDIS_CONFLICT: another process is registering it just now.
 */
tardis_error_t *tardis_registration_open(const tardis_context_t *context, const tardis_lease_t *lease,
                                         apr_uint64_t experiment_id, const tardis_site_t *site, int chosen,
                                         tardis_registration_t **registration, apr_pool_t *pool);

/** Takes one Pending registration that is due and that nobody else holds; NULL: there is none. */
tardis_error_t *tardis_registration_claim(const tardis_context_t *context, const tardis_lease_t *lease,
                                          tardis_registration_t **registration, apr_pool_t *pool);

/** Pending -> Registered, at @a location (NULL: the consumer did not say). @return also TARDIS_LEASE_LOST. */
tardis_error_t *tardis_registration_accept(const tardis_context_t *context, const tardis_lease_t *lease,
                                           const tardis_registration_t *registration, const char *location,
                                           apr_pool_t *pool);

/** Pending -> Refused for @a cause. @return also TARDIS_LEASE_LOST. */
tardis_error_t *tardis_registration_refuse(const tardis_context_t *context, const tardis_lease_t *lease,
                                           const tardis_registration_t *registration,
                                           const tardis_error_t *cause, apr_pool_t *pool);

/** It stays Pending and is due again in @a delay, one more attempt failed. @return also TARDIS_LEASE_LOST. */
tardis_error_t *tardis_registration_postpone(const tardis_context_t *context, const tardis_lease_t *lease,
                                             const tardis_registration_t *registration,
                                             const tardis_error_t *cause, apr_interval_time_t delay,
                                             apr_pool_t *pool);

/** Removes a Pending registration: no owner of the experiment belongs to the site. @return also
 * TARDIS_LEASE_LOST. */
tardis_error_t *tardis_registration_drop(const tardis_context_t *context, const tardis_lease_t *lease,
                                         const tardis_registration_t *registration, apr_pool_t *pool);

/** `retry`: a Refused registration is Pending again, and a Pending one due now; with an event. */
tardis_error_t *tardis_registration_retry(const tardis_context_t *context,
                                          const tardis_registration_t *registration, apr_pool_t *pool);

/** `cancel`: a Pending registration becomes Refused, with an event. @return TARDIS_CONFLICT: it is not
 * Pending. */
tardis_error_t *tardis_registration_cancel(const tardis_context_t *context,
                                           const tardis_registration_t *registration, apr_pool_t *pool);

/** The registrations of an experiment by site: an array of tardis_registration_t *. */
tardis_error_t *tardis_registration_list(const tardis_context_t *context, apr_uint64_t experiment_id,
                                         apr_array_header_t **registrations, apr_pool_t *pool);

/* ---- Where an experiment's files are. ---- */

/**
 * Sets the directory of an experiment, and lets its transfers that are not Complete begin again with the
 * files it has now; of one that is Complete, the next get/ is a new request. Within the transaction of an
 * import.
 * @param directory absolute; datafile paths are below it.
 */
tardis_error_t *tardis_source_write(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    const char *directory, apr_pool_t *pool);

/** The directory of an experiment; NULL: it has none. */
tardis_error_t *tardis_source_find(const tardis_context_t *context, apr_uint64_t experiment_id,
                                   const char **directory, apr_pool_t *pool);

/**
 * Nobody starts to send the experiment until the transaction ends. @return TARDIS_CONFLICT: it is being sent
 * already.
 */
tardis_error_t *tardis_source_hold(const tardis_context_t *context, apr_uint64_t experiment_id,
                                   apr_pool_t *pool);

/**
 * Whether an experiment other than @a experiment_id has this EPN; called after the experiment was written,
 * before the commit: of two imports at once one then waits for the other, or is told to repeat
 * (TARDIS_DATABASE_BUSY).
 * @param other_id set to that experiment; 0: there is none.
 */
tardis_error_t *tardis_source_epn_taken(const tardis_context_t *context, const char *epn,
                                        apr_uint64_t experiment_id, apr_uint64_t *other_id, apr_pool_t *pool);

/* ---- What `list` shows. ---- */

/** An experiment and one site it was told to or asked for by; the site fields are NULL for one without any.
 */
typedef struct tardis_overview_t {
    apr_uint64_t experiment_id;
    const char *epn; /**< NULL: none */
    const char *title;
    apr_uint64_t file_count;
    apr_uint64_t byte_count;
    const char *site_name;
    const char *site_url;
    const char *registration_state; /**< NULL: never registered there */
    const char *transfer_state;     /**< NULL: never asked for from there */
    int partial;                    /**< not 0: the transfer is of some files only, which are sent again */
    apr_uint64_t files_done;
    apr_uint64_t files_total; /**< of the transfer; 0 without one */
    apr_uint64_t bytes_done;
    apr_time_t updated_at;
    const char *error_code; /**< NULL: none */
} tardis_overview_t;

/** The lines of at most @a limit experiments with ids above @a after_id, by id: an array of tardis_overview_t
 * *. */
tardis_error_t *tardis_overview_page(const tardis_context_t *context, apr_uint64_t after_id, int limit,
                                     apr_array_header_t **lines, apr_pool_t *pool);

#endif
