#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backoff.h"

static double seconds(apr_uint64_t attempts, long minimum, long maximum, long retry_after, double fraction)
{
    return (double)backoff_wait(attempts, minimum, maximum, retry_after, fraction) / (double)APR_USEC_PER_SEC;
}

static void doubles_until_the_maximum(void **state)
{
    (void)state;
    assert_true(seconds(1, 30, 3600, 0, 1.0) == 60.0);
    assert_true(seconds(2, 30, 3600, 0, 1.0) == 120.0);
    assert_true(seconds(6, 30, 3600, 0, 1.0) == 1920.0);
    assert_true(seconds(7, 30, 3600, 0, 1.0) == 3600.0);
    assert_true(seconds(UINT64_MAX, 30, 3600, 0, 1.0) == 3600.0);
}

static void spreads_over_the_whole_range(void **state)
{
    (void)state;
    assert_true(seconds(5, 30, 3600, 0, 0.0) == 30.0);
    assert_true(seconds(5, 30, 3600, 0, 0.5) == 495.0);
    assert_true(seconds(5, 30, 3600, 0, 1.0) == 960.0);
}

static void waits_as_long_as_it_was_asked_to(void **state)
{
    (void)state;
    assert_true(seconds(1, 30, 3600, 600, 0.0) == 600.0);
    assert_true(seconds(1, 30, 3600, 600, 1.0) == 630.0);
    assert_true(seconds(5, 30, 3600, 600, 0.5) == 1065.0);
    assert_true(seconds(5, 30, 3600, 3000, 1.0) == 3600.0);
    assert_true(seconds(1, 30, 3600, 20, 0.0) == 30.0);
    assert_true(seconds(1, 30, 3600, 86400, 1.0) == 3600.0);
}

static void takes_a_minimum_of_nothing(void **state)
{
    (void)state;
    assert_true(seconds(1, 0, 10, 0, 0.0) == 0.0);
    assert_true(seconds(1, 0, 10, 0, 1.0) == 2.0);
    assert_true(seconds(9, 0, 10, 0, 1.0) == 10.0);
    assert_true(seconds(1, 10, 10, 0, 1.0) == 10.0);
}

static void draws_from_0_to_1(void **state)
{
    (void)state;
    double lowest = 1.0;
    double highest = 0.0;
    for (int i = 0; i < 1000; i++) {
        double fraction = backoff_fraction();
        lowest = fraction < lowest ? fraction : lowest;
        highest = fraction > highest ? fraction : highest;
    }
    assert_true(lowest >= 0.0 && lowest < 0.2);
    assert_true(highest <= 1.0 && highest > 0.8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_until_the_maximum), cmocka_unit_test(spreads_over_the_whole_range),
        cmocka_unit_test(waits_as_long_as_it_was_asked_to), cmocka_unit_test(takes_a_minimum_of_nothing),
        cmocka_unit_test(draws_from_0_to_1),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
