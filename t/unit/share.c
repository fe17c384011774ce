/* What the threads of a process share: queries of statuses and clients that were found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <apr_atomic.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "tardis_key_cache.h"
#include "tardis_status_share.h"

#define THREADS 16
#define ROUNDS 150

/* What one thread does, and how it went; checked by the main thread, because cmocka knows only that. */
typedef struct {
    tardis_status_share_t *share;
    tardis_key_cache_t *cache;
    int number;
    int answered;
    int failed;
    const char *wrong; /* NULL: nothing */
    apr_pool_t *pool;
} worker_t;

static volatile apr_uint32_t asks, prepared;

static const tardis_sync_settings_t settings = {.institution = "tardis"};
static const tardis_sync_client_t clients[] = {{"A", "https://a.example/"}, {"B", "https://b.example/"}};

static tardis_error_t *no_status(const tardis_context_t *context, const tardis_sync_settings_t *own_settings,
                                 const tardis_sync_client_t *client, const char *uid,
                                 tardis_status_t **status, apr_pool_t *pool)
{
    (void)context, (void)own_settings, (void)client, (void)status;
    return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "%s was asked alone", uid);
}

/* Long enough that others come meanwhile; every seventh query fails. */
static tardis_error_t *statuses(const tardis_context_t *context, const tardis_sync_settings_t *own_settings,
                                const tardis_sync_client_t *client, tardis_status_query_t *const *queries,
                                int count, apr_pool_t *pool)
{
    (void)context, (void)own_settings;
    apr_sleep(2000);
    if (apr_atomic_inc32(&asks) % 7 == 6)
        return tardis_error_create(pool, TARDIS_DATABASE_UNAVAILABLE, "this query failed");
    for (int i = 0; i < count; i++) {
        apr_pool_t *own = queries[i]->pool;
        if (strcmp(queries[i]->uid, "unknown") == 0) {
            queries[i]->error = tardis_error_create(own, TARDIS_UID_UNKNOWN, "unknown");
            continue;
        }
        tardis_status_t *status = apr_pcalloc(own, sizeof(*status));
        status->status = TARDIS_STATUS_IN_PROGRESS;
        status->message = apr_pstrcat(own, client->site_url, queries[i]->uid, NULL);
        queries[i]->status = status;
    }
    return NULL;
}

static const tardis_sync_manager_t manager = {.name = "test", .status = no_status, .statuses = statuses};

static tardis_error_t *prepare(void *baton)
{
    if (apr_atomic_inc32(&prepared) % 11 == 10)
        return tardis_error_create(baton, TARDIS_DATABASE_UNAVAILABLE, "there is no database");
    return NULL;
}

static const char *check(const tardis_status_t *status, const char *uid, const tardis_sync_client_t *client,
                         apr_pool_t *pool)
{
    if (strcmp(uid, "unknown") == 0)
        return status->status == TARDIS_STATUS_BAD_REQUEST ? NULL : "an unknown uid was answered";
    const char *expected = apr_pstrcat(pool, client->site_url, uid, NULL);
    return strcmp(status->message, expected) == 0 ? NULL
                                                  : apr_psprintf(pool, "%s for %s", status->message, uid);
}

