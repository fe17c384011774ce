#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schedule.h"

#define SECONDS(n) apr_time_from_sec(n)

/* Of what is asked about after 60 to 900 seconds. */
static const tardis_status_t nothing = {.status = TARDIS_STATUS_IN_PROGRESS,
                                        .message = "",
                                        .progress = "",
                                        .error = "",
                                        .code = "",
                                        .files_done = -1,
                                        .files_total = -1,
                                        .bytes_done = -1,
                                        .bytes_total = -1};

static tardis_status_t bytes(apr_int64_t done, apr_int64_t total)
{
    tardis_status_t status = nothing;
    status.bytes_done = done;
    status.bytes_total = total;
    return status;
}

static tardis_status_t files(apr_int64_t done, apr_int64_t total)
{
    tardis_status_t status = nothing;
    status.files_done = done;
    status.files_total = total;
    return status;
}

static tardis_status_t text(const char *progress)
{
    tardis_status_t status = nothing;
    status.progress = progress;
    return status;
}

/* The wait in seconds, when the figures of `before` were new so many seconds ago. */
static long wait_within(long shortest, long longest, const tardis_status_t *before, tardis_status_t status,
                        long seconds)
{
    const schedule_t schedule = {.shortest = SECONDS(shortest),
                                 .longest = SECONDS(longest),
                                 .before = before,
                                 .status = &status,
                                 .moved_at = SECONDS(1000000000),
                                 .now = SECONDS(1000000000) + SECONDS(seconds)};
    apr_interval_time_t wait = schedule_wait(&schedule);
    assert_int_equal(wait % SECONDS(1), 0);
    return (long)apr_time_sec(wait);
}

static long wait_after(tardis_status_t before, tardis_status_t status, long seconds)
{
    return wait_within(60, 900, &before, status, seconds);
}

static void the_first_answer_tells_no_rate(void **state)
{
    (void)state;
    assert_int_equal(wait_within(60, 900, NULL, bytes(500, 1000), 86400), 60);
    assert_int_equal(wait_within(60, 900, NULL, nothing, 86400), 60);
}

static void half_of_the_time_left_is_waited(void **state)
{
    (void)state;
    /* 100 bytes in 60 s; 4000 to go: 2400 s, half of them 1200. */
    assert_int_equal(wait_after(bytes(100, 4200), bytes(200, 4200), 60), 900);
    /* 1000 s to go. */
    assert_int_equal(wait_after(bytes(0, 1100), bytes(100, 1100), 100), 480);
    assert_int_equal(wait_after(bytes(0, 600), bytes(100, 600), 100), 240);
    assert_int_equal(wait_after(bytes(0, 340), bytes(100, 340), 100), 120);
    assert_int_equal(wait_after(bytes(0, 339), bytes(100, 339), 100), 60);
    assert_int_equal(wait_after(bytes(0, 1000), bytes(999, 1000), 100), 60);
    assert_int_equal(wait_after(bytes(0, 1000), bytes(1000, 1000), 100), 60);
}

static void files_tell_it_where_bytes_do_not(void **state)
{
    (void)state;
    assert_int_equal(wait_after(files(0, 6), files(1, 6), 100), 240);
    tardis_status_t before = files(0, 6);
    tardis_status_t status = files(1, 6);
    before.bytes_done = status.bytes_done = 0;
    before.bytes_total = status.bytes_total = 1000;
    assert_int_equal(wait_after(before, status, 100), 240);
    status.bytes_done = 999;
    assert_int_equal(wait_after(before, status, 100), 60);
}

static void what_tells_no_end_is_asked_about_soon(void **state)
{
    (void)state;
    assert_int_equal(wait_after(bytes(100, -1), bytes(200, -1), 60), 60);
    assert_int_equal(wait_after(bytes(500, 1000000), bytes(100, 1000000), 60), 60);
    assert_int_equal(wait_after(bytes(500, 600), bytes(700, 600), 60), 60);
    assert_int_equal(wait_after(nothing, bytes(700, 1000000), 60), 60);
    assert_int_equal(wait_after(bytes(700, 1000000), nothing, 60), 60);
    assert_int_equal(wait_after(text("1 of 9"), text("2 of 9"), 3000), 60);
}

