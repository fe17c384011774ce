#include "mail_digest.h"

#include <string.h>

#include <apr_strings.h>

#include "mail_template.h"
#include "transfer_client.h"

/* Experiments that are named, bytes of what they are called, and of what was wrong: 100 KB or so in all. */
enum { NAMED_MAX = 200, TEXT_MAX = 160, CAUSE_MAX = 300 };

/* The part of a digest that lists one kind. */
typedef struct {
    const char *state; /* NULL: all others */
    const char *list_options;
    int count_variable;
    int list_variable;
} kind_t;

static apr_uint64_t count_of(const tardis_outbox_sum_t *sum, const kind_t *kind);
static int is_of(const tardis_outbox_item_t *item, const kind_t *kind);
static const char *list(const kind_t *kind, const apr_array_header_t *items, apr_uint64_t count,
                        const char *program, apr_pool_t *pool);
static void add_cause(apr_array_header_t *lines, const tardis_outbox_item_t *item, const char *program,
                      apr_pool_t *pool);
static const char *summarize(const tardis_outbox_sum_t *sum, apr_pool_t *pool);

static const kind_t kinds[] = {
    {TARDIS_STATE_FAILED, " --state " TARDIS_STATE_FAILED, MAIL_FAILED_COUNT, MAIL_FAILED_LIST},
    {TARDIS_STATE_COMPLETE, " --state " TARDIS_STATE_COMPLETE, MAIL_COMPLETE_COUNT, MAIL_COMPLETE_LIST},
    {NULL, "", MAIL_OTHER_COUNT, MAIL_OTHER_LIST},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

tardis_error_t *mail_digest_compose(const tardis_context_t *context, const consumer_settings_t *settings,
                                    const char *lease_owner, const char *recipient,
                                    const tardis_outbox_sum_t *sum, tardis_notification_t *digest,
                                    apr_pool_t *pool)
{
    const char *values[MAIL_VARIABLES] = {NULL};
    apr_array_header_t *items;
    *digest = (tardis_notification_t){.id = sum->first_id, .recipient = recipient, .attempts = sum->attempts};
    tardis_error_t *error = tardis_outbox_now(context, &digest->created_at, pool);
    if (!error)
        error = tardis_outbox_items(context, lease_owner, NAMED_MAX, &items, pool);
    if (error)
        return error;
    for (int i = 0; i < KINDS; i++) {
        apr_uint64_t count = count_of(sum, &kinds[i]);
        if (count == 0)
            continue;
        values[kinds[i].count_variable] = apr_psprintf(pool, "%" APR_UINT64_T_FMT, count);
        values[kinds[i].list_variable] = list(&kinds[i], items, count, settings->command, pool);
    }
    values[MAIL_PROGRAM] = settings->command;
    values[MAIL_TOTAL] = apr_psprintf(pool, "%" APR_UINT64_T_FMT, sum->mails);
    values[MAIL_SUMMARY] = summarize(sum, pool);
    mail_template_fill(settings->mail_templates->of[MAIL_DIGEST], values, &digest->subject, &digest->body,
                       pool);
    return NULL;
}

static apr_uint64_t count_of(const tardis_outbox_sum_t *sum, const kind_t *kind)
{
    switch (kind->count_variable) {
    case MAIL_FAILED_COUNT:
        return sum->failed;
    case MAIL_COMPLETE_COUNT:
        return sum->complete;
    default:
        return sum->mails - sum->failed - sum->complete;
    }
}

static int is_of(const tardis_outbox_item_t *item, const kind_t *kind)
{
    const char *state = item->about_state;
    if (kind->state)
        return state && strcmp(state, kind->state) == 0;
    return !state || (strcmp(state, TARDIS_STATE_FAILED) != 0 && strcmp(state, TARDIS_STATE_COMPLETE) != 0);
}

static const char *list(const kind_t *kind, const apr_array_header_t *items, apr_uint64_t count,
                        const char *program, apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, 64, sizeof(const char *));
    for (int i = 0; i < items->nelts; i++) {
        const tardis_outbox_item_t *item = &APR_ARRAY_IDX(items, i, tardis_outbox_item_t);
        if (!is_of(item, kind))
            continue;
        APR_ARRAY_PUSH(lines, const char *) =
            apr_psprintf(pool, "    %-6" APR_UINT64_T_FMT "  %s", item->experiment_id,
                         transfer_bounded(kind->state ? item->title : item->subject, TEXT_MAX, pool));
        if (kind->count_variable == MAIL_FAILED_COUNT)
            add_cause(lines, item, program, pool);
        count--;
    }
    if (count > 0)
        APR_ARRAY_PUSH(lines, const char *) =
            apr_psprintf(pool, "    and %" APR_UINT64_T_FMT " more; to list them: %s list%s", count, program,
                         kind->list_options);
    return apr_array_pstrcat(pool, lines, '\n');
}

/* Somebody may have started it again since. */
static void add_cause(apr_array_header_t *lines, const tardis_outbox_item_t *item, const char *program,
                      apr_pool_t *pool)
{
    const char *code = item->about_code ? item->about_code : "";
    const char *now = item->state ? transfer_bounded(item->state, TEXT_MAX, pool) : "not followed";
    if (strcmp(now, TARDIS_STATE_FAILED) == 0)
        APR_ARRAY_PUSH(lines, const char *) =
            apr_psprintf(pool, "        %s [%s]\n        %s retry %" APR_UINT64_T_FMT,
                         transfer_bounded(item->error_text ? item->error_text : "", CAUSE_MAX, pool), code,
                         program, item->experiment_id);
    else
        APR_ARRAY_PUSH(lines, const char *) = apr_psprintf(pool, "        [%s]; it is %s by now", code, now);
}

/* "3 experiments have failed, 40 are complete" */
static const char *summarize(const tardis_outbox_sum_t *sum, apr_pool_t *pool)
{
    const char *failed = apr_psprintf(pool, "%" APR_UINT64_T_FMT " experiment%s failed", sum->failed,
                                      sum->failed == 1 ? " has" : "s have");
    if (sum->failed == 0 && sum->complete == 0)
        return apr_psprintf(pool, "%" APR_UINT64_T_FMT " mails in one", sum->mails);
    if (sum->complete == 0)
        return failed;
    if (sum->failed == 0)
        return apr_psprintf(pool, "%" APR_UINT64_T_FMT " experiment%s complete", sum->complete,
                            sum->complete == 1 ? " is" : "s are");
    return apr_psprintf(pool, "%s, %" APR_UINT64_T_FMT " %s complete", failed, sum->complete,
                        sum->complete == 1 ? "is" : "are");
}
