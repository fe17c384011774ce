/* Status documents are written as jansson would write them, and many are read as it would read them. */
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
    static const char *const pieces[] = {"plain",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\t",
                                         "\x01",
                                         "\x1f",
                                         "\x7f",
                                         "/",
                                         " ",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "'",
                                         "<",
                                         "%",
                                         "~"};
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

static void other_than_the_time_is_told(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        tardis_status_t status = random_status();
        tardis_status_t other = status;
        const char *document = tardis_status_encode(&status, pool);
        other.timestamp = random_time();
        assert_true(tardis_status_is_same(document, &other, pool));
        if (number(2))
            other.files_done = random_count();
        else
            other.progress = random_text();
        int same = status.files_done == other.files_done && strcmp(status.progress, other.progress) == 0;
        assert_int_equal(tardis_status_is_same(document, &other, pool), same);
        apr_pool_clear(pool);
    }
    tardis_status_t status = random_status();
    assert_false(tardis_status_is_same("", &status, pool));
    assert_false(tardis_status_is_same("{\"status\": 2}", &status, pool));
}

static void assert_same_error(const tardis_error_t *one, const tardis_error_t *other)
{
    assert_int_equal(one ? (int)one->code : -1, other ? (int)other->code : -1);
}

static void assert_same_answer(const tardis_status_answer_t *one, const tardis_status_answer_t *other)
{
    assert_same_error(one->error, other->error);
    if (one->error)
        return;
    assert_int_equal(one->status->status, other->status->status);
    /* jansson's number is a double. */
    assert_in_range(one->status->timestamp + 1 - other->status->timestamp, 0, 2);
    assert_string_equal(one->status->message, other->status->message);
    assert_string_equal(one->status->progress, other->status->progress);
    assert_string_equal(one->status->error, other->status->error);
    assert_string_equal(one->status->code, other->status->code);
    assert_int_equal(one->status->files_done, other->status->files_done);
    assert_int_equal(one->status->files_total, other->status->files_total);
    assert_int_equal(one->status->bytes_done, other->status->bytes_done);
    assert_int_equal(one->status->bytes_total, other->status->bytes_total);
    assert_int_equal(one->status->sending, other->status->sending);
}

/* What is not there is not written by chance: most answers are plain, as those of our own provider. */
static tardis_status_t plain_status(void)
{
    tardis_status_t status = random_status();
    status.message = number(3) ? "" : "1204 of 1210 files, 3.2 of 3.3 GB";
    status.progress = number(3) ? "disk is full" : "";
    status.error = number(8) ? "" : "why not";
    status.code = number(8) ? "" : "destination_full";
    return number(40) ? status : random_status();
}

/* White space at the end is JSON, but not as it is written here, so that it is read by jansson. */
static void many_are_read_as_jansson_would(void **state)
{
    static const char bytes[] = "{}\\\":, 0179.-eE\x80\n";
    const char *uids[8];
    tardis_status_entry_t entries[8];
    tardis_status_answer_t answers[8];
    tardis_status_answer_t expected[8];
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int count = (int)number(9);
        apr_size_t length;
        for (int i = 0; i < count; i++) {
            tardis_status_t status = plain_status();
            entries[i].key = uids[i] = apr_psprintf(pool, "tardis.%d", i);
            entries[i].status = apr_pmemdup(pool, &status, sizeof(status));
        }
        char *text = apr_pstrdup(pool, tardis_statuses_encode(entries, count, &length, pool));
        for (apr_uint64_t i = number(4); i > 1; i--)
            text[number(length)] = bytes[number(sizeof(bytes) - 1)];
        const char *spaced = apr_pstrcat(pool, text, "\n", NULL);
        tardis_error_t *error = tardis_statuses_decode(text, length, uids, count, answers, pool);
        tardis_error_t *wanted = tardis_statuses_decode(spaced, length + 1, uids, count, expected, pool);
        assert_same_error(error, wanted);
        for (int i = 0; i < count && !error; i++)
            assert_same_answer(&answers[i], &expected[i]);
        apr_pool_clear(pool);
    }
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
        cmocka_unit_test(other_than_the_time_is_told),
        cmocka_unit_test(many_are_read_as_jansson_would),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
