/**
 * @file tardis_transfer_method.h
 * How files of one `<transfer><type>` are moved. What ships (webdav, file) is registered in the same table as
 * anything else.
 */
#ifndef TARDIS_TRANSFER_METHOD_H
#define TARDIS_TRANSFER_METHOD_H

#include <apr_tables.h>

#include "tardis_context.h"
#include "tardis_digest.h"
#include "tardis_site.h"

/** One file to be moved. */
typedef struct tardis_transfer_file_t {
    const char *path;  /**< below the source directory and below the destination; checked */
    apr_uint64_t size; /**< bytes, as imported */
    tardis_digest_algorithm_t algorithm;
    unsigned char digest[TARDIS_DIGEST_MAX];
    void *baton; /**< the caller's */
} tardis_transfer_file_t;

/**
 * What a method tells while it moves files; called by the thread that called the method, never one within
 * another. All four are required.
 */
typedef struct tardis_transfer_sink_t {
    void *baton;
    /** The next file; NULL: none (asked again only after `done`). It must live until done. */
    tardis_transfer_file_t *(*next)(void *baton);
    /**
     * @a bytes more have left. What is sent a second time is not counted again; what a failed file sent
     * stays counted.
     */
    void (*moved)(void *baton, apr_uint64_t bytes);
    /**
     * The file is at its destination whole (error NULL), or not. In any order. The error's text names the
     * file, and it lives until this returns. Not 0: stop taking files; those in flight are finished, and the
     * method returns NULL. Files that were in flight when an error stopped the whole job are not done: the
     * error that the method returns is theirs.
     */
    int (*done)(void *baton, tardis_transfer_file_t *file, tardis_error_t *error);
    /** Called at least every half second. Not 0: break off everything and return TARDIS_INTERRUPTED. */
    int (*tick)(void *baton);
} tardis_transfer_sink_t;

/** One job: an experiment to a site. */
typedef struct tardis_transfer_job_t {
    const tardis_site_settings_t *settings;
    const char *source;    /**< absolute directory the files are below; opened as by tardis_path_open() */
    const char *dest_path; /**< relative, checked; below the site's serversite */
    int parallel; /**< how many files at a time, at most; 1 to 64, what is outside is brought inside */
} tardis_transfer_job_t;

/** A method. */
typedef struct tardis_transfer_method_t {
    const char *type; /**< `<type>` in the site's settings */
    /**
     * Required. Checks what can be checked of the settings before anything moves:
     * TARDIS_SITE_SETTINGS_INVALID names the element.
     */
    tardis_error_t *(*check)(const tardis_site_settings_t *settings, apr_pool_t *pool);
    /**
     * Required. Moves the files that sink->next gives, each to `<serversite>/<dest_path>/<path>`, making
     * directories as needed. A file is read once and its digest taken meanwhile; one that is not as imported
     * ends as TARDIS_SOURCE_CHANGED (TARDIS_FILE_MISSING if it is gone) and does not appear at the
     * destination. An existing file is replaced. A killed run leaves no file that looks whole and is not.
     * Errors of one file go to sink->done: TARDIS_SOURCE_CHANGED, TARDIS_FILE_MISSING and the others of
     * tardis_path_open(), TARDIS_IO_ERROR (reading it), TARDIS_DESTINATION_ERROR (a server's 5xx for it). The
     * returned error is one that stopped the job as a whole: TARDIS_SITE_SETTINGS_INVALID,
     * TARDIS_CONSUMER_UNREACHABLE, TARDIS_CONSUMER_TIMEOUT, TARDIS_TLS_FAILED, TARDIS_DESTINATION_FULL,
     * TARDIS_DESTINATION_REFUSED, TARDIS_STORE_UNAVAILABLE (the source directory is away),
     * TARDIS_INTERRUPTED. webdav needs context->http, and nothing else in flight on it.
     */
    tardis_error_t *(*move)(const tardis_context_t *context, const tardis_transfer_job_t *job,
                            const tardis_transfer_sink_t *sink, apr_pool_t *pool);
} tardis_transfer_method_t;

/** The method for a type. @return TARDIS_TRANSFER_TYPE_UNKNOWN, which names those there are. */
tardis_error_t *tardis_transfer_method_find(const char *type, const tardis_transfer_method_t **method,
                                            apr_pool_t *pool);

#endif
