/* The table of typed errors is complete, and errors are safe to print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <apr_general.h>
#include <cmocka.h>

#include "tardis_error.h"

static int set_up(void **state)
{
    apr_pool_t *pool;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    *state = pool;
    return 0;
}

static int tear_down(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

static void a_misspelt_name_is_recognized(void **state)
{
    assert_string_equal(tardis_error_suggest("digest_mismach", *state),
                        "; perhaps you meant \"digest_mismatch\"");
    assert_string_equal(tardis_error_suggest("xyzzy", *state), "");
}

static void every_code_has_its_name(void **state)
{
    (void)state;
    for (int code = 0; code < TARDIS_ERROR_CODES; code++) {
        const char *name = tardis_error_name((tardis_error_code_t)code);
        assert_non_null(name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        assert_true(strlen(name) > 2 && strlen(name) <= 64); /* as wide as the columns that keep it */
        assert_int_equal(tardis_error_code_of(name), code);  /* so no two share one */
    }
    assert_int_equal(tardis_error_code_of("no_such_code"), TARDIS_ERROR_CODES);
}

static void every_code_says_what_to_do(void **state)
{
    for (int code = 0; code < TARDIS_ERROR_CODES; code++) {
        tardis_error_code_t each = (tardis_error_code_t)code;
        const tardis_error_t *error = tardis_error_create(*state, each, "x");
        const char *advice = tardis_error_advice(each);
        assert_non_null(advice);
        assert_true(strlen(advice) > 10 && advice[strlen(advice) - 1] == '.');
        assert_non_null(tardis_fault_name(tardis_error_fault(each)));
        assert_in_range(tardis_error_http_status(error), 400, 599);
        assert_in_range(tardis_error_exit_status(error), 1, 78);
    }
}

static void success_is_success(void **state)
{
    (void)state;
    assert_int_equal(tardis_error_http_status(NULL), 200);
    assert_int_equal(tardis_error_exit_status(NULL), 0);
}

static void text_is_one_printable_line(void **state)
{
    const tardis_error_t *error =
        tardis_error_create(*state, TARDIS_INTERNAL_ERROR, "a%cb%cc%cd", '\n', '\033', 127);
    assert_string_equal(error->text, "a?b?c?d");
    error = tardis_error_prefix(*state, error, "site %s", "one\ttwo");
    assert_string_equal(error->text, "site one?two: a?b?c?d");
    assert_int_equal(error->code, TARDIS_INTERNAL_ERROR);
}

static void lines_and_causes_are_kept(void **state)
{
    const tardis_error_t *error = tardis_error_at_line(*state, TARDIS_DOCUMENT_INVALID, 7, "no %s", "FLocat");
    assert_int_equal(tardis_error_prefix(*state, error, "METS")->line, 7);
    const tardis_error_t *copy = tardis_error_copy(*state, error);
    assert_ptr_not_equal(copy->text, error->text);
    assert_string_equal(copy->text, "no FLocat");
    assert_null(tardis_error_copy(*state, NULL));
    error = tardis_error_from_status(*state, TARDIS_IO_ERROR, APR_ENOENT, "file %s", "x");
    assert_string_equal(error->text, "file x: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_name),   cmocka_unit_test(every_code_says_what_to_do),
        cmocka_unit_test(a_misspelt_name_is_recognized),
        cmocka_unit_test(success_is_success),        cmocka_unit_test(text_is_one_printable_line),
        cmocka_unit_test(lines_and_causes_are_kept),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("error", tests, set_up, tear_down);
}