static void what_stands_still_is_asked_about_less_and_less(void **state)
{
    (void)state;
    const tardis_status_t still[] = {bytes(100, 1000), files(1, 10), text("1 of 10"), nothing};
    for (size_t i = 0; i < sizeof(still) / sizeof(still[0]); i++) {
        assert_int_equal(wait_after(still[i], still[i], 60), 60);
        assert_int_equal(wait_after(still[i], still[i], 479), 60);
        assert_int_equal(wait_after(still[i], still[i], 480), 120);
        assert_int_equal(wait_after(still[i], still[i], 1000), 240);
        assert_int_equal(wait_after(still[i], still[i], 3599), 480);
        assert_int_equal(wait_after(still[i], still[i], 3600), 900);
        assert_int_equal(wait_after(still[i], still[i], 86400 * 7), 900);
    }
}

static void figures_decide_where_there_are_any(void **state)
{
    (void)state;
    tardis_status_t before = bytes(100, 1000);
    tardis_status_t status = before;
    status.progress = "3 hours have passed";
    assert_false(schedule_has_moved(&before, &status));
    assert_int_equal(wait_after(before, status, 3600), 900);
    status.bytes_done = 101;
    assert_true(schedule_has_moved(&before, &status));
    before = text("one"), status = text("two");
    assert_true(schedule_has_moved(&before, &status));
    assert_false(schedule_has_moved(&before, &before));
    assert_true(schedule_has_moved(NULL, &before));
}

static void the_providers_clock_has_no_part_in_it(void **state)
{
    (void)state;
    static const apr_time_t times[] = {0, INT64_MIN, INT64_MAX, SECONDS(999), SECONDS(2000000000)};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        tardis_status_t before = bytes(0, 600);
        tardis_status_t status = bytes(100, 600);
        before.timestamp = times[i];
        status.timestamp = times[sizeof(times) / sizeof(times[0]) - 1 - i];
        assert_int_equal(wait_after(before, status, 100), 240);
        assert_int_equal(wait_after(before, before, 1000), 240);
    }
}

static void a_clock_that_was_set_does_no_harm(void **state)
{
    (void)state;
    static const long seconds[] = {0, -1, -3600, -1000000000};
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        assert_int_equal(wait_after(bytes(0, 600), bytes(100, 600), seconds[i]), 60);
        assert_int_equal(wait_after(bytes(100, 600), bytes(100, 600), seconds[i]), 60);
    }
    assert_int_equal(wait_after(bytes(0, 600), bytes(100, 600), 8000000000), 900);
}

static void no_figures_break_it(void **state)
{
    (void)state;
    static const apr_int64_t figures[] = {-1, 0, 1, 2, 1000, INT64_MAX - 1, INT64_MAX};
    const size_t count = sizeof(figures) / sizeof(figures[0]);
    for (size_t i = 0; i < count * count * count; i++) {
        tardis_status_t before = bytes(figures[i % count], figures[i / count % count]);
        long wait = wait_after(before, bytes(figures[i / count / count], figures[i / count % count]), 500);
        assert_in_range(wait, 60, 900);
    }
}

/* Or what stands still could not be saved together. */
static void there_are_few_different_waits(void **state)
{
    (void)state;
    long last = 0;
    int waits = 0;
    for (long seconds = 0; seconds < 86400; seconds++) {
        long wait = wait_after(nothing, nothing, seconds);
        assert_true(wait >= last);
        waits += wait != last;
        last = wait;
    }
    assert_int_equal(waits, 5);
}

static void the_bounds_hold(void **state)
{
    (void)state;
    assert_int_equal(wait_within(60, 60, &nothing, nothing, 86400), 60);
    assert_int_equal(wait_within(60, 100, &nothing, nothing, 399), 60);
    assert_int_equal(wait_within(60, 100, &nothing, nothing, 400), 100);
    assert_int_equal(wait_within(1, 604800, &nothing, nothing, 3), 1);
    assert_int_equal(wait_within(1, 604800, &nothing, nothing, 604800 * 5), 604800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_answer_tells_no_rate),
        cmocka_unit_test(half_of_the_time_left_is_waited),
        cmocka_unit_test(files_tell_it_where_bytes_do_not),
        cmocka_unit_test(what_tells_no_end_is_asked_about_soon),
        cmocka_unit_test(what_stands_still_is_asked_about_less_and_less),
        cmocka_unit_test(figures_decide_where_there_are_any),
        cmocka_unit_test(the_providers_clock_has_no_part_in_it),
        cmocka_unit_test(a_clock_that_was_set_does_no_harm),
        cmocka_unit_test(no_figures_break_it),
        cmocka_unit_test(there_are_few_different_waits),
        cmocka_unit_test(the_bounds_hold),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
