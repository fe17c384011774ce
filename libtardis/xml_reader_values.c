#include "xml_reader_private.h"

#include <string.h>

#include <apr_strings.h>

const char *tardis_xml_name(const tardis_xml_reader_t *reader)
{
    return reader->frames[reader->depth].name;
}

const char *tardis_xml_namespace(const tardis_xml_reader_t *reader)
{
    return reader->frames[reader->depth].ns;
}

/* check_attributes() has made room for all values, so those handed out before stay where they are. */
const char *tardis_xml_attribute(tardis_xml_reader_t *reader, const char *ns, const char *name)
{
    for (int i = 0; i < reader->attribute_count; i++) {
        const xmlChar **attribute = reader->attributes + i * 5;
        const char *uri = attribute[2] ? (const char *)attribute[2] : "";
        if (strcmp((const char *)attribute[0], name) != 0 || strcmp(uri, ns) != 0)
            continue;
        apr_size_t at = reader->values.length;
        apr_size_t length = (apr_size_t)(attribute[4] - attribute[3]);
        xml_text_append(&reader->values, (const char *)attribute[3], length, reader->pool);
        xml_text_append(&reader->values, "", 1, reader->pool);
        return reader->values.data + at;
    }
    return NULL;
}

const char *tardis_xml_text(const tardis_xml_reader_t *reader)
{
    const xml_frame_t *frame = &reader->frames[reader->depth];
    return reader->text.length > frame->text ? reader->text.data + frame->text : "";
}

const char *tardis_xml_trimmed(const tardis_xml_reader_t *reader)
{
    return xml_trim(tardis_xml_text(reader), reader->scratch);
}

int tardis_xml_has_children(const tardis_xml_reader_t *reader)
{
    return reader->frames[reader->depth].has_children;
}

int tardis_xml_depth(const tardis_xml_reader_t *reader)
{
    return reader->depth;
}

long tardis_xml_line(const tardis_xml_reader_t *reader)
{
    return reader->frames[reader->depth].line;
}

apr_pool_t *tardis_xml_scratch(tardis_xml_reader_t *reader)
{
    return reader->scratch;
}

tardis_error_t *tardis_xml_fail(const tardis_xml_reader_t *reader, tardis_error_code_t code,
                                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = apr_pvsprintf(reader->pool, format, arguments);
    va_end(arguments);
    return tardis_error_at_line(reader->pool, code, tardis_xml_line(reader), "%s", text);
}
