/* The reader of XML that all documents go through: what handlers are told, limits, lines, and documents that
 * break off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "xml_reader.h"

enum { ROOT = 1, ITEM, DEEP };

/* What the handlers saw, one line. */
typedef struct {
    const char *log;
    apr_pool_t *pool;
} record_t;

static tardis_error_t *item_start(void *baton, tardis_xml_reader_t *reader)
{
    record_t *record = baton;
    const char *first = tardis_xml_attribute(reader, "", "a");
    const char *second = tardis_xml_attribute(reader, "urn:n", "a");
    record->log = apr_psprintf(record->pool, "%s<%s:%s %s %s>", record->log, tardis_xml_namespace(reader),
                               tardis_xml_name(reader), first ? first : "-", second ? second : "-");
    return NULL;
}

static tardis_error_t *item_end(void *baton, tardis_xml_reader_t *reader)
{
    record_t *record = baton;
    record->log =
        apr_psprintf(record->pool, "%s[%s|%s|%d|%d]", record->log, tardis_xml_text(reader),
                     tardis_xml_trimmed(reader), tardis_xml_has_children(reader), tardis_xml_depth(reader));
    return NULL;
}

static tardis_error_t *refuse_bad(void *baton, tardis_xml_reader_t *reader)
{
    (void)baton;
    return strcmp(tardis_xml_name(reader), "bad") == 0
               ? tardis_xml_fail(reader, TARDIS_PATH_INVALID, "bad %s", tardis_xml_name(reader))
               : NULL;
}

static const tardis_xml_rule_t rules[] = {
    {TARDIS_XML_ROOT, "urn:n", "root", ROOT, 0, NULL, NULL},
    {ROOT, TARDIS_XML_ANY, "item", ITEM, 1, item_start, item_end},
    {ITEM, TARDIS_XML_ANY, "deep", DEEP, 1, NULL, item_end},
    {0, NULL, NULL, 0, 0, NULL, NULL},
};
static const tardis_xml_plan_t plan = {rules, "`root`", refuse_bad};

static tardis_error_t *read_text(const char *text, apr_size_t length, record_t *record, apr_pool_t *pool)
{
    const tardis_xml_source_t source = {.text = text, .length = length};
    *record = (record_t){"", pool};
    return tardis_xml_read(&source, &plan, record, pool);
}

