/* Status documents are written as jansson would write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>

#include "tardis_status.h"

#define ROUNDS 20000

static apr_pool_t *pool;

static void add_text(json_t *document, const char *name, const char *text, int always)
{
    if (always || *text)
        json_object_set_new(document, name, json_string(text));
}

static void add_count(json_t *document, const char *name, apr_int64_t count)
{
    if (count >= 0)
        json_object_set_new(document, name, json_integer(count));
}

static json_t *tree_of(const tardis_status_t *status)
{
    json_t *document = json_object();
    json_object_set_new(document, "status", json_integer(status->status));
    json_object_set_new(document, "human_status", json_string(tardis_status_human(status->status)));
    json_object_set_new(document, "timestamp", json_real((double)status->timestamp / APR_USEC_PER_SEC));
    add_text(document, "message", status->message, 1);
    add_text(document, "progress", status->progress, 1);
    add_text(document, "error", status->error, 0);
    add_text(document, "code", status->code, 0);
    add_count(document, "files_done", status->files_done);
    add_count(document, "files_total", status->files_total);
    add_count(document, "bytes_done", status->bytes_done);
    add_count(document, "bytes_total", status->bytes_total);
    add_count(document, "sending", status->sending);
    return document;
}

static apr_uint64_t number(apr_uint64_t limit)
{
    return ((apr_uint64_t)random() << 31 | (apr_uint64_t)random()) % limit;
}

static const char *random_text(void)
{
    static const char *const pieces[] = {"plain", "\"", "\\", "\n", "\t", "\x01", "\x1f", "\x7f", "/", " ",
                                         "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "'", "<", "%", "~"};
    const char *text = "";
    for (apr_uint64_t i = number(6); i; i--)
        text = apr_pstrcat(pool, text, pieces[number(sizeof(pieces) / sizeof(pieces[0]))], NULL);
    return text;
}

static apr_int64_t random_count(void)
{
    static const apr_uint64_t limits[] = {2, 10, 11, 1000000, (apr_uint64_t)1 << 62};
    return number(4) ? (apr_int64_t)number(limits[number(5)]) : -1;
}

/* A double holds microseconds of these years without noise, as what jansson prints must. */
static apr_time_t random_time(void)
{
    static const apr_time_t steps[] = {1, 10, 1000, 100000, APR_USEC_PER_SEC};
    apr_time_t time = apr_time_from_sec(1000000000) + (apr_time_t)number((apr_uint64_t)7000000000 * 1000000);
    return number(50) ? time - time % steps[number(5)] : 0;
}

static tardis_status_t random_status(void)
{
    return (tardis_status_t){.status = (tardis_status_code_t)(1 + number(5)),
                             .timestamp = random_time(),
                             .message = random_text(),
                             .progress = random_text(),
                             .error = random_text(),
                             .code = random_text(),
                             .files_done = random_count(),
                             .files_total = random_count(),
                             .bytes_done = random_count(),
                             .bytes_total = random_count(),
                             .sending = random_count()};
}

static void one_is_written_as_jansson_would(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        tardis_status_t status = random_status();
        json_t *tree = tree_of(&status);
        char *expected = json_dumps(tree, JSON_REAL_PRECISION(16));
        assert_string_equal(tardis_status_encode(&status, pool), expected);
        free(expected);
        json_decref(tree);
        apr_pool_clear(pool);
    }
}

static void many_are_written_as_jansson_would(void **state)
{
    static const int counts[] = {0, 1, 2, 7, TARDIS_STATUS_BATCH_MAX};
    (void)state;
    for (size_t round = 0; round < sizeof(counts) / sizeof(counts[0]); round++) {
        json_t *statuses = json_object();
        json_t *document = json_pack("{so}", "statuses", statuses);
        tardis_status_entry_t *entries = apr_pcalloc(pool, sizeof(*entries) * TARDIS_STATUS_BATCH_MAX);
        for (int i = 0; i < counts[round]; i++) {
            tardis_status_t status = random_status();
            entries[i].key = apr_psprintf(pool, "%d%s", i, random_text());
            entries[i].status = apr_pmemdup(pool, &status, sizeof(status));
            json_object_set_new(statuses, entries[i].key, tree_of(&status));
        }
        char *expected = json_dumps(document, JSON_REAL_PRECISION(16));
        apr_size_t length;
        const char *text = tardis_statuses_encode(entries, counts[round], &length, pool);
        assert_string_equal(text, expected);
        assert_int_equal(length, strlen(expected));
        free(expected);
        json_decref(document);
    }
}

static void a_long_text_is_whole(void **state)
{
    char *text = apr_palloc(pool, 100001);
    tardis_status_t status = random_status();
    (void)state;
    memset(text, 'x', 100000);
    text[100000] = '\0';
    status.message = status.error = text;
    json_t *tree = tree_of(&status);
    char *expected = json_dumps(tree, JSON_REAL_PRECISION(16));
    assert_string_equal(tardis_status_encode(&status, pool), expected);
    free(expected);
    json_decref(tree);
}

static void what_is_not_utf8_is_still_json(void **state)
{
    tardis_status_t status = random_status();
    (void)state;
    status.message = "caf\xe9 \"\xff\"";
    status.progress = "";
    json_t *tree = json_loads(tardis_status_encode(&status, pool), 0, NULL);
    assert_non_null(tree);
    assert_string_equal(json_string_value(json_object_get(tree, "message")), "caf? \"?\"");
    json_decref(tree);
}

static int set_up(void **state)
{
    (void)state;
    apr_initialize();
    srandom(1);
    return apr_pool_create(&pool, NULL) == APR_SUCCESS ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_written_as_jansson_would),
        cmocka_unit_test(many_are_written_as_jansson_would),
        cmocka_unit_test(a_long_text_is_whole),
        cmocka_unit_test(what_is_not_utf8_is_still_json),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
