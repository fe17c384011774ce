#include "tardis_error.h"

#include <string.h>
#include <sysexits.h>

#include <apr_strings.h>

#include "suggest.h"
#include "tardis_uid.h"

typedef struct {
    const char *name;
    tardis_fault_t fault;
    int transient;
    int http_status;
    int exit_status;
    const char *advice;
} error_class_t;

#define PASSING 1
#define LASTING 0

/* The one table of typed errors. */
/* clang-format off */
static const error_class_t classes[TARDIS_ERROR_CODES] = {
    [TARDIS_PROVIDER_UNREACHABLE] = {"provider_unreachable", TARDIS_FAULT_NETWORK, PASSING, 503, EX_UNAVAILABLE,
        "Check that the provider's host name resolves and that its HTTPS port can be reached from this host."},
    [TARDIS_PROVIDER_TIMEOUT] = {"provider_timeout", TARDIS_FAULT_NETWORK, PASSING, 503, EX_UNAVAILABLE,
        "The provider accepts connections but answers too slowly; tell its administrator if it lasts."},
    [TARDIS_CONSUMER_UNREACHABLE] = {"consumer_unreachable", TARDIS_FAULT_NETWORK, PASSING, 503, EX_UNAVAILABLE,
        "Check that the consumer's host name resolves and that its HTTPS port can be reached from this host."},
    [TARDIS_CONSUMER_TIMEOUT] = {"consumer_timeout", TARDIS_FAULT_NETWORK, PASSING, 503, EX_UNAVAILABLE,
        "The consumer accepts connections but answers too slowly; tell its administrator if it lasts."},
    [TARDIS_TLS_FAILED] = {"tls_failed", TARDIS_FAULT_NETWORK, PASSING, 503, EX_UNAVAILABLE,
        "Check the other side's certificate, its host name and dates, and `ca_file` in this host's configuration."},
    [TARDIS_HOST_UNREACHABLE] = {"host_unreachable", TARDIS_FAULT_NETWORK, PASSING, 503, EX_UNAVAILABLE,
        "Check that the host name resolves and that its port can be reached from this host."},
    [TARDIS_HOST_TIMEOUT] = {"host_timeout", TARDIS_FAULT_NETWORK, PASSING, 503, EX_UNAVAILABLE,
        "The host accepts connections but answers too slowly; it is tried again."},
    [TARDIS_MAIL_REFUSED] = {"mail_refused", TARDIS_FAULT_HOST, PASSING, 500, EX_UNAVAILABLE,
        "Check `smtp_url`, `smtp_user` and the recipients in the configuration; the mail stays in the outbox."},
    [TARDIS_KEY_REFUSED] = {"key_refused", TARDIS_FAULT_CONSUMER, LASTING, 403, EX_NOPERM,
        "Have the provider add this host's address and key (`tardis-provider key add`), then retry."},
    [TARDIS_PROVIDER_UNKNOWN] = {"provider_unknown", TARDIS_FAULT_CONSUMER, PASSING, 500, EX_CONFIG,
        "Add a `provider` section with this URL and its key to consumer.conf."},
    [TARDIS_UID_UNKNOWN] = {"uid_unknown", TARDIS_FAULT_PROVIDER, LASTING, 404, EX_NOINPUT,
        "The provider no longer knows this experiment; ask its administrator, then retry."},
    [TARDIS_HTTPS_REQUIRED] = {"https_required", TARDIS_FAULT_CONSUMER, LASTING, 404, EX_CONFIG,
        "The provider accepts HTTPS only: correct the provider's URL, then retry."},
    [TARDIS_REQUEST_REFUSED] = {"request_refused", TARDIS_FAULT_CONSUMER, LASTING, 400, EX_DATAERR,
        "The other side found the request itself wrong; compare `site_settings_url` with its site registry."},
    [TARDIS_PROVIDER_ERROR] = {"provider_error", TARDIS_FAULT_PROVIDER, PASSING, 502, EX_UNAVAILABLE,
        "The provider failed on its own side; its error log tells why."},
    [TARDIS_PROVIDER_REDIRECT] = {"provider_redirect", TARDIS_FAULT_PROVIDER, LASTING, 502, EX_UNAVAILABLE,
        "The provider answers from another URL; redirects are never followed with the key. Correct the URL, then retry."},
    [TARDIS_ANSWER_MALFORMED] = {"answer_malformed", TARDIS_FAULT_PROVIDER, PASSING, 502, EX_UNAVAILABLE,
        "The answer was not what the protocol says; a proxy or a maintenance page may stand in between."},
    [TARDIS_ANSWER_TOO_LARGE] = {"answer_too_large", TARDIS_FAULT_PROVIDER, PASSING, 502, EX_UNAVAILABLE,
        "The answer was far larger than the protocol allows and was cut off; ask the other side's administrator."},
    [TARDIS_TRANSFER_FAILED] = {"transfer_failed", TARDIS_FAULT_PROVIDER, LASTING, 502, EX_UNAVAILABLE,
        "The provider gave the transfer up; its message says why. Retry once that is mended."},
    [TARDIS_TRANSFER_BAD_REQUEST] = {"transfer_bad_request", TARDIS_FAULT_PROVIDER, PASSING, 502, EX_UNAVAILABLE,
        "The provider does not accept this uid from this site; ask its administrator, then retry."},
    [TARDIS_TRANSFER_SERVER_ERROR] = {"transfer_server_error", TARDIS_FAULT_PROVIDER, PASSING, 502, EX_UNAVAILABLE,
        "The provider's transfer system failed; its message says why."},
    [TARDIS_DEADLINE_EXCEEDED] = {"deadline_exceeded", TARDIS_FAULT_PROVIDER, LASTING, 504, EX_UNAVAILABLE,
        "Nothing moved, or no end came, for longer than the state allows; find out why, then retry."},
    [TARDIS_REGISTRATION_REFUSED] = {"registration_refused", TARDIS_FAULT_DATA, LASTING, 502, EX_DATAERR,
        "The consumer refused the experiment; its answer says why."},
    [TARDIS_CREDENTIALS_REFUSED] = {"credentials_refused", TARDIS_FAULT_PROVIDER, LASTING, 403, EX_NOPERM,
        "The user name or password for this site is wrong; compare the site registry and settings with the consumer's."},
    [TARDIS_CONSUMER_ERROR] = {"consumer_error", TARDIS_FAULT_CONSUMER, PASSING, 502, EX_UNAVAILABLE,
        "The consumer failed on its own side; its error log tells why."},
    [TARDIS_DESTINATION_FULL] = {"destination_full", TARDIS_FAULT_CONSUMER, PASSING, 507, EX_CANTCREAT,
        "The consumer's store is full; free space there. The transfer goes on by itself until the provider gives it up; then the consumer has to retry."},
    [TARDIS_DESTINATION_REFUSED] = {"destination_refused", TARDIS_FAULT_CONSUMER, LASTING, 502, EX_NOPERM,
        "The consumer's store does not let us write; check its permissions and the transfer user in the site settings."},
    [TARDIS_DESTINATION_ERROR] = {"destination_error", TARDIS_FAULT_CONSUMER, PASSING, 502, EX_UNAVAILABLE,
        "The consumer's store failed; its error log tells why."},
    [TARDIS_TRANSFER_TYPE_UNKNOWN] = {"transfer_type_unknown", TARDIS_FAULT_CONSUMER, LASTING, 500, EX_CONFIG,
        "No transfer method of this type is available here; agree on another `<type>` with the consumer."},
    [TARDIS_TRANSFER_CANCELLED] = {"transfer_cancelled", TARDIS_FAULT_PROVIDER, LASTING, 409, 1,
        "The provider's administrator cancelled the transfer."},
    [TARDIS_CANCELLED_BY_HAND] = {"cancelled_by_hand", TARDIS_FAULT_CONSUMER, LASTING, 409, 1,
        "Somebody here gave it up, for the reason that is told; a retry begins anew."},
    [TARDIS_REGISTRY_UNAVAILABLE] = {"registry_unavailable", TARDIS_FAULT_HOST, PASSING, 503, EX_UNAVAILABLE,
        "Check that the site registry's file or URL can be read from this host."},
    [TARDIS_REGISTRY_INVALID] = {"registry_invalid", TARDIS_FAULT_HOST, LASTING, 500, EX_CONFIG,
        "Mend the site registry where the message says."},
    [TARDIS_SITE_UNKNOWN] = {"site_unknown", TARDIS_FAULT_CALLER, LASTING, 400, EX_NOINPUT,
        "Use a site that is in the site registry, byte for byte."},
    [TARDIS_SITE_SETTINGS_INVALID] = {"site_settings_invalid", TARDIS_FAULT_CONSUMER, LASTING, 502, EX_DATAERR,
        "The site's settings document is wrong; its administrator must mend it where the message says."},
    [TARDIS_FILE_MISSING] = {"file_missing", TARDIS_FAULT_DATA, LASTING, 500, EX_DATAERR,
        "A promised file is not there; retry asks the provider for the files again."},
    [TARDIS_FILE_UNREADABLE] = {"file_unreadable", TARDIS_FAULT_HOST, LASTING, 500, EX_NOPERM,
        "Give the user that runs this command the right to read the file."},
    [TARDIS_FILE_NOT_REGULAR] = {"file_not_regular", TARDIS_FAULT_DATA, LASTING, 500, EX_DATAERR,
        "Only regular files and directories belong to an experiment; remove or replace what is named."},
    [TARDIS_SIZE_MISMATCH] = {"size_mismatch", TARDIS_FAULT_DATA, LASTING, 500, EX_DATAERR,
        "The file has the wrong size; retry asks the provider for the files again."},
    [TARDIS_DIGEST_MISMATCH] = {"digest_mismatch", TARDIS_FAULT_DATA, LASTING, 500, EX_DATAERR,
        "The file's content is not what the provider promised; retry asks for the files again."},
    [TARDIS_MANIFEST_EMPTY] = {"manifest_empty", TARDIS_FAULT_DATA, LASTING, 400, EX_DATAERR,
        "The document lists no files, so nothing can be proven; allow it explicitly if that is meant."},
    [TARDIS_FILE_UNVERIFIABLE] = {"file_unverifiable", TARDIS_FAULT_DATA, LASTING, 500, EX_DATAERR,
        "The provider gave no usable digest for this file; only its size could be checked."},
    [TARDIS_SOURCE_CHANGED] = {"source_changed", TARDIS_FAULT_DATA, LASTING, 500, EX_DATAERR,
        "The file is not the one that was imported; restore it, or import the experiment again with --update."},
    [TARDIS_PATH_INVALID] = {"path_invalid", TARDIS_FAULT_DATA, LASTING, 400, EX_DATAERR,
        "Use a relative path without `..`, empty components or control characters."},
    [TARDIS_NAME_INVALID] = {"name_invalid", TARDIS_FAULT_DATA, LASTING, 400, EX_DATAERR,
        "Rename it: names must be UTF-8 without control characters."},
    [TARDIS_DOCUMENT_MALFORMED] = {"document_malformed", TARDIS_FAULT_DATA, LASTING, 400, EX_DATAERR,
        "The document is not well-formed XML; send it whole."},
    [TARDIS_DOCUMENT_INVALID] = {"document_invalid", TARDIS_FAULT_DATA, LASTING, 400, EX_DATAERR,
        "Mend the document where the message says."},
    [TARDIS_DOCUMENT_LIMIT] = {"document_limit", TARDIS_FAULT_DATA, LASTING, 400, EX_DATAERR,
        "The document goes beyond a limit that protects this host; see the message for which."},
    [TARDIS_DOCUMENT_TOO_LARGE] = {"document_too_large", TARDIS_FAULT_DATA, LASTING, 413, EX_DATAERR,
        "Raise the size limit in the configuration if such large documents are expected."},
    [TARDIS_UID_INVALID] = {"uid_invalid", TARDIS_FAULT_CALLER, LASTING, 400, EX_USAGE,
        "A uid has 1 to 255 letters, digits, `_`, `.` and `-`."},
    [TARDIS_FORM_INVALID] = {"form_invalid", TARDIS_FAULT_CALLER, LASTING, 400, EX_DATAERR,
        "Send the fields that the protocol asks for, each once and within its length."},
    [TARDIS_METHOD_REFUSED] = {"method_refused", TARDIS_FAULT_CALLER, LASTING, 405, EX_USAGE,
        "Use the method that the Allow header names."},
    [TARDIS_FORBIDDEN] = {"forbidden", TARDIS_FAULT_CALLER, LASTING, 403, EX_NOPERM,
        "The address, key, user name or password is not known here."},
    [TARDIS_NOT_FOUND] = {"not_found", TARDIS_FAULT_CALLER, LASTING, 404, EX_NOINPUT,
        "Look at `list` for what there is."},
    [TARDIS_NOT_REQUESTED] = {"not_requested", TARDIS_FAULT_CALLER, LASTING, 404, EX_NOINPUT,
        "This site never asked for the experiment's files; `get` comes before `status`."},
    [TARDIS_CONFLICT] = {"conflict", TARDIS_FAULT_CALLER, LASTING, 409, 1,
        "It is not in a state that allows this; `show` tells which it is in."},
    [TARDIS_USAGE] = {"usage", TARDIS_FAULT_CALLER, LASTING, 400, EX_USAGE,
        "See --help or the manual page."},
    [TARDIS_CONFIG_INVALID] = {"config_invalid", TARDIS_FAULT_HOST, LASTING, 500, EX_CONFIG,
        "Mend the configuration file where the message says."},
    [TARDIS_SCHEMA_MISMATCH] = {"schema_mismatch", TARDIS_FAULT_HOST, LASTING, 503, EX_CONFIG,
        "Run the command that the message names."},
    [TARDIS_DATABASE_UNAVAILABLE] = {"database_unavailable", TARDIS_FAULT_HOST, PASSING, 503, EX_TEMPFAIL,
        "Check that the MySQL server runs and that the option file names it and a user it accepts."},
    [TARDIS_DATABASE_BUSY] = {"database_busy", TARDIS_FAULT_HOST, PASSING, 503, EX_TEMPFAIL,
        "Another transaction was in the way; it is tried again."},
    [TARDIS_DATABASE_DUPLICATE] = {"database_duplicate", TARDIS_FAULT_HOST, LASTING, 409, 1,
        "It exists already."},
    [TARDIS_DATABASE_ERROR] = {"database_error", TARDIS_FAULT_HOST, LASTING, 500, EX_SOFTWARE,
        "Run `schema check`; look at the MySQL server's error log."},
    [TARDIS_DATABASE_ROW_INVALID] = {"database_row_invalid", TARDIS_FAULT_HOST, LASTING, 500, EX_DATAERR,
        "A row holds what this program would never have written; correct or remove it."},
    [TARDIS_LEASE_LOST] = {"lease_lost", TARDIS_FAULT_HOST, PASSING, 503, EX_TEMPFAIL,
        "Somebody held, cancelled or restarted it meanwhile, or another process took it over; nothing needs to be done."},
    [TARDIS_STORE_UNAVAILABLE] = {"store_unavailable", TARDIS_FAULT_CONSUMER, PASSING, 503, EX_TEMPFAIL,
        "Check that the store is mounted and readable by the user that runs this command."},
    [TARDIS_IO_ERROR] = {"io_error", TARDIS_FAULT_HOST, PASSING, 500, EX_IOERR,
        "Reading or writing failed; check the disk and its free space."},
    [TARDIS_INTERRUPTED] = {"interrupted", TARDIS_FAULT_CALLER, PASSING, 503, EX_TEMPFAIL,
        "The command was told to stop; run it again to go on."},
    [TARDIS_INTERNAL_ERROR] = {"internal_error", TARDIS_FAULT_HOST, LASTING, 500, EX_SOFTWARE,
        "This is a defect; please report it with the log line."},
};
/* clang-format on */

