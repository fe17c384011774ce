/**
 * @file settings.h
 * consumer.conf: its options, and their values as the tool uses them.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <apr_hash.h>

#include "mail_template.h"
#include "tardis_command.h"

/** The table of options. */
extern const tardis_option_t consumer_options[];

/** One `provider` section. */
typedef struct consumer_provider_t {
    const char *url;     /**< without a trailing slash, as registrations name it */
    const char *key;     /**< NULL: it could not be read */
    const char *problem; /**< why not */
} consumer_provider_t;

/** What is read without --config. */
#define CONSUMER_CONFIG_FILE TARDIS_SYSCONFDIR "/consumer.conf"

/** The configuration, checked. Times are in seconds. */
typedef struct consumer_settings_t {
    const char *command;           /**< see consumer_command() */
    const char *store;             /**< absolute; experiments are directories below it */
    const char *site_settings_url; /**< what providers are told to look at */
    const char *base_url;          /**< for links in mail; NULL: none */
    apr_hash_t *providers;         /**< url to consumer_provider_t; see consumer_settings_read_keys() */
    long poll_interval;
    long poll_interval_maximum; /**< at least poll_interval */
    long retry_minimum;
    long retry_maximum;
    long deadline_ingested;
    long deadline_requested;
    long deadline_in_progress;
    long deadline_transfer;
    long deadline_checking;
    long breaker_failures; /**< a number; see breaker.h for these three */
    long breaker_minimum;
    long breaker_maximum;
    int lease_seconds;
    int parallel;
    int parallel_per_provider;
    int hash_threads;
    int allow_empty;
    long total_timeout; /**< of one request */
    const char *smtp_url;
    const char *smtp_user; /**< NULL: none */
    const char *smtp_password;
    const char *mail_from;
    const apr_array_header_t *mail_administrators; /**< const char * */
    long mail_digest_threshold;                    /**< 0: no digests */
    long mail_deadline;
    const mail_templates_t *mail_templates; /**< see consumer_settings_read_templates() */
    int mail_on_complete;
    int mail_owners;
} consumer_settings_t;

/**
 * Reads and checks the settings; no file is read, so there are no providers and no password yet.
 * @return TARDIS_CONFIG_INVALID, which starts with file and line.
 */
tardis_error_t *consumer_settings_read(const tardis_config_t *config, consumer_settings_t **settings,
                                       apr_pool_t *pool);

/**
 * Reads the keys of the providers and the password for mail. A key that cannot be read is noted in its
 * provider and troubles that provider's experiments only.
 * @return TARDIS_CONFIG_INVALID: a provider's URL is none or is there twice; the password cannot be read.
 */
tardis_error_t *consumer_settings_read_keys(const tardis_config_t *config, consumer_settings_t *settings,
                                            apr_pool_t *pool);

/**
 * Reads the templates of mail: for whatever may change a state.
 * @return TARDIS_CONFIG_INVALID: mail_template_directory or a file in it is wrong; with file and line.
 */
tardis_error_t *consumer_settings_read_templates(const tardis_config_t *config, consumer_settings_t *settings,
                                                 apr_pool_t *pool);

/**
 * What `config show` checks beyond the options each by itself: all of the above but for the keys, which only
 * those who run ticks may read.
 */
tardis_error_t *consumer_settings_check(const tardis_config_t *config, apr_pool_t *pool);

/**
 * How a command line of this tool begins that a person is told to run: "tardis-consumer", with --config where
 * this one was called with it.
 */
const char *consumer_command(const tardis_config_t *config, apr_pool_t *pool);

/** A base URL as registrations name it: without a slash at its end. */
const char *consumer_base_url(const char *url, apr_pool_t *pool);

#endif
