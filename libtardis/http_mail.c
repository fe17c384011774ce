#include "http_internal.h"

#include <string.h>
#include <strings.h>

static int note_command(CURL *easy, curl_infotype type, char *data, size_t size, void *baton);
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
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, note_command);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    return curl_easy_setopt(easy, CURLOPT_MAIL_FROM, request->mail_from);
}

/* Nothing is printed. Only the verb is kept: what follows AUTH is secret. QUIT comes after a failure. */
static int note_command(CURL *easy, curl_infotype type, char *data, size_t size, void *baton)
{
    http_transfer_t *transfer = baton;

    (void)easy;
    if (type == CURLINFO_HEADER_OUT && size >= sizeof(transfer->mail_command) &&
        memcmp(data, "QUIT", sizeof(transfer->mail_command)) != 0)
        memcpy(transfer->mail_command, data, sizeof(transfer->mail_command));
    return 0;
}

/* RFC 5321: 421 ends the session whenever it comes; the sender and what comes before are the session's. */
int http_mail_is_refused(const http_transfer_t *transfer)
{
    const char *command = transfer->mail_command;

    return transfer->response->status != 421 &&
           (memcmp(command, "RCPT", 4) == 0 || memcmp(command, "DATA", 4) == 0);
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
