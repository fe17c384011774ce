#include "states.h"

#include <string.h>

#include <apr_strings.h>

#include "integrity.h"
#include "partial.h"
#include "schedule.h"
#include "transfer_client.h"

/* How many problems the history and the mail name; `show` tells more. */
#define PROBLEMS_NAMED 3

static const consumer_provider_t *provider_of(fsm_step_t *step);
static void got(void *baton, const tardis_error_t *error, const transfer_granted_t *granted);
static void told(void *baton, const tardis_error_t *error, const tardis_status_t *status);
static const tardis_status_t *last_status(const fsm_step_t *step, const tardis_status_t *status);
static void note_answer(fsm_step_t *step, const tardis_status_t *before, const tardis_status_t *status);
static int is_news(const tardis_status_t *before, const tardis_status_t *status);
static int says_other(const tardis_status_t *before, const tardis_status_t *status);
static int same_but_figures(const char *before, const char *text);
static void still_in_progress(fsm_step_t *step, const tardis_status_t *before, const tardis_status_t *status);
static void transfer_ended(fsm_step_t *step, const tardis_status_t *status, tardis_error_code_t code);
static const char *reason_of(const tardis_status_t *status);
static void judge(fsm_step_t *step, const integrity_result_t *result);
static const char *describe(const fsm_step_t *step, const integrity_result_t *result);

void state_ingested(fsm_step_t *step)
{
    const consumer_provider_t *provider = provider_of(step);
    if (!provider)
        return;
    const transfer_get_t get = {
        .uid = step->synced->uid,
        .dest_path = apr_psprintf(step->pool, "%" APR_UINT64_T_FMT, step->synced->experiment_id),
        .site_settings_url = step->fsm->settings->site_settings_url,
    };
    if (partial_is_possible(step->synced))
        partial_ask(step, provider, &get);
    else
        state_ask(step, provider, &get);
}

void state_ask(fsm_step_t *step, const consumer_provider_t *provider, const transfer_get_t *get)
{
    fsm_note(step, "request", NULL, transfer_client_get_text(provider, get, step->pool));
    transfer_client_get(step->fsm->context, provider, get, got, step, step->pool);
}

/* The provider with its key; NULL if there is none, and then the step has ended. */
static const consumer_provider_t *provider_of(fsm_step_t *step)
{
    const char *url = step->synced->provider_url;
    const consumer_provider_t *provider =
        apr_hash_get(step->fsm->settings->providers, url, APR_HASH_KEY_STRING);
    if (provider && provider->key)
        return provider;
    fsm_fail(step, provider ? tardis_error_create(step->pool, TARDIS_PROVIDER_UNKNOWN,
                                                  "no key for provider %s: %s", url, provider->problem)
                            : tardis_error_create(step->pool, TARDIS_PROVIDER_UNKNOWN,
                                                  "no provider section for %s in the configuration", url));
    return NULL;
}

static void got(void *baton, const tardis_error_t *error, const transfer_granted_t *granted)
{
    fsm_step_t *step = baton;
    (void)granted;
    if (error) {
        fsm_fail(step, error);
        return;
    }
    fsm_note(step, "answer", NULL, "200 OK");
    fsm_move(step, TARDIS_STATE_REQUESTED, 0, "the provider has accepted the request for the files");
}

void state_transferring(fsm_step_t *step)
{
    const consumer_provider_t *provider = provider_of(step);
    if (provider)
        transfer_client_status(step->fsm->context, provider, step->synced->uid, told, step, step->pool);
}

static void told(void *baton, const tardis_error_t *error, const tardis_status_t *status)
{
    state_told(baton, error, status);
}

void state_told(fsm_step_t *step, const tardis_error_t *error, const tardis_status_t *status)
{
    if (error) {
        fsm_fail(step, error);
        return;
    }
    const tardis_status_t *before = last_status(step, status);
    note_answer(step, before, status);
    if (is_news(before, status))
        step->outcome.status_document = tardis_status_encode(status, step->pool);
    switch (status->status) {
    case TARDIS_STATUS_COMPLETE:
        fsm_move(step, TARDIS_STATE_CHECKING, 0, "the provider says that every file was sent");
        break;
    case TARDIS_STATUS_IN_PROGRESS:
        still_in_progress(step, before, status);
        break;
    case TARDIS_STATUS_FAILED:
        transfer_ended(step, status, TARDIS_TRANSFER_FAILED);
        break;
    case TARDIS_STATUS_BAD_REQUEST:
        transfer_ended(step, status, TARDIS_TRANSFER_BAD_REQUEST);
        break;
    case TARDIS_STATUS_SERVER_ERROR:
        transfer_ended(step, status, TARDIS_TRANSFER_SERVER_ERROR);
        break;
    }
}

/* Before @a status, or that itself if it says the same; NULL: none that can be read. */
static const tardis_status_t *last_status(const fsm_step_t *step, const tardis_status_t *status)
{
    const char *document = step->synced->status_document;
    tardis_status_t *before = NULL;
    if (document && tardis_status_is_same(document, status, step->pool))
        return status;
    if (document && tardis_status_decode(document, strlen(document), &before, step->pool))
        return NULL;
    return before;
}

/* The first answer and what is said anew; see tardis_synced_event_t for why not every answer. */
static void note_answer(fsm_step_t *step, const tardis_status_t *before, const tardis_status_t *status)
{
    int is_first = strcmp(step->state->name, TARDIS_STATE_REQUESTED) == 0;
    if (before ? !says_other(before, status) : !is_first)
        return;
    const char *reason = reason_of(status);
    fsm_note(step, "answer", NULL,
             apr_pstrcat(step->pool, "the provider says: ", tardis_status_human(status->status),
                         *reason ? ": " : "", reason, *status->code ? " [" : "", status->code,
                         *status->code ? "]" : "", *status->progress ? "; " : "", status->progress, NULL));
}

