#include "ingest_private.h"

#include <string.h>

#include <apr_strings.h>

#include "tardis_db.h"
#include "tardis_http.h"
#include "tardis_synced_db.h"
#include "tardis_uid.h"

/* How often a transaction is tried that another one was in the way of, and how long between. */
#define TRIES_MAX 5
#define RETRY_PAUSE apr_time_from_msec(20)
#define PROVIDER_URL_MAX 255

#define SHA256_LENGTH 32

/* The formats, by their root element. */
static const struct {
    const char *ns;
    const char *root;
    ingest_pass_fn *survey;
    ingest_pass_fn *store;
} formats[] = {
    {"http://www.loc.gov/METS/", "mets", ingest_mets_survey, ingest_mets_store},
    {NULL, "experiment", ingest_notmets_survey, ingest_notmets_store},
};

/* A registration in the making. */
typedef struct {
    const tardis_context_t *context;
    const tardis_ingest_request_t *request;
    const char *provider_url; /* NULL: the experiment is not followed */
    ingest_pass_fn *store;
    ingest_t ingest;
    unsigned char digest[SHA256_LENGTH];
    tardis_ingest_result_t *result;
} registration_t;

static tardis_error_t *check_request(registration_t *registration, apr_pool_t *pool);
static tardis_error_t *check_owners(const apr_array_header_t *owners, apr_pool_t *pool);
static tardis_error_t *survey(registration_t *registration, apr_pool_t *pool);
static tardis_error_t *survey_as(registration_t *registration, ingest_pass_fn *pass, apr_pool_t *pool);
static tardis_error_t *register_once(registration_t *registration, apr_pool_t *pool);
static tardis_error_t *in_transaction(registration_t *registration, apr_pool_t *pool);
static tardis_error_t *report_unchanged(registration_t *registration, apr_uint64_t id, apr_pool_t *pool);
static tardis_error_t *store(registration_t *registration, apr_uint64_t replace_id, apr_pool_t *pool);
static tardis_error_t *store_document(registration_t *registration, apr_pool_t *pool);
static tardis_error_t *follow(registration_t *registration, apr_uint64_t replace_id, apr_pool_t *pool);
static tardis_error_t *finish(registration_t *registration, apr_pool_t *pool);

tardis_error_t *tardis_ingest(const tardis_context_t *context, const tardis_ingest_request_t *request,
                              tardis_ingest_result_t **result, apr_pool_t *pool)
{
    registration_t registration = {
        .context = context,
        .request = request,
        .ingest = {.source = {.file = request->document}, .pool = pool},
    };
    tardis_error_t *error = check_request(&registration, pool);
    if (!error)
        error = survey(&registration, pool);
    if (!error)
        error = tardis_db_ensure(context->db, pool);
    for (int attempt = 1; !error; attempt++) {
        error = register_once(&registration, pool);
        int is_race =
            error && (error->code == TARDIS_DATABASE_BUSY || error->code == TARDIS_DATABASE_DUPLICATE);
        if (!is_race || attempt == TRIES_MAX)
            break;
        error = NULL;
        apr_sleep(RETRY_PAUSE * attempt);
    }
    *result = registration.result;
    return error;
}

static tardis_error_t *check_request(registration_t *registration, apr_pool_t *pool)
{
    const tardis_ingest_request_t *request = registration->request;
    tardis_error_t *error = check_owners(request->owners, pool);
    if (error || !request->uid || !request->provider_url)
        return error;
    error = tardis_uid_check(request->uid, pool);
    if (error)
        return error;
    error = tardis_url_check(request->provider_url, pool);
    if (error)
        return tardis_error_create(pool, TARDIS_FORM_INVALID, "the provider's URL: %s", error->text);
    apr_size_t length = strlen(request->provider_url);
    while (length && request->provider_url[length - 1] == '/')
        length--;
    registration->provider_url = apr_pstrmemdup(pool, request->provider_url, length);
    return length <= PROVIDER_URL_MAX
               ? NULL
               : tardis_error_create(pool, TARDIS_FORM_INVALID, "the provider's URL is longer than %d bytes",
                                     PROVIDER_URL_MAX);
}

