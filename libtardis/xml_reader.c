#include "build.h"

#include "xml_reader_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <apr_strings.h>
#include <libxml/parserInternals.h>

#if LIBXML_VERSION >= 21200
typedef const xmlError *xml_problem_t;
#else
typedef xmlError *xml_problem_t;
#endif

/* What is shown of libxml2's messages, which may quote the document. */
#define MESSAGE_MAX 200

static tardis_xml_reader_t *create_reader(const tardis_xml_plan_t *plan, void *baton, apr_pool_t *pool);
static tardis_error_t *read_source(tardis_xml_reader_t *reader, const tardis_xml_source_t *source);
static int open_source(tardis_xml_reader_t *reader, const tardis_xml_source_t *source);
static void parse(tardis_xml_reader_t *reader);
static int read_bytes(void *context, char *buffer, int size);
static void check_bytes(tardis_xml_reader_t *reader, const unsigned char *bytes, int length);
static void on_error(void *context, xml_problem_t problem);
static void refuse_doctype(void *context, const xmlChar *name, const xmlChar *id, const xmlChar *uri);
static void start_element(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                          int namespaces_count, const xmlChar **namespaces, int attribute_count,
                          int default_count, const xmlChar **attributes);
static void end_element(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri);
static void add_text(void *context, const xmlChar *text, int length);
static void settle_encoding(tardis_xml_reader_t *reader);
static tardis_error_t *check_attributes(tardis_xml_reader_t *reader);
static const tardis_xml_rule_t *find_rule(const tardis_xml_reader_t *reader, int parent);
static void handle(tardis_xml_reader_t *reader, tardis_xml_event_fn *event);
static void stop(tardis_xml_reader_t *reader, tardis_error_t *error);

tardis_error_t *tardis_xml_read(const tardis_xml_source_t *source, const tardis_xml_plan_t *plan, void *baton,
                                apr_pool_t *pool)
{
    return read_source(create_reader(plan, baton, pool), source);
}

tardis_error_t *tardis_xml_root(const tardis_xml_source_t *source, const char **name, const char **ns,
                                apr_pool_t *pool)
{
    tardis_xml_reader_t *reader = create_reader(NULL, NULL, pool);
    tardis_error_t *error = read_source(reader, source);
    if (error)
        return error;
    *name = reader->frames[1].name;
    *ns = reader->frames[1].ns;
    return NULL;
}

static tardis_xml_reader_t *create_reader(const tardis_xml_plan_t *plan, void *baton, apr_pool_t *pool)
{
    tardis_xml_reader_t *reader = apr_pcalloc(pool, sizeof(*reader));
    reader->plan = plan;
    reader->baton = baton;
    reader->pool = pool;
    reader->utf8_line = 1;
    apr_pool_create(&reader->scratch, pool);
    return reader;
}

static tardis_error_t *read_source(tardis_xml_reader_t *reader, const tardis_xml_source_t *source)
{
    if (open_source(reader, source))
        parse(reader);
    if (reader->fd >= 0)
        close(reader->fd);
    if (!reader->error && reader->is_utf8 && reader->utf8_fault_line)
        reader->error = tardis_error_at_line(reader->pool, TARDIS_DOCUMENT_MALFORMED, reader->utf8_fault_line,
                                             "a byte that is not UTF-8");
    return reader->error;
}

