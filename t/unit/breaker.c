#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "breaker.h"

/* What is known of a provider, and what a tick meets there. */
typedef struct {
    apr_pool_t *pool;
    apr_pool_t *text;
    breaker_limits_t limits;
    breaker_met_t met;
    tardis_provider_health_t health;
} fixture_t;

#define SECOND APR_USEC_PER_SEC
#define NOW (1000000 * SECOND)

static fixture_t *fresh(void **state)
{
    fixture_t *fixture = *state;
    fixture->limits = (breaker_limits_t){.failures = 3, .minimum = 60, .maximum = 1000};
    fixture->health = (tardis_provider_health_t){.provider_url = "https://provider.example", .now = NOW};
    breaker_begin(&fixture->met, &fixture->health);
    return fixture;
}

static void meets(fixture_t *fixture, tardis_error_code_t code, int retry_after, apr_time_t at)
{
    const tardis_error_t error = {.code = code, .text = "what it says", .retry_after = retry_after};
    breaker_meet(&fixture->met, code == TARDIS_ERROR_CODES ? NULL : &error, at, fixture->text);
}

static void answers(fixture_t *fixture, apr_time_t at)
{
    meets(fixture, TARDIS_ERROR_CODES, 0, at);
}

static int trips(const fixture_t *fixture)
{
    return breaker_trips(&fixture->met, &fixture->limits);
}

static breaker_note_t note_of(const fixture_t *fixture)
{
    return (breaker_note_t){
        .met = &fixture->met, .limits = &fixture->limits, .owner = "host:1:1", .leave = trips(fixture)};
}

static void notes(fixture_t *fixture)
{
    const breaker_note_t note = note_of(fixture);
    breaker_apply(&note, &fixture->health);
    breaker_noted(&fixture->met);
}

static void tells_what_counts(void **state)
{
    (void)state;
    static const struct {
        tardis_error_code_t code;
        int retry_after;
        breaker_news_t news;
    } expected[] = {
        {TARDIS_PROVIDER_UNREACHABLE, 0, BREAKER_LOST}, {TARDIS_PROVIDER_TIMEOUT, 0, BREAKER_LOST},
        {TARDIS_TLS_FAILED, 0, BREAKER_LOST},           {TARDIS_PROVIDER_ERROR, 0, BREAKER_UNSOUND},
        {TARDIS_PROVIDER_ERROR, 60, BREAKER_LOST},      {TARDIS_ANSWER_MALFORMED, 0, BREAKER_UNSOUND},
        {TARDIS_ANSWER_TOO_LARGE, 0, BREAKER_UNSOUND},  {TARDIS_KEY_REFUSED, 0, BREAKER_SOUND},
        {TARDIS_UID_UNKNOWN, 0, BREAKER_SOUND},         {TARDIS_TRANSFER_SERVER_ERROR, 0, BREAKER_SOUND},
        {TARDIS_PROVIDER_UNKNOWN, 0, BREAKER_NOTHING},  {TARDIS_LEASE_LOST, 0, BREAKER_NOTHING},
        {TARDIS_INTERNAL_ERROR, 0, BREAKER_NOTHING},
    };
    assert_int_equal(breaker_news(NULL), BREAKER_SOUND);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const tardis_error_t error = {.code = expected[i].code, .retry_after = expected[i].retry_after};
        assert_int_equal(breaker_news(&error), expected[i].news);
    }
}

static void a_few_in_a_row_are_enough(void **state)
{
    fixture_t *fixture = fresh(state);
    meets(fixture, TARDIS_PROVIDER_TIMEOUT, 0, NOW);
    meets(fixture, TARDIS_PROVIDER_UNREACHABLE, 0, NOW + 1);
    assert_false(trips(fixture));
    meets(fixture, TARDIS_TLS_FAILED, 0, NOW + 2);
    assert_true(trips(fixture));
    answers(fixture, NOW + 3);
    assert_false(trips(fixture));
    meets(fixture, TARDIS_PROVIDER_TIMEOUT, 0, NOW + 4);
    meets(fixture, TARDIS_PROVIDER_UNKNOWN, 0, NOW + 5);
    meets(fixture, TARDIS_PROVIDER_TIMEOUT, 0, NOW + 6);
    assert_false(trips(fixture));
    meets(fixture, TARDIS_PROVIDER_ERROR, 0, NOW + 7);
    meets(fixture, TARDIS_PROVIDER_TIMEOUT, 0, NOW + 8);
    assert_false(trips(fixture));
}