static tardis_error_t *create(apr_pool_t *pool, tardis_error_code_t code, long line, const char *format,
                              va_list arguments)
{
    tardis_error_t *error = apr_pcalloc(pool, sizeof(*error));
    error->code = code;
    error->line = line;
    /* It goes into logs and terminals, and much of it comes from outside. */
    error->text = tardis_text_tame(apr_pvsprintf(pool, format, arguments));
    return error;
}

tardis_error_t *tardis_error_create(apr_pool_t *pool, tardis_error_code_t code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tardis_error_t *error = create(pool, code, 0, format, arguments);
    va_end(arguments);
    return error;
}

tardis_error_t *tardis_error_at_line(apr_pool_t *pool, tardis_error_code_t code, long line,
                                     const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tardis_error_t *error = create(pool, code, line, format, arguments);
    va_end(arguments);
    return error;
}

tardis_error_t *tardis_error_prefix(apr_pool_t *pool, const tardis_error_t *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tardis_error_t *prefixed = create(pool, error->code, error->line, format, arguments);
    va_end(arguments);
    prefixed->text = apr_pstrcat(pool, prefixed->text, ": ", error->text, NULL);
    prefixed->retry_after = error->retry_after;
    return prefixed;
}

tardis_error_t *tardis_error_copy(apr_pool_t *pool, const tardis_error_t *error)
{
    if (!error)
        return NULL;
    tardis_error_t *copy = apr_pmemdup(pool, error, sizeof(*error));
    copy->text = apr_pstrdup(pool, error->text);
    return copy;
}

