/**
 * @file tardis_status.h
 * The transfer status document (protocol.md, "GET status/<uid>/"): made by the provider, read by the
 * consumer.
 */
#ifndef TARDIS_STATUS_H
#define TARDIS_STATUS_H

#include <apr_pools.h>
#include <apr_time.h>

#include "tardis_error.h"

/** The codes on the wire. */
typedef enum {
    TARDIS_STATUS_COMPLETE = 1,
    TARDIS_STATUS_IN_PROGRESS = 2,
    TARDIS_STATUS_FAILED = 3,
    TARDIS_STATUS_BAD_REQUEST = 4,
    TARDIS_STATUS_SERVER_ERROR = 5
} tardis_status_code_t;

/** One status. Text fields are never NULL after reading. */
typedef struct tardis_status_t {
    tardis_status_code_t status;
    apr_time_t timestamp;   /**< sent as seconds, with a fraction; 0: absent, or no time of this era */
    const char *message;    /**< for people */
    const char *progress;   /**< for people */
    const char *error;      /**< set with status 4 */
    const char *code;       /**< extension: name of a typed error; "" if absent */
    apr_int64_t files_done; /**< extensions; -1 if absent */
    apr_int64_t files_total;
    apr_int64_t bytes_done;
    apr_int64_t bytes_total;
    apr_int64_t sending; /**< grows each time the files begin to be sent anew */
} tardis_status_t;

/** `Transfer Complete` ...; NULL if @a status is none of the five. */
const char *tardis_status_human(int status);

/** The document as JSON text; a text member that is not UTF-8 has `?` for what is not ASCII. */
const char *tardis_status_encode(const tardis_status_t *status, apr_pool_t *pool);

/**
 * Whether @a document, which tardis_status_encode() has made, says what @a status says, the time aside. Much
 * cheaper than reading it. 0 may also be: it cannot be told so.
 */
int tardis_status_is_same(const char *document, const tardis_status_t *status, apr_pool_t *pool);

/** Most uids that one `POST status/` may ask about (protocol.md, "Extensions"). */
#define TARDIS_STATUS_BATCH_MAX 1000
/** Most files that one `POST get/` may ask for again; all fields are at most TARDIS_FORM_FIELDS_MAX. */
#define TARDIS_GET_FILES_MAX 900
/** Most bytes of the form of a `POST get/`. */
#define TARDIS_GET_BODY_MAX (1024 * 1024)

/** One status of an answer to `POST status/`. */
typedef struct tardis_status_entry_t {
    const char *key; /**< the member it is in; no two entries have the same */
    const tardis_status_t *status;
} tardis_status_entry_t;

/**
 * The answer to `POST status/`, `{"statuses": {KEY: DOCUMENT, ...}}`, as JSON text.
 * @param length set to its length in bytes.
 */
const char *tardis_statuses_encode(const tardis_status_entry_t *entries, int count, apr_size_t *length,
                                   apr_pool_t *pool);

/**
 * Reads a document; a null is taken as absent, members that are not known are skipped.
 * @return TARDIS_ANSWER_MALFORMED: not JSON, no object, no integer `status` from 1 to 5, a wrong type.
 */
tardis_error_t *tardis_status_decode(const char *text, apr_size_t length, tardis_status_t **status,
                                     apr_pool_t *pool);

/** What a provider can do beyond the original (protocol.md, "Extensions"). */
typedef struct tardis_protocol_t {
    int batch_status; /**< uids that one `POST status/` may ask about, up to TARDIS_STATUS_BATCH_MAX; 0: none */
    int get_files;    /**< files that one `POST get/` may ask for, up to TARDIS_GET_FILES_MAX; 0: none */
} tardis_protocol_t;

/**
 * Reads the document by which a provider tells what it can do, `GET /apps/sync/provider/`.
 * @return TARDIS_ANSWER_MALFORMED: not JSON, another `protocol` than 1, a wrong type.
 */
tardis_error_t *tardis_protocol_decode(const char *text, apr_size_t length, tardis_protocol_t *protocol,
                                       apr_pool_t *pool);

/** What an answer to `POST status/` says about one uid: one of both is NULL. */
typedef struct tardis_status_answer_t {
    tardis_status_t *status;
    tardis_error_t *error; /**< TARDIS_ANSWER_MALFORMED: there is no document for it, or none that is one */
} tardis_status_answer_t;

/**
 * Reads an answer to `POST status/`. Each uid's document is read by itself: what is wrong with one does not
 * touch the others.
 * @param answers set, one for each of the @a count uids.
 * @return TARDIS_ANSWER_MALFORMED: not JSON, or no object `statuses`; then @a answers is not set.
 */
tardis_error_t *tardis_statuses_decode(const char *text, apr_size_t length, const char *const *uids,
                                       int count, tardis_status_answer_t *answers, apr_pool_t *pool);

#endif