static void they_are_remembered_from_tick_to_tick(void **state)
{
    fixture_t *fixture = fresh(state);
    for (int tick = 0; tick < 2; tick++) {
        breaker_begin(&fixture->met, &fixture->health);
        meets(fixture, TARDIS_PROVIDER_UNREACHABLE, 0, NOW + tick * 60 * SECOND);
        assert_false(trips(fixture));
        notes(fixture);
    }
    assert_int_equal(fixture->health.failures, 2);
    assert_int_equal(fixture->health.failing_since, NOW);
    assert_int_equal(fixture->health.left_until, 0);
    breaker_begin(&fixture->met, &fixture->health);
    meets(fixture, TARDIS_PROVIDER_UNREACHABLE, 0, NOW + 120 * SECOND);
    assert_true(trips(fixture));
    fixture->health.now = NOW + 121 * SECOND;
    notes(fixture);
    assert_int_equal(fixture->health.left_until, NOW + 181 * SECOND);
    assert_int_equal(fixture->health.times_left, 1);
    assert_int_equal(fixture->health.failing_since, NOW);
    assert_string_equal(fixture->health.error_code, "provider_unreachable");
}

static void errors_of_one_uid_are_not_the_providers(void **state)
{
    fixture_t *fixture = fresh(state);
    for (int tick = 0; tick < 100; tick++) {
        breaker_begin(&fixture->met, &fixture->health);
        meets(fixture, TARDIS_PROVIDER_ERROR, 0, NOW + tick);
        assert_false(trips(fixture));
        notes(fixture);
    }
    assert_int_equal(fixture->health.failures, 100);
    assert_int_equal(fixture->health.lost, 0);
    answers(fixture, NOW + 200);
    for (int i = 0; i < 1000; i++)
        meets(fixture, TARDIS_ANSWER_MALFORMED, 0, NOW + 201 + i);
    assert_false(trips(fixture));
}

static void nothing_but_errors_is(void **state)
{
    fixture_t *fixture = fresh(state);
    for (int i = 0; i < 3 * BREAKER_ANSWERS - 1; i++)
        meets(fixture, i % 2 ? TARDIS_ANSWER_MALFORMED : TARDIS_PROVIDER_ERROR, 0, NOW + i);
    assert_false(trips(fixture));
    meets(fixture, TARDIS_PROVIDER_ERROR, 0, NOW + 100);
    assert_true(trips(fixture));
}

static void an_answer_ends_it(void **state)
{
    fixture_t *fixture = fresh(state);
    for (int i = 0; i < 3; i++)
        meets(fixture, TARDIS_PROVIDER_UNREACHABLE, 0, NOW + i);
    notes(fixture);
    assert_int_not_equal(fixture->health.left_until, 0);
    answers(fixture, NOW + 5);
    notes(fixture);
    assert_int_equal(fixture->health.left_until, 0);
    assert_int_equal(fixture->health.put_off_until, 0);
    assert_int_equal(fixture->health.failures, 0);
    assert_int_equal(fixture->health.lost, 0);
    assert_int_equal(fixture->health.failing_since, 0);
    assert_int_equal(fixture->health.times_left, 0);
    assert_null(fixture->health.error_code);
    assert_int_equal(fixture->health.answered_at, NOW + 5);
}

