/* Forms, urlencoded and multipart: every way to cut a body into pieces gives the same answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "tardis_form.h"

static const tardis_form_field_t fields[] = {
    {"uid", 8, TARDIS_FIELD_REQUIRED},
    {"note", 20, 0},
    {"owner", 20, TARDIS_FIELD_REPEATABLE},
    {NULL, 0, 0},
};

static const tardis_form_field_t file_fields[] = {
    {"uid", 8, 0},
    {"owner", 20, TARDIS_FIELD_REPEATABLE},
    {"xmldata", 0, TARDIS_FIELD_REQUIRED | TARDIS_FIELD_FILE},
    {NULL, 0, 0},
};

static int start(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int end(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static tardis_error_t *push_pieces(tardis_form_parser_t *parser, const char *body, size_t length,
                                   size_t piece)
{
    tardis_error_t *error = NULL;
    for (size_t at = 0; !error && at < length; at += piece)
        error = tardis_form_push(parser, body + at, at + piece > length ? length - at : piece);
    return error ? error : tardis_form_finish(parser);
}

/* Parses the body in pieces of 1, 2, 3 ... bytes and whole; all must agree. */
static tardis_error_t *parse(tardis_form_t **form, const char *body, size_t length, apr_pool_t *pool)
{
    tardis_error_t *first = NULL;
    for (size_t piece = 1; piece <= length + 1; piece++) {
        *form = tardis_form_create(fields, NULL, NULL, pool);
        tardis_error_t *error = push_pieces(tardis_form_urlencoded(*form, pool), body, length, piece);
        if (piece == 1)
            first = error;
        assert_int_equal(!first, !error);
        if (error)
            assert_string_equal(first->text, error->text);
    }
    return first;
}

static void expect_refused(tardis_error_t *error, const char *text)
{
    assert_non_null(error);
    assert_int_equal(error->code, TARDIS_FORM_INVALID);
    assert_string_equal(error->text, text);
}

static void urlencoded_is_decoded(void **state)
{
    tardis_form_t *form;
    const char *body = "uid=a%2Bb+c&&other=x%20y&note&owner=1&owner=%C3%a9%3d";
    assert_null(parse(&form, body, strlen(body), *state));
    assert_string_equal(tardis_form_value(form, "uid"), "a+b c");
    assert_string_equal(tardis_form_value(form, "note"), "");
    const apr_array_header_t *owners = tardis_form_values(form, "owner");
    assert_int_equal(owners->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(owners, 0, const char *), "1");
    assert_string_equal(APR_ARRAY_IDX(owners, 1, const char *), "\xc3\xa9=");
}

static void absent_fields_are_null(void **state)
{
    tardis_form_t *form;
    assert_null(parse(&form, "uid=1", 5, *state));
    assert_null(tardis_form_value(form, "note"));
    assert_int_equal(tardis_form_values(form, "owner")->nelts, 0);
}