static void *APR_THREAD_FUNC ask_again_and_again(apr_thread_t *thread, void *data)
{
    worker_t *worker = data;
    for (int round = 0; round < ROUNDS && !worker->wrong; round++) {
        apr_pool_t *pool;
        apr_pool_create(&pool, worker->pool);
        const tardis_sync_client_t *client = &clients[worker->number % 2];
        tardis_context_t context = {.pool = pool};
        tardis_status_t *status = NULL;
        const char *uid = round % 10 == 3 ? "unknown" : apr_psprintf(pool, "t.%d.%d", worker->number, round);
        const tardis_status_ask_t ask = {&context, &manager, &settings, client, uid, prepare, pool};
        tardis_error_t *error = tardis_status_share_ask(worker->share, &ask, &status, pool);
        if (error) {
            worker->failed++;
            if (error->code != TARDIS_DATABASE_UNAVAILABLE)
                worker->wrong = apr_pstrdup(worker->pool, error->text);
        } else {
            worker->answered++;
            worker->wrong = apr_pstrdup(worker->pool, check(status, uid, client, pool));
        }
        apr_pool_destroy(pool);
    }
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* Each worker's pool has an allocator of its own, as a connection's has in httpd. */
static void run_all(worker_t *workers, apr_thread_start_t run, apr_pool_t *pool)
{
    apr_thread_t *threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        apr_allocator_t *allocator;
        assert_int_equal(apr_allocator_create(&allocator), APR_SUCCESS);
        assert_int_equal(apr_pool_create_ex(&workers[i].pool, NULL, NULL, allocator), APR_SUCCESS);
        apr_allocator_owner_set(allocator, workers[i].pool);
        workers[i].number = i;
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(apr_thread_create(&threads[i], NULL, run, &workers[i], pool), APR_SUCCESS);
    for (int i = 0; i < THREADS; i++) {
        apr_status_t ended;
        apr_thread_join(&ended, threads[i]);
    }
}

static void finish(worker_t *workers)
{
    for (int i = 0; i < THREADS; i++) {
        if (workers[i].wrong)
            fail_msg("thread %d: %s", i, workers[i].wrong);
        apr_pool_destroy(workers[i].pool);
    }
}

static void threads_share_and_get_their_own(void **state)
{
    worker_t workers[THREADS] = {{0}};
    tardis_status_share_t *share;
    int answered = 0, failed = 0;
    assert_null(tardis_status_share_create(&share, *state));
    for (int i = 0; i < THREADS; i++)
        workers[i].share = share;
    run_all(workers, ask_again_and_again, *state);
    for (int i = 0; i < THREADS; i++) {
        answered += workers[i].answered;
        failed += workers[i].failed;
    }
    finish(workers);
    assert_int_equal(answered + failed, THREADS * ROUNDS);
    assert_true(answered > 0);
    assert_true(failed > 0);
    assert_true(apr_atomic_read32(&asks) < THREADS * ROUNDS / 2);
}

static void *APR_THREAD_FUNC look_up_again_and_again(apr_thread_t *thread, void *data)
{
    worker_t *worker = data;
    for (int round = 0; round < ROUNDS * 20 && !worker->wrong; round++) {
        apr_pool_t *pool;
        apr_pool_create(&pool, worker->pool);
        tardis_key_ticket_t ticket;
        int number = (worker->number + round) % 600;
        const char *key = apr_psprintf(pool, "key %d", number);
        const char *address = number % 3 ? "127.0.0.1" : "::1";
        const tardis_sync_client_t *client = tardis_key_cache_get(worker->cache, address, key, &ticket, pool);
        if (client && (strcmp(client->site_name, key) != 0 || strcmp(client->site_url, address) != 0))
            worker->wrong = apr_psprintf(worker->pool, "%s for %s", client->site_name, key);
        worker->answered += client != NULL;
        const tardis_sync_client_t found = {key, address};
        if (!client)
            tardis_key_cache_put(worker->cache, &ticket, &found);
        apr_pool_destroy(pool);
    }
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void threads_find_the_client_of_their_key(void **state)
{
    worker_t workers[THREADS] = {{0}};
    tardis_key_cache_t *cache;
    int answered = 0;
    assert_null(tardis_key_cache_create(&cache, *state));
    for (int i = 0; i < THREADS; i++)
        workers[i].cache = cache;
    run_all(workers, look_up_again_and_again, *state);
    for (int i = 0; i < THREADS; i++)
        answered += workers[i].answered;
    finish(workers);
    assert_true(answered > 0);
}

/* Looks up and remembers, again if this thread was held up for so long that it is forgotten already. */
static const tardis_sync_client_t *remembered(tardis_key_cache_t *cache, const tardis_sync_client_t *client,
                                              tardis_key_ticket_t *ticket, apr_pool_t *pool)
{
    const tardis_sync_client_t *found = NULL;
    tardis_key_ticket_t other;
    for (int i = 0; i < 20 && !found; i++) {
        tardis_key_cache_get(cache, "127.0.0.1", "secret", ticket, pool);
        tardis_key_cache_put(cache, ticket, client);
        found = tardis_key_cache_get(cache, "127.0.0.1", "secret", &other, pool);
    }
    assert_non_null(found);
    return found;
}

static void a_client_is_remembered_for_its_address_and_a_moment(void **state)
{
    tardis_key_cache_t *cache;
    tardis_key_ticket_t ticket, other, late;
    assert_null(tardis_key_cache_create(&cache, *state));
    const tardis_sync_client_t *client = remembered(cache, &clients[0], &ticket, *state);
    assert_string_equal(client->site_name, "A");
    assert_string_equal(client->site_url, "https://a.example/");
    assert_null(tardis_key_cache_get(cache, "127.0.0.2", "secret", &other, *state));
    assert_null(tardis_key_cache_get(cache, "127.0.0.1", "secret2", &other, *state));

    apr_sleep(TARDIS_KEY_CACHE_LIFE);
    assert_null(tardis_key_cache_get(cache, "127.0.0.1", "secret", &other, *state));
    tardis_key_cache_put(cache, &ticket, &clients[0]);
    assert_null(tardis_key_cache_get(cache, "127.0.0.1", "secret", &other, *state));
    remembered(cache, &clients[1], &late, *state);
    tardis_key_cache_put(cache, &ticket, &clients[0]);
    client = tardis_key_cache_get(cache, "127.0.0.1", "secret", &other, *state);
    assert_true(!client || strcmp(client->site_name, "B") == 0);
}

static void what_does_not_fit_is_not_remembered(void **state)
{
    tardis_key_cache_t *cache;
    tardis_key_ticket_t ticket;
    char *name = apr_palloc(*state, 1022);
    memset(name, 'x', 1021);
    name[1021] = '\0';
    const tardis_sync_client_t client = {name, "https://a.example/"};
    assert_null(tardis_key_cache_create(&cache, *state));
    assert_null(tardis_key_cache_get(cache, "127.0.0.1", "secret", &ticket, *state));
    tardis_key_cache_put(cache, &ticket, &client);
    assert_null(tardis_key_cache_get(cache, "127.0.0.1", "secret", &ticket, *state));
}

static int start(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int end(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(threads_share_and_get_their_own, start, end),
        cmocka_unit_test_setup_teardown(threads_find_the_client_of_their_key, start, end),
        cmocka_unit_test_setup_teardown(a_client_is_remembered_for_its_address_and_a_moment, start, end),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_not_remembered, start, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    apr_initialize();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
