/* Status documents: one, the answer about many, and what a provider can do. The first byte says which. What was
 * read is written and read again, and is the same. */
#include "fuzz.h"

#include <string.h>

#include "tardis_status.h"

static int abilities(const char *data, apr_size_t size, apr_pool_t *pool);
static int one(const char *data, apr_size_t size, apr_pool_t *pool);
static void same(const tardis_status_t *a, const tardis_status_t *b);
static int many(const char *data, apr_size_t size, apr_pool_t *pool);

static const tardis_error_code_t allowed[] = {TARDIS_ANSWER_MALFORMED, TARDIS_ERROR_CODES};

int fuzz_status(const char *data, apr_size_t size, apr_pool_t *pool)
{
    if (size == 0)
        return 0;
    if (data[0] == 'm')
        return many(data + 1, size - 1, pool);
    return data[0] == 'p' ? abilities(data + 1, size - 1, pool) : one(data, size, pool);
}

static int abilities(const char *data, apr_size_t size, apr_pool_t *pool)
{
    tardis_protocol_t protocol = {-1, -1};
    tardis_error_t *error = tardis_protocol_decode(data, size, &protocol, pool);
    if (error)
        fuzz_check_error(error, allowed);
    else
        FUZZ_PROMISE(protocol.batch_status >= 0 && protocol.batch_status <= TARDIS_STATUS_BATCH_MAX &&
                     protocol.get_files >= 0 && protocol.get_files <= TARDIS_GET_FILES_MAX);
    return !error;
}

static int one(const char *data, apr_size_t size, apr_pool_t *pool)
{
    tardis_status_t *status;
    tardis_status_t *again;
    tardis_error_t *error = tardis_status_decode(data, size, &status, pool);
    if (error) {
        fuzz_check_error(error, allowed);
        return 0;
    }
    FUZZ_PROMISE(tardis_status_human(status->status));
    const char *text = tardis_status_encode(status, pool);
    FUZZ_PROMISE(!tardis_status_decode(text, strlen(text), &again, pool));
    same(status, again);
    return 1;
}

static void same(const tardis_status_t *a, const tardis_status_t *b)
{
    FUZZ_PROMISE(a->status == b->status);
    FUZZ_PROMISE(strcmp(a->message, b->message) == 0 && strcmp(a->progress, b->progress) == 0);
    FUZZ_PROMISE(strcmp(a->error, b->error) == 0 && strcmp(a->code, b->code) == 0);
    FUZZ_PROMISE(a->files_done == b->files_done && a->files_total == b->files_total);
    FUZZ_PROMISE(a->bytes_done == b->bytes_done && a->bytes_total == b->bytes_total);
}

static int many(const char *data, apr_size_t size, apr_pool_t *pool)
{
    static const char *const uids[] = {"tardis.1", "tardis.2", "x"};
    tardis_status_answer_t answers[3];
    tardis_error_t *error = tardis_statuses_decode(data, size, uids, 3, answers, pool);
    if (error) {
        fuzz_check_error(error, allowed);
        return 0;
    }
    for (int i = 0; i < 3; i++) {
        FUZZ_PROMISE(!answers[i].status == !!answers[i].error);
        if (answers[i].error)
            fuzz_check_error(answers[i].error, allowed);
        else
            FUZZ_PROMISE(tardis_status_human(answers[i].status->status));
    }
    return 1;
}
