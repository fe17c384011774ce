/* Command lines: options, operands, help, mistakes, exit statuses; and what is printed for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <cmocka.h>

#include "tardis_command.h"

/* How one run ended, and what it said. */
typedef struct {
    int status;
    char out[8192];
    char err[4096];
} outcome_t;

static tardis_error_t *run_import(tardis_invocation_t *invocation)
{
    const tardis_arguments_t *arguments = invocation->arguments;
    const apr_array_header_t *operands = tardis_arguments_operands(arguments);
    const apr_array_header_t *owners = tardis_arguments_values(arguments, "owner");
    const char *title = tardis_arguments_value(arguments, "title");
    printf("title=%s update=%d", title ? title : "-", tardis_arguments_has(arguments, "update"));
    for (int i = 0; i < owners->nelts; i++)
        printf(" owner=%s", APR_ARRAY_IDX(owners, i, const char *));
    for (int i = 0; i < operands->nelts; i++)
        printf(" operand=%s", APR_ARRAY_IDX(operands, i, const char *));
    printf("\n");
    tardis_log(invocation->context, TARDIS_LOG_WARNING, "uid x: odd");
    tardis_log(invocation->context, TARDIS_LOG_DEBUG, "uid x: detail");
    return NULL;
}

static tardis_error_t *run_fail(tardis_invocation_t *invocation)
{
    const char *how = APR_ARRAY_IDX(tardis_arguments_operands(invocation->arguments), 0, const char *);
    if (strcmp(how, "subject") == 0) {
        invocation->exit_status = 1;
        return NULL;
    }
    return tardis_error_at_line(invocation->pool, TARDIS_NOT_FOUND, 3, "no %s", how);
}

static const tardis_command_option_t import_options[] = {
    {"title", "T", 0, "what it is called"},
    {"owner", "EMAIL", 1, "who owns it"},
    {"update", NULL, 0, "replace what is there"},
    {NULL, NULL, 0, NULL},
};

