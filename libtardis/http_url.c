#include "http_internal.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "tardis_uid.h"

static int is_unreserved(char c);
static const char *problem_of(const char *url);
static const char *check_parts(CURLU *parts);
static int has_part(CURLU *parts, CURLUPart part);
static int prefix_length(const char *url);

const char *tardis_url_encode(const char *text, int keep_slashes, apr_pool_t *pool)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = apr_palloc(pool, 3 * strlen(text) + 1);
    char *out = encoded;

    for (const char *c = text; *c; c++) {
        if (is_unreserved(*c) || (keep_slashes && *c == '/')) {
            *out++ = *c;
        } else {
            *out++ = '%';
            *out++ = digits[(unsigned char)*c >> 4];
            *out++ = digits[(unsigned char)*c & 15];
        }
    }
    *out = '\0';
    return encoded;
}

/* RFC 3986, 2.3, in no locale. */
static int is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~", c) != NULL;
}

tardis_error_t *tardis_url_check(const char *url, apr_pool_t *pool)
{
    const char *problem = problem_of(url);
    return problem ? tardis_error_create(pool, TARDIS_USAGE, "the URL %s", problem) : NULL;
}

static const char *problem_of(const char *url)
{
    int prefix = prefix_length(url);

    if (prefix == 0)
        return "does not begin with https:// or http://";
    for (const unsigned char *c = (const unsigned char *)url; *c; c++) {
        if (*c <= 0x20 || *c == 0x7f)
            return "has a space or a control character";
    }
    if (!tardis_text_is_clean(url, strlen(url), ""))
        return "is not UTF-8 or has a control character";
    /* curl would take further slashes and skip them. */
    if (url[prefix] == '/' || url[prefix] == '\0')
        return "names no host";
    if (strchr(url, '#'))
        return "has a fragment (#)";
    CURLU *parts = curl_url();
    if (!parts)
        return "cannot be checked: no memory";
    const char *problem =
        curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK ? check_parts(parts) : "is not well-formed";
    curl_url_cleanup(parts);
    return problem;
}

static const char *check_parts(CURLU *parts)
{
    if (has_part(parts, CURLUPART_USER) || has_part(parts, CURLUPART_PASSWORD))
        return "has a user name or password";
    if (!has_part(parts, CURLUPART_HOST))
        return "names no host";
    return NULL;
}

static int has_part(CURLU *parts, CURLUPart part)
{
    char *value = NULL;
    int present = curl_url_get(parts, part, &value, 0) == CURLUE_OK;
    curl_free(value);
    return present;
}

/* Of "https://" or "http://"; 0: neither. */
static int prefix_length(const char *url)
{
    if (strncasecmp(url, "https://", 8) == 0)
        return 8;
    return strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
}

const char *tardis_url_origin(const char *url, apr_pool_t *pool)
{
    size_t prefix = (size_t)prefix_length(url);
    return apr_pstrmemdup(pool, url, prefix + strcspn(url + prefix, "/?"));
}

const char *http_url_host(const char *url, apr_pool_t *pool)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    char *port = NULL;
    const char *text = "the server";

    if (parts && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
        text = apr_pstrcat(pool, host, ":", port, NULL);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return text;
}
