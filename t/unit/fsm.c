#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "fsm.h"

/* A step without database and network: what the functions that end a step make of it. */
typedef struct {
    apr_pool_t *pool;
    consumer_settings_t settings;
    tardis_context_t context;
    fsm_t fsm;
    tardis_synced_t synced;
    fsm_step_t *step;
    int done;
} fixture_t;

static void count_done(fsm_step_t *step)
{
    fixture_t *fixture = step->baton;
    fixture->done++;
}

static fsm_step_t *step_in(fixture_t *fixture, const char *state)
{
    static const char *const administrators[] = {"ops@uni.example"};
    apr_array_header_t *list = apr_array_make(fixture->pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(list, const char *) = administrators[0];
    static const char template[] =
        "Subject: {{id}} {{state}}\n\n{{error_text}} [{{error_code}}]\n{{command}}\n";
    mail_templates_t *templates = apr_pcalloc(fixture->pool, sizeof(*templates));
    assert_null(mail_template_parse(&templates->of[MAIL_FAILED], MAIL_FAILED, "failed.txt", template,
                                    sizeof(template) - 1, fixture->pool));
    fixture->settings = (consumer_settings_t){.store = "/store",
                                              .command = "tardis-consumer",
                                              .mail_templates = templates,
                                              .retry_minimum = 30,
                                              .poll_interval = 60,
                                              .poll_interval_maximum = 900,
                                              .retry_maximum = 600,
                                              .deadline_ingested = 100,
                                              .deadline_requested = 200,
                                              .deadline_in_progress = 300,
                                              .deadline_transfer = 5000,
                                              .deadline_checking = 400,
                                              .mail_administrators = list,
                                              .mail_on_complete = 1};
    fixture->context = (tardis_context_t){.pool = fixture->pool};
    fixture->fsm = (fsm_t){.context = &fixture->context, .settings = &fixture->settings};
    fixture->synced = (tardis_synced_t){.experiment_id = 12,
                                        .uid = "tardis.42",
                                        .provider_url = "https://provider.example",
                                        .title = "Title",
                                        .state = state,
                                        .now = apr_time_from_sec(1000000),
                                        .state_since = apr_time_from_sec(1000000),
                                        .moved_at = apr_time_from_sec(1000000),
                                        .updated_at = apr_time_from_sec(1000000)};
    fixture->done = 0;
    fixture->step =
        fsm_step_create(&fixture->fsm, &fixture->synced, "lease", count_done, fixture, fixture->pool);
    return fixture->step;
}

static const tardis_synced_event_t *only_event(const fsm_step_t *step)
{
    assert_int_equal(step->outcome.events->nelts, 1);
    return &APR_ARRAY_IDX(step->outcome.events, 0, tardis_synced_event_t);
}

static void the_table_is_sound(void **state)
{
    (void)state;
    for (const fsm_state_t *each = fsm_states(); each->name; each++) {
        int fails = 0;
        for (const char *const *target = each->targets; *target; target++) {
            assert_non_null(fsm_state_find(*target));
            assert_string_not_equal(*target, each->name);
            fails += strcmp(*target, TARDIS_STATE_FAILED) == 0;
        }
        assert_int_equal(each->act != NULL, fails == 1);
        assert_int_equal(each->act != NULL, each->does != NULL);
        assert_int_equal(each->act != NULL, each->deadline != 0);
        assert_int_equal(each->act == NULL, each->targets[0] == NULL);
    }
    assert_null(fsm_state_find("Transcendent"));
}

static void deadlines_are_those_of_the_settings(void **state)
{
    fixture_t *fixture = *state;
    static const struct {
        const char *name;
        long seconds;
    } expected[] = {{TARDIS_STATE_INGESTED, 100},    {TARDIS_STATE_REQUESTED, 200},
                    {TARDIS_STATE_IN_PROGRESS, 300}, {TARDIS_STATE_CHECKING, 400},
                    {TARDIS_STATE_COMPLETE, 0},      {TARDIS_STATE_FAILED, 0}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        step_in(fixture, expected[i].name);
        assert_int_equal(fsm_deadline(fixture->step->state, &fixture->settings), expected[i].seconds);
    }
    assert_string_equal(fsm_blocking_states(fixture->pool), TARDIS_STATE_CHECKING);
}

static void moves_on(void **state)
{
    fixture_t *fixture = *state;
    fsm_step_t *step = step_in(fixture, TARDIS_STATE_REQUESTED);
    fixture->synced.attempts = 5;
    fsm_move(step, TARDIS_STATE_IN_PROGRESS, 77, "begun");
    assert_int_equal(fixture->done, 1);
    assert_string_equal(step->outcome.state, TARDIS_STATE_IN_PROGRESS);
    assert_true(step->outcome.entered);
    assert_int_equal(step->outcome.wait, 77);
    assert_int_equal(step->outcome.attempts, 0);
    assert_null(step->outcome.error_code);
    assert_string_equal(only_event(step)->from_state, TARDIS_STATE_REQUESTED);
    assert_string_equal(only_event(step)->to_state, TARDIS_STATE_IN_PROGRESS);
}

static void refuses_what_the_table_does_not_allow(void **state)
{
    fixture_t *fixture = *state;
    fsm_step_t *step = step_in(fixture, TARDIS_STATE_INGESTED);
    fsm_move(step, TARDIS_STATE_COMPLETE, 0, "cheated");
    assert_int_equal(fixture->done, 1);
    assert_string_equal(step->outcome.state, TARDIS_STATE_FAILED);
    assert_string_equal(step->outcome.error_code, "internal_error");
}

static void a_passing_error_stays_and_waits(void **state)
{
    fixture_t *fixture = *state;
    fsm_step_t *step = step_in(fixture, TARDIS_STATE_INGESTED);
    fixture->synced.attempts = 3;
    fsm_fail(step, tardis_error_create(fixture->pool, TARDIS_PROVIDER_UNREACHABLE, "down"));
    assert_int_equal(fixture->done, 1);
    assert_string_equal(step->outcome.state, TARDIS_STATE_INGESTED);
    assert_false(step->outcome.entered);
    assert_int_equal(step->outcome.attempts, 4);
    assert_in_range(step->outcome.wait, apr_time_from_sec(30), apr_time_from_sec(480));
    assert_string_equal(step->outcome.error_code, "provider_unreachable");
    assert_string_equal(only_event(step)->kind, "error");
    assert_int_equal(step->outcome.notifications->nelts, 0);
}

static void a_lasting_error_is_the_end_and_is_mailed(void **state)
{
    fixture_t *fixture = *state;
    fsm_step_t *step = step_in(fixture, TARDIS_STATE_REQUESTED);
    fsm_fail(step, tardis_error_create(fixture->pool, TARDIS_TRANSFER_FAILED, "gone"));
    assert_int_equal(fixture->done, 1);
    assert_string_equal(step->outcome.state, TARDIS_STATE_FAILED);
    assert_int_equal(step->outcome.wait, -1);
    assert_string_equal(step->outcome.error_code, "transfer_failed");
    assert_string_equal(only_event(step)->code, "transfer_failed");
    assert_int_equal(step->outcome.notifications->nelts, 1);
    const tardis_notification_t *mail = &APR_ARRAY_IDX(step->outcome.notifications, 0, tardis_notification_t);
    assert_string_equal(mail->recipient, "ops@uni.example");
    assert_non_null(strstr(mail->body, "gone [transfer_failed]"));
    assert_non_null(strstr(mail->body, "tardis-consumer retry 12"));
}

static void a_lasting_answer_is_believed_at_the_third_attempt(void **state)
{
    fixture_t *fixture = *state;
    static const struct {
        const char *last;
        apr_uint64_t attempts;
        const char *state;
    } cases[] = {{NULL, 0, TARDIS_STATE_INGESTED},
                 {"provider_redirect", 1, TARDIS_STATE_INGESTED},
                 {"provider_unreachable", 2, TARDIS_STATE_INGESTED},
                 {"key_refused", 9, TARDIS_STATE_INGESTED},
                 {"provider_redirect", 2, TARDIS_STATE_FAILED},
                 {"provider_redirect", 9, TARDIS_STATE_FAILED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsm_step_t *step = step_in(fixture, TARDIS_STATE_INGESTED);
        fixture->synced.error_code = cases[i].last;
        fixture->synced.attempts = cases[i].attempts;
        fsm_fail(step, tardis_error_create(fixture->pool, TARDIS_PROVIDER_REDIRECT, "302"));
        assert_int_equal(fixture->done, 1);
        assert_string_equal(step->outcome.state, cases[i].state);
        assert_string_equal(step->outcome.error_code, "provider_redirect");
        assert_int_equal(step->outcome.attempts, cases[i].attempts + 1);
    }
    const tardis_synced_t synced[] = {{.attempts = 0},
                                      {.error_code = "provider_timeout", .attempts = 1},
                                      {.error_code = "transfer_failed", .attempts = 1},
                                      {.error_code = "uid_unknown", .attempts = 1},
                                      {.error_code = "uid_unknown", .attempts = 2},
                                      {.error_code = "uid_unknown", .attempts = 7}};
    static const int left[] = {0, 0, 0, 2, 1, 1};
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        assert_int_equal(fsm_attempts_left(&synced[i]), left[i]);
}

/* Two answers that leave no hope, in turn. */
static void doubtful_answers_end_at_the_deadline_all_the_same(void **state)
{
    fixture_t *fixture = *state;
    fsm_step_t *step = step_in(fixture, TARDIS_STATE_INGESTED);
    fixture->synced.error_code = "uid_unknown";
    fixture->synced.attempts = 9;
    fixture->synced.moved_at -= apr_time_from_sec(100);
    fsm_fail(step, tardis_error_create(fixture->pool, TARDIS_KEY_REFUSED, "403"));
    assert_string_equal(step->outcome.state, TARDIS_STATE_FAILED);
    assert_string_equal(step->outcome.error_code, "key_refused");
}

static void the_deadline_ends_what_passing_errors_do_not(void **state)
{
    fixture_t *fixture = *state;
    tardis_error_t *error = tardis_error_create(fixture->pool, TARDIS_PROVIDER_TIMEOUT, "slow");
    fsm_step_t *step = step_in(fixture, TARDIS_STATE_REQUESTED);
    fixture->synced.attempts = 50;
    fixture->synced.moved_at -= apr_time_from_sec(199);
    fsm_fail(step, error);
    assert_string_equal(step->outcome.state, TARDIS_STATE_REQUESTED);

    step = step_in(fixture, TARDIS_STATE_REQUESTED);
    fixture->synced.moved_at -= apr_time_from_sec(200);
    fixture->synced.attempts = 1;
    fsm_fail(step, error);
    assert_string_equal(step->outcome.state, TARDIS_STATE_REQUESTED);

    step = step_in(fixture, TARDIS_STATE_REQUESTED);
    fixture->synced.moved_at -= apr_time_from_sec(200);
    fixture->synced.attempts = 2;
    fsm_fail(step, error);
    assert_string_equal(step->outcome.state, TARDIS_STATE_FAILED);
    assert_string_equal(step->outcome.error_code, "provider_timeout");
    assert_non_null(strstr(step->outcome.error_text, "given up after 3 failed attempts since "));
    assert_non_null(strstr(step->outcome.error_text, ": slow"));
}

static void only_what_does_not_move_stalls(void **state)
{
    fixture_t *fixture = *state;
    fsm_step_t *step = step_in(fixture, TARDIS_STATE_IN_PROGRESS);
    fixture->synced.moved_at -= apr_time_from_sec(300);
    fsm_stay(step, 60, 1);
    assert_string_equal(step->outcome.state, TARDIS_STATE_IN_PROGRESS);
    assert_true(step->outcome.moved);

    step = step_in(fixture, TARDIS_STATE_IN_PROGRESS);
    fixture->synced.moved_at -= apr_time_from_sec(299);
    fsm_stay(step, 60, 0);
    assert_string_equal(step->outcome.state, TARDIS_STATE_IN_PROGRESS);

    step = step_in(fixture, TARDIS_STATE_IN_PROGRESS);
    fixture->synced.moved_at -= apr_time_from_sec(300);
    fsm_stay(step, 60, 0);
    assert_string_equal(step->outcome.state, TARDIS_STATE_FAILED);
    assert_string_equal(step->outcome.error_code, "deadline_exceeded");
}

static void nothing_is_polled_for_ever(void **state)
{
    fixture_t *fixture = *state;
    fsm_step_t *step = step_in(fixture, TARDIS_STATE_IN_PROGRESS);
    fixture->synced.state_since -= apr_time_from_sec(4999);
    fsm_stay(step, 60, 1);
    assert_string_equal(step->outcome.state, TARDIS_STATE_IN_PROGRESS);

    step = step_in(fixture, TARDIS_STATE_IN_PROGRESS);
    fixture->synced.state_since -= apr_time_from_sec(5000);
    fsm_stay(step, 60, 1);
    assert_string_equal(step->outcome.state, TARDIS_STATE_FAILED);
    assert_string_equal(step->outcome.error_code, "deadline_exceeded");
    assert_non_null(strstr(step->outcome.error_text, "something moves, but it has not ended since "));

    step = step_in(fixture, TARDIS_STATE_CHECKING);
    fixture->synced.state_since -= apr_time_from_sec(1000000);
    fsm_stay(step, 0, 1);
    assert_string_equal(step->outcome.state, TARDIS_STATE_CHECKING);
}

/* After a holiday of cron, or when the clock jumps. */
static void a_time_in_which_nobody_looked_does_not_count(void **state)
{
    fixture_t *fixture = *state;
    tardis_error_t *error = tardis_error_create(fixture->pool, TARDIS_PROVIDER_TIMEOUT, "slow");
    for (int looked = 0; looked < 2; looked++) {
        const char *expected = looked ? TARDIS_STATE_FAILED : TARDIS_STATE_IN_PROGRESS;
        for (int failed = 0; failed < 2; failed++) {
            fsm_step_t *step = step_in(fixture, TARDIS_STATE_IN_PROGRESS);
            fixture->synced.attempts = failed ? 7 : 0;
            fixture->synced.moved_at -= apr_time_from_sec(100000);
            fixture->synced.updated_at -= apr_time_from_sec(900 + 150 - looked);
            if (failed)
                fsm_fail(step, error);
            else
                fsm_stay(step, 60, 0);
            assert_string_equal(step->outcome.state, expected);
            assert_true(looked || step->outcome.moved);
        }
    }
    fsm_step_t *step = step_in(fixture, TARDIS_STATE_IN_PROGRESS);
    fixture->synced.state_since -= apr_time_from_sec(100000);
    fixture->synced.updated_at -= apr_time_from_sec(100000);
    fsm_stay(step, 60, 1);
    assert_string_equal(step->outcome.state, TARDIS_STATE_IN_PROGRESS);

    step = step_in(fixture, TARDIS_STATE_IN_PROGRESS);
    fixture->synced.moved_at += apr_time_from_sec(3600);
    fsm_stay(step, 60, 0);
    assert_true(step->outcome.moved);

    step = step_in(fixture, TARDIS_STATE_IN_PROGRESS);
    fixture->synced.moved_at -= apr_time_from_sec(100);
    fixture->synced.updated_at -= apr_time_from_sec(100);
    fsm_stay(step, 60, 0);
    assert_false(step->outcome.moved);
}

static void a_database_error_leaves_no_outcome(void **state)
{
    fixture_t *fixture = *state;
    static const tardis_error_code_t codes[] = {TARDIS_DATABASE_UNAVAILABLE, TARDIS_DATABASE_ERROR,
                                                TARDIS_LEASE_LOST};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        fsm_step_t *step = step_in(fixture, TARDIS_STATE_CHECKING);
        fsm_fail(step, tardis_error_create(fixture->pool, codes[i], "gone"));
        assert_int_equal(fixture->done, 1);
        assert_non_null(step->broken);
        assert_int_equal(step->outcome.events->nelts, 0);
    }
}

static void an_unknown_state_is_skipped(void **state)
{
    fixture_t *fixture = *state;
    fsm_step_t *step = step_in(fixture, "Transcendent");
    fsm_step_begin(step);
    assert_int_equal(fixture->done, 1);
    assert_string_equal(step->outcome.state, "Transcendent");
    assert_string_equal(step->outcome.error_code, "database_row_invalid");
    assert_int_equal(step->outcome.wait, apr_time_from_sec(600));
}

static void a_finished_one_has_nothing_to_do(void **state)
{
    fixture_t *fixture = *state;
    fsm_step_t *step = step_in(fixture, TARDIS_STATE_COMPLETE);
    fsm_step_begin(step);
    assert_int_equal(fixture->done, 1);
    assert_string_equal(step->outcome.state, TARDIS_STATE_COMPLETE);
    assert_int_equal(step->outcome.wait, -1);
    assert_int_equal(step->outcome.events->nelts, 0);
}

static int set_up(void **state)
{
    static fixture_t fixture;
    apr_initialize();
    apr_pool_create(&fixture.pool, NULL);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_t *fixture = *state;
    apr_pool_destroy(fixture->pool);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(deadlines_are_those_of_the_settings),
        cmocka_unit_test(moves_on),
        cmocka_unit_test(refuses_what_the_table_does_not_allow),
        cmocka_unit_test(a_passing_error_stays_and_waits),
        cmocka_unit_test(a_lasting_error_is_the_end_and_is_mailed),
        cmocka_unit_test(a_lasting_answer_is_believed_at_the_third_attempt),
        cmocka_unit_test(doubtful_answers_end_at_the_deadline_all_the_same),
        cmocka_unit_test(the_deadline_ends_what_passing_errors_do_not),
        cmocka_unit_test(only_what_does_not_move_stalls),
        cmocka_unit_test(nothing_is_polled_for_ever),
        cmocka_unit_test(a_time_in_which_nobody_looked_does_not_count),
        cmocka_unit_test(a_database_error_leaves_no_outcome),
        cmocka_unit_test(an_unknown_state_is_skipped),
        cmocka_unit_test(a_finished_one_has_nothing_to_do),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