static int open_source(tardis_xml_reader_t *reader, const tardis_xml_source_t *source)
{
    reader->fd = -1;
    reader->memory = source->text;
    reader->memory_left = source->length;
    reader->digest = source->digest;
    if (!source->file)
        return 1;
    reader->fd = open(source->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (reader->fd < 0)
        reader->error = tardis_error_from_status(reader->pool, TARDIS_IO_ERROR, errno, "%s", source->file);
    return reader->fd >= 0;
}

/*
 * Predefined entities in attributes are replaced only with XML_PARSE_NOENT; it cannot bring in others,
 * because refuse_doctype() ends the reading before any could be declared. Errors of the input layer do not
 * know the parser: for them the thread's own error function is borrowed meanwhile.
 */
static void parse(tardis_xml_reader_t *reader)
{
    xmlSAXHandler handlers = {
        .initialized = XML_SAX2_MAGIC,
        .internalSubset = refuse_doctype,
        .startElementNs = start_element,
        .endElementNs = end_element,
        .characters = add_text,
        .ignorableWhitespace = add_text,
        .cdataBlock = add_text,
        .serror = on_error,
    };
    xmlInitParser();
    xmlStructuredErrorFunc previous = xmlStructuredError;
    void *previous_context = xmlStructuredErrorContext;
    xmlSetStructuredErrorFunc(reader, on_error);
    reader->parser =
        xmlCreateIOParserCtxt(&handlers, reader, read_bytes, NULL, reader, XML_CHAR_ENCODING_NONE);
    if (reader->parser) {
        xmlCtxtUseOptions(reader->parser, XML_PARSE_NONET | XML_PARSE_NOENT);
        xmlDictSetLimit(reader->parser->dict, TARDIS_XML_NAMES_MAX);
        xmlParseDocument(reader->parser);
        int is_whole = reader->plan ? reader->parser->wellFormed && !reader->depth : 1;
        if (!reader->error && !(reader->has_root && is_whole))
            stop(reader, tardis_error_at_line(reader->pool, TARDIS_DOCUMENT_MALFORMED, reader->utf8_line,
                                              "the document is not well-formed XML"));
        xmlFreeParserCtxt(reader->parser);
        reader->parser = NULL;
    } else if (!reader->error) {
        reader->error = tardis_error_create(reader->pool, TARDIS_DOCUMENT_MALFORMED, "the document is empty");
    }
    xmlSetStructuredErrorFunc(previous_context, previous);
}

/* After an error the document ends for the parser, which may not be stopped here: it is about to use what
 * that frees. */
static int read_bytes(void *context, char *buffer, int size)
{
    tardis_xml_reader_t *reader = context;
    ssize_t length;
    if (reader->error)
        return 0;
    if (reader->fd >= 0) {
        do
            length = read(reader->fd, buffer, (size_t)size);
        while (length < 0 && errno == EINTR);
        if (length < 0) {
            reader->error = tardis_error_from_status(reader->pool, TARDIS_IO_ERROR, errno, "the document");
            return -1;
        }
    } else {
        length = reader->memory_left < (apr_size_t)size ? (ssize_t)reader->memory_left : size;
        memcpy(buffer, reader->memory, (size_t)length);
        reader->memory += length;
        reader->memory_left -= (apr_size_t)length;
    }
    if (reader->bytes_read == 0 && length >= 2)
        reader->is_wide = !buffer[0] || !buffer[1] || memcmp(buffer, "\xff\xfe", 2) == 0 ||
                          memcmp(buffer, "\xfe\xff", 2) == 0;
    reader->bytes_read += (apr_uint64_t)length;
    if (reader->digest)
        tardis_digest_update(reader->digest, buffer, (apr_size_t)length);
    check_bytes(reader, (const unsigned char *)buffer, (int)length);
    return (int)length;
}

/* libxml2 takes overlong forms for what they stand for; whether the bytes have to be UTF-8 is known only
 * later. */
static void check_bytes(tardis_xml_reader_t *reader, const unsigned char *bytes, int length)
{
    for (int i = 0; i < length && !reader->utf8_fault_line; i++) {
        if (bytes[i] == '\n')
            reader->utf8_line++;
        if ((bytes[i] >= 0x80 || reader->utf8.missing) && tardis_utf8_step(&reader->utf8, bytes[i]) < 0)
            reader->utf8_fault_line = reader->utf8_line;
    }
}

/* How libxml2 words that a limit was passed; its codes do not tell. */
static const char *const limit_words[] = {"too big",  "too long",       "uge input", "uge text",
                                          "xcessive", "XML_PARSE_HUGE", "too many",  NULL};

/* May be called from the depths of the input layer, so it takes a note and no more: see read_bytes(). */
static void on_error(void *context, xml_problem_t problem)
{
    tardis_xml_reader_t *reader = context;
    int is_harmless = problem->level < XML_ERR_ERROR || problem->code == XML_WAR_NS_URI ||
                      problem->code == XML_WAR_NS_URI_RELATIVE;
    if (reader->error || is_harmless)
        return;
    const char *message = problem->message ? problem->message : "not well-formed XML";
    if (problem->code == XML_ERR_NO_MEMORY) /* how libxml2 calls it that its dictionary of names is full */
        message = "too many different names of elements, attributes and namespaces";
    tardis_error_code_t code = TARDIS_DOCUMENT_MALFORMED;
    for (int i = 0; limit_words[i]; i++) {
        if (strstr(message, limit_words[i]))
            code = TARDIS_DOCUMENT_LIMIT;
    }
    apr_size_t length = strcspn(message, "\n");
    long line = problem->domain == XML_FROM_IO || problem->line < 1 ? reader->utf8_line : problem->line;
    reader->error = tardis_error_at_line(reader->pool, code, line, "%s",
                                         xml_clip(message, length, MESSAGE_MAX, reader->pool));
}

static void refuse_doctype(void *context, const xmlChar *name, const xmlChar *id, const xmlChar *uri)
{
    tardis_xml_reader_t *reader = context;
    (void)name;
    (void)id;
    (void)uri;
    stop(reader, tardis_error_at_line(reader->pool, TARDIS_DOCUMENT_INVALID, reader->parser->input->line,
                                      "a DOCTYPE is not allowed: no DTD is read and no entity is expanded"));
}

static void start_element(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                          int namespaces_count, const xmlChar **namespaces, int attribute_count,
                          int default_count, const xmlChar **attributes)
{
    tardis_xml_reader_t *reader = context;
    (void)prefix;
    (void)namespaces_count;
    (void)namespaces;
    (void)default_count;
    /* libxml2 also reports a start tag that breaks off, and says only afterwards that it does. */
    const xmlChar *next = reader->parser->input->cur;
    if (reader->error || (*next != '>' && *next != '/'))
        return;
    if (!reader->has_root)
        settle_encoding(reader);
    reader->has_root = 1;
    if (!reader->plan) {
        reader->frames[1].name = apr_pstrdup(reader->pool, (const char *)name);
        reader->frames[1].ns = uri ? apr_pstrdup(reader->pool, (const char *)uri) : "";
        xmlStopParser(reader->parser);
        return;
    }
    xml_frame_t *parent = &reader->frames[reader->depth];
    parent->has_children = 1;
    if (reader->depth + reader->skipping == TARDIS_XML_DEPTH_MAX) {
        stop(reader, tardis_error_at_line(reader->pool, TARDIS_DOCUMENT_LIMIT, reader->parser->input->line,
                                          "elements nest deeper than %d", TARDIS_XML_DEPTH_MAX));
        return;
    }
    /* The frame is also that of an element that turns out not to matter, for the sake of plan->element. */
    xml_frame_t *frame = parent + 1;
    *frame = (xml_frame_t){.ns = uri ? (const char *)uri : "",
                           .name = (const char *)name,
                           .text = reader->text.length,
                           .line = reader->parser->input->line};
    reader->depth++;
    reader->attributes = attributes;
    reader->attribute_count = attribute_count;
    tardis_error_t *error = check_attributes(reader);
    if (error) {
        stop(reader, error);
        return;
    }
    handle(reader, reader->plan->element);
    if (!reader->error && !reader->skipping)
        frame->rule = find_rule(reader, reader->depth == 1 ? TARDIS_XML_ROOT : parent->rule->state);
    if (frame->rule) {
        handle(reader, frame->rule->start);
    } else if (!reader->error && reader->depth == 1) {
        stop(reader, tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "the root element is `%.60s`, not %s",
                                     frame->name, reader->plan->expected));
    } else {
        reader->depth--;
        reader->skipping++;
    }
    reader->attribute_count = 0;
}