static void urlencoded_mistakes_are_refused(void **state)
{
    static const struct {
        const char *body;
        size_t length; /* 0: up to the NUL */
        const char *text;
    } cases[] = {
        {"uid=%zz", 0, "a % in the form is not followed by two hexadecimal digits"},
        {"uid=%4", 0, "the form ends within a % escape"},
        {"uid=%4&note=1", 0, "a % in the form is not followed by two hexadecimal digits"},
        {"uid=a%00b", 0, "field uid holds a NUL"},
        {"uid=a\0b", 7, "field uid holds a NUL"},
        {"u%00id=a", 0, "the name of a field holds a NUL"},
        {"uid=123456789", 0, "field uid is longer than 8 bytes"},
        {"uid=1&uid=1", 0, "field uid is there more than once"},
        {"note=1", 0, "field uid is missing"},
        {"", 0, "field uid is missing"},
        {"UID=1", 0, "field uid is missing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tardis_form_t *form;
        size_t length = cases[i].length ? cases[i].length : strlen(cases[i].body);
        expect_refused(parse(&form, cases[i].body, length, *state), cases[i].text);
    }
}

static void what_is_too_long_can_be_cut(void **state)
{
    static const tardis_form_field_t cut_fields[] = {
        {"uid", 4, TARDIS_FIELD_REPEATABLE | TARDIS_FIELD_CUT},
        {NULL, 0, 0},
    };
    const char *body = "uid=abc&uid=abcd&uid=abcde&uid=&uid=%61bcdefgh";
    const char *const expected[] = {"abc", "abcd", "abcd", "", "abcd"};
    for (size_t piece = 1; piece <= strlen(body); piece++) {
        tardis_form_t *form = tardis_form_create(cut_fields, NULL, NULL, *state);
        assert_null(push_pieces(tardis_form_urlencoded(form, *state), body, strlen(body), piece));
        const apr_array_header_t *values = tardis_form_values(form, "uid");
        assert_int_equal(values->nelts, 5);
        for (int i = 0; i < 5; i++)
            assert_string_equal(APR_ARRAY_IDX(values, i, const char *), expected[i]);
    }
}

static void too_many_fields_are_refused(void **state)
{
    tardis_form_t *form = tardis_form_create(fields, NULL, NULL, *state);
    tardis_form_parser_t *parser = tardis_form_urlencoded(form, *state);
    tardis_error_t *error = NULL;
    for (int i = 0; !error && i <= TARDIS_FORM_FIELDS_MAX; i++)
        error = tardis_form_push(parser, "x&", 2);
    expect_refused(error, "the form has more than 1000 fields");
}

static tardis_error_t *collect(void *baton, const char *data, apr_size_t length)
{
    char *file = baton;
    size_t have = strlen(file);
    assert_true(have + length < 4096);
    memcpy(file + have, data, length);
    file[have + length] = '\0';
    return NULL;
}

static tardis_error_t *parse_multipart(tardis_form_t **form, char file[4096], const char *type,
                                       const char *body, apr_pool_t *pool)
{
    tardis_error_t *first = NULL;
    char text[4096];
    for (size_t piece = 1; piece <= strlen(body) + 1; piece++) {
        tardis_form_parser_t *parser;
        char *into = piece == 1 ? file : text;
        *into = '\0';
        *form = tardis_form_create(file_fields, collect, into, pool);
        tardis_error_t *error = tardis_form_multipart(&parser, *form, type, pool);
        if (!error)
            error = push_pieces(parser, body, strlen(body), piece);
        if (piece == 1)
            first = error;
        assert_int_equal(!first, !error);
        if (error)
            assert_string_equal(first->text, error->text);
        else
            assert_string_equal(file, into);
    }
    return first;
}

#define FILE_PART                                                                                            \
    "Content-Disposition: file; name=\"xmldata\"; filename=\"METS.xml\"\r\nContent-Type: text/xml\r\n\r\n"

static void multipart_is_taken_apart(void **state)
{
    tardis_form_t *form;
    char file[4096];
    const char *body =
        "preamble --b\r\n--b \t\r\ncontent-disposition:  FORM-DATA; name=uid\r\n\r\nt.1\r\n"
        "--b\r\nContent-Disposition: form-data;\r\n name=\"owner\"\r\n\r\n\r\n"
        "--b\r\nContent-Disposition: form-data; name=\"owner\"; x=\"\\\"\"\r\n\r\n\r\n--\r\n\r\n"
        "--b\r\nContent-Disposition: form-data; name=\"else\"\r\n\r\n0123456789012345678901234567890\r\n"
        "--b\r\n" FILE_PART "<a>\r\n\r\r\n-\r\n--\r\n--\r\n--c</a>\r\n--b--epilogue\r\n--b\r\n";
    assert_null(parse_multipart(&form, file, "Multipart/Form-Data; charset=x; boundary=\"b\"", body, *state));
    assert_string_equal(tardis_form_value(form, "uid"), "t.1");
    assert_string_equal(file, "<a>\r\n\r\r\n-\r\n--\r\n--\r\n--c</a>");
    const apr_array_header_t *owners = tardis_form_values(form, "owner");
    assert_int_equal(owners->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(owners, 0, const char *), "");
    assert_string_equal(APR_ARRAY_IDX(owners, 1, const char *), "\r\n--\r\n");
}

static void multipart_mistakes_are_refused(void **state)
{
    static const struct {
        const char *type, *body, *text;
    } cases[] = {
        {NULL, "", "the Content-Type must be multipart/form-data"},
        {"text/xml", "", "the Content-Type must be multipart/form-data"},
        {"multipart/form-data", "", "the Content-Type needs a boundary of 1 to 70 characters"},
        {"multipart/form-data; boundary=\"b", "", "the Content-Type needs a boundary of 1 to 70 characters"},
        {"multipart/form-data; boundary=a\"b", "",
         "the boundary in the Content-Type holds a character it may not"},
        {"multipart/form-data; boundary=b", "", "the form ends before its closing boundary"},
        {"multipart/form-data; boundary=b", "--b\r\n" FILE_PART "<a/>",
         "the form ends before its closing boundary"},
        {"multipart/form-data; boundary=b", "--b\r\n" FILE_PART "<a/>\r\n--b\r\n",
         "the form ends before its closing boundary"},
        {"multipart/form-data; boundary=b", "--b\r\n" FILE_PART "<a/>\r\n--bc\r\n",
         "a line of the form begins with the boundary and goes on"},
        {"multipart/form-data; boundary=b", "--b\r\n\r\nx\r\n--b--", "a part has no Content-Disposition"},
        {"multipart/form-data; boundary=b", "--b\r\nX: y\r\n\r\nx\r\n--b--",
         "a part has no Content-Disposition"},
        {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
         "the Content-Disposition of a part names no field"},
        {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: inline; name=uid\r\n\r\nx\r\n--b--",
         "the Content-Disposition of a part must be form-data or file"},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=uid\r\nContent-Transfer-Encoding: "
         "base64\r\n\r\nx\r\n--b--",
         "a part may not have a Content-Transfer-Encoding"},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=uid\r\n\r\n123456789\r\n--b--",
         "field uid is longer than 8 bytes"},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=uid\r\n\r\n1\r\n--b--", "field xmldata is missing"},
        {"multipart/form-data; boundary=b", "--b\r\n" FILE_PART "\r\n--b\r\n" FILE_PART "\r\n--b--",
         "field xmldata is there more than once"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tardis_form_t *form;
        char file[4096];
        expect_refused(parse_multipart(&form, file, cases[i].type, cases[i].body, *state), cases[i].text);
    }
}

