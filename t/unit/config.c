/* The tools' configuration files: values, defaults, and what is said about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <cmocka.h>

#include "tardis_config.h"

typedef struct {
    apr_pool_t *pool;
    char file[64];
} fixture_t;

static const tardis_option_t site_options[] = {
    {"key_file", TARDIS_OPTION_TEXT, NULL, 0, 0, "file with the key", NULL},
    {"weight", TARDIS_OPTION_INTEGER, "1", 0, 9, "how much", NULL},
    {NULL, TARDIS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

static const tardis_option_t options[] = {
    {"store", TARDIS_OPTION_TEXT, NULL, 0, 0, "directory", NULL},
    {"group", TARDIS_OPTION_TEXT, "tardis", 0, 0, "group", NULL},
    {"parallel", TARDIS_OPTION_INTEGER, "64", 1, 100, "requests at once", NULL},
    {"allow_empty", TARDIS_OPTION_BOOLEAN, "false", 0, 0, "whether to", NULL},
    {"administrators", TARDIS_OPTION_LIST, "a@b.example, c@d.example", 0, 0, "who is told", NULL},
    {"provider", TARDIS_OPTION_SECTION, NULL, 0, 0, "providers", site_options},
    {NULL, TARDIS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

static int set_up(void **state)
{
    static fixture_t fixture;
    apr_initialize();
    apr_pool_create(&fixture.pool, NULL);
    strcpy(fixture.file, "/tmp/tardis-config-XXXXXX");
    close(mkstemp(fixture.file));
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_t *fixture = *state;
    unlink(fixture->file);
    apr_pool_destroy(fixture->pool);
    apr_terminate();
    return 0;
}

static void write_file(const fixture_t *fixture, const char *text, size_t length)
{
    FILE *out = fopen(fixture->file, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, length, out), length);
    assert_int_equal(fclose(out), 0);
}

static const tardis_config_t *read_text(void **state, const char *text)
{
    const fixture_t *fixture = *state;
    tardis_config_t *config = NULL;
    write_file(fixture, text, strlen(text));
    const tardis_error_t *error = tardis_config_read(&config, fixture->file, options, fixture->pool);
    if (error)
        fail_msg("%s", error->text);
    return config;
}

/* What is said after "FILE:". */
static const char *mistake_in(void **state, const char *text)
{
    const fixture_t *fixture = *state;
    tardis_config_t *config = NULL;
    write_file(fixture, text, strlen(text));
    const tardis_error_t *error = tardis_config_read(&config, fixture->file, options, fixture->pool);
    assert_non_null(error);
    assert_int_equal(error->code, TARDIS_CONFIG_INVALID);
    assert_int_equal(strncmp(error->text, fixture->file, strlen(fixture->file)), 0);
    return error->text + strlen(fixture->file) + 1;
}

static const char *element(const apr_array_header_t *list, int index)
{
    assert_true(index < list->nelts);
    return APR_ARRAY_IDX(list, index, const char *);
}

static void an_empty_file_gives_defaults(void **state)
{
    const tardis_config_t *config = read_text(state, "");
    const fixture_t *fixture = *state;
    assert_null(tardis_config_text(config, "store"));
    assert_string_equal(tardis_config_text(config, "group"), "tardis");
    assert_int_equal(tardis_config_integer(config, "parallel"), 64);
    assert_false(tardis_config_boolean(config, "allow_empty"));
    assert_int_equal(tardis_config_list(config, "administrators")->nelts, 2);
    assert_string_equal(element(tardis_config_list(config, "administrators"), 1), "c@d.example");
    assert_int_equal(tardis_config_sections(config, "provider")->nelts, 0);
    assert_string_equal(tardis_config_where(config, "parallel", fixture->pool), fixture->file);
}

static void values_are_read(void **state)
{
    const fixture_t *fixture = *state;
    const tardis_config_t *config = read_text(
        state, "# a comment\n/* two\n lines */ store = \"/a \\\"b\\\" # c\" // not d\n"
               "parallel = 7\nallow_empty = true\nadministrators = { # nobody\n}\ngroup = \"\"\n"
               "provider https://one.example {\n key_file = '/k'\n}\nprovider \"two\" { weight = 3 }\n");
    assert_string_equal(tardis_config_text(config, "store"), "/a \"b\" # c");
    assert_int_equal(tardis_config_integer(config, "parallel"), 7);
    assert_true(tardis_config_boolean(config, "allow_empty"));
    assert_int_equal(tardis_config_list(config, "administrators")->nelts, 0);
    assert_null(tardis_config_text(config, "group"));
    assert_string_equal(tardis_config_where(config, "parallel", fixture->pool),
                        apr_pstrcat(fixture->pool, fixture->file, ":4", NULL));
    const apr_array_header_t *sections = tardis_config_sections(config, "provider");
    assert_int_equal(sections->nelts, 2);
    const tardis_config_t *one = APR_ARRAY_IDX(sections, 0, const tardis_config_t *);
    const tardis_config_t *two = APR_ARRAY_IDX(sections, 1, const tardis_config_t *);
    assert_string_equal(tardis_config_title(one), "https://one.example");
    assert_string_equal(tardis_config_text(one, "key_file"), "/k");
    assert_string_equal(tardis_config_where(one, "key_file", fixture->pool),
                        apr_pstrcat(fixture->pool, fixture->file, ":10", NULL));
    assert_int_equal(tardis_config_integer(one, "weight"), 1);
    assert_null(tardis_config_text(two, "key_file"));
    assert_int_equal(tardis_config_integer(two, "weight"), 3);
}