static tardis_error_t *check_owners(const apr_array_header_t *owners, apr_pool_t *pool)
{
    for (int i = 0; owners && i < owners->nelts; i++) {
        const char *owner = APR_ARRAY_IDX(owners, i, const char *);
        if (!*owner || !tardis_text_is_clean(owner, strlen(owner), "") ||
            xml_characters(owner) > TARDIS_OWNER_MAX)
            return tardis_error_create(
                pool, TARDIS_FORM_INVALID,
                "owner %d is empty, longer than %d characters, or has a control character", i + 1,
                TARDIS_OWNER_MAX);
    }
    return NULL;
}

static tardis_error_t *survey(registration_t *registration, apr_pool_t *pool)
{
    const char *root;
    const char *ns;
    tardis_error_t *error = tardis_xml_root(&registration->ingest.source, &root, &ns, pool);
    if (error)
        return error;
    for (apr_size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        if (strcmp(formats[i].root, root) != 0 || (formats[i].ns && strcmp(formats[i].ns, ns) != 0))
            continue;
        registration->store = formats[i].store;
        error = survey_as(registration, formats[i].survey, pool);
        if (!error && !registration->ingest.files && !registration->request->allow_empty)
            error = tardis_error_create(pool, TARDIS_MANIFEST_EMPTY, "the document lists no files");
        return error;
    }
    return tardis_error_create(
        pool, TARDIS_DOCUMENT_INVALID,
        "the root element is `%.60s` in the namespace \"%.100s\"; expected `mets` in \"%s\", "
        "or `experiment`",
        root, ns, formats[0].ns);
}

static tardis_error_t *survey_as(registration_t *registration, ingest_pass_fn *pass, apr_pool_t *pool)
{
    tardis_error_t *error =
        tardis_digest_start(&registration->ingest.source.digest, TARDIS_DIGEST_SHA256, pool);
    if (!error)
        error = pass(&registration->ingest);
    if (!error)
        error = ingest_check_paths(&registration->ingest);
    if (!error)
        tardis_digest_finish(registration->ingest.source.digest, registration->digest);
    return error;
}

static tardis_error_t *register_once(registration_t *registration, apr_pool_t *pool)
{
    tardis_db_t *db = registration->context->db;
    apr_pool_t *store_pool;
    apr_pool_create(&store_pool, pool);
    registration->result = apr_pcalloc(pool, sizeof(*registration->result));
    registration->ingest.writer = NULL;
    registration->ingest.store_pool = store_pool;
    registration->ingest.experiment = (tardis_experiment_t){0};
    registration->ingest.warnings = apr_array_make(pool, 8, sizeof(const char *));
    registration->ingest.warnings_left_out = 0;
    tardis_error_t *error = tardis_db_begin(db, store_pool);
    if (!error)
        error = in_transaction(registration, store_pool);
    if (!error)
        error = tardis_db_commit(db, store_pool);
    if (error)
        tardis_db_rollback(db);
    error = tardis_error_copy(pool, error);
    apr_pool_destroy(store_pool);
    return error;
}

static tardis_error_t *in_transaction(registration_t *registration, apr_pool_t *pool)
{
    const tardis_ingest_request_t *request = registration->request;
    tardis_synced_key_t *key = NULL;
    if (registration->provider_url) {
        tardis_error_t *error = tardis_synced_lock_by_uid(registration->context, registration->provider_url,
                                                          request->uid, &key, pool);
        if (error)
            return error;
    }
    if (key && memcmp(key->document_digest, registration->digest, SHA256_LENGTH) == 0)
        return report_unchanged(registration, key->experiment_id, pool);
    if (key && strcmp(key->state, TARDIS_STATE_COMPLETE) == 0)
        return tardis_error_create(pool, TARDIS_CONFLICT,
                                   "experiment %" APR_UINT64_T_FMT
                                   " (uid %s) is Complete: a changed document is not accepted any more",
                                   key->experiment_id, request->uid);
    return store(registration, key ? key->experiment_id : 0, pool);
}

