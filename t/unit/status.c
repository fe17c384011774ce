#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <apr_general.h>

#include "tardis_status.h"

static apr_pool_t *pool;

static tardis_error_t *decode(const char *text, tardis_status_t **status)
{
    return tardis_status_decode(text, strlen(text), status, pool);
}

static void every_status_has_its_human_text(void **state)
{
    (void)state;
    assert_string_equal(tardis_status_human(1), "Transfer Complete");
    assert_string_equal(tardis_status_human(2), "Transfer In Progress");
    assert_string_equal(tardis_status_human(3), "Transfer Failed");
    assert_string_equal(tardis_status_human(4), "Transfer Bad Request");
    assert_string_equal(tardis_status_human(5), "Transfer Server Error");
    assert_null(tardis_status_human(0));
    assert_null(tardis_status_human(6));
}

static void what_is_encoded_is_decoded(void **state)
{
    const tardis_status_t sent = {.status = TARDIS_STATUS_IN_PROGRESS,
                                  .timestamp = APR_INT64_C(1795468043123456),
                                  .message = "quote \" \\ \n",
                                  .progress = "12 of 14 files \xc3\xa9",
                                  .error = "",
                                  .code = "destination_full",
                                  .files_done = 12,
                                  .files_total = 14,
                                  .bytes_done = 0,
                                  .bytes_total = APR_INT64_C(9007199254740993),
                                  .sending = APR_INT64_C(1795468043123456)};
    tardis_status_t *got;
    const char *text = tardis_status_encode(&sent, pool);

    (void)state;
    assert_null(decode(text, &got));
    assert_int_equal(got->status, sent.status);
    assert_int_equal(got->timestamp, sent.timestamp);
    assert_string_equal(got->message, sent.message);
    assert_string_equal(got->progress, sent.progress);
    assert_string_equal(got->error, "");
    assert_string_equal(got->code, sent.code);
    assert_int_equal(got->files_done, 12);
    assert_int_equal(got->files_total, 14);
    assert_int_equal(got->bytes_done, 0);
    assert_true(got->bytes_total == sent.bytes_total);
    assert_true(got->sending == sent.sending);
}

static void an_original_finds_what_it_reads(void **state)
{
    const tardis_status_t sent = {.status = TARDIS_STATUS_COMPLETE,
                                  .timestamp = apr_time_from_sec(1700000000),
                                  .files_done = -1,
                                  .files_total = -1,
                                  .bytes_done = -1,
                                  .bytes_total = -1,
                                  .sending = -1};
    (void)state;
    assert_string_equal(
        tardis_status_encode(&sent, pool),
        "{\"status\": 1, \"human_status\": \"Transfer Complete\", \"timestamp\": 1700000000.0, "
        "\"message\": \"\", \"progress\": \"\"}");
}

static void text_that_is_not_utf8_is_still_sent(void **state)
{
    const tardis_status_t sent = {.status = TARDIS_STATUS_FAILED, .message = "caf\xe9", .files_done = -1,
                                  .files_total = -1, .bytes_done = -1, .bytes_total = -1};
    tardis_status_t *got;
    (void)state;
    assert_null(decode(tardis_status_encode(&sent, pool), &got));
    assert_string_equal(got->message, "caf?");
}

static void an_answer_of_an_original_is_read(void **state)
{
    tardis_status_t *got;
    (void)state;
    assert_null(decode("{\"status\": 4, \"error\": \"invalid UID: x\", \"more\": [1, {}]}", &got));
    assert_int_equal(got->status, TARDIS_STATUS_BAD_REQUEST);
    assert_string_equal(got->error, "invalid UID: x");
    assert_string_equal(got->message, "");
    assert_string_equal(got->progress, "");
    assert_string_equal(got->code, "");
    assert_int_equal(got->timestamp, 0);
    assert_int_equal(got->files_done, -1);
    assert_int_equal(got->bytes_total, -1);
    assert_int_equal(got->sending, -1);
    static const char *const times[] = {"-1", "-0.5", "-1e300", "1e300", "253402300800"};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char text[100];
        snprintf(text, sizeof(text), "{\"status\": 2, \"timestamp\": %s}", times[i]);
        assert_null(decode(text, &got));
        assert_int_equal(got->timestamp, 0);
    }
    assert_null(decode("{\"status\": 2, \"message\": null, \"timestamp\": 1700000000}", &got));
    assert_string_equal(got->message, "");
    assert_int_equal(got->timestamp, apr_time_from_sec(1700000000));
}