static const tardis_command_t commands[] = {
    {"import", "DIR", 1, 2, 0, import_options, "import a directory", run_import},
    {"fail", "HOW", 1, 1, 0, NULL, "fail", run_fail},
    {"key add", "", 0, 0, 0, NULL, "add a key", run_import},
    {"key list", "", 0, 0, 0, NULL, "list keys", run_import},
    {NULL, NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const tardis_option_t options[] = {
    TARDIS_COMMON_OPTIONS,
    {NULL, TARDIS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

static const tardis_tool_t tool = {"tardis-test", "tests what tools share", "/nonexistent/test.conf",
                                   TARDIS_SCHEMA_PROVIDER, options, commands, NULL};

static void read_back(FILE *file, char *text, size_t size)
{
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* Runs the tool in a process of its own; @a out_path may send its output elsewhere, "" closes it. */
static outcome_t run_to(const char *out_path, int argc, const char *const *argv)
{
    outcome_t outcome = {0};
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    int wait_status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        if (out_path && !*out_path)
            close(STDOUT_FILENO);
        else if (out_path && !freopen(out_path, "w", stdout))
            _exit(99);
        _exit(tardis_tool_main(&tool, argc, argv));
    }
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_true(WIFEXITED(wait_status));
    outcome.status = WEXITSTATUS(wait_status);
    read_back(out, outcome.out, sizeof(outcome.out));
    read_back(err, outcome.err, sizeof(outcome.err));
    return outcome;
}

#define ARGUMENTS(...)                                                                                       \
    (int)(sizeof((const char *const[]){"tardis-test", __VA_ARGS__}) / sizeof(const char *)),                 \
        (const char *const[]){"tardis-test", __VA_ARGS__, NULL}
#define run(...) run_to(NULL, ARGUMENTS(__VA_ARGS__))

static void options_and_operands_are_told_apart(void **state)
{
    (void)state;
    outcome_t outcome = run("import", "a", "--title", "T 1", "--owner=x", "--update", "b", "--owner", "--y");
    assert_int_equal(outcome.status, 0);
    assert_string_equal(outcome.out, "title=T 1 update=1 owner=x owner=--y operand=a operand=b\n");
    outcome = run("import", "--title=", "--", "--update", "-");
    assert_string_equal(outcome.out, "title= update=0 operand=--update operand=-\n");
    outcome = run("key", "list");
    assert_string_equal(outcome.out, "title=- update=0\n");
}

static void log_lines_go_to_standard_error(void **state)
{
    (void)state;
    outcome_t outcome = run("import", "a");
    assert_string_equal(outcome.err, "tardis-test: warning: uid x: odd\n");
    outcome = run("--verbose", "import", "a");
    assert_string_equal(outcome.err, "tardis-test: warning: uid x: odd\ntardis-test: debug: uid x: detail\n");
}

static void mistakes_are_usage_errors(void **state)
{
    static const struct {
        const char *const words[5];
        const char *text;
    } cases[] = {
        {{NULL}, "no command was given"},
        {{"improt"}, "unknown command \"improt\"; perhaps you meant \"import\""},
        {{"xyzzy"}, "unknown command \"xyzzy\""},
        {{"key"}, "unknown command \"key\"; there are: key add, key list"},
        {{"key", "remove"}, "unknown command \"key remove\"; there are: key add, key list"},
        {{"schema", "upgrad"}, "unknown command \"schema upgrad\"; there are: schema upgrade, schema check"},
        {{"import"}, "import needs DIR"},
        {{"import", "a", "b", "c"}, "import: unexpected operand \"c\""},
        {{"import", "a", "--titel", "x"}, "import: unknown option --titel; perhaps you meant \"--title\""},
        {{"import", "a", "--title"}, "import: option --title needs its T"},
        {{"import", "a", "--title=x", "--title=y"}, "import: option --title may be given only once"},
        {{"import", "a", "--update=yes"}, "import: option --update takes no value"},
        {{"import", "a", "-u"}, "import: unknown option -u: options begin with two dashes"},
        {{"import", "a", "--verbose"}, "import: option --verbose stands before the command"},
        {{"--verbos", "import", "a"}, "unknown option --verbos; perhaps you meant \"--verbose\""},
        {{"key", "list", "x"}, "key list: unexpected operand \"x\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *argv[7] = {"tardis-test"};
        char expected[512];
        int argc = 1;
        for (; cases[i].words[argc - 1]; argc++)
            argv[argc] = cases[i].words[argc - 1];
        outcome_t outcome = run_to(NULL, argc, argv);
        snprintf(expected, sizeof(expected), "tardis-test: %s [usage]\ntardis-test: %s\n", cases[i].text,
                 tardis_error_advice(TARDIS_USAGE));
        assert_string_equal(outcome.err, expected);
        assert_string_equal(outcome.out, "");
        assert_int_equal(outcome.status, EX_USAGE);
    }
}

static void help_names_every_option_and_command(void **state)
{
    static const char *const words[] = {"import DIR", "fail HOW", "key add", "schema upgrade", "schema check",
                                        "config show", "--config FILE", "--verbose", "--help", "--version",
                                        "/nonexistent/test.conf", "tests what tools share"};
    (void)state;
    outcome_t outcome = run("--help");
    assert_int_equal(outcome.status, 0);
    assert_string_equal(outcome.err, "");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_non_null(strstr(outcome.out, words[i]));
    outcome = run("import", "--help");
    assert_int_equal(outcome.status, 0);
    assert_non_null(strstr(outcome.out, "--title T      what it is called\n"));
    assert_non_null(strstr(outcome.out, "--owner EMAIL  who owns it (may be repeated)\n"));
    outcome_t the_same = run("--help", "import");
    assert_string_equal(the_same.out, outcome.out);
    assert_string_equal(run("--version").out, "tardis-test " TARDIS_VERSION "\n");
}

static void errors_become_exit_statuses(void **state)
{
    (void)state;
    outcome_t outcome = run("fail", "thing");
    assert_int_equal(outcome.status, EX_NOINPUT);
    assert_int_equal(strncmp(outcome.err, "tardis-test: line 3: no thing [not_found]\ntardis-test: ", 54), 0);
    outcome = run("fail", "subject");
    assert_int_equal(outcome.status, 1);
    assert_string_equal(outcome.err, "");
    outcome = run("config", "show");
    assert_int_equal(outcome.status, EX_CONFIG);
    assert_non_null(strstr(outcome.err, "configuration file /nonexistent/test.conf: No such file"));
}

static void output_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    outcome_t outcome = run_to("/dev/full", ARGUMENTS("import", "a"));
    assert_int_equal(outcome.status, EX_IOERR);
    assert_non_null(strstr(outcome.err, "cannot write to standard output: No space left on device\n"));
    outcome = run_to("", ARGUMENTS("import", "a"));
    assert_int_equal(outcome.status, EX_IOERR);
    outcome = run_to("", ARGUMENTS("fail", "subject"));
    assert_int_equal(outcome.status, 1);
}

static void config_show_prints_every_option(void **state)
{
    char name[] = "/tmp/tardis-command-XXXXXX";
    (void)state;
    int descriptor = mkstemp(name);
    assert_int_equal(write(descriptor, "total_timeout = 5\n", 18), 18);
    close(descriptor);
    outcome_t outcome = run("--config", name, "config", "show");
    unlink(name);
    assert_int_equal(outcome.status, 0);
    for (const tardis_option_t *option = options; option->name; option++)
        assert_non_null(strstr(outcome.out, option->name));
    assert_non_null(strstr(outcome.out, "\ntotal_timeout = 5\n"));
}

static void people_can_read_numbers_and_times(void **state)
{
    static const struct {
        apr_uint64_t bytes;
        const char *text;
    } cases[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {1234567, "1.2 MB"}, {999949, "999.9 kB"},
                 {999950, "1.0 MB"}, {APR_UINT64_C(3300000000), "3.3 GB"}, {UINT64_MAX, "18.4 EB"}};
    apr_pool_t *pool;
    (void)state;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(tardis_format_bytes(cases[i].bytes, pool), cases[i].text);
    assert_string_equal(tardis_format_time(0, pool), "-");
    apr_time_t time = apr_time_from_sec(1795468043) + 999999;
    assert_string_equal(tardis_format_time(time, pool), "2026-11-23T21:07:23Z");
    const char *name = tardis_process_name(pool);
    assert_non_null(strstr(name, apr_psprintf(pool, ":%ld:", (long)getpid())));
    assert_string_equal(tardis_process_name(pool), name);
    assert_true(strlen(name) <= 200);
    apr_pool_destroy(pool);
    apr_terminate();
}

static void commands_can_be_copied_into_a_shell(void **state)
{
    static const struct {
        const char *text;
        const char *quoted;
    } cases[] = {{"https://a.example:8443/x_y-z.conf", "https://a.example:8443/x_y-z.conf"},
                 {"", "''"},
                 {"a b", "'a b'"},
                 {"$(rm)`;&|<>*?~#!", "'$(rm)`;&|<>*?~#!'"},
                 {"it's", "'it'\\''s'"},
                 {"'", "''\\'''"}};
    char name[] = "/tmp/command test XXXXXX";
    char here[4096];
    tardis_config_t *config;
    apr_pool_t *pool;
    (void)state;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(tardis_shell_quote(cases[i].text, pool), cases[i].quoted);
    close(mkstemp(name));
    assert_null(tardis_config_read(&config, name, options, pool));
    assert_string_equal(tardis_command_line("tool", config, name, pool), "tool");
    const char *whole = apr_psprintf(pool, "tool --config '%s'", name);
    assert_string_equal(tardis_command_line("tool", config, "/etc/tool.conf", pool), whole);
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir("/tmp"), 0);
    assert_null(tardis_config_read(&config, name + 5, options, pool));
    assert_string_equal(tardis_command_line("tool", config, "/etc/tool.conf", pool), whole);
    assert_int_equal(chdir(here), 0);
    unlink(name);
    apr_pool_destroy(pool);
    apr_terminate();
}

static void tables_are_aligned_and_safe(void **state)
{
    static const char *const cells[] = {"id", "title", "state", "1", "caf\xc3\xa9", NULL,
                                        "22", "a\033[2Jb", "Complete"};
    apr_pool_t *pool;
    char text[256];
    (void)state;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_array_header_t *rows = apr_array_make(pool, 3, sizeof(apr_array_header_t *));
    for (int i = 0; i < 9; i++) {
        if (i % 3 == 0)
            APR_ARRAY_PUSH(rows, apr_array_header_t *) = apr_array_make(pool, 3, sizeof(const char *));
        APR_ARRAY_PUSH(APR_ARRAY_IDX(rows, i / 3, apr_array_header_t *), const char *) = cells[i];
    }
    FILE *out = tmpfile();
    tardis_print_table(out, rows, pool);
    read_back(out, text, sizeof(text));
    assert_string_equal(text, "id  title   state\n1   caf\xc3\xa9    -\n22  a?[2Jb  Complete\n");
    apr_pool_destroy(pool);
    apr_terminate();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_are_told_apart),
        cmocka_unit_test(log_lines_go_to_standard_error),
        cmocka_unit_test(mistakes_are_usage_errors),
        cmocka_unit_test(help_names_every_option_and_command),
        cmocka_unit_test(errors_become_exit_statuses),
        cmocka_unit_test(output_that_cannot_be_written_is_an_error),
        cmocka_unit_test(config_show_prints_every_option),
        cmocka_unit_test(people_can_read_numbers_and_times),
        cmocka_unit_test(commands_can_be_copied_into_a_shell),
        cmocka_unit_test(tables_are_aligned_and_safe),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
