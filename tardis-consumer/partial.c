#include "partial.h"

#include <string.h>

#include <apr_strings.h>

#include "states.h"
#include "tardis_catalogue.h"
#include "tardis_http.h"

/* Bytes of a form that may be needed for all but the files. */
#define OTHER_FIELDS 4096

/* One such question. */
typedef struct {
    fsm_step_t *step;
    const consumer_provider_t *provider;
    transfer_get_t get;
    apr_uint64_t all; /* files of the experiment */
} question_t;

static tardis_error_t *find_files(question_t *question, int *any);
static void discovered(void *baton, const tardis_error_t *error, const tardis_protocol_t *protocol);
static int cannot_be_asked(const tardis_error_t *error);
static void ask_for_all(const question_t *question);
static void got(void *baton, const tardis_error_t *error, const transfer_granted_t *granted);
static void agree(const question_t *question, const transfer_granted_t *granted);
static tardis_error_t *forget(const fsm_step_t *step);

int partial_is_possible(const tardis_synced_t *synced)
{
    return synced->checked_through > 0;
}

void partial_ask(fsm_step_t *step, const consumer_provider_t *provider, const transfer_get_t *get)
{
    question_t *question = apr_palloc(step->pool, sizeof(*question));
    int any;
    *question = (question_t){.step = step, .provider = provider, .get = *get};
    tardis_error_t *error = find_files(question, &any);
    if (error)
        fsm_fail(step, error);
    else if (!any)
        ask_for_all(question);
    else
        transfer_client_discover(step->fsm->context, provider, discovered, question, step->pool);
}

static tardis_error_t *find_files(question_t *question, int *any)
{
    const fsm_step_t *step = question->step;
    apr_uint64_t id = step->synced->experiment_id;
    tardis_partial_retry_t *partial;
    apr_array_header_t *files;
    *any = 0;
    tardis_error_t *error = tardis_partial_retry_find(step->fsm->context, id, &partial, step->pool);
    if (error || !partial)
        return error;
    error = tardis_partial_retry_files(step->fsm->context, id, 0, TARDIS_GET_FILES_MAX, &files, step->pool);
    if (error || (apr_uint64_t)files->nelts != partial->files)
        return error;
    apr_array_header_t *paths = apr_array_make(step->pool, files->nelts, sizeof(const char *));
    apr_size_t length = OTHER_FIELDS;
    for (int i = 0; i < files->nelts; i++) {
        const char *path = APR_ARRAY_IDX(files, i, tardis_datafile_t).path;
        APR_ARRAY_PUSH(paths, const char *) = path;
        length += strlen("&file=") + strlen(tardis_url_encode(path, 0, step->pool));
    }
    question->get.files = paths;
    question->get.sending = partial->sending;
    question->all = partial->all;
    *any = paths->nelts > 0 && length <= TARDIS_GET_BODY_MAX;
    return NULL;
}

static void discovered(void *baton, const tardis_error_t *error, const tardis_protocol_t *protocol)
{
    question_t *question = baton;
    fsm_step_t *step = question->step;
    if (error && !cannot_be_asked(error)) {
        fsm_fail(step, error);
        return;
    }
    if (error || protocol->get_files < question->get.files->nelts) {
        ask_for_all(question);
        return;
    }
    fsm_note(step, "request", NULL, transfer_client_get_text(question->provider, &question->get, step->pool));
    transfer_client_get(step->fsm->context, question->provider, &question->get, got, question, step->pool);
}

/* It does not know the question; anything else says nothing about that, and may pass. */
static int cannot_be_asked(const tardis_error_t *error)
{
    return error->code == TARDIS_ANSWER_MALFORMED || error->code == TARDIS_ANSWER_TOO_LARGE ||
           error->code == TARDIS_REQUEST_REFUSED;
}

