#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "mail.h"
#include "mail_template.h"

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

static tardis_error_t *parse(const mail_template_t **template, mail_kind_t kind, const char *text,
                             apr_size_t length, apr_pool_t *pool)
{
    /* Memory of its own size, so that a sanitizer sees what is read beyond it. */
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    tardis_error_t *error = mail_template_parse(template, kind, "file.txt", copy, length, pool);
    free(copy);
    return error;
}

static const mail_template_t *template_of(mail_kind_t kind, const char *text, apr_pool_t *pool)
{
    const mail_template_t *template = NULL;
    tardis_error_t *error = parse(&template, kind, text, strlen(text), pool);
    if (error)
        fail_msg("%s", error->text);
    return template;
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
#define BYTES(text) text, sizeof(text) - 1
    static const struct {
        mail_kind_t kind;
        const char *text;
        apr_size_t length;
        const char *error;
    } wrong[] = {
        {MAIL_COMPLETE, BYTES(""), "file.txt:1: there is no line \"Subject:"},
        {MAIL_COMPLETE, BYTES("# a\n# b\n"), "file.txt:3: there is no line \"Subject:"},
        {MAIL_COMPLETE, BYTES("\nSubject: a\n\n"), "file.txt:1: the first line has to be \"Subject:"},
        {MAIL_COMPLETE, BYTES("# a\nTo: b\n"), "file.txt:2: the first line has to be \"Subject:"},
        {MAIL_COMPLETE, BYTES("Subject:  \t\n\n"), "file.txt:1: the subject is empty"},
        {MAIL_COMPLETE, BYTES("Subject: a\nBcc: b\n"), "file.txt:2: an empty line has to follow"},
        {MAIL_COMPLETE, BYTES("Subject: {{id}}\n\n\n{{tilte}}\n"),
         "file.txt:4: {{tilte}} is not known here; there "
         "are: id, title, uid,"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\n{{error_text}}\n"), "file.txt:3: {{error_text}} is not known"},
        {MAIL_FAILED, BYTES("Subject: a\n\n{{total}}\n"), "file.txt:3: {{total}} is not known"},
        {MAIL_DIGEST, BYTES("Subject: a\n\n{{id}}\n"),
         "file.txt:3: {{id}} is not known here; there are: program,"},
        {MAIL_DIGEST, BYTES("Subject: {{failed_list}}\n\n"), "file.txt:1: {{failed_list}} has several lines"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\n{{}}\n"), "file.txt:3: {{}} is not known"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\n{{ti tle}}\n"), "file.txt:3: {{ti tle}} is not known"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\n{{ID}}\n"), "file.txt:3: {{ID}} is not known"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\n{{{id}}}\n"), "file.txt:3: {{{id}} is not known"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\nb {{id\n}}\n"), "file.txt:3: there is no \"}}\" after"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\nb {{id}"), "file.txt:3: there is no \"}}\" after"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\nb\xff\n"), "file.txt:3: this line is not UTF-8"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\nb\xc0\xaf\n"), "file.txt:3: this line is not UTF-8"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\n\xe2\x82"), "file.txt:3: this line is not UTF-8"},
        {MAIL_COMPLETE, BYTES("Subject: a\n\nb\0c\n"),
         "file.txt:3: this line is not UTF-8, or has a control"},
        {MAIL_COMPLETE, BYTES("Subject: a\x1b[2J\n\nb\n"),
         "file.txt:1: this line is not UTF-8, or has a control"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const mail_template_t *template;
        tardis_error_t *error = parse(&template, wrong[i].kind, wrong[i].text, wrong[i].length, *state);
        assert_non_null(error);
        assert_int_equal(error->code, TARDIS_CONFIG_INVALID);
        if (strncmp(error->text, wrong[i].error, strlen(wrong[i].error)) != 0)
            fail_msg("%zu: %s", i, error->text);
    }
}

static void values_are_put_in(void **state)
{
    const char *values[MAIL_VARIABLES] = {
        [MAIL_ID] = "12", [MAIL_TITLE] = "R\xc3\xb6ntgen", [MAIL_UID] = "u.1"};
    const char *subject;
    const char *body;
    mail_template_fill(template_of(MAIL_COMPLETE,
                                   "# comment {{nonsense}}\r\n#\r\nsubject:\t{{ id }}: {{title}} \r\n\r\n"
                                   "{{id}}{{uid}}, } and { and }}\r\n\ttab\r\nlast {{title}}",
                                   *state),
                       values, &subject, &body, *state);
    assert_string_equal(subject, "12: R\xc3\xb6ntgen");
    assert_string_equal(body, "12u.1, } and { and }}\n\ttab\nlast R\xc3\xb6ntgen\n");
}

static void a_line_without_values_is_left_out(void **state)
{
    const char *values[MAIL_VARIABLES] = {[MAIL_ID] = "12", [MAIL_TITLE] = ""};
    const char *subject;
    const char *body;
    mail_template_fill(
        template_of(MAIL_COMPLETE,
                    "Subject: a{{url}}\n\n"
                    "id {{id}} {{url}}\nat {{url}} {{title}}\n\nnext\n\nat {{url}}\n\nand\n\n\nlast\n",
                    *state),
        values, &subject, &body, *state);
    assert_string_equal(subject, "a");
    assert_string_equal(body, "id 12 \n\nnext\n\nand\n\n\nlast\n");
    mail_template_fill(template_of(MAIL_COMPLETE, "Subject: a\n\n{{url}}\n\nb\n", *state), values, &subject,
                       &body, *state);
    assert_string_equal(body, "b\n");
    mail_template_fill(template_of(MAIL_COMPLETE, "Subject: {{url}}", *state), values, &subject, &body,
                       *state);
    assert_string_equal(subject, "");
    assert_string_equal(body, "");
}

static void a_value_is_never_a_template_nor_a_line(void **state)
{
    const char *values[MAIL_VARIABLES] = {[MAIL_ID] = "12",
                                          [MAIL_TITLE] = "{{uid}}\r\nBcc: a@b\r\n\r\n\x7f\x1b[2J{{",
                                          [MAIL_UID] = "}}",
                                          [MAIL_PROVIDER] = "\xff not UTF-8 \xc3"};
    const char *subject;
    const char *body;
    mail_template_fill(
        template_of(MAIL_COMPLETE, "Subject: {{title}}{{uid}}\n\n{{title}}{{uid}}\n{{provider}}\n", *state),
        values, &subject, &body, *state);
    assert_string_equal(subject, "{{uid}}  Bcc: a@b    ? [2J{{}}");
    assert_string_equal(body, "{{uid}}  Bcc: a@b    ? [2J{{}}\n? not UTF-8 ?\n");
}

static void lists_keep_their_lines(void **state)
{
    const char *values[MAIL_VARIABLES] = {[MAIL_FAILED_LIST] = "  1\n  2", [MAIL_TOTAL] = "2"};
    const char *subject;
    const char *body;
    mail_template_fill(template_of(MAIL_DIGEST,
                                   "Subject: {{total}}\n\n{{failed_list}}\n\n{{complete_list}}\n\nend\n",
                                   *state),
                       values, &subject, &body, *state);
    assert_string_equal(body, "  1\n  2\n\nend\n");
}

static const char *repeated(const char *text, int times, apr_pool_t *pool)
{
    apr_size_t length = strlen(text);
    char *result = apr_pcalloc(pool, length * (apr_size_t)times + 1);
    for (int i = 0; i < times; i++)
        memcpy(result + length * (apr_size_t)i, text, length);
    return result;
}

/* Returns the longest line of what goes over the wire; every line ends in CRLF but the last. */
static apr_size_t longest_line(const char *message)
{
    apr_size_t longest = 0;
    while (*message) {
        apr_size_t length = strcspn(message, "\r\n");
        longest = length > longest ? length : longest;
        message += length;
        if (*message) {
            assert_memory_equal(message, "\r\n", 2);
            message += 2;
        }
    }
    return longest;
}

static void what_is_long_is_cut_or_folded(void **state)
{
    apr_pool_t *pool = *state;
    static const char *const units[] = {"x",  " ", "\xc3\xb6", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                        "=?", "=", "."};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const char *values[MAIL_VARIABLES] = {[MAIL_TITLE] = repeated(units[i], 2000, pool)};
        tardis_notification_t mail = {.id = 1, .recipient = "a@b.example", .created_at = 1};
        mail_template_fill(
            template_of(MAIL_COMPLETE, "Subject: a {{title}}{{title}}\n\n{{title}}{{title}} b\n", pool),
            values, &mail.subject, &mail.body, pool);
        assert_true(strlen(mail.subject) <= 250);
        assert_true(strlen(mail.body) <= 2 * 4010);
        const char *message = mail_message(&mail, 1, "tardis@c.example", pool);
        assert_true(longest_line(message) <= 260); /* of RFC 5322's 998 */
        for (const char *c = message; *c; c++)
            assert_true(((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f) || *c == '\r' || *c == '\n' ||
                        *c == '\t');
        const char *text = strstr(message, "\r\n\r\n");
        assert_non_null(text);
        assert_true(longest_line(text + 4) <= 76);
    }
}

static void the_names_of_messages_tell_what_they_stand_for(void **state)
{
    tardis_notification_t mail = {
        .id = 7, .recipient = "a@b.example", .created_at = 5, .subject = "s", .body = "b\n"};
    const char *one = mail_message(&mail, 1, "tardis@c.example", *state);
    const char *many = mail_message(&mail, 20, "tardis@c.example", *state);
    assert_non_null(strstr(one, "\r\nMessage-ID: <tardis-7-5@c.example>\r\n"));
    assert_non_null(strstr(many, "\r\nMessage-ID: <tardis-digest-7-20@c.example>\r\n"));
}

static void what_is_installed_can_be_read(void **state)
{
    const char *source = getenv("TARDIS_SOURCE_DIR");
    mail_templates_t *templates;
    assert_non_null(source);
    tardis_error_t *error =
        mail_templates_read(&templates, apr_pstrcat(*state, source, "/conf/mail", NULL), *state);
    if (error)
        fail_msg("%s", error->text);
    for (int kind = 0; kind < MAIL_KINDS; kind++)
        assert_non_null(templates->of[kind]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(values_are_put_in),
        cmocka_unit_test(a_line_without_values_is_left_out),
        cmocka_unit_test(a_value_is_never_a_template_nor_a_line),
        cmocka_unit_test(lists_keep_their_lines),
        cmocka_unit_test(what_is_long_is_cut_or_folded),
        cmocka_unit_test(the_names_of_messages_tell_what_they_stand_for),
        cmocka_unit_test(what_is_installed_can_be_read),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