static tardis_error_t *report_unchanged(registration_t *registration, apr_uint64_t id, apr_pool_t *pool)
{
    tardis_experiment_t *experiment;
    tardis_error_t *error = tardis_experiment_by_id(registration->context, id, &experiment, pool);
    if (error)
        return error;
    tardis_ingest_result_t *result = registration->result;
    result->experiment_id = id;
    result->outcome = TARDIS_INGEST_UNCHANGED;
    result->files = experiment ? experiment->file_count : 0;
    result->bytes = experiment ? experiment->byte_count : 0;
    result->warnings = registration->ingest.warnings;
    return NULL;
}

static tardis_error_t *store(registration_t *registration, apr_uint64_t replace_id, apr_pool_t *pool)
{
    const apr_array_header_t *owners = registration->request->owners;
    tardis_catalogue_writer_t *writer;
    tardis_error_t *error = tardis_catalogue_writer_open(registration->context, replace_id, &writer, pool);
    if (error)
        return error;
    registration->ingest.writer = writer;
    registration->result->experiment_id = tardis_catalogue_writer_id(writer);
    registration->result->outcome = replace_id ? TARDIS_INGEST_UPDATED : TARDIS_INGEST_CREATED;
    error = follow(registration, replace_id, pool);
    for (int i = 0; !error && owners && i < owners->nelts; i++)
        error = tardis_catalogue_writer_add_owner(writer, APR_ARRAY_IDX(owners, i, const char *), pool);
    if (!error)
        error = store_document(registration, pool);
    return error ? error : finish(registration, pool);
}

/* What was surveyed is what is stored: a file may be changed in between. */
static tardis_error_t *store_document(registration_t *registration, apr_pool_t *pool)
{
    unsigned char digest[SHA256_LENGTH];
    tardis_error_t *error =
        tardis_digest_start(&registration->ingest.source.digest, TARDIS_DIGEST_SHA256, pool);
    if (!error)
        error = registration->store(&registration->ingest);
    if (error)
        return error;
    tardis_digest_finish(registration->ingest.source.digest, digest);
    return memcmp(digest, registration->digest, sizeof(digest)) == 0
               ? NULL
               : tardis_error_create(pool, TARDIS_DOCUMENT_INVALID,
                                     "the document was changed while it was read");
}

/* Before the many rows: of two that register the same uid at once, the second then waits here and not at its
 * end. */
static tardis_error_t *follow(registration_t *registration, apr_uint64_t replace_id, apr_pool_t *pool)
{
    if (!registration->provider_url)
        return NULL;
    if (replace_id)
        return tardis_synced_reset(registration->context, replace_id, registration->digest, pool);
    return tardis_synced_insert(registration->context, registration->result->experiment_id,
                                registration->provider_url, registration->request->uid, registration->digest,
                                pool);
}

static tardis_error_t *finish(registration_t *registration, apr_pool_t *pool)
{
    ingest_t *ingest = &registration->ingest;
    tardis_ingest_result_t *result = registration->result;
    tardis_experiment_t *experiment = &ingest->experiment;
    const char **required[] = {&experiment->title, &experiment->description, &experiment->institution};
    for (apr_size_t i = 0; i < sizeof(required) / sizeof(*required); i++) {
        if (!*required[i])
            *required[i] = "";
    }
    result->files = tardis_catalogue_writer_files(ingest->writer);
    result->bytes = tardis_catalogue_writer_bytes(ingest->writer);
    result->warnings = ingest->warnings;
    if (ingest->warnings_left_out)
        APR_ARRAY_PUSH(result->warnings, const char *) =
            apr_psprintf(ingest->pool, "and %" APR_UINT64_T_FMT " more warnings", ingest->warnings_left_out);
    return tardis_catalogue_writer_finish(ingest->writer, experiment, pool);
}
