#include "tick_report.h"

#include <stdio.h>

#include <apr_strings.h>

#include "commands.h"

static const char *mails_text(const outbox_counts_t *mails, apr_pool_t *pool);
static double seconds_of(const tick_report_t *report);
static json_t *error_json(const tardis_error_t *error);

void tick_report_line(const tick_report_t *report, apr_pool_t *pool)
{
    const tick_counts_t *counts = report->counts;
    const char *put_off = counts->put_off ? apr_psprintf(pool, ", %d put off", counts->put_off) : "";
    printf("tick: %d stepped, %d moved on, %d complete, %d failed, %d waiting, %d error%s%s%s in %.1f s\n",
           counts->stepped, counts->moved_on, counts->complete, counts->failed, counts->waiting,
           counts->errors, counts->errors == 1 ? "" : "s", put_off, mails_text(report->mails, pool),
           seconds_of(report));
}

static const char *mails_text(const outbox_counts_t *mails, apr_pool_t *pool)
{
    const char *text = "";
    if (mails->sent)
        text = apr_psprintf(pool, ", %d mail%s sent", mails->sent, mails->sent == 1 ? "" : "s");
    if (mails->failed)
        text =
            apr_psprintf(pool, "%s, %d mail%s not sent", text, mails->failed, mails->failed == 1 ? "" : "s");
    if (mails->given_up)
        text = apr_psprintf(pool, "%s, %d mail%s given up", text, mails->given_up,
                            mails->given_up == 1 ? "" : "s");
    return text;
}

static double seconds_of(const tick_report_t *report)
{
    return (double)report->took / (double)APR_USEC_PER_SEC;
}

tardis_error_t *tick_report_json(const tick_report_t *report, apr_pool_t *pool)
{
    const tick_counts_t *counts = report->counts;
    const outbox_counts_t *mails = report->mails;
    double seconds = seconds_of(report);
    json_t *document = json_pack(
        "{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:{s:i, s:i, s:i, s:i}, s:f, s:f, s:o}", "stepped",
        counts->stepped, "moved_on", counts->moved_on, "complete", counts->complete, "failed", counts->failed,
        "waiting", counts->waiting, "errors", counts->errors, "put_off", counts->put_off, "mails", "sent",
        mails->sent, "digests", mails->digests, "not_sent", mails->failed, "given_up", mails->given_up,
        "seconds", seconds, "per_second", seconds > 0 ? counts->stepped / seconds : 0.0, "error",
        error_json(report->error));
    return json_print(document, pool);
}

static json_t *error_json(const tardis_error_t *error)
{
    if (!error)
        return json_null();
    return json_pack("{s:s, s:s, s:s}", "code", tardis_error_name(error->code), "text", error->text, "advice",
                     tardis_error_advice(error->code));
}