static int start(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int end(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static void handlers_are_told_what_matters(void **state)
{
    static const char text[] = "<r:root xmlns:r='urn:n'> lost <item a='&lt;&amp;&#38;&quot;' r:a='2'> "
                               "x<skipped>no<item>no</item></skipped>"
                               "<deep>in</deep><![CDATA[<y>]]>&gt;</item><other/><r:item/></r:root>";
    record_t record;
    assert_null(read_text(text, strlen(text), &record, *state));
    assert_string_equal(record.log, "<:item <&&\" 2>[in|in|0|3][ x<y>>|x<y>>|1|2]<urn:n:item - ->[||0|2]");
}

static void errors_have_the_line(void **state)
{
    apr_pool_t *pool = *state;
    char *text = apr_palloc(pool, 300100);
    record_t record;
    memset(text, '\n', 300000);
    memcpy(text, "<root xmlns='urn:n'>", 20);
    strcpy(text + 300000, "<x><bad/></x></root>");
    const tardis_error_t *error = read_text(text, strlen(text), &record, pool);
    assert_int_equal(error->code, TARDIS_PATH_INVALID);
    assert_int_equal(error->line, 300000 - 20 + 1);
    assert_string_equal(error->text, "bad bad");
    strcpy(text + 300000, "<x></y></root>");
    error = read_text(text, strlen(text), &record, pool);
    assert_int_equal(error->code, TARDIS_DOCUMENT_MALFORMED);
    assert_int_equal(error->line, 300000 - 20 + 1);
    error = read_text("<other/>", 8, &record, pool);
    assert_int_equal(error->code, TARDIS_DOCUMENT_INVALID);
    assert_non_null(strstr(error->text, "`other`, not `root`"));
}

/* Also through the sizes at which the parser asks for more. */
static void a_document_that_breaks_off_is_malformed(void **state)
{
    static const char head[] = "<root xmlns='urn:n'>\n<item a='\xc3\xbc'>&lt;text</item><!-- c --><?p i?>\n";
    static const char tail[] = "<item><![CDATA[x]]></item></root>";
    apr_pool_t *pool;
    apr_pool_create(&pool, *state);
    for (apr_size_t padding = 0; padding < 9000; padding += 1499) {
        char *text = apr_pcalloc(*state, padding + 200);
        memcpy(text, head, strlen(head));
        memset(text + strlen(head), ' ', padding);
        strcpy(text + strlen(head) + padding, tail);
        record_t record;
        assert_null(read_text(text, strlen(text), &record, *state));
        for (apr_size_t length = 0; length < strlen(text);
             length += length < 100 || length > padding ? 1 : 97) {
            const tardis_error_t *error = read_text(text, length, &record, pool);
            assert_non_null(error);
            assert_int_equal(error->code, TARDIS_DOCUMENT_MALFORMED);
            apr_pool_clear(pool);
        }
    }
}

static void limits_hold(void **state)
{
    apr_pool_t *pool = *state;
    record_t record;
    const char *text = "<root xmlns='urn:n'>";
    for (int i = 0; i < TARDIS_XML_DEPTH_MAX - 1; i++)
        text = apr_pstrcat(pool, text, "<a>", NULL);
    for (int i = 0; i < TARDIS_XML_DEPTH_MAX - 1; i++)
        text = apr_pstrcat(pool, text, "</a>", NULL);
    assert_null(read_text(apr_pstrcat(pool, text, "</root>", NULL), strlen(text) + 7, &record, pool));
    text = "<root xmlns='urn:n'>";
    for (int i = 0; i < TARDIS_XML_DEPTH_MAX; i++)
        text = apr_pstrcat(pool, text, "<a>", NULL);
    assert_int_equal(read_text(text, strlen(text), &record, pool)->code, TARDIS_DOCUMENT_LIMIT);

    char *value = apr_pcalloc(pool, TARDIS_XML_ATTRIBUTE_MAX + 2);
    memset(value, 'v', TARDIS_XML_ATTRIBUTE_MAX);
    text = apr_pstrcat(pool, "<root xmlns='urn:n'><item a='", value, "'/></root>", NULL);
    assert_null(read_text(text, strlen(text), &record, pool));
    value[TARDIS_XML_ATTRIBUTE_MAX] = 'v';
    text = apr_pstrcat(pool, "<root xmlns='urn:n'><x><y a='", value, "'/></x></root>", NULL);
    assert_int_equal(read_text(text, strlen(text), &record, pool)->code, TARDIS_DOCUMENT_LIMIT);
}

static void only_the_root_can_be_looked_at(void **state)
{
    static const char text[] = "<?xml version='1.0'?><!-- c --><a:b xmlns:a='urn:x'><not closed";
    const tardis_xml_source_t source = {.text = text, .length = sizeof(text) - 1};
    const tardis_xml_source_t empty = {.text = ""};
    const char *name;
    const char *ns;
    assert_null(tardis_xml_root(&source, &name, &ns, *state));
    assert_string_equal(name, "b");
    assert_string_equal(ns, "urn:x");
    assert_int_equal(tardis_xml_root(&empty, &name, &ns, *state)->code, TARDIS_DOCUMENT_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(handlers_are_told_what_matters, start, end),
        cmocka_unit_test_setup_teardown(errors_have_the_line, start, end),
        cmocka_unit_test_setup_teardown(a_document_that_breaks_off_is_malformed, start, end),
        cmocka_unit_test_setup_teardown(limits_hold, start, end),
        cmocka_unit_test_setup_teardown(only_the_root_can_be_looked_at, start, end),
    };
    if (apr_initialize() != APR_SUCCESS)
        return 2;
    atexit(apr_terminate);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
