#include "build.h"

#include "ingest_private.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "tardis_uid.h"

/* What a digest_note shows of what the document said. */
#define SHOWN_MAX 60

/* Schemes of URLs that name a host, which is not part of the path. All others have none: `file://a/b` is a/b.
 */
static const char *const host_schemes[] = {"http", "https", "ftp", "sftp", "gsiftp", NULL};

static const char *without_scheme(const char *href);
static void percent_decode(char *text);
static int hex_value(char c);
static const char *shown(const char *text, apr_pool_t *pool);

tardis_error_t *ingest_size(tardis_xml_reader_t *reader, const char *text, apr_uint64_t *size)
{
    if (!text)
        return tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID, "a file without a size");
    apr_pool_t *scratch = tardis_xml_scratch(reader);
    const char *digits = xml_trim(text, scratch);
    *size = 0;
    for (const char *c = digits; *c; c++) {
        if (*c < '0' || *c > '9' || *size > (APR_INT64_MAX - (apr_uint64_t)(*c - '0')) / 10)
            digits = "";
        else
            *size = *size * 10 + (apr_uint64_t)(*c - '0');
        if (!*digits)
            break;
    }
    return *digits ? NULL
                   : tardis_xml_fail(reader, TARDIS_DOCUMENT_INVALID,
                                     "the size \"%s\" is not a number of bytes from 0 to 2^63 - 1",
                                     shown(text, scratch));
}

tardis_error_t *ingest_path(tardis_xml_reader_t *reader, const char *href, const char **path)
{
    char *decoded = apr_pstrdup(tardis_xml_scratch(reader), without_scheme(href));
    if (strstr(decoded, "%00"))
        return tardis_xml_fail(reader, TARDIS_PATH_INVALID, "the path \"%s\" has a NUL",
                               shown(decoded, tardis_xml_scratch(reader)));
    percent_decode(decoded);
    *path = decoded;
    return ingest_check_path(reader, decoded);
}

static const char *without_scheme(const char *href)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    apr_size_t length = strspn(href, characters);
    if (length == 0 || strncmp(href + length, "://", 3) != 0)
        return href;
    const char *rest = href + length + 3;
    if (ingest_scheme_has_host(href, length))
        rest += strcspn(rest, "/");
    return rest + strspn(rest, "/");
}

int ingest_scheme_has_host(const char *scheme, apr_size_t length)
{
    for (int i = 0; host_schemes[i]; i++) {
        if (strlen(host_schemes[i]) == length && strncasecmp(scheme, host_schemes[i], length) == 0)
            return 1;
    }
    return 0;
}

/* A percent sign that begins no escape stands for itself: the original does not encode its hrefs. */
static void percent_decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        int high = *from == '%' ? hex_value(from[1]) : -1;
        int low = high >= 0 ? hex_value(from[2]) : -1;
        *to++ = (char)(low >= 0 ? high * 16 + low : *from);
        if (low >= 0)
            from += 2;
    }
    *to = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

tardis_error_t *ingest_check_path(tardis_xml_reader_t *reader, const char *path)
{
    tardis_error_t *error = tardis_path_check(path, tardis_xml_scratch(reader));
    return error ? tardis_xml_fail(reader, error->code, "%s", error->text) : NULL;
}

const char *ingest_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

tardis_error_t *ingest_fits(const tardis_xml_reader_t *reader, const char *value, const char *what,
                            apr_size_t maximum)
{
    apr_size_t length = maximum == TARDIS_TEXT_MAX ? strlen(value) : xml_characters(value);
    return length <= maximum ? NULL
                             : tardis_xml_fail(reader, TARDIS_DOCUMENT_LIMIT,
                                               "the %s is longer than %" APR_SIZE_T_FMT " %s", what, maximum,
                                               maximum == TARDIS_TEXT_MAX ? "bytes" : "characters");
}

void ingest_digest(tardis_xml_reader_t *reader, const char *digest, const char *algorithm_name,
                   tardis_datafile_t *datafile)
{
    apr_pool_t *scratch = tardis_xml_scratch(reader);
    digest = digest ? xml_trim(digest, scratch) : "";
    algorithm_name = algorithm_name ? xml_trim(algorithm_name, scratch) : "";
    tardis_digest_algorithm_t algorithm = tardis_digest_by_name(algorithm_name);
    apr_size_t length = tardis_digest_length(algorithm);
    datafile->digest_algorithm = TARDIS_DIGEST_NONE;
    if (!*digest)
        datafile->digest_note = "the document gives no digest";
    else if (!*algorithm_name)
        datafile->digest_note =
            apr_psprintf(scratch, "the document does not say what digest \"%s\" is", shown(digest, scratch));
    else if (algorithm == TARDIS_DIGEST_NONE)
        datafile->digest_note = apr_psprintf(scratch, "the document's digest is of the unknown type \"%s\"",
                                             shown(algorithm_name, scratch));
    else if (!tardis_hex_decode(digest, datafile->digest, length))
        datafile->digest_note = apr_psprintf(
            scratch, "the document's digest \"%s\" is not the %" APR_SIZE_T_FMT " hexadecimal digits of %s",
            shown(digest, scratch), length * 2, tardis_digest_name(algorithm));
    else
        datafile->digest_algorithm = algorithm;
}

static const char *shown(const char *text, apr_pool_t *pool)
{
    char *excerpt = apr_pstrdup(pool, xml_clip(text, strlen(text), SHOWN_MAX, pool));
    for (char *c = excerpt; *c; c++) {
        if (apr_iscntrl(*c))
            *c = '?';
    }
    return excerpt;
}
