/* The sorter: whatever is added comes back in order, also through its file and however often runs are merged. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "sorter.h"

/* Little, so that a few thousand records are many runs. */
#define MEMORY 9600
#define RECORD_MAX (MEMORY / 96 - 2)

static int start(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int end(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

/* Reads all records and asserts their order; returns how many there were, and the sum of their numbers. */
static unsigned read_all(sorter_t *sorter, unsigned long *sum)
{
    unsigned char last[RECORD_MAX];
    apr_size_t last_length = 0;
    unsigned count = 0;
    const unsigned char *record;
    apr_size_t length;
    *sum = 0;
    for (;;) {
        assert_null(sorter_next(sorter, &record, &length));
        if (!record)
            return count;
        apr_size_t common = last_length < length ? last_length : length;
        int order = memcmp(last, record, common);
        assert_true(order < 0 || (order == 0 && last_length <= length));
        memcpy(last, record, length);
        last_length = length;
        *sum += sorter_get(record + length - 4);
        count++;
    }
}

/* Records of many lengths that differ early, late or not at all. Returns the sum of their numbers. */
static unsigned long add_some(sorter_t *sorter, unsigned count)
{
    unsigned char record[RECORD_MAX];
    unsigned long sum = 0;
    apr_uint32_t random = 12345;
    for (unsigned i = 0; i < count; i++) {
        random = random * 1664525 + 1013904223;
        apr_size_t length = 4 + (random >> 8) % (RECORD_MAX - 3);
        memset(record, 'a' + (int)(random >> 24) % 2, length);
        sorter_put(record + length - 4, random >> 20);
        sum += random >> 20;
        assert_null(sorter_add(sorter, record, length));
    }
    assert_int_equal(sorter_count(sorter), count);
    return sum;
}

static void gives_all_records_in_order(void **state)
{
    /* None, one, held, one file, many runs, more than one merge. */
    static const unsigned counts[] = {0, 1, 50, 1000, 10000, 200000};
    for (apr_size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        apr_pool_t *pool;
        unsigned long found;
        apr_pool_create(&pool, *state);
        sorter_t *sorter = sorter_create(MEMORY, pool);
        unsigned long sum = add_some(sorter, counts[i]);
        assert_null(sorter_start(sorter));
        assert_int_equal(read_all(sorter, &found), counts[i]);
        assert_int_equal(found, sum);
        apr_pool_destroy(pool);
    }
}

static void begins_anew(void **state)
{
    for (unsigned count = 20; count <= 20000; count *= 1000) {
        sorter_t *sorter = sorter_create(MEMORY, *state);
        const unsigned char *record;
        apr_size_t length;
        unsigned long found;
        unsigned long sum = add_some(sorter, count);
        assert_null(sorter_start(sorter));
        for (unsigned i = 0; i < count / 2; i++)
            assert_null(sorter_next(sorter, &record, &length));
        assert_null(sorter_start(sorter));
        assert_int_equal(read_all(sorter, &found), count);
        assert_int_equal(found, sum);
        assert_null(sorter_next(sorter, &record, &length));
        assert_null(record);
    }
}

static void takes_records_up_to_its_limit(void **state)
{
    unsigned char record[RECORD_MAX + 1] = {0};
    sorter_t *sorter = sorter_create(MEMORY, *state);
    for (int i = 0; i < 1000; i++)
        assert_null(sorter_add(sorter, record, RECORD_MAX));
    assert_int_equal(sorter_add(sorter, record, RECORD_MAX + 1)->code, TARDIS_INTERNAL_ERROR);
    assert_int_equal(sorter_add(sorter, record, 0)->code, TARDIS_INTERNAL_ERROR);
    unsigned long found;
    assert_null(sorter_start(sorter));
    assert_int_equal(read_all(sorter, &found), 1000);
}

/* With its file full, or without a place for it, it says so. */
static void tells_that_its_file_cannot_be(void **state)
{
    unsigned char record[RECORD_MAX] = {0};
    sorter_t *sorter = sorter_create(MEMORY, *state);
    tardis_error_t *error = NULL;
    struct rlimit none = {0, 0};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &none);
    for (int i = 0; !error && i < 1000; i++)
        error = sorter_add(sorter, record, sizeof(record));
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_non_null(error);
    assert_int_equal(error->code, TARDIS_IO_ERROR);
}

static void numbers_keep_their_order(void **state)
{
    static const apr_uint32_t numbers[] = {0, 1, 255, 256, 65536, 16777216, APR_UINT32_MAX};
    unsigned char bytes[2][4];
    (void)state;
    for (apr_size_t i = 1; i < sizeof(numbers) / sizeof(*numbers); i++) {
        assert_ptr_equal(sorter_put(bytes[0], numbers[i - 1]), bytes[0] + 4);
        sorter_put(bytes[1], numbers[i]);
        assert_int_equal(sorter_get(bytes[1]), numbers[i]);
        assert_true(memcmp(bytes[0], bytes[1], 4) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_all_records_in_order, start, end),
        cmocka_unit_test_setup_teardown(begins_anew, start, end),
        cmocka_unit_test_setup_teardown(takes_records_up_to_its_limit, start, end),
        cmocka_unit_test_setup_teardown(tells_that_its_file_cannot_be, start, end),
        cmocka_unit_test(numbers_keep_their_order),
    };
    if (apr_initialize() != APR_SUCCESS)
        return 2;
    atexit(apr_terminate);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