tardis_error_t *tardis_error_from_status(apr_pool_t *pool, tardis_error_code_t code, apr_status_t rv,
                                         const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    tardis_error_t *error = create(pool, code, 0, format, arguments);
    va_end(arguments);
    error->text = apr_pstrcat(pool, error->text, ": ", apr_strerror(rv, reason, sizeof(reason)), NULL);
    return error;
}

const char *tardis_error_name(tardis_error_code_t code)
{
    return classes[code].name;
}

tardis_error_code_t tardis_error_code_of(const char *name)
{
    for (int code = 0; code < TARDIS_ERROR_CODES; code++) {
        if (strcmp(classes[code].name, name) == 0)
            return (tardis_error_code_t)code;
    }
    return TARDIS_ERROR_CODES;
}

const char *tardis_error_suggest(const char *name, apr_pool_t *pool)
{
    const char *best = NULL;
    for (int code = 0; code < TARDIS_ERROR_CODES; code++)
        suggest_consider(&best, name, classes[code].name, pool);
    return suggest_text(best, pool);
}

tardis_fault_t tardis_error_fault(tardis_error_code_t code)
{
    return classes[code].fault;
}

const char *tardis_fault_name(tardis_fault_t fault)
{
    static const char *const names[] = {
        [TARDIS_FAULT_PROVIDER] = "provider", [TARDIS_FAULT_CONSUMER] = "consumer",
        [TARDIS_FAULT_NETWORK] = "network",   [TARDIS_FAULT_DATA] = "data",
        [TARDIS_FAULT_CALLER] = "caller",     [TARDIS_FAULT_HOST] = "host",
    };
    return names[fault];
}

int tardis_error_is_transient(tardis_error_code_t code)
{
    return classes[code].transient;
}

const char *tardis_error_advice(tardis_error_code_t code)
{
    return classes[code].advice;
}

int tardis_error_http_status(const tardis_error_t *error)
{
    return error ? classes[error->code].http_status : 200;
}

int tardis_error_exit_status(const tardis_error_t *error)
{
    return error ? classes[error->code].exit_status : 0;
}
