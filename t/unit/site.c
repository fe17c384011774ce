#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "tardis_http.h"
#include "tardis_site.h"

static apr_pool_t *pool;
static const char *file;

static void write_registry(const char *text, size_t length)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, length, out), length);
    fclose(out);
}

static tardis_error_t *load(const char *location, apr_array_header_t **sites)
{
    const tardis_registry_source_t source = {.location = location, .username = "me", .password = "topsecret"};
    tardis_context_t context = {.pool = pool};
    const tardis_http_settings_t settings = {.connect_timeout = 2};

    assert_null(tardis_http_create(&context.http, &settings, pool));
    return tardis_registry_load(&context, &source, sites, pool);
}

static void a_registry_file_is_read(void **state)
{
    static const char text[] =
        "<sites><site><name>One</name><url>https://one.example/s/</url><username>u</username>"
        "<password>p</password></site><site><name>Two</name><url>https://two.example/s/</url>"
        "<username/><password/></site></sites>";
    apr_array_header_t *sites;
    (void)state;
    write_registry(text, strlen(text));
    assert_null(load(file, &sites));
    assert_int_equal(sites->nelts, 2);
    assert_string_equal(tardis_registry_find_name(sites, "Two")->url, "https://two.example/s/");
    assert_string_equal(tardis_registry_find_url(sites, "https://one.example/s/")->password, "p");
    assert_null(tardis_registry_find_url(sites, "https://one.example/s"));
    assert_null(tardis_registry_find_url(sites, "https://ONE.example/s/"));
    assert_null(tardis_registry_find_name(sites, "two"));
}

static void a_registry_that_cannot_be_had_is_unavailable(void **state)
{
    const char *const locations[] = {"/nonexistent/sites.xml", "/", "http://127.0.0.1:1/sites.xml"};
    (void)state;
    for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
        apr_array_header_t *sites;
        tardis_error_t *error = load(locations[i], &sites);
        assert_non_null(error);
        assert_int_equal(error->code, TARDIS_REGISTRY_UNAVAILABLE);
        assert_non_null(strstr(error->text, locations[i]));
        assert_null(strstr(error->text, "topsecret"));
        assert_null(sites);
    }
}

static void a_registry_that_is_none_is_invalid(void **state)
{
    enum { TOO_LARGE = 1024 * 1024 + 1 };
    char *large = apr_palloc(pool, TOO_LARGE);
    apr_array_header_t *sites;
    (void)state;
    write_registry("<sites>\n<site>\n", 15);
    tardis_error_t *error = load(file, &sites);
    assert_int_equal(error->code, TARDIS_REGISTRY_INVALID);
    assert_true(error->line > 0);
    write_registry("", 0);
    assert_int_equal(load(file, &sites)->code, TARDIS_REGISTRY_INVALID);
    memset(large, ' ', TOO_LARGE);
    write_registry(large, TOO_LARGE);
    assert_int_equal(load(file, &sites)->code, TARDIS_REGISTRY_INVALID);
    error = load("http://user:topsecret@host/", &sites);
    assert_int_equal(error->code, TARDIS_REGISTRY_INVALID);
    assert_null(strstr(error->text, "topsecret"));
}

static void control_characters_are_refused(void **state)
{
    static const char name[] = "<sites>\n<site><name>\xc2\x9b</name><url>https://a.example</url></site></sites>";
    static const char settings[] = "<site-settings><email-endswith>e</email-endswith><register>"
                                   "<url>https://a.example</url></register>\n<transfer><sl>a\x7f</sl></transfer>"
                                   "</site-settings>";
    apr_array_header_t *sites;
    tardis_site_settings_t *parsed;
    (void)state;
    tardis_error_t *error = tardis_registry_parse(name, sizeof(name) - 1, &sites, pool);
    assert_int_equal(error->code, TARDIS_REGISTRY_INVALID);
    assert_int_equal(error->line, 2);
    assert_string_equal(error->text, "<name> has a control character");
    error = tardis_site_settings_parse(settings, sizeof(settings) - 1, &parsed, pool);
    assert_int_equal(error->code, TARDIS_SITE_SETTINGS_INVALID);
    assert_int_equal(error->line, 2);
    assert_string_equal(error->text, "<sl> has a control character");
}

static int matches(const char *ending, const char *owner)
{
    tardis_site_settings_t settings = {.email_endswith = apr_array_make(pool, 2, sizeof(const char *))};
    apr_array_header_t *owners = apr_array_make(pool, 2, sizeof(const char *));

    APR_ARRAY_PUSH(settings.email_endswith, const char *) = "@elsewhere.example";
    APR_ARRAY_PUSH(settings.email_endswith, const char *) = ending;
    APR_ARRAY_PUSH(owners, const char *) = "nobody@nowhere.example";
    APR_ARRAY_PUSH(owners, const char *) = owner;
    const apr_array_header_t *matching = tardis_site_settings_owners(&settings, owners, pool);
    if (!matching->nelts)
        return 0;
    assert_int_equal(matching->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(matching, 0, const char *), owner);
    return 1;
}

static void owners_match_by_the_end_of_their_address(void **state)
{
    (void)state;
    assert_true(matches("uni.example", "a@uni.example"));
    assert_true(matches("@Uni.Example", "a@UNI.example"));
    assert_true(matches("a@uni.example", "a@uni.example"));
    assert_false(matches("aa@uni.example", "a@uni.example"));
    assert_false(matches("uni.example", "a@uni.example.org"));
    assert_false(matches("", "a@uni.example"));
}

static int set_up(void **state)
{
    const char *temporary;
    apr_file_t *made;
    (void)state;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (apr_temp_dir_get(&temporary, pool) != APR_SUCCESS)
        return -1;
    char *template = apr_pstrcat(pool, temporary, "/sites-XXXXXX", NULL);
    if (apr_file_mktemp(&made, template, 0, pool) != APR_SUCCESS)
        return -1;
    file = template;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(file);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_registry_file_is_read),
        cmocka_unit_test(a_registry_that_cannot_be_had_is_unavailable),
        cmocka_unit_test(a_registry_that_is_none_is_invalid),
        cmocka_unit_test(control_characters_are_refused),
        cmocka_unit_test(owners_match_by_the_end_of_their_address),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
