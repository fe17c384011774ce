/**
 * @file tardis_sync_manager.h
 * The provider's backend: which experiment a uid names, how a transfer is started, how far it is.
 * The default one keeps transfers in the database for `tardis-provider send`.
 */
#ifndef TARDIS_SYNC_MANAGER_H
#define TARDIS_SYNC_MANAGER_H

#include "tardis_context.h"
#include "tardis_site.h"
#include "tardis_status.h"

/** Who asks. */
typedef struct tardis_sync_client_t {
    const char *site_name;
    const char *site_url;
} tardis_sync_client_t;

/** What a manager is told about this provider. */
typedef struct tardis_sync_settings_t {
    const char *institution; /**< first part of its uids */
} tardis_sync_settings_t;

/** One uid of several that are asked about at once, and its answer. */
typedef struct tardis_status_query_t {
    const char *uid;
    apr_pool_t *pool;        /**< what the answer lives in; no other thread uses it meanwhile */
    tardis_status_t *status; /**< the answer ... */
    tardis_error_t
        *error; /**< ... or why there is none: TARDIS_UID_INVALID, TARDIS_UID_UNKNOWN, TARDIS_NOT_REQUESTED */
} tardis_status_query_t;

/** Which files of an experiment a client wants again, and what it is granted. */
typedef struct tardis_sync_partial_t {
    const apr_array_header_t *files; /**< const char *: paths, syntactically right; at least one */
    apr_uint64_t sending;            /**< after which the client has all others; 0: it did not say */
    apr_uint64_t granted;            /**< set: as many files are sent and no others; 0: all are */
    apr_uint64_t granted_sending;    /**< set with it: the sending in which they are */
} tardis_sync_partial_t;

/** A backend. Slots are called by request threads, each with a context of its own; what they return lives in
 * @a pool. */
typedef struct tardis_sync_manager_t {
    const char *name;
    /** Required. @a uid and @a dest_path are syntactically right. @return TARDIS_UID_UNKNOWN,
     * TARDIS_CONFLICT, database errors ... */
    tardis_error_t *(*start_transfer)(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                                      const tardis_sync_client_t *client, const char *uid,
                                      const char *dest_path, apr_pool_t *pool);
    /** Required. @return TARDIS_UID_UNKNOWN, TARDIS_NOT_REQUESTED (both become status 4), database errors ...
     */
    tardis_error_t *(*status)(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                              const tardis_sync_client_t *client, const char *uid, tardis_status_t **status,
                              apr_pool_t *pool);
    /**
     * Optional: statuses of many uids at once, which are syntactically right; without it status is called for
     * each. Sets status or error of each query. @return only what makes no answer to any of them possible
     * (the database is away).
     */
    tardis_error_t *(*statuses)(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                                const tardis_sync_client_t *client, tardis_status_query_t *const *queries,
                                int count, apr_pool_t *pool);
    /**
     * Optional: as start_transfer, for some files only. Without it, and where the manager finds it unsafe,
     * all are sent, as with start_transfer. @return also TARDIS_FORM_INVALID: the experiment has no such
     * file.
     */
    tardis_error_t *(*start_partial)(const tardis_context_t *context, const tardis_sync_settings_t *settings,
                                     const tardis_sync_client_t *client, const char *uid,
                                     const char *dest_path, tardis_sync_partial_t *partial, apr_pool_t *pool);
} tardis_sync_manager_t;

/** The default manager. */
const tardis_sync_manager_t *tardis_sync_manager_default(void);

/** The urlencoded fields of `get/`, as they came; NULL where absent. */
typedef struct tardis_get_form_t {
    const char *uid;
    const char *dest_path;
    const char *site_settings_url;
    const char *sending;
    const apr_array_header_t *files; /**< const char *: of the repeated field `file`; may be empty */
} tardis_get_form_t;

/**
 * The transfer service: checks the form (lengths, uid, dest_path, files, that site_settings_url is in the
 * registry and is the client's own) and has the manager start the transfer.
 * @param partial set to what is granted; its files are empty if all were asked for.
 * @return TARDIS_FORM_INVALID, TARDIS_UID_INVALID, TARDIS_PATH_INVALID, TARDIS_SITE_UNKNOWN,
 * TARDIS_REGISTRY_UNAVAILABLE (with retry_after), TARDIS_REGISTRY_INVALID, and what start_transfer returns.
 */
tardis_error_t *tardis_transfer_service_get(const tardis_context_t *context,
                                            const tardis_sync_manager_t *manager,
                                            const tardis_sync_settings_t *settings,
                                            const tardis_registry_source_t *registry,
                                            const tardis_sync_client_t *client, const tardis_get_form_t *form,
                                            tardis_sync_partial_t *partial, apr_pool_t *pool);

/**
 * The status of a uid for a client. A uid that is malformed, unknown or never requested is an answer too
 * (status 4 with `error`);
 * @return only what makes no answer possible (the database is away).
 */
tardis_error_t *tardis_transfer_service_status(const tardis_context_t *context,
                                               const tardis_sync_manager_t *manager,
                                               const tardis_sync_settings_t *settings,
                                               const tardis_sync_client_t *client, const char *uid,
                                               tardis_status_t **status, apr_pool_t *pool);

/**
 * The same for several uids, each answered on its own: status is set in each query, and error too where the
 * status is 4 because of the uid.
 */
tardis_error_t *
tardis_transfer_service_statuses(const tardis_context_t *context, const tardis_sync_manager_t *manager,
                                 const tardis_sync_settings_t *settings, const tardis_sync_client_t *client,
                                 tardis_status_query_t *const *queries, int count, apr_pool_t *pool);

#endif