static void ask_for_all(const question_t *question)
{
    transfer_get_t get = question->get;
    get.files = NULL;
    tardis_error_t *error = forget(question->step);
    if (error)
        fsm_fail(question->step, error);
    else
        state_ask(question->step, question->provider, &get);
}

static void got(void *baton, const tardis_error_t *error, const transfer_granted_t *granted)
{
    question_t *question = baton;
    fsm_step_t *step = question->step;
    if (error && error->code == TARDIS_REQUEST_REFUSED) {
        fsm_note(step, "answer", tardis_error_name(error->code), error->text);
        ask_for_all(question);
    } else if (error) {
        fsm_fail(step, error);
    } else {
        agree(question, granted);
    }
}

/* A sending that is not later than the last one that was known would be none that the answer is about. */
static void agree(const question_t *question, const transfer_granted_t *granted)
{
    fsm_step_t *step = question->step;
    apr_uint64_t asked = (apr_uint64_t)question->get.files->nelts;
    int agreed = granted->files == asked && granted->sending >= question->get.sending;
    const char *answer = "200 OK";
    const char *text = "the provider sends all files again, so all of them are checked";
    if (granted->files || granted->sending)
        answer = apr_psprintf(
            step->pool, "200 OK, X-Tardis-Files: %" APR_UINT64_T_FMT ", X-Tardis-Sending: %" APR_UINT64_T_FMT,
            granted->files, granted->sending);
    fsm_note(step, "answer", NULL, answer);
    if (agreed)
        text = apr_psprintf(step->pool,
                            "the provider sends %" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT
                            " files again; the others stay proven",
                            asked, question->all);
    tardis_error_t *error =
        agreed ? tardis_partial_retry_agree(step->fsm->context, step->synced->experiment_id,
                                            step->outcome.lease_owner, granted->sending, step->pool)
               : forget(step);
    if (error)
        fsm_fail(step, error);
    else
        fsm_move(step, TARDIS_STATE_REQUESTED, 0, text);
}

static tardis_error_t *forget(const fsm_step_t *step)
{
    return tardis_partial_retry_forget(step->fsm->context, step->synced->experiment_id,
                                       step->outcome.lease_owner, step->pool);
}

tardis_error_t *partial_of(const tardis_context_t *context, const tardis_synced_t *synced,
                           const tardis_partial_retry_t **partial, apr_pool_t *pool)
{
    tardis_partial_retry_t *found = NULL;
    tardis_error_t *error = NULL;
    if (partial_is_possible(synced) && strcmp(synced->state, TARDIS_STATE_FAILED) == 0)
        error = tardis_partial_retry_plan(context, synced->experiment_id, &found, pool);
    else if (partial_is_possible(synced))
        error = tardis_partial_retry_find(context, synced->experiment_id, &found, pool);
    *partial = found;
    return error;
}

const char *partial_text(const tardis_synced_t *synced, const tardis_partial_retry_t *partial,
                         apr_pool_t *pool)
{
    if (!partial)
        return NULL;
    int one = partial->files == 1;
    const char *before = "";
    const char *is = one ? "is " : "are ";
    const char *after = "asked for again; the others stay proven";
    if (strcmp(synced->state, TARDIS_STATE_FAILED) == 0) {
        before = "a retry asks for ";
        is = "";
        after = "again; the others stay proven";
    } else if (strcmp(synced->state, TARDIS_STATE_COMPLETE) == 0) {
        is = one ? "was " : "were ";
        after = "sent and checked again";
    } else if (partial->agreed && strcmp(synced->state, TARDIS_STATE_INGESTED) != 0) {
        after = "sent and checked again; the others stay proven";
    }
    return apr_psprintf(pool, "%s%" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT " files %s%s", before,
                        partial->files, partial->all, is, after);
}

json_t *partial_json(const tardis_partial_retry_t *partial)
{
    if (!partial)
        return json_null();
    return json_pack("{s:I, s:b}", "files", (json_int_t)partial->files, "agreed", partial->agreed);
}
