#include "http_internal.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

/* What is under way since a command, and what it means if the server refuses then. */
/* clang-format off */
static const struct {
    const char *command;
    const char *refused;
    tardis_mail_refused_t what;
} phases[] = {
    {"", "session refused", TARDIS_MAIL_SESSION},
    {"AUTH", "login refused", TARDIS_MAIL_SESSION},
    {"MAIL", "sender refused", TARDIS_MAIL_SESSION},
    {"RCPT", "recipient refused", TARDIS_MAIL_RECIPIENTS},
    {"DATA", "message refused", TARDIS_MAIL_TEXT},
    {"QUIT", "session refused", TARDIS_MAIL_SESSION},
};
/* clang-format on */
enum { PHASES = sizeof(phases) / sizeof(phases[0]), QUITTING = PHASES - 1 };

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

/* Nothing is printed, and nothing kept but how far the session is: what follows AUTH is secret. */
static int note_command(CURL *easy, curl_infotype type, char *data, size_t size, void *baton)
{
    http_transfer_t *transfer = baton;

    (void)easy;
    for (int i = 0; type == CURLINFO_HEADER_OUT && i < PHASES; i++) {
        size_t length = strlen(phases[i].command);
        if (length > 0 && size >= length && memcmp(data, phases[i].command, length) == 0)
            transfer->mail_phase = i;
    }
    return 0;
}

/* QUIT is said after a failure as well; its reply tells nothing. */
void http_mail_note_reply(http_transfer_t *transfer, const char *line, size_t length)
{
    size_t kept = 0;

    if (transfer->mail_phase == QUITTING)
        return;
    while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == '\n'))
        length--;
    for (; kept < length && kept < sizeof(transfer->mail_reply) - 1; kept++) {
        transfer->mail_reply[kept] = '?';
        if (line[kept] >= 0x20 && line[kept] < 0x7f)
            transfer->mail_reply[kept] = line[kept];
    }
    transfer->mail_reply[kept] = '\0';
    transfer->mail_refuser = transfer->mail_phase;
}

/* RFC 5321: 421 ends the session whenever it comes. */
tardis_mail_refused_t http_mail_refused(const http_transfer_t *transfer, const char **text)
{
    int phase = transfer->mail_refuser;

    *text = apr_psprintf(transfer->pool, "%s: %s", phases[phase].refused, transfer->mail_reply);
    return transfer->response->status == 421 ? TARDIS_MAIL_SESSION : phases[phase].what;
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