/* At the root element the declaration has been read, and libxml2 has chosen how to convert. */
static void settle_encoding(tardis_xml_reader_t *reader)
{
    const char *declared = (const char *)reader->parser->encoding;
    const xmlParserInputBuffer *buffer = reader->parser->input->buf;
    reader->is_utf8 = !reader->is_wide && buffer && !buffer->encoder;
    if (reader->is_wide && declared && strncasecmp(declared, "UTF-16", 6) != 0 &&
        strncasecmp(declared, "UTF-32", 6) != 0 && !strcasestr(declared, "UCS"))
        stop(reader,
             tardis_error_at_line(reader->pool, TARDIS_DOCUMENT_MALFORMED, reader->parser->input->line,
                                  "the document says that it is %.40s, but it is UTF-16", declared));
}

static tardis_error_t *check_attributes(tardis_xml_reader_t *reader)
{
    apr_size_t total = 0;
    if (reader->attribute_count > TARDIS_XML_ATTRIBUTES_MAX)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "an element has more than %d attributes",
                               TARDIS_XML_ATTRIBUTES_MAX);
    for (int i = 0; i < reader->attribute_count; i++) {
        const xmlChar **attribute = reader->attributes + i * 5;
        apr_size_t length = (apr_size_t)(attribute[4] - attribute[3]);
        if (length > TARDIS_XML_ATTRIBUTE_MAX)
            return tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT,
                                   "the attribute `%.60s` is longer than %d bytes",
                                   (const char *)attribute[0], TARDIS_XML_ATTRIBUTE_MAX);
        total += length + 1;
    }
    xml_text_truncate(&reader->values, 0);
    xml_text_reserve(&reader->values, total, reader->pool);
    return NULL;
}

