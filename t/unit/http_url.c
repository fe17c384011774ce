#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <apr_general.h>

#include "tardis_http.h"

static apr_pool_t *pool;

static void encoding_leaves_only_unreserved_characters(void **state)
{
    (void)state;
    assert_string_equal(tardis_url_encode("aZ09-._~", 0, pool), "aZ09-._~");
    assert_string_equal(tardis_url_encode("a b/c", 0, pool), "a%20b%2Fc");
    assert_string_equal(tardis_url_encode("a b/c", 1, pool), "a%20b/c");
    assert_string_equal(tardis_url_encode("%#?\"'&+;=", 1, pool), "%25%23%3F%22%27%26%2B%3B%3D");
    assert_string_equal(tardis_url_encode("\xc3\xa9", 1, pool), "%C3%A9");
    assert_string_equal(tardis_url_encode("", 1, pool), "");
}

static void urls_that_are_accepted(void **state)
{
    const char *const urls[] = {
        "https://provider.example", "http://127.0.0.1:8080/", "https://[::1]:8443/a/b?c=d", "HTTPS://Host/x",
        "https://h/p@q:r", "https://host/%20",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        tardis_error_t *error = tardis_url_check(urls[i], pool);
        if (error)
            fail_msg("%s: %s", urls[i], error->text);
    }
}

static void urls_that_are_refused(void **state)
{
    const char *const urls[] = {
        "",
        "provider.example",
        "/path",
        "ftp://host/",
        "file:///etc/passwd",
        "smtp://host",
        "https:host",
        "https:/host",
        "https://",
        "https:///host",
        "http://:80/",
        "https://user@host/",
        "https://user:secret@host/",
        "https://:secret@host/",
        "https://host/#part",
        "https://host/a b",
        "https://host/\n",
        "https://ho st/",
        "https://host\t/",
        "https://host:99999/",
        "https://host:port/",
        " https://host/",
        "https://host/\x7f",
        "https://host/\xc2\x9b",
        "https://host/\xff",
        "https://[::1/",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        tardis_error_t *error = tardis_url_check(urls[i], pool);
        if (!error)
            fail_msg("accepted: %s", urls[i]);
        assert_int_equal(error->code, TARDIS_USAGE);
        assert_null(strstr(error->text, "secret"));
    }
}

static void an_origin_is_scheme_host_and_port(void **state)
{
    (void)state;
    assert_string_equal(tardis_url_origin("https://host.example/a/b?c", pool), "https://host.example");
    assert_string_equal(tardis_url_origin("http://127.0.0.1:8080", pool), "http://127.0.0.1:8080");
    assert_string_equal(tardis_url_origin("https://[::1]:8443?x", pool), "https://[::1]:8443");
}

static int set_up(void **state)
{
    (void)state;
    apr_initialize();
    return apr_pool_create(&pool, NULL) == APR_SUCCESS ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_leaves_only_unreserved_characters),
        cmocka_unit_test(urls_that_are_accepted),
        cmocka_unit_test(urls_that_are_refused),
        cmocka_unit_test(an_origin_is_scheme_host_and_port),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
