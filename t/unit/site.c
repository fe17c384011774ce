/* The site registry and site settings: what is read, and where a mistake is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "tardis_site.h"

static int start(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int end(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static void assert_error(const tardis_error_t *error, tardis_error_code_t code, long line)
{
    assert_non_null(error);
    assert_string_equal(tardis_error_name(error->code), tardis_error_name(code));
    assert_int_equal(error->line, line);
    assert_null(strstr(error->text, "hush"));
}

static void a_registry_lists_sites(void **state)
{
    static const char text[] =
        "<sites><!-- two -->\n"
        "<site><name> One &amp; all </name>\n<url>\thttps://one.example/site-settings.xml/\n</url>"
        "<username>u</username><password>p&lt;</password><note>x</note></site>"
        "<site><url>http://two.example:8000/</url><name>Two</name></site></sites>";
    apr_array_header_t *sites;
    assert_null(tardis_registry_parse(text, strlen(text), &sites, *state));
    assert_int_equal(sites->nelts, 2);
    const tardis_site_t *one = &APR_ARRAY_IDX(sites, 0, tardis_site_t);
    assert_string_equal(one->name, "One & all");
    assert_string_equal(one->url, "https://one.example/site-settings.xml/");
    assert_string_equal(one->username, "u");
    assert_string_equal(one->password, "p<");
    assert_string_equal(APR_ARRAY_IDX(sites, 1, tardis_site_t).password, "");
    assert_null(tardis_registry_parse("<sites/>", 8, &sites, *state));
    assert_int_equal(sites->nelts, 0);
}

#define SITE(name, url) "<site><name>" name "</name><url>" url "</url><password>hush</password></site>"

static void a_bad_registry_is_refused(void **state)
{
    apr_pool_t *pool = *state;
    const char *long_url = memset(apr_pcalloc(pool, 301), 'x', 300);
    const struct {
        const char *text;
        long line;
    } cases[] = {
        {"", 1},
        {"<site/>", 1},
        {"<sites>\n" SITE("a", "https://a.example/"), 2},
        {"<sites>\n" SITE("", "https://a.example/") "</sites>", 2},
        {"<sites>\n" SITE("a", "") "</sites>", 2},
        {"<sites>\n\n" SITE("a", "ftp://a.example/") "</sites>", 3},
        {"<sites>\n" SITE("a", "a.example") "</sites>", 2},
        {"<sites>\n" SITE("a", "https://a.example/") "\n" SITE("b", "https://a.example/") "</sites>", 3},
        {"<sites>\n" SITE("a", "https://a.example/") "\n" SITE("a", "https://b.example/") "</sites>", 3},
        {"<sites>\n<site>\n<url>https://a.example/</url>\n<url>https://b.example/</url></site></sites>", 4},
        {"<!DOCTYPE sites [<!ENTITY x 'y'>]>\n<sites/>", 1},
        {apr_pstrcat(pool, "<sites>\n<site><name>a</name><url>https://a.example/", long_url,
                     "</url></site></sites>", NULL),
         2},
        {apr_pstrcat(pool, "<sites>\n<site><name>", long_url,
                     "</name><url>https://a.example/</url></site></sites>", NULL),
         2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        apr_array_header_t *sites;
        assert_error(tardis_registry_parse(cases[i].text, strlen(cases[i].text), &sites, pool),
                     TARDIS_REGISTRY_INVALID, cases[i].line);
    }
}

static void settings_are_read_in_order(void **state)
{
    static const char text[] =
        "<site-settings><email-endswith>@a.example</email-endswith><email-endswith> "
        "b.example\n</email-endswith>"
        "<register><url>https://c.example/experiment/register/</url><username>r</username><password/>"
        "<fileProtocol>vbl</fileProtocol></register>"
        "<transfer><user>u</user><type> webdav </type><password>-----BEGIN\nEND-----\n</password>"
        "<sl>https://c.example</sl><serversite/><x:new "
        "xmlns:x=\"urn:x\">1</x:new></transfer><other/></site-settings>";
    static const char *const names[] = {"user", "type", "password", "sl", "serversite", "new"};
    static const char *const values[] = {"u", "webdav", "-----BEGIN\nEND-----", "https://c.example", "", "1"};
    tardis_site_settings_t *settings;
    assert_null(tardis_site_settings_parse(text, strlen(text), &settings, *state));
    assert_int_equal(settings->email_endswith->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(settings->email_endswith, 1, const char *), "b.example");
    assert_string_equal(settings->register_url, "https://c.example/experiment/register/");
    assert_string_equal(settings->register_username, "r");
    assert_string_equal(settings->register_password, "");
    assert_string_equal(settings->file_protocol, "vbl");
    assert_string_equal(settings->transfer_type, "webdav");
    assert_int_equal(settings->transfer->nelts, 6);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(APR_ARRAY_IDX(settings->transfer, i, tardis_site_setting_t).name, names[i]);
        assert_string_equal(APR_ARRAY_IDX(settings->transfer, i, tardis_site_setting_t).value, values[i]);
    }
}

static void what_may_be_absent_is(void **state)
{
    static const char text[] =
        "<site-settings><register><fileProtocol> </fileProtocol><url>http://c.example/</url></register>"
        "<email-endswith>x</email-endswith></site-settings>";
    tardis_site_settings_t *settings;
    assert_null(tardis_site_settings_parse(text, strlen(text), &settings, *state));
    assert_null(settings->file_protocol);
    assert_string_equal(settings->transfer_type, "");
    assert_string_equal(settings->register_password, "");
    assert_int_equal(settings->transfer->nelts, 0);
}

#define EMAIL "<email-endswith>x</email-endswith>\n"
#define REGISTER "<register><url>https://c.example/</url><password>hush</password></register>\n"

static void bad_settings_are_refused(void **state)
{
    static const struct {
        const char *text;
        long line;
    } cases[] = {
        {"<html>\n</html>", 1},
        {"<site-settings>\n" REGISTER "</site-settings>", 1},
        {"<site-settings>\n" EMAIL "</site-settings>", 1},
        {"<site-settings>\n" EMAIL "<email-endswith> </email-endswith>" REGISTER "</site-settings>", 3},
        {"<site-settings>\n" EMAIL
         "<register><url>https://c.example/</url><url>x</url></register></site-settings>",
         3},
        {"<site-settings>\n" EMAIL "<register><url>nowhere</url></register></site-settings>", 1},
        {"<site-settings>\n" EMAIL REGISTER
         "<transfer><type>a</type>\n<type>b</type></transfer></site-settings>",
         5},
        {"<site-settings>\n" EMAIL
         "<register><url>https://c.example/</url><fileProtocol>a b</fileProtocol></register></site-settings>",
         1},
        {"<site-settings>\n" EMAIL REGISTER "<transfer><password>hush</passwort></transfer></site-settings>",
         4},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        tardis_site_settings_t *settings;
        assert_error(tardis_site_settings_parse(cases[i].text, strlen(cases[i].text), &settings, *state),
                     TARDIS_SITE_SETTINGS_INVALID, cases[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_registry_lists_sites, start, end),
        cmocka_unit_test_setup_teardown(a_bad_registry_is_refused, start, end),
        cmocka_unit_test_setup_teardown(settings_are_read_in_order, start, end),
        cmocka_unit_test_setup_teardown(what_may_be_absent_is, start, end),
        cmocka_unit_test_setup_teardown(bad_settings_are_refused, start, end),
    };
    if (apr_initialize() != APR_SUCCESS)
        return 2;
    atexit(apr_terminate);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
