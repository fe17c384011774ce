/* htpasswd files: who gets in, and what is wrong with a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_md5.h>
#include <apr_strings.h>

#include "tardis_users.h"

static int start(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int end(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

/* A file with this text, gone with the pool. */
static const char *write_file(const char *text, apr_pool_t *pool)
{
    const char *directory;
    apr_file_t *file;
    assert_int_equal(apr_temp_dir_get(&directory, pool), APR_SUCCESS);
    char *path = apr_pstrcat(pool, directory, "/tardis-users-XXXXXX", NULL);
    assert_int_equal(apr_file_mktemp(&file, path, 0, pool), APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, text, strlen(text), NULL), APR_SUCCESS);
    return path;
}

static const char *hash(const char *password, const char *salt, apr_pool_t *pool)
{
    char text[120];
    assert_int_equal(apr_md5_encode(password, salt, text, sizeof(text)), APR_SUCCESS);
    return apr_pstrdup(pool, text);
}

static const char *some_users(apr_pool_t *pool)
{
    return write_file(apr_pstrcat(pool, "# users\n\nalice:", hash("first", "abcdefgh", pool),
                                  "\r\nbob:", hash("second", "hgfedcba", pool),
                                  ":Bob\nbob:", hash("later", "hgfedcba", pool), NULL),
                      pool);
}

static void right_passwords_get_in(void **state)
{
    const char *file = some_users(*state);
    assert_null(tardis_users_check(file, "alice", "first", *state));
    assert_null(tardis_users_check(file, "bob", "second", *state));
    assert_null(tardis_users_check_file(file, *state));
}

static void others_are_refused(void **state)
{
    static const struct {
        const char *user, *password, *text;
    } cases[] = {
        {"alice", "second", "wrong password for user \"alice\""},
        {"alice", "", "wrong password for user \"alice\""},
        {"bob", "later", "wrong password for user \"bob\""},
        {"carol", "first", "there is no user \"carol\""},
        {"", "first", "there is no user \"\""},
        {"# users", "", "there is no user \"# users\""},
    };
    const char *file = some_users(*state);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tardis_error_t *error = tardis_users_check(file, cases[i].user, cases[i].password, *state);
        assert_non_null(error);
        assert_int_equal(error->code, TARDIS_FORBIDDEN);
        assert_string_equal(error->text, cases[i].text);
    }
}

static void a_changed_file_counts_at_once(void **state)
{
    const char *file = some_users(*state);
    apr_file_t *handle;
    assert_int_equal(
        apr_file_open(&handle, file, APR_FOPEN_WRITE | APR_FOPEN_TRUNCATE, APR_OS_DEFAULT, *state),
        APR_SUCCESS);
    assert_int_equal(
        apr_file_puts(apr_pstrcat(*state, "alice:", hash("new", "abcdefgh", *state), "\n", NULL), handle),
        APR_SUCCESS);
    apr_file_close(handle);
    assert_null(tardis_users_check(file, "alice", "new", *state));
    assert_non_null(tardis_users_check(file, "alice", "first", *state));
}

static void broken_files_are_named_with_their_line(void **state)
{
    char *long_line = apr_palloc(*state, 2000);
    memset(long_line, 'x', 1999);
    long_line[1999] = '\0';
    const struct {
        const char *content, *problem;
        long line;
    } cases[] = {
        {"", "there is no user in it", 0},
        {"# nobody\n", "there is no user in it", 0},
        {"a:b\nalice\n", "a line must be user:hash", 2},
        {"alice:\n", "a line must be user:hash", 1},
        {":hash\n", "a line must be user:hash", 1},
        {long_line, "the line is too long", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *file = write_file(cases[i].content, *state);
        tardis_error_t *error = tardis_users_check_file(file, *state);
        assert_non_null(error);
        assert_int_equal(error->code, TARDIS_CONFIG_INVALID);
        assert_string_equal(error->text, apr_pstrcat(*state, file, ": ", cases[i].problem, NULL));
        assert_int_equal(error->line, cases[i].line);
        error = tardis_users_check(file, "alice", "x", *state);
        assert_non_null(error);
        assert_int_equal(error->code, TARDIS_CONFIG_INVALID);
    }
    tardis_error_t *error = tardis_users_check_file("/nonexistent/users", *state);
    assert_non_null(error);
    assert_int_equal(error->code, TARDIS_IO_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(right_passwords_get_in, start, end),
        cmocka_unit_test_setup_teardown(others_are_refused, start, end),
        cmocka_unit_test_setup_teardown(a_changed_file_counts_at_once, start, end),
        cmocka_unit_test_setup_teardown(broken_files_are_named_with_their_line, start, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    apr_initialize();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
