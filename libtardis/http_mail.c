#include "http_internal.h"

#include <string.h>
#include <strings.h>

static size_t read_mail(char *buffer, size_t size, size_t count, void *data);
static int rewind_mail(void *data, curl_off_t offset, int origin);

int http_request_is_mail(const tardis_http_request_t *request)
{
    return strncasecmp(request->url, "smtp://", 7) == 0 || strncasecmp(request->url, "smtps://", 8) == 0;
}

CURLcode http_mail_prepare(http_transfer_t *transfer)
{
    const tardis_http_request_t *request = &transfer->request;
    CURL *easy = transfer->easy;

    for (int i = 0; i < request->mail_to->nelts; i++) {
        struct curl_slist *longer =
            curl_slist_append(transfer->recipients, APR_ARRAY_IDX(request->mail_to, i, const char *));
        if (!longer)
            return CURLE_OUT_OF_MEMORY;
        transfer->recipients = longer;
    }
    curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, transfer->recipients);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_mail);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_mail);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
    return curl_easy_setopt(easy, CURLOPT_MAIL_FROM, request->mail_from);
}

static size_t read_mail(char *buffer, size_t size, size_t count, void *data)
{
    http_transfer_t *transfer = data;
    const char *rest = transfer->request.mail_message + transfer->mail_position;
    size_t length = strnlen(rest, size * count);

    memcpy(buffer, rest, length);
    transfer->mail_position += length;
    return length;
}

static int rewind_mail(void *data, curl_off_t offset, int origin)
{
    http_transfer_t *transfer = data;

    if (offset != 0 || origin != SEEK_SET)
        return CURL_SEEKFUNC_FAIL;
    transfer->mail_position = 0;
    return CURL_SEEKFUNC_OK;
}
