/* uids, paths and text from outside, and opening files below a directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "tardis_uid.h"

static int start(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int end(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static void assert_code(const tardis_error_t *error, tardis_error_code_t code)
{
    assert_non_null(error);
    assert_string_equal(tardis_error_name(error->code), tardis_error_name(code));
}

static const char *repeat(const char *text, int count, apr_pool_t *pool)
{
    const char *result = "";
    for (int i = 0; i < count; i++)
        result = apr_pstrcat(pool, result, text, NULL);
    return result;
}

static void a_uid_has_few_characters(void **state)
{
    apr_pool_t *pool = *state;
    static const char *const bad[] = {"", "a b", "a/b", "tardis.1\n", "t\xc3\xa9", "a%2e", "a;b", NULL};
    assert_null(tardis_uid_check("tardis.42", pool));
    assert_null(tardis_uid_check("A_z-0.9", pool));
    assert_null(tardis_uid_check(repeat("x", 255, pool), pool));
    assert_code(tardis_uid_check(repeat("x", 256, pool), pool), TARDIS_UID_INVALID);
    for (int i = 0; bad[i]; i++)
        assert_code(tardis_uid_check(bad[i], pool), TARDIS_UID_INVALID);
    const tardis_error_t *error = tardis_uid_check(repeat("/", 1000, pool), pool);
    assert_true(strlen(error->text) < 200);
    assert_memory_equal(error->text, "invalid UID: ", 13);
}

static void a_uid_names_one_experiment(void **state)
{
    apr_pool_t *pool = *state;
    static const char *const unknown[] = {"other.1",   "tardis.",   "tardis.0",
                                          "tardis.01", "tardis.1x", "tardis.-1",
                                          "tardis1",   "tardis",    "tardis.18446744073709551616",
                                          "tardis.x",  NULL};
    apr_uint64_t id = 0;
    assert_null(tardis_uid_parse("tardis.42", "tardis", &id, pool));
    assert_true(id == 42);
    assert_null(tardis_uid_parse(tardis_uid_format("a.b", UINT64_MAX, pool), "a.b", &id, pool));
    assert_true(id == UINT64_MAX);
    for (int i = 0; unknown[i]; i++)
        assert_code(tardis_uid_parse(unknown[i], "tardis", &id, pool), TARDIS_UID_UNKNOWN);
    assert_code(tardis_uid_parse("tardis 1", "tardis", &id, pool), TARDIS_UID_INVALID);
}

static void a_path_stays_where_it_is_put(void **state)
{
    apr_pool_t *pool = *state;
    static const char *const good[] = {
        "a", "a/b", ".a", "..a", "a..", "...", "a b/c'\"", "\xc3\xbc/\xf0\x9f\x94\xad", "%2e%2e", NULL};
    static const char *const bad[] = {"",
                                      "/",
                                      "/a",
                                      "a/",
                                      "a//b",
                                      ".",
                                      "..",
                                      "a/..",
                                      "../a",
                                      "a/./b",
                                      "a\\b",
                                      "a\nb",
                                      "a\x7f",
                                      "\xc2\x85",
                                      "\xff",
                                      "\xc0\xaf",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xe2\x82",
                                      "\xef\xbf\xbf",
                                      NULL};
    for (int i = 0; good[i]; i++)
        assert_null(tardis_path_check(good[i], pool));
    for (int i = 0; bad[i]; i++)
        assert_code(tardis_path_check(bad[i], pool), TARDIS_PATH_INVALID);
    assert_null(tardis_path_check(repeat("x", 255, pool), pool));
    assert_code(tardis_path_check(repeat("x", 256, pool), pool), TARDIS_PATH_INVALID);
    assert_null(tardis_path_check(apr_pstrcat(pool, repeat("x/", 2047, pool), "x", NULL), pool));
    assert_code(tardis_path_check(apr_pstrcat(pool, repeat("x/", 2047, pool), "xx", NULL), pool),
                TARDIS_PATH_INVALID);
}

static void text_is_clean_or_not(void **state)
{
    (void)state;
    assert_true(tardis_text_is_clean("", 0, ""));
    assert_true(tardis_text_is_clean("a\tb\n", 4, "\t\n"));
    assert_false(tardis_text_is_clean("a\tb\r", 4, "\t\n"));
    assert_false(tardis_text_is_clean("a\0b", 3, "\t\n"));
    assert_true(tardis_text_is_clean("\xf4\x8f\xbf\xbf\xc2\xa0\xe0\xa0\x80", 9, ""));
    assert_false(tardis_text_is_clean("\xe0\x9f\xbf", 3, ""));
    assert_false(tardis_text_is_clean("\xc2", 1, ""));
    assert_false(tardis_text_is_clean("\xef\xbf\xbe", 3, ""));
}

/* A directory with d/file, links to both, a FIFO and a link out of it; removed with the pool's user, the
 * test. */
