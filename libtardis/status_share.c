#include "tardis_status_share.h"

#include <string.h>

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

/* Most requests that are asked together. */
#define TOGETHER_MAX 64

typedef enum { WAITING, LEADING, ANSWERED } turn_t;

/* A request that waits; on the stack of its thread. */
typedef struct request_t {
    struct request_t *next;
    const tardis_status_ask_t *ask;
    tardis_status_query_t query;
    tardis_error_t *error; /* of the whole query; in the request's own pool */
    turn_t turn;
    apr_thread_cond_t *turned; /* turn is not WAITING any more */
} request_t;

struct tardis_status_share_t {
    apr_thread_mutex_t *lock; /* of all below, and of turn */
    request_t *first;         /* who waits to be taken by a leader, in the order of coming */
    request_t **end;          /* where the next one is put */
    int led;                  /* some thread leads, or was told to; else nobody waits */
};

static void line_up(tardis_status_share_t *share, request_t *request);
static int take(tardis_status_share_t *share, const request_t *leader, request_t **together);
static int may_share(const tardis_status_ask_t *a, const tardis_status_ask_t *b);
static tardis_error_t *lead(request_t *leader, request_t *const *together, int count);
static void turn_away(tardis_status_share_t *share, const request_t *leader, const tardis_error_t *error);
static void release(tardis_status_share_t *share, const request_t *leader, request_t *const *together,
                    int count);
static void turn(request_t *request, turn_t to);

tardis_error_t *tardis_status_share_create(tardis_status_share_t **share, apr_pool_t *pool)
{
    tardis_status_share_t *result = apr_pcalloc(pool, sizeof(*result));
    apr_status_t rv = apr_thread_mutex_create(&result->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_INTERNAL_ERROR, rv, "the lock of shared look-ups");
    result->end = &result->first;
    *share = result;
    return NULL;
}

tardis_error_t *tardis_status_share_ask(tardis_status_share_t *share, const tardis_status_ask_t *ask,
                                        tardis_status_t **status, apr_pool_t *pool)
{
    request_t *together[TOGETHER_MAX];
    request_t request = {.ask = ask, .query = {.uid = ask->uid, .pool = pool}, .turn = WAITING};
    apr_status_t rv = apr_thread_cond_create(&request.turned, pool);
    if (rv != APR_SUCCESS)
        return tardis_error_from_status(pool, TARDIS_INTERNAL_ERROR, rv, "a shared look-up");

    apr_thread_mutex_lock(share->lock);
    line_up(share, &request);
    while (request.turn == WAITING)
        apr_thread_cond_wait(request.turned, share->lock);
    if (request.turn == LEADING) {
        int count = take(share, &request, together);
        apr_thread_mutex_unlock(share->lock);
        tardis_error_t *unprepared = lead(&request, together, count);
        apr_thread_mutex_lock(share->lock);
        if (unprepared)
            turn_away(share, &request, unprepared);
        release(share, &request, together, count);
    }
    apr_thread_mutex_unlock(share->lock);
    *status = request.query.status;
    return request.error;
}

static void line_up(tardis_status_share_t *share, request_t *request)
{
    *share->end = request;
    share->end = &request->next;
    if (!share->led) {
        share->led = 1;
        request->turn = LEADING;
    }
}

/* Takes from the line who may share the leader's query: first the leader itself, if it is in line still. */
static int take(tardis_status_share_t *share, const request_t *leader, request_t **together)
{
    int count = 0;
    request_t **link = &share->first;
    while (*link && count < TOGETHER_MAX) {
        request_t *request = *link;
        if (may_share(leader->ask, request->ask)) {
            *link = request->next;
            together[count++] = request;
        } else {
            link = &request->next;
        }
    }
    while (*link)
        link = &(*link)->next;
    share->end = link;
    return count;
}

/* A status belongs to a site: another's requests never see it. */
static int may_share(const tardis_status_ask_t *a, const tardis_status_ask_t *b)
{
    return a->manager == b->manager && strcmp(a->client->site_url, b->client->site_url) == 0 &&
           strcmp(a->client->site_name, b->client->site_name) == 0 &&
           strcmp(a->settings->institution, b->settings->institution) == 0;
}

/* Every thread of those that share sleeps, so their pools are the leader's to use. Returns the error of
 * prepare. */
static tardis_error_t *lead(request_t *leader, request_t *const *together, int count)
{
    const tardis_status_ask_t *ask = leader->ask;
    tardis_status_query_t *queries[TOGETHER_MAX];
    for (int i = 0; i < count; i++)
        queries[i] = &together[i]->query;
    tardis_error_t *unprepared = ask->prepare(ask->baton);
    tardis_error_t *error = unprepared;
    if (!error)
        error = tardis_transfer_service_statuses(ask->context, ask->manager, ask->settings, ask->client,
                                                 queries, count, leader->query.pool);
    for (int i = 0; error && i < count; i++)
        together[i]->error = tardis_error_copy(together[i]->query.pool, error);
    return unprepared;
}

/* Without a database each of those in line would wait for it in vain, one after the other. With the lock
 * held. */
static void turn_away(tardis_status_share_t *share, const request_t *leader, const tardis_error_t *error)
{
    request_t *others[TOGETHER_MAX];
    int count;
    while ((count = take(share, leader, others)) > 0) {
        for (int i = 0; i < count; i++) {
            others[i]->error = tardis_error_copy(others[i]->query.pool, error);
            turn(others[i], ANSWERED);
        }
    }
}

/* Hands on the lead first, so that the next query is on its way while answers are sent. */
static void release(tardis_status_share_t *share, const request_t *leader, request_t *const *together,
                    int count)
{
    if (share->first)
        turn(share->first, LEADING);
    else
        share->led = 0;
    for (int i = 0; i < count; i++) {
        if (together[i] != leader)
            turn(together[i], ANSWERED);
    }
}

/* With the lock held; once it is not, the request may be gone. */
static void turn(request_t *request, turn_t to)
{
    request->turn = to;
    apr_thread_cond_signal(request->turned);
}
