/*
 * The parts of `send`: registrations, transfers and notifications that are due.
 */
#ifndef PROVIDER_SEND_H
#define PROVIDER_SEND_H

#include "site_book.h"
#include "tardis_transfer_method.h"

/* One run of the command, and what it has done. */
typedef struct {
    tardis_invocation_t *invocation;
    const tardis_context_t *context;
    const provider_settings_t *settings;
    tardis_lease_t lease;
    site_book_t *book;
    apr_time_t until; /* when no new work is taken any more */
    int parallel;
    int quiet;
    apr_uint64_t registered;
    apr_uint64_t refused;
    apr_uint64_t completed;
    apr_uint64_t failed;
    apr_uint64_t postponed;
    apr_uint64_t paused;
    apr_uint64_t files;
    apr_uint64_t bytes;
} send_t;

/* Whether the time is up or the tool was told to stop. */
int send_is_over(const send_t *send);

/* Each does one thing that is due. @a did: whether there was one. @return a database error; everything else
 * is recorded. */
tardis_error_t *send_registration(send_t *send, int *did, apr_pool_t *pool);
tardis_error_t *send_transfer(send_t *send, int *did, apr_pool_t *pool);
tardis_error_t *send_notification(send_t *send, int *did, apr_pool_t *pool);

/* Where a site is notified of this uid; NULL: its register URL does not tell. */
const char *send_notify_url(const send_t *send, const tardis_site_settings_t *settings,
                            apr_uint64_t experiment_id, apr_pool_t *pool);

/* The files of one transfer: handed out in order, finished in any. */
typedef struct send_feed_t send_feed_t;

/* Why a feed stopped before the last file. */
typedef struct {
    const tardis_error_t *host; /* the database is away, or the lease was lost: nothing can be recorded */
    const tardis_error_t
        *first;                /* the error of a file that decides: a lasting one before one that may pass */
    apr_array_header_t *files; /* const tardis_error_t *: lasting errors of files, each by name; bounded */
    int exhausted;             /* every file was handed out */
} send_feed_end_t;

/* A feed of @a transfer, which is kept up to date and saved, beginning behind its cursor. */
send_feed_t *send_feed_open(send_t *send, tardis_transfer_t *transfer, apr_pool_t *pool);

/* What the method is given. */
tardis_transfer_sink_t send_feed_sink(send_feed_t *feed);

/* To be called when the method has returned. */
send_feed_end_t send_feed_close(send_feed_t *feed);

#endif