static void what_others_have_met_since_counts(void **state)
{
    fixture_t *fixture = fresh(state);
    answers(fixture, NOW - 10);
    fixture->health.left_at = NOW - 5;
    fixture->health.left_until = NOW + 55 * SECOND;
    fixture->health.failures = 3;
    notes(fixture);
    assert_int_equal(fixture->health.left_until, NOW + 55 * SECOND);
    assert_int_equal(fixture->health.failures, 3);
    assert_int_equal(fixture->health.answered_at, NOW - 10);

    fresh(state);
    for (int i = 0; i < 3; i++)
        meets(fixture, TARDIS_PROVIDER_UNREACHABLE, 0, NOW - 10 + i);
    fixture->health.answered_at = NOW - 5;
    notes(fixture);
    assert_int_equal(fixture->health.left_until, 0);
    assert_int_equal(fixture->health.failures, 0);

    fresh(state);
    for (int i = 0; i < 3; i++)
        meets(fixture, TARDIS_PROVIDER_UNREACHABLE, 0, NOW - 10 + i);
    fixture->health.left_at = NOW - 5;
    fixture->health.left_until = NOW + 55 * SECOND;
    fixture->health.times_left = 1;
    notes(fixture);
    assert_int_equal(fixture->health.left_until, NOW + 55 * SECOND);
    assert_int_equal(fixture->health.times_left, 1);
}

static void a_trial_that_fails_makes_it_longer(void **state)
{
    fixture_t *fixture = fresh(state);
    fixture->health.left_at = NOW - 70 * SECOND;
    fixture->health.left_until = NOW - 10 * SECOND;
    fixture->health.times_left = 1;
    fixture->health.trial_owner = "host:1:1";
    fixture->health.trial_until = NOW + 100 * SECOND;
    breaker_note_t note = note_of(fixture);
    breaker_apply(&note, &fixture->health);
    assert_null(fixture->health.trial_owner);
    assert_int_equal(fixture->health.left_until, NOW - 10 * SECOND);

    fixture->health.trial_owner = "host:1:1";
    meets(fixture, TARDIS_PROVIDER_ERROR, 0, NOW);
    note = note_of(fixture);
    note.leave = 1;
    breaker_apply(&note, &fixture->health);
    assert_null(fixture->health.trial_owner);
    assert_int_equal(fixture->health.left_until, NOW + 120 * SECOND);
    assert_int_equal(fixture->health.times_left, 2);
    assert_int_equal(fixture->health.put_off_until, NOW + 150 * SECOND);
}

static void waits_longer_each_time(void **state)
{
    fixture_t *fixture = fresh(state);
    const breaker_limits_t *limits = &fixture->limits;
    assert_int_equal(breaker_wait(limits, 0, 0, 0), 60 * SECOND);
    assert_int_equal(breaker_wait(limits, 0, 0, 1), 75 * SECOND);
    assert_int_equal(breaker_wait(limits, 3, 0, 0), 480 * SECOND);
    assert_int_equal(breaker_wait(limits, 4, 0, 1), 1000 * SECOND);
    assert_int_equal(breaker_wait(limits, UINT64_MAX, 0, 0), 1000 * SECOND);
    assert_int_equal(breaker_wait(limits, 0, 500, 0), 500 * SECOND);
    assert_int_equal(breaker_wait(limits, 0, 100000, 0), 1000 * SECOND);
    fixture->health.left_at = NOW;
    fixture->health.left_until = NOW + 60 * SECOND;
    assert_int_equal(breaker_spread(&fixture->health), 15 * SECOND);
    fixture->health.left_until = NOW + 3600 * SECOND;
    assert_int_equal(breaker_spread(&fixture->health), 300 * SECOND);
    fixture->health.left_until = NOW - SECOND;
    assert_int_equal(breaker_spread(&fixture->health), 0);
}

static int set_up(void **state)
{
    static fixture_t fixture;
    apr_initialize();
    apr_pool_create(&fixture.pool, NULL);
    apr_pool_create(&fixture.text, fixture.pool);
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
        cmocka_unit_test(tells_what_counts),
        cmocka_unit_test(a_few_in_a_row_are_enough),
        cmocka_unit_test(they_are_remembered_from_tick_to_tick),
        cmocka_unit_test(errors_of_one_uid_are_not_the_providers),
        cmocka_unit_test(nothing_but_errors_is),
        cmocka_unit_test(an_answer_ends_it),
        cmocka_unit_test(what_others_have_met_since_counts),
        cmocka_unit_test(a_trial_that_fails_makes_it_longer),
        cmocka_unit_test(waits_longer_each_time),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
