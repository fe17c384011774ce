/*
 * provider.conf: its options, and a typed view of their values.
 */
#ifndef PROVIDER_SETTINGS_H
#define PROVIDER_SETTINGS_H

#include "tardis_command.h"
#include "tardis_site.h"
#include "tardis_transfer_db.h"

/* The options of provider.conf, for tardis_tool_main(). */
extern const tardis_option_t provider_options[];

/* The values of provider.conf. Intervals are in seconds. */
typedef struct {
    const char *institution; /* first part of uids */
    const char *base_url;    /* of this provider's views, without a trailing slash; NULL: not set */
    tardis_registry_source_t registry;
    int send_parallel; /* files of a transfer that move at a time */
    int hash_threads;  /* 0: one per core */
    int lease_seconds;
    int retry_minimum;
    int retry_maximum;
    int retry_limit; /* attempts that may fail in a row */
} provider_settings_t;

/* Reads the values, and checks what the table cannot: base_url, and that the password file goes with a user.
 */
tardis_error_t *provider_settings_read(const tardis_invocation_t *invocation, provider_settings_t **settings);

/* The same, for commands that tell other hosts where this provider is. @return TARDIS_CONFIG_INVALID without
 * base_url. */
tardis_error_t *provider_settings_read_public(const tardis_invocation_t *invocation,
                                              provider_settings_t **settings);

/* The lease this process takes. */
tardis_lease_t provider_lease(const provider_settings_t *settings, apr_pool_t *pool);

/*
 * How long to wait before what failed for @a cause is tried again, @a attempts having failed before:
 * exponential between retry_minimum and retry_maximum with full jitter, and not before the time the other
 * side asked for.
 */
apr_interval_time_t provider_backoff(const provider_settings_t *settings, apr_uint64_t attempts,
                                     const tardis_error_t *cause);

#endif
