/**
 * @file tardis_error.h
 * Typed errors: what went wrong, whose fault it is, whether it may pass, and what a person does about it.
 *
 * Every function that can fail returns a `tardis_error_t *`; NULL is success. The error lives in the pool
 * that the failing function was handed and is never freed by hand. The codes are stable: they are stored in
 * the database, printed by the tools and matched by administrators' scripts, so a code is never renamed.
 */
#ifndef TARDIS_ERROR_H
#define TARDIS_ERROR_H

#include <apr_pools.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The codes. error.c holds the table that gives each its name, fault, class and advice. */
typedef enum {
    /* The network between the two sides. */
    TARDIS_PROVIDER_UNREACHABLE,
    TARDIS_PROVIDER_TIMEOUT,
    TARDIS_CONSUMER_UNREACHABLE,
    TARDIS_CONSUMER_TIMEOUT,
    TARDIS_TLS_FAILED,
    TARDIS_HOST_UNREACHABLE,
    TARDIS_HOST_TIMEOUT,
    TARDIS_MAIL_REFUSED,
    /* What a provider answers to its consumer. */
    TARDIS_KEY_REFUSED,
    TARDIS_PROVIDER_UNKNOWN,
    TARDIS_UID_UNKNOWN,
    TARDIS_HTTPS_REQUIRED,
    TARDIS_REQUEST_REFUSED,
    TARDIS_PROVIDER_ERROR,
    TARDIS_PROVIDER_REDIRECT,
    TARDIS_ANSWER_MALFORMED,
    TARDIS_ANSWER_TOO_LARGE,
    TARDIS_TRANSFER_FAILED,
    TARDIS_TRANSFER_BAD_REQUEST,
    TARDIS_TRANSFER_SERVER_ERROR,
    TARDIS_DEADLINE_EXCEEDED,
    /* What a consumer answers to its provider, and the places files go to. */
    TARDIS_REGISTRATION_REFUSED,
    TARDIS_CREDENTIALS_REFUSED,
    TARDIS_CONSUMER_ERROR,
    TARDIS_DESTINATION_FULL,
    TARDIS_DESTINATION_REFUSED,
    TARDIS_DESTINATION_ERROR,
    TARDIS_TRANSFER_TYPE_UNKNOWN,
    TARDIS_TRANSFER_CANCELLED,
    TARDIS_CANCELLED_BY_HAND,
    /* Sites. */
    TARDIS_REGISTRY_UNAVAILABLE,
    TARDIS_REGISTRY_INVALID,
    TARDIS_SITE_UNKNOWN,
    TARDIS_SITE_SETTINGS_INVALID,
    /* The data. */
    TARDIS_FILE_MISSING,
    TARDIS_FILE_UNREADABLE,
    TARDIS_FILE_NOT_REGULAR,
    TARDIS_SIZE_MISMATCH,
    TARDIS_DIGEST_MISMATCH,
    TARDIS_MANIFEST_EMPTY,
    TARDIS_FILE_UNVERIFIABLE,
    TARDIS_SOURCE_CHANGED,
    TARDIS_PATH_INVALID,
    TARDIS_NAME_INVALID,
    /* Documents. */
    TARDIS_DOCUMENT_MALFORMED,
    TARDIS_DOCUMENT_INVALID,
    TARDIS_DOCUMENT_LIMIT,
    TARDIS_DOCUMENT_TOO_LARGE,
    /* Requests to our views, and commands. */
    TARDIS_UID_INVALID,
    TARDIS_FORM_INVALID,
    TARDIS_METHOD_REFUSED,
    TARDIS_FORBIDDEN,
    TARDIS_NOT_FOUND,
    TARDIS_NOT_REQUESTED,
    TARDIS_CONFLICT,
    TARDIS_USAGE,
    /* This host. */
    TARDIS_CONFIG_INVALID,
    TARDIS_SCHEMA_MISMATCH,
    TARDIS_DATABASE_UNAVAILABLE,
    TARDIS_DATABASE_BUSY,
    TARDIS_DATABASE_DUPLICATE,
    TARDIS_DATABASE_ERROR,
    TARDIS_DATABASE_ROW_INVALID,
    TARDIS_LEASE_LOST,
    TARDIS_STORE_UNAVAILABLE,
    TARDIS_IO_ERROR,
    TARDIS_INTERRUPTED,
    TARDIS_INTERNAL_ERROR,
    TARDIS_ERROR_CODES /**< how many there are; not a code */
} tardis_error_code_t;