static const tardis_xml_rule_t *find_rule(const tardis_xml_reader_t *reader, int parent)
{
    const xml_frame_t *frame = &reader->frames[reader->depth];
    for (const tardis_xml_rule_t *rule = reader->plan->rules; rule->state; rule++) {
        if (rule->parent == parent && (!rule->name || strcmp(rule->name, frame->name) == 0) &&
            (!rule->ns || strcmp(rule->ns, frame->ns) == 0))
            return rule;
    }
    return NULL;
}

static void handle(tardis_xml_reader_t *reader, tardis_xml_event_fn *event)
{
    if (!event || reader->error)
        return;
    tardis_error_t *error = event(reader->baton, reader);
    if (error)
        stop(reader, tardis_error_copy(reader->pool, error));
    apr_pool_clear(reader->scratch);
}

static void end_element(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    tardis_xml_reader_t *reader = context;
    (void)name;
    (void)prefix;
    (void)uri;
    if (reader->error)
        return;
    if (reader->skipping) {
        reader->skipping--;
        return;
    }
    xml_frame_t *frame = &reader->frames[reader->depth];
    handle(reader, frame->rule->end);
    xml_text_truncate(&reader->text, frame->text);
    reader->depth--;
}

static void add_text(void *context, const xmlChar *text, int length)
{
    tardis_xml_reader_t *reader = context;
    const xml_frame_t *frame = &reader->frames[reader->depth];
    if (reader->error || reader->skipping || !reader->depth || !frame->rule->has_text)
        return;
    if (reader->text.length + (apr_size_t)length > TARDIS_XML_TEXT_MAX) {
        stop(reader,
             tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT, "the text of `%.60s` is longer than %d bytes",
                             frame->name, TARDIS_XML_TEXT_MAX));
        return;
    }
    xml_text_append(&reader->text, (const char *)text, (apr_size_t)length, reader->pool);
}

/* For events of the parser only: see read_bytes(). */
static void stop(tardis_xml_reader_t *reader, tardis_error_t *error)
{
    if (!reader->error)
        reader->error = error;
    xmlStopParser(reader->parser);
}