static const char *make_tree(apr_pool_t *pool)
{
    const char *temp;
    assert_int_equal(apr_temp_dir_get(&temp, pool), APR_SUCCESS);
    char *directory = apr_pstrcat(pool, temp, "/tardis-uid-XXXXXX", NULL);
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    assert_int_equal(mkdir("d", 0700), 0);
    apr_file_t *file;
    assert_int_equal(
        apr_file_open(&file, "d/file", APR_FOPEN_WRITE | APR_FOPEN_CREATE, APR_FPROT_OS_DEFAULT, pool),
        APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, "12345", 5, NULL), APR_SUCCESS);
    apr_file_close(file);
    assert_int_equal(symlink("d", "link-to-d"), 0);
    assert_int_equal(symlink("file", "d/link"), 0);
    assert_int_equal(symlink("/etc/passwd", "d/out"), 0);
    assert_int_equal(mkfifo("d/fifo", 0600), 0);
    return directory;
}

static void remove_tree(const char *directory)
{
    static const char *const names[] = {"d/file", "d/link", "d/out", "d/fifo", "link-to-d", NULL};
    for (int i = 0; names[i]; i++)
        unlink(names[i]);
    rmdir("d");
    assert_int_equal(chdir("/"), 0);
    rmdir(directory);
}

static void only_a_regular_file_is_opened(void **state)
{
    apr_pool_t *pool = *state;
    const char *directory = make_tree(pool);
    int fd = -1;
    apr_uint64_t size = 0;
    char text[6] = "";
    assert_null(tardis_path_open(directory, "d/file", &fd, &size, pool));
    assert_true(size == 5);
    assert_int_equal(read(fd, text, 5), 5);
    assert_string_equal(text, "12345");
    assert_code(tardis_path_open(directory, "d/none", &fd, &size, pool), TARDIS_FILE_MISSING);
    assert_code(tardis_path_open(directory, "none/file", &fd, &size, pool), TARDIS_FILE_MISSING);
    assert_code(tardis_path_open(directory, "d", &fd, &size, pool), TARDIS_FILE_NOT_REGULAR);
    assert_code(tardis_path_open(directory, "d/fifo", &fd, &size, pool), TARDIS_FILE_NOT_REGULAR);
    assert_code(tardis_path_open(directory, "d/link", &fd, &size, pool), TARDIS_FILE_NOT_REGULAR);
    assert_code(tardis_path_open(directory, "d/out", &fd, &size, pool), TARDIS_FILE_NOT_REGULAR);
    assert_code(tardis_path_open(directory, "link-to-d/file", &fd, &size, pool), TARDIS_FILE_NOT_REGULAR);
    assert_code(tardis_path_open(directory, "d/file/x", &fd, &size, pool), TARDIS_FILE_NOT_REGULAR);
    assert_code(tardis_path_open(directory, "d/../d/file", &fd, &size, pool), TARDIS_PATH_INVALID);
    assert_code(tardis_path_open("/nonexistent", "d/file", &fd, &size, pool), TARDIS_STORE_UNAVAILABLE);
    remove_tree(directory);
}

static void text_is_tamed(void **state)
{
    char text[] = "a\x1b[2J\n\xc2\x9b" "b\x7f\xc3\x9b\xc2\xa0\xc2";
    (void)state;
    assert_string_equal(tardis_text_tame(text), "a?[2J??b?\xc3\x9b\xc2\xa0\xc2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_tamed),
        cmocka_unit_test_setup_teardown(a_uid_has_few_characters, start, end),
        cmocka_unit_test_setup_teardown(a_uid_names_one_experiment, start, end),
        cmocka_unit_test_setup_teardown(a_path_stays_where_it_is_put, start, end),
        cmocka_unit_test_setup_teardown(text_is_clean_or_not, start, end),
        cmocka_unit_test_setup_teardown(only_a_regular_file_is_opened, start, end),
    };
    if (apr_initialize() != APR_SUCCESS)
        return 2;
    atexit(apr_terminate);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