static void endless_headers_are_refused(void **state)
{
    tardis_form_parser_t *parser;
    char file[4096] = "";
    tardis_form_t *form = tardis_form_create(file_fields, collect, file, *state);
    assert_null(tardis_form_multipart(&parser, form, "multipart/form-data; boundary=b", *state));
    tardis_error_t *error = tardis_form_push(parser, "--b\r\n", 5);
    for (int i = 0; !error && i <= TARDIS_FORM_HEADERS_MAX; i++)
        error = tardis_form_push(parser, "x", 1);
    expect_refused(error, "the headers of a part are too long");
}

static tardis_error_t *refuse(void *baton, const char *data, apr_size_t length)
{
    (void)data;
    (void)length;
    return tardis_error_create(baton, TARDIS_DOCUMENT_TOO_LARGE, "enough");
}

static void the_file_functions_error_is_returned(void **state)
{
    tardis_form_parser_t *parser;
    const char *body = "--b\r\n" FILE_PART "<a/>\r\n--b--";
    tardis_form_t *form = tardis_form_create(file_fields, refuse, *state, *state);
    assert_null(tardis_form_multipart(&parser, form, "multipart/form-data; boundary=b", *state));
    tardis_error_t *error = tardis_form_push(parser, body, strlen(body));
    assert_non_null(error);
    assert_int_equal(error->code, TARDIS_DOCUMENT_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(urlencoded_is_decoded, start, end),
        cmocka_unit_test_setup_teardown(absent_fields_are_null, start, end),
        cmocka_unit_test_setup_teardown(urlencoded_mistakes_are_refused, start, end),
        cmocka_unit_test_setup_teardown(what_is_too_long_can_be_cut, start, end),
        cmocka_unit_test_setup_teardown(too_many_fields_are_refused, start, end),
        cmocka_unit_test_setup_teardown(multipart_is_taken_apart, start, end),
        cmocka_unit_test_setup_teardown(multipart_mistakes_are_refused, start, end),
        cmocka_unit_test_setup_teardown(endless_headers_are_refused, start, end),
        cmocka_unit_test_setup_teardown(the_file_functions_error_is_returned, start, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    apr_initialize();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