static void mistakes_are_named_with_their_line(void **state)
{
    static const struct {
        const char *text;
        const char *mistake;
    } cases[] = {
        {"\nparalel = 6\n", "2: no option is called \"paralel\"; perhaps you meant \"parallel\""},
        {"zzz = 6\n", "1: no option is called \"zzz\""},
        {"parallel = 0\n", "1: parallel must be a number from 1 to 100, not \"0\""},
        {"parallel = 101\n", "1: parallel must be a number from 1 to 100, not \"101\""},
        {"parallel = 99999999999999999999\n",
         "1: parallel must be a number from 1 to 100, not \"99999999999999999999\""},
        {"parallel = 6x\n", "1: parallel must be a number from 1 to 100, not \"6x\""},
        {"parallel = \"\"\n", "1: parallel must be a number from 1 to 100, not \"\""},
        {"# c\n# d\nallow_empty = yes\n", "3: allow_empty must be true or false, not \"yes\""},
        {"parallel = 1\n\nparallel = 1\n", "3: parallel is set for the second time (first on line 1)"},
        {"administrators = {\"a\"}\nadministrators = {\"b\"}\n",
         "2: administrators is set for the second time (first on line 1)"},
        {"provider \"x\" {\n keyfile = \"a\"\n}\n",
         "2: no option is called \"keyfile\"; perhaps you meant \"key_file\""},
        {"provider \"x\" { weight = 10 }\n", "1: weight must be a number from 0 to 9, not \"10\""},
        {"provider \"x\" { }\nprovider \"x\" { }\n", "2: found duplicate title 'x'"},
        {"provider { }\n", "1: missing title for section 'provider'"},
        {"store { }\n", "1: missing equal sign after option 'store'"},
        {"store = {\"a\"}\n", "1: unexpected token '{'"},
        {"store = \"a\n\n", "3: premature end of file"},
        {"include(\"/dev/null\")\n", "1: no option is called \"include\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(mistake_in(state, cases[i].text), cases[i].mistake);
}

static void files_that_are_none_are_refused(void **state)
{
    const fixture_t *fixture = *state;
    tardis_config_t *config;
    const tardis_error_t *error = tardis_config_read(&config, "/nonexistent/x", options, fixture->pool);
    assert_string_equal(error->text, "configuration file /nonexistent/x: No such file or directory");
    assert_int_equal(error->code, TARDIS_CONFIG_INVALID);
    error = tardis_config_read(&config, "/tmp", options, fixture->pool);
    assert_string_equal(error->text, "configuration file /tmp: not a regular file");
    write_file(fixture, "a\0b", 3);
    error = tardis_config_read(&config, fixture->file, options, fixture->pool);
    assert_non_null(strstr(error->text, "NUL byte"));
    char *large = malloc(1024 * 1024 + 1);
    memset(large, '\n', 1024 * 1024 + 1);
    write_file(fixture, large, 1024 * 1024 + 1);
    free(large);
    error = tardis_config_read(&config, fixture->file, options, fixture->pool);
    assert_non_null(strstr(error->text, "larger than"));
}

static void what_is_printed_reads_the_same(void **state)
{
    const fixture_t *fixture = *state;
    const tardis_config_t *config =
        read_text(state, "store = \"a \\\"b\\\" \\\\ \\${HOME}\"\nadministrators = {\"x, y\", "
                         "\"z\"}\nprovider \"p\" { key_file = \"k\" }\n");
    const char *printed = tardis_config_print(config, fixture->pool);
    for (const tardis_option_t *option = options; option->name; option++)
        assert_non_null(strstr(printed, apr_pstrcat(fixture->pool, "# ", option->help, "\n", NULL)));
    const tardis_config_t *again = read_text(state, printed);
    assert_string_equal(tardis_config_text(again, "store"), "a \"b\" \\ ${HOME}");
    assert_string_equal(element(tardis_config_list(again, "administrators"), 0), "x, y");
    assert_string_equal(tardis_config_print(again, fixture->pool), printed);
}

static const tardis_error_t *secret_error(void **state, const char *text, mode_t mode)
{
    const fixture_t *fixture = *state;
    const char *secret = NULL;
    write_file(fixture, text, strlen(text));
    assert_int_equal(chmod(fixture->file, mode), 0);
    const tardis_error_t *error = tardis_config_secret(&secret, fixture->file, fixture->pool);
    if (!error)
        assert_string_equal(secret, "s3cret word");
    return error;
}

static void secrets_are_kept(void **state)
{
    assert_null(secret_error(state, "s3cret word\r\nsecond line\n", 0600));
    assert_null(secret_error(state, "s3cret word", 0640));
    const tardis_error_t *error = secret_error(state, "s3cret word\n", 0644);
    assert_int_equal(error->code, TARDIS_CONFIG_INVALID);
    assert_non_null(strstr(error->text, "everybody may read"));
    assert_null(strstr(error->text, "s3cret"));
    assert_non_null(strstr(secret_error(state, "\ns3cret word\n", 0600)->text, "first line is empty"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_file_gives_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes_are_named_with_their_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_are_none_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_printed_reads_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secrets_are_kept, set_up, tear_down),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
