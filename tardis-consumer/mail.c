#include "mail.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>

enum {
    ADDRESS_MAX = 254,       /* RFC 5321, 4.5.3.1.3 */
    ENCODED_WORD_BYTES = 39, /* 64 bytes as an encoded word: with "Subject: " within the 76 of a line */
    QUOTED_LINE_MAX = 76     /* RFC 2045, 6.7 */
};

static const char *header_text(const char *text, apr_pool_t *pool);
static int is_plain(const char *text);
static const char *encoded_words(const char *text, apr_pool_t *pool);
static const char *date(apr_time_t time, apr_pool_t *pool);
static const char *quoted_printable(const char *text, apr_pool_t *pool);

int mail_address_is_plausible(const char *address)
{
    const char *at = strchr(address, '@');
    if (!at || at == address || !at[1] || strchr(at + 1, '@') || strlen(address) > ADDRESS_MAX)
        return 0;
    for (const char *c = address; *c; c++) {
        if (!apr_isalnum(*c) && !strchr("@.!#$%&'*+/=?^_`{|}~-", *c))
            return 0;
    }
    return address[0] != '.' && address[0] != '-' && at[1] != '.' && at[1] != '-';
}

const char *mail_message(const tardis_notification_t *notification, apr_uint64_t stands_for, const char *from,
                         apr_pool_t *pool)
{
    const char *name = apr_psprintf(pool, "%" APR_UINT64_T_FMT "-%" APR_TIME_T_FMT, notification->id,
                                    notification->created_at);
    if (stands_for > 1)
        name = apr_psprintf(pool, "digest-%" APR_UINT64_T_FMT "-%" APR_UINT64_T_FMT, notification->id,
                            stands_for);
    return apr_psprintf(pool,
                        "Date: %s\r\n"
                        "Message-ID: <tardis-%s%s>\r\n"
                        "From: %s\r\n"
                        "To: %s\r\n"
                        "Subject: %s\r\n"
                        "Auto-Submitted: auto-generated\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n"
                        "\r\n"
                        "%s",
                        date(notification->created_at, pool), name, strchr(from, '@'), from,
                        notification->recipient, header_text(notification->subject, pool),
                        quoted_printable(notification->body, pool));
}

/* Unstructured text that cannot end its header, whatever it holds. */
static const char *header_text(const char *text, apr_pool_t *pool)
{
    char *clean = apr_pstrdup(pool, text);
    for (char *c = clean; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
    return is_plain(clean) ? clean : encoded_words(clean, pool);
}

static int is_plain(const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c >= 0x80)
            return 0;
    }
    return strstr(text, "=?") == NULL;
}

/* RFC 2047: no line with an encoded word is longer than 76 characters, and no word ends within a character.
 */
static const char *encoded_words(const char *text, apr_pool_t *pool)
{
    const char *encoded = "";
    while (*text) {
        int length = (int)strlen(text);
        if (length > ENCODED_WORD_BYTES) {
            length = ENCODED_WORD_BYTES;
            while (length > 1 && ((unsigned char)text[length] & 0xc0) == 0x80)
                length--;
        }
        char *word = apr_pcalloc(pool, (apr_size_t)apr_base64_encode_len(length));
        apr_base64_encode(word, text, length);
        encoded = apr_pstrcat(pool, encoded, *encoded ? "\r\n " : "", "=?UTF-8?B?", word, "?=", NULL);
        text += length;
    }
    return encoded;
}

static const char *date(apr_time_t time, apr_pool_t *pool)
{
    char *text = apr_pcalloc(pool, APR_RFC822_DATE_LEN + 3);
    apr_rfc822_date(text, time);
    char *zone = strstr(text, "GMT");
    if (zone)
        memcpy(zone, "+0000", sizeof("+0000"));
    return text;
}

static const char *quoted_printable(const char *text, apr_pool_t *pool)
{
    static const char digits[] = "0123456789ABCDEF";
    /* Each byte becomes three at most, and a soft line break adds three for every 73 at least. */
    char *encoded = apr_palloc(pool, strlen(text) * 4 + 8);
    char *out = encoded;
    int column = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '\n') {
            *out++ = '\r';
            *out++ = '\n';
            column = 0;
            continue;
        }
        int plain = (*c > 0x20 && *c < 0x7f && *c != '=') || (*c == ' ' && c[1] && c[1] != '\n');
        if (column + (plain ? 1 : 3) >= QUOTED_LINE_MAX) {
            memcpy(out, "=\r\n", 3);
            out += 3;
            column = 0;
        }
        if (plain) {
            *out++ = (char)*c;
            column += 1;
        } else {
            *out++ = '=';
            *out++ = digits[*c >> 4];
            *out++ = digits[*c & 15];
            column += 3;
        }
    }
    *out = '\0';
    return encoded;
}