/** Who has to act. */
typedef enum {
    TARDIS_FAULT_PROVIDER,
    TARDIS_FAULT_CONSUMER,
    TARDIS_FAULT_NETWORK,
    TARDIS_FAULT_DATA,
    TARDIS_FAULT_CALLER, /**< whoever sent the request or typed the command */
    TARDIS_FAULT_HOST    /**< this host: its configuration, database or disks */
} tardis_fault_t;

/** One error. Read it with the functions below or directly; never change one that you were handed. */
typedef struct tardis_error_t {
    tardis_error_code_t code;
    const char *text; /**< what happened, for a person; one line; no key, no password */
    int retry_after;  /**< seconds the other side asked us to wait; 0: it did not say */
    long line;        /**< line of the document or file; 0: none */
} tardis_error_t;

/** A new error whose text is formatted as by apr_psprintf. Control characters in the text become `?`. */
tardis_error_t *tardis_error_create(apr_pool_t *pool, tardis_error_code_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** As tardis_error_create(), at @a line of a document. The text does not repeat the line. */
tardis_error_t *tardis_error_at_line(apr_pool_t *pool, tardis_error_code_t code, long line,
                                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/** The same error with "<context>: " before its text, formatted as by apr_psprintf. */
tardis_error_t *tardis_error_prefix(apr_pool_t *pool, const tardis_error_t *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** A copy of @a error that lives in @a pool; for errors that must outlive the pool they were made in. */
tardis_error_t *tardis_error_copy(apr_pool_t *pool, const tardis_error_t *error);

/** An error of @a code whose text ends in what @a rv means ("No such file or directory"). */
tardis_error_t *tardis_error_from_status(apr_pool_t *pool, tardis_error_code_t code, apr_status_t rv,
                                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/** The stable name of a code, such as `digest_mismatch`. Never NULL. */
const char *tardis_error_name(tardis_error_code_t code);

/** The code with this name; TARDIS_ERROR_CODES if there is none. */
tardis_error_code_t tardis_error_code_of(const char *name);

/** What a person may have meant by a name that no code has: "; perhaps you meant \"<name>\"", or "". */
const char *tardis_error_suggest(const char *name, apr_pool_t *pool);

/** Whose fault a code is. */
tardis_fault_t tardis_error_fault(tardis_error_code_t code);

/** The name of a fault: `provider`, `consumer`, `network`, `data`, `caller` or `host`. */
const char *tardis_fault_name(tardis_fault_t fault);

/** Whether what failed may succeed later without anybody acting. */
int tardis_error_is_transient(tardis_error_code_t code);

/** What a person should do about it; one sentence. Never NULL. */
const char *tardis_error_advice(tardis_error_code_t code);

/** The HTTP status our views answer with; the only place where errors become statuses. NULL gives 200. */
int tardis_error_http_status(const tardis_error_t *error);

/**
 * The exit status of our tools; the only place where errors become exit statuses (sysexits.h, where it has
 * one). 0: success (also for NULL). 1: the command ran and something it was about failed. 64: usage.
 * 65: bad document or data. 66: not found. 69: the other side is unavailable. 74: input or output failed.
 * 75: try again later (database away or busy). 77: refused. 78: configuration or schema.
 */
int tardis_error_exit_status(const tardis_error_t *error);

#ifdef __cplusplus
}
#endif
#endif