static void what_is_no_status_is_malformed(void **state)
{
    const char *const texts[] = {
        "",
        "<html><body>Bad Gateway</body></html>",
        "{",
        "{\"status\": 1} trailing",
        "[]",
        "1",
        "\"status\"",
        "{}",
        "{\"status\": \"1\"}",
        "{\"status\": 1.0}",
        "{\"status\": true}",
        "{\"status\": null}",
        "{\"status\": 0}",
        "{\"status\": 6}",
        "{\"status\": -1}",
        "{\"status\": 99999999999999999999}",
        "{\"status\": 1, \"message\": 5}",
        "{\"status\": 1, \"progress\": {}}",
        "{\"status\": 1, \"timestamp\": \"now\"}",
        "{\"status\": 1, \"timestamp\": NaN}",
        "{\"status\": 1, \"files_done\": -1}",
        "{\"status\": 1, \"files_done\": 1.5}",
        "{\"status\": 1, \"bytes_done\": \"1\"}",
        "{\"status\": 1, \"message\": \"\xff\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tardis_status_t *got;
        tardis_error_t *error = decode(texts[i], &got);
        if (!error)
            fail_msg("accepted: %s", texts[i]);
        assert_int_equal(error->code, TARDIS_ANSWER_MALFORMED);
        assert_null(got);
    }
}

static void a_deep_document_is_malformed(void **state)
{
    char text[200000];
    tardis_status_t *got;
    (void)state;
    memset(text, '[', sizeof(text));
    tardis_error_t *error = tardis_status_decode(text, sizeof(text), &got, pool);
    assert_non_null(error);
    assert_int_equal(error->code, TARDIS_ANSWER_MALFORMED);
}

static void what_a_provider_can_do_is_bounded(void **state)
{
    static const struct {
        const char *text;
        int batch_status; /* -1: malformed */
        int get_files;
    } documents[] = {
        {"{\"protocol\": 1}", 0, 0},
        {"{\"protocol\": 1, \"batch_status\": 7, \"get_files\": 3, \"more\": []}", 7, 3},
        {"{\"protocol\": 1, \"get_files\": 1}", 0, 1},
        {"{\"protocol\": 1, \"batch_status\": 9999999999, \"get_files\": 9999999999}",
         TARDIS_STATUS_BATCH_MAX, TARDIS_GET_FILES_MAX},
        {"{\"protocol\": 1, \"get_files\": 0}", -1, 0},
        {"{\"protocol\": 1, \"get_files\": -1}", -1, 0},
        {"{\"protocol\": 1, \"get_files\": \"3\"}", -1, 0},
        {"{\"protocol\": 1, \"get_files\": null}", -1, 0},
        {"{\"protocol\": 2, \"get_files\": 3}", -1, 0},
        {"{\"get_files\": 3}", -1, 0},
        {"[1]", -1, 0},
        {"", -1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        tardis_protocol_t protocol;
        const char *text = documents[i].text;
        tardis_error_t *error = tardis_protocol_decode(text, strlen(text), &protocol, pool);
        if (documents[i].batch_status < 0) {
            assert_non_null(error);
            assert_int_equal(error->code, TARDIS_ANSWER_MALFORMED);
            continue;
        }
        assert_null(error);
        assert_int_equal(protocol.batch_status, documents[i].batch_status);
        assert_int_equal(protocol.get_files, documents[i].get_files);
    }
}

static int set_up(void **state)
{
    (void)state;
    apr_initialize();
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
        cmocka_unit_test(every_status_has_its_human_text),
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(an_original_finds_what_it_reads),
        cmocka_unit_test(text_that_is_not_utf8_is_still_sent),
        cmocka_unit_test(an_answer_of_an_original_is_read),
        cmocka_unit_test(what_is_no_status_is_malformed),
        cmocka_unit_test(a_deep_document_is_malformed),
        cmocka_unit_test(what_a_provider_can_do_is_bounded),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