/* The time in the answer does not count: it is that of the answer, not of the last file. */
static int is_news(const tardis_status_t *before, const tardis_status_t *status)
{
    return schedule_has_moved(before, status) || before->status != status->status ||
           before->files_total != status->files_total || before->bytes_total != status->bytes_total ||
           strcmp(before->progress, status->progress) != 0 || strcmp(before->message, status->message) != 0 ||
           strcmp(before->error, status->error) != 0 || strcmp(before->code, status->code) != 0;
}

/* Other than by figures: those are in the row, and would fill the history. */
static int says_other(const tardis_status_t *before, const tardis_status_t *status)
{
    return before->status != status->status || strcmp(before->code, status->code) != 0 ||
           !same_but_figures(before->message, status->message) ||
           !same_but_figures(before->error, status->error);
}

static int same_but_figures(const char *before, const char *text)
{
    static const char *const figures = "0123456789";
    for (;;) {
        before += strspn(before, figures);
        text += strspn(text, figures);
        if (*before != *text)
            return 0;
        if (!*text)
            return 1;
        before++;
        text++;
    }
}

static void still_in_progress(fsm_step_t *step, const tardis_status_t *before, const tardis_status_t *status)
{
    const schedule_t schedule = {
        .shortest = apr_time_from_sec(step->fsm->settings->poll_interval),
        .longest = apr_time_from_sec(step->fsm->settings->poll_interval_maximum),
        .before = before,
        .status = status,
        .moved_at = step->synced->moved_at,
        .now = step->synced->now,
    };
    apr_interval_time_t wait = schedule_wait(&schedule);
    if (strcmp(step->state->name, TARDIS_STATE_IN_PROGRESS) == 0)
        fsm_stay(step, wait, schedule_has_moved(before, status));
    else
        fsm_move(step, TARDIS_STATE_IN_PROGRESS, wait,
                 *status->progress
                     ? apr_pstrcat(step->pool, "the transfer has begun: ", status->progress, NULL)
                     : "the transfer has begun");
}

static void transfer_ended(fsm_step_t *step, const tardis_status_t *status, tardis_error_code_t code)
{
    const char *reason = reason_of(status);
    fsm_fail(step,
             tardis_error_create(step->pool, code, "the provider says: %s: %s%s%s%s",
                                 tardis_status_human(status->status), *reason ? reason : "(no reason given)",
                                 *status->code ? " [" : "", status->code, *status->code ? "]" : ""));
}

static const char *reason_of(const tardis_status_t *status)
{
    return *status->message ? status->message : status->error;
}

void state_checking(fsm_step_t *step)
{
    integrity_result_t *result = apr_pcalloc(step->pool, sizeof(*result));
    step->work = result;
    tardis_error_t *error = integrity_check(step, result);
    if (error)
        fsm_fail(step, error);
    else if (!result->finished)
        fsm_stay(step, 0, 1);
    else
        judge(step, result);
}

void state_leave_checking(fsm_step_t *step)
{
    const integrity_result_t *result = step->work;
    const char *unverifiable = "";
    if (result->unverifiable)
        unverifiable =
            apr_psprintf(step->pool, "; %" APR_UINT64_T_FMT " without a digest: existence and size only",
                         result->unverifiable);
    if (result->again)
        fsm_note(step, "transition", NULL,
                 apr_psprintf(step->pool,
                              "%s%" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT
                              " files %s checked again, the others before%s",
                              result->finished ? "" : "not all of ", result->again, step->synced->file_count,
                              result->again == 1 ? "was" : "were", unverifiable));
    else
        fsm_note(step, "transition", NULL,
                 apr_psprintf(step->pool,
                              "%" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT " files were checked, %s%s",
                              result->checked_through, step->synced->file_count,
                              tardis_format_bytes(result->bytes_checked, step->pool), unverifiable));
}

static void judge(fsm_step_t *step, const integrity_result_t *result)
{
    if (step->synced->file_count == 0 && !step->fsm->settings->allow_empty) {
        fsm_fail(step, tardis_error_create(step->pool, TARDIS_MANIFEST_EMPTY, "the experiment has no files"));
    } else if (result->problem_count > 0) {
        const tardis_file_problem_t *first = &APR_ARRAY_IDX(result->problems, 0, tardis_file_problem_t);
        tardis_error_code_t code = tardis_error_code_of(first->code);
        if (code == TARDIS_ERROR_CODES)
            code = TARDIS_INTERNAL_ERROR;
        fsm_fail(step, tardis_error_create(step->pool, code, "%s", describe(step, result)));
    } else {
        fsm_move(step, TARDIS_STATE_COMPLETE, -1, "every file is as promised");
    }
}

static const char *describe(const fsm_step_t *step, const integrity_result_t *result)
{
    const char *text = apr_psprintf(
        step->pool, "%" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT " files %s not as promised",
        result->problem_count, step->synced->file_count, result->problem_count == 1 ? "is" : "are");
    for (int i = 0; i < result->problems->nelts && i < PROBLEMS_NAMED; i++)
        text = apr_pstrcat(step->pool, text, i ? "; " : ": ",
                           APR_ARRAY_IDX(result->problems, i, tardis_file_problem_t).text, NULL);
    return result->problem_count > PROBLEMS_NAMED ? apr_pstrcat(step->pool, text, "; ...", NULL) : text;
}
