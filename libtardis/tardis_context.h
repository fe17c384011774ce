/**
 * @file tardis_context.h
 * What a module or a tool hands to the library: where memory comes from, where log lines go, and the
 * database connection and HTTP engine to use.
 */
#ifndef TARDIS_CONTEXT_H
#define TARDIS_CONTEXT_H

#include <apr_pools.h>

#include "tardis_error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How much a log line matters; the values are those of syslog(3). */
typedef enum {
    TARDIS_LOG_ERROR = 3,
    TARDIS_LOG_WARNING = 4,
    TARDIS_LOG_NOTICE = 5,
    TARDIS_LOG_INFO = 6,
    TARDIS_LOG_DEBUG = 7
} tardis_log_level_t;

/** Takes one log line (no newline; control characters already replaced). Called by any thread that logs. */
typedef void tardis_log_fn(void *baton, tardis_log_level_t level, const char *line);

struct tardis_db_t;
struct tardis_http_t;

/**
 * The context. Made by the caller (a tool once, a module once per request), used by one thread at a time.
 * A field that a function needs and that is NULL is a programming error, named in that function's comment.
 */
typedef struct tardis_context_t {
    apr_pool_t *pool;           /**< lives as long as the context; for errors and kept values */
    tardis_log_fn *log;         /**< NULL: log lines are dropped */
    void *log_baton;            /**< handed to log */
    struct tardis_db_t *db;     /**< tardis_db.h; NULL where no database is used */
    struct tardis_http_t *http; /**< tardis_http.h; NULL where no request is made */
} tardis_context_t;

/**
 * Logs one line, formatted as by apr_psprintf. Lines start with what they are about ("uid tardis.42: ...")
 * and never hold a key or a password.
 */
void tardis_log(const tardis_context_t *context, tardis_log_level_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Logs "<about>: <text> [<code>]; <next>" where @a next says what happens now, and may be NULL. */
void tardis_log_problem(const tardis_context_t *context, tardis_log_level_t level, const char *about,
                        const tardis_error_t *error, const char *next);

#ifdef __cplusplus
}
#endif
#endif
