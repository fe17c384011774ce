#include "xml_mets_write_private.h"

#include <apr_strings.h>

static int write_bytes(void *context, const char *bytes, int length);
static apr_status_t free_xml(void *data);
static void check(mets_writer_t *writer, int outcome);

tardis_error_t *mets_writer_open(mets_writer_t *writer, apr_file_t *file)
{
    writer->file = file;
    xmlOutputBufferPtr buffer = xmlOutputBufferCreateIO(write_bytes, NULL, writer, NULL);
    writer->xml = buffer ? xmlNewTextWriter(buffer) : NULL;
    if (!writer->xml)
        return tardis_error_create(writer->pool, TARDIS_INTERNAL_ERROR, "out of memory for an XML writer");
    apr_pool_cleanup_register(writer->pool, writer, free_xml, apr_pool_cleanup_null);
    check(writer, xmlTextWriterSetIndent(writer->xml, 1));
    check(writer, xmlTextWriterStartDocument(writer->xml, "1.0", "UTF-8", NULL));
    return NULL;
}

static int write_bytes(void *context, const char *bytes, int length)
{
    mets_writer_t *writer = context;
    if (writer->written == APR_SUCCESS)
        writer->written = apr_file_write_full(writer->file, bytes, (apr_size_t)length, NULL);
    return writer->written == APR_SUCCESS ? length : -1;
}

static apr_status_t free_xml(void *data)
{
    mets_writer_t *writer = data;
    xmlFreeTextWriter(writer->xml);
    return APR_SUCCESS;
}

tardis_error_t *mets_writer_close(mets_writer_t *writer)
{
    check(writer, xmlTextWriterEndDocument(writer->xml));
    check(writer, xmlTextWriterFlush(writer->xml));
    if (writer->written != APR_SUCCESS)
        return tardis_error_from_status(writer->pool, TARDIS_IO_ERROR, writer->written,
                                        "writing the METS document");
    if (writer->is_broken)
        return tardis_error_create(writer->pool, TARDIS_INTERNAL_ERROR, "the XML writer failed");
    return NULL;
}

static void check(mets_writer_t *writer, int outcome)
{
    if (outcome < 0)
        writer->is_broken = 1;
}

void mets_start(mets_writer_t *writer, const char *prefix, const char *name, const char *uri)
{
    check(writer, xmlTextWriterStartElementNS(writer->xml, (const xmlChar *)prefix, (const xmlChar *)name,
                                              (const xmlChar *)uri));
}

void mets_attribute(mets_writer_t *writer, const char *name, const char *value)
{
    check(writer, xmlTextWriterWriteAttribute(writer->xml, (const xmlChar *)name, (const xmlChar *)value));
}

void mets_element(mets_writer_t *writer, const char *prefix, const char *name, const char *text)
{
    mets_start(writer, prefix, name, NULL);
    check(writer, xmlTextWriterWriteString(writer->xml, (const xmlChar *)text));
    mets_close(writer);
}

void mets_close(mets_writer_t *writer)
{
    check(writer, xmlTextWriterEndElement(writer->xml));
}

void mets_links_open(mets_writer_t *writer, mets_links_t *links, tardis_owner_kind_t kind)
{
    *links = (mets_links_t){.kind = kind};
    apr_pool_create(&links->pool, writer->pool);
}

tardis_error_t *mets_links_peek(mets_writer_t *writer, mets_links_t *links,
                                const tardis_parameter_link_t **link)
{
    *link = NULL;
    if (!links->page || (links->at == links->page->nelts && links->page->nelts == METS_PAGE)) {
        apr_pool_clear(links->pool);
        links->at = 0;
        tardis_error_t *error = tardis_parameter_link_page(
            writer->context, writer->experiment->id, links->kind, links->last.owner_number,
            links->last.position, METS_PAGE, &links->page, links->pool);
        if (error)
            return error;
    }
    if (links->at < links->page->nelts)
        *link = &APR_ARRAY_IDX(links->page, links->at, tardis_parameter_link_t);
    return NULL;
}

void mets_links_take(mets_links_t *links)
{
    links->last = APR_ARRAY_IDX(links->page, links->at, tardis_parameter_link_t);
    links->at++;
}

tardis_error_t *mets_links_write(mets_writer_t *writer, mets_links_t *links, apr_uint32_t owner)
{
    int is_first = 1;
    for (;;) {
        const tardis_parameter_link_t *link;
        tardis_error_t *error = mets_links_peek(writer, links, &link);
        if (error)
            return error;
        if (!link || link->owner_number != owner)
            break;
        if (is_first)
            check(writer, xmlTextWriterStartAttribute(writer->xml, (const xmlChar *)"ADMID"));
        check(writer,
              xmlTextWriterWriteFormatString(writer->xml, "%sA-%u", is_first ? "" : " ", link->set_number));
        is_first = 0;
        mets_links_take(links);
    }
    if (!is_first)
        check(writer, xmlTextWriterEndAttribute(writer->xml));
    return NULL;
}
