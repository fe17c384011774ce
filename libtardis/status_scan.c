#include "status_private.h"

#include <string.h>

#include <apr_strings.h>

/* Of a number that surely fits, and of seconds up to the year 2286 with their decimals. */
enum { DIGITS_MAX = 18, SECONDS_DIGITS_MAX = 10, DECIMALS_MAX = 6 };

typedef struct {
    const char *at;
    const char *end;
    apr_pool_t *pool;
} scan_t;

static int scan_status(scan_t *scan, tardis_status_t *status);
static int scan_members(scan_t *scan, tardis_status_t *status);
static int scan_name(scan_t *scan, const char *name);
static int scan_word(scan_t *scan, const char *word);
static int scan_text(scan_t *scan, const char **value);
static int scan_number(scan_t *scan, int digits_max, apr_int64_t *value);
static int scan_time(scan_t *scan, apr_time_t *value);

int status_scan_batch(const char *text, apr_size_t length, const char *const *uids, int count,
                      tardis_status_answer_t *answers, apr_pool_t *pool)
{
    scan_t scan = {.at = text, .end = text + length, .pool = pool};
    if (!scan_word(&scan, "{\"statuses\": {"))
        return 0;
    for (int i = 0; i < count; i++) {
        const char *uid;
        tardis_status_t *status = apr_palloc(pool, sizeof(*status));
        if ((i > 0 && !scan_word(&scan, ", ")) || !scan_text(&scan, &uid) || strcmp(uid, uids[i]) != 0 ||
            !scan_word(&scan, ": ") || !scan_status(&scan, status))
            return 0;
        answers[i] = (tardis_status_answer_t){.status = status};
    }
    return scan_word(&scan, "}}") && scan.at == scan.end;
}

static int scan_status(scan_t *scan, tardis_status_t *status)
{
    apr_int64_t code;
    const char *human;
    if (!scan_word(scan, "{\"status\": ") || !scan_number(scan, 1, &code) || code < TARDIS_STATUS_COMPLETE ||
        code > TARDIS_STATUS_SERVER_ERROR)
        return 0;
    status->status = (tardis_status_code_t)code;
    return scan_name(scan, "human_status") && scan_text(scan, &human) && scan_name(scan, "timestamp") &&
           scan_time(scan, &status->timestamp) && scan_members(scan, status) && scan_word(scan, "}");
}

static int scan_members(scan_t *scan, tardis_status_t *status)
{
    for (const status_member_t *member = status_texts; member->name; member++) {
        *status_text_of(status, member) = "";
        if (scan_name(scan, member->name) && !scan_text(scan, status_text_of(status, member)))
            return 0;
    }
    for (const status_member_t *member = status_counts; member->name; member++) {
        *status_count_of(status, member) = -1;
        if (scan_name(scan, member->name) && !scan_number(scan, DIGITS_MAX, status_count_of(status, member)))
            return 0;
    }
    return 1;
}

/* Of the next member; it stays where it is if that is another one. */
static int scan_name(scan_t *scan, const char *name)
{
    const char *start = scan->at;
    if (scan_word(scan, ", \"") && scan_word(scan, name) && scan_word(scan, "\": "))
        return 1;
    scan->at = start;
    return 0;
}

static int scan_word(scan_t *scan, const char *word)
{
    apr_size_t length = strlen(word);
    if ((apr_size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return 0;
    scan->at += length;
    return 1;
}

/* What is to be unescaped, or checked for being UTF-8, is left to others. */
static int scan_text(scan_t *scan, const char **value)
{
    if (!scan_word(scan, "\""))
        return 0;
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= ' ' && *scan->at <= '~' && *scan->at != '"' &&
           *scan->at != '\\')
        scan->at++;
    *value = scan->at > start ? apr_pstrmemdup(scan->pool, start, (apr_size_t)(scan->at - start)) : "";
    return scan_word(scan, "\"");
}

/* Without a sign, and without a zero before it, which is no JSON. */
static int scan_number(scan_t *scan, int digits_max, apr_int64_t *value)
{
    const char *start = scan->at;
    *value = 0;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && scan->at - start < digits_max)
        *value = *value * 10 + (*scan->at++ - '0');
    long digits = scan->at - start;
    return digits > 0 && (digits == 1 || *start != '0');
}

static int scan_time(scan_t *scan, apr_time_t *value)
{
    apr_int64_t seconds;
    apr_int64_t decimals = 0;
    if (!scan_number(scan, SECONDS_DIGITS_MAX, &seconds) || !scan_word(scan, "."))
        return 0;
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && scan->at - start < DECIMALS_MAX)
        decimals = decimals * 10 + (*scan->at++ - '0');
    if (scan->at == start)
        return 0;
    for (long digits = scan->at - start; digits < DECIMALS_MAX; digits++)
        decimals *= 10;
    *value = apr_time_from_sec(seconds) + decimals;
    return 1;
}
