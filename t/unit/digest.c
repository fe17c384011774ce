#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_file_info.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "tardis_digest.h"

static apr_pool_t *pool;
static const char *directory;

typedef struct {
    const char *name;
    apr_size_t length;
    const char *of_abc; /* the test vectors of RFC 1321 and FIPS 180-4 */
} known_t;

static const known_t known[] = {
    {"MD5", 16, "900150983cd24fb0d6963f7d28e17f72"},
    {"SHA-1", 20, "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"SHA-256", 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"SHA-384", 48,
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
    {"SHA-512", 64,
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};

static void digests_are_those_of_the_standards(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        unsigned char value[TARDIS_DIGEST_MAX];
        tardis_digest_t *digest;
        tardis_digest_algorithm_t algorithm = tardis_digest_by_name(known[i].name);
        assert_int_not_equal(algorithm, TARDIS_DIGEST_NONE);
        assert_string_equal(tardis_digest_name(algorithm), known[i].name);
        assert_int_equal(tardis_digest_length(algorithm), known[i].length);
        assert_null(tardis_digest_start(&digest, algorithm, pool));
        tardis_digest_update(digest, "a", 1);
        tardis_digest_update(digest, "bc", 2);
        tardis_digest_finish(digest, value);
        assert_string_equal(tardis_hex_encode(value, known[i].length, pool), known[i].of_abc);
    }
    unsigned char value[32];
    tardis_digest_sha256("abc", 3, value);
    assert_string_equal(tardis_hex_encode(value, 32, pool), known[2].of_abc);
}

static void other_names_are_no_algorithm(void **state)
{
    const char *const names[] = {"", "SHA512", "sha-512", "CRC32", "HAVAL", "MD5 ", "TODO"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(tardis_digest_by_name(names[i]), TARDIS_DIGEST_NONE);
    assert_string_equal(tardis_digest_name(TARDIS_DIGEST_NONE), "");
    assert_int_equal(tardis_digest_length(TARDIS_DIGEST_NONE), 0);
}

static void hex_is_exact(void **state)
{
    unsigned char bytes[2];
    (void)state;
    assert_true(tardis_hex_decode("0aFf", bytes, 2));
    assert_int_equal(bytes[0], 0x0a);
    assert_int_equal(bytes[1], 0xff);
    assert_false(tardis_hex_decode("0aF", bytes, 2));
    assert_false(tardis_hex_decode("0aFf0", bytes, 2));
    assert_false(tardis_hex_decode("0aFg", bytes, 2));
    assert_false(tardis_hex_decode("", bytes, 2));
    assert_true(tardis_hex_decode("", bytes, 0));
}

static void random_bytes_differ(void **state)
{
    unsigned char one[32] = {0};
    unsigned char other[32] = {0};
    (void)state;
    tardis_random_bytes(one, sizeof(one));
    tardis_random_bytes(other, sizeof(other));
    assert_memory_not_equal(one, other, sizeof(one));
}

/* A run of tardis_digest_files(): files 0 to count - 1, named by their number. */
typedef struct {
    int count;
    int given;
    int done;
    int inside; /* callbacks at the same time */
    apr_uint64_t reported;
    tardis_digest_job_t *jobs;
} run_t;

static void write_file(int number, apr_size_t size)
{
    char name[64];
    char *bytes = apr_palloc(pool, size + 1);
    memset(bytes, 'a' + number % 26, size);
    snprintf(name, sizeof(name), "%d", number);
    FILE *file = fopen(apr_pstrcat(pool, directory, "/", name, NULL), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void enter(run_t *run)
{
    run->inside++;
    assert_int_equal(run->inside, 1);
}

static tardis_digest_job_t *next(void *baton)
{
    run_t *run = baton;
    enter(run);
    tardis_digest_job_t *job = run->given < run->count ? &run->jobs[run->given++] : NULL;
    run->inside--;
    return job;
}

static void done(void *baton, tardis_digest_job_t *job)
{
    run_t *run = baton;
    enter(run);
    *(int *)job->baton += 1;
    run->done++;
    run->inside--;
}

static void progress(void *baton, apr_uint64_t bytes)
{
    run_t *run = baton;
    enter(run);
    run->reported = bytes;
    run->inside--;
}

static run_t *make_run(int count)
{
    run_t *run = apr_pcalloc(pool, sizeof(*run));
    run->count = count;
    run->jobs = apr_pcalloc(pool, (apr_size_t)count * sizeof(*run->jobs));
    for (int i = 0; i < count; i++) {
        run->jobs[i].directory = directory;
        run->jobs[i].path = apr_psprintf(pool, "%d", i);
        run->jobs[i].algorithm = TARDIS_DIGEST_SHA256;
        run->jobs[i].baton = apr_pcalloc(pool, sizeof(int));
    }
    return run;
}

static void every_file_is_hashed_once(void **state)
{
    enum { COUNT = 200 };
    const apr_size_t block = 1024 * 1024;
    apr_uint64_t bytes = 0;
    run_t *run = make_run(COUNT);
    (void)state;

    for (int i = 0; i < COUNT; i++) {
        apr_size_t size = i == 0 ? 0 : i == 1 ? block : i == 2 ? 3 * block + 1 : (apr_size_t)i;
        write_file(i, size);
        bytes += size;
    }
    assert_null(tardis_digest_files(4, next, done, progress, NULL, run, pool));
    assert_int_equal(run->done, COUNT);
    assert_int_equal(run->reported, bytes);
    for (int i = 0; i < COUNT; i++) {
        apr_size_t size = i == 0 ? 0 : i == 1 ? block : i == 2 ? 3 * block + 1 : (apr_size_t)i;
        unsigned char expected[32];
        char *content = apr_palloc(pool, size + 1);
        memset(content, 'a' + i % 26, size);
        tardis_digest_sha256(content, size, expected);
        assert_null(run->jobs[i].error);
        assert_int_equal(run->jobs[i].size, size);
        assert_memory_equal(run->jobs[i].value, expected, 32);
        assert_int_equal(*(int *)run->jobs[i].baton, 1);
    }
}

static void a_bad_file_does_not_stop_the_others(void **state)
{
    run_t *run = make_run(4);
    (void)state;
    run->jobs[1].path = "missing";
    run->jobs[2].path = "link";
    assert_int_equal(symlink("0", apr_pstrcat(pool, directory, "/link", NULL)), 0);
    assert_null(tardis_digest_files(2, next, done, NULL, NULL, run, pool));
    assert_int_equal(run->done, 4);
    assert_null(run->jobs[0].error);
    assert_int_equal(run->jobs[1].error->code, TARDIS_FILE_MISSING);
    assert_int_equal(run->jobs[2].error->code, TARDIS_FILE_NOT_REGULAR);
    assert_null(run->jobs[3].error);
}

static void without_algorithm_only_the_size_is_taken(void **state)
{
    run_t *run = make_run(3);
    (void)state;
    run->jobs[2].algorithm = TARDIS_DIGEST_NONE;
    assert_null(tardis_digest_files(0, next, done, progress, NULL, run, pool));
    assert_int_equal(run->jobs[2].size, 3 * 1024 * 1024 + 1);
    assert_int_equal(run->reported, 1024 * 1024);
}

static atomic_int polls;

static int stop_after_ten(void)
{
    return atomic_fetch_add(&polls, 1) >= 10;
}

static void a_stop_ends_early(void **state)
{
    run_t *run = make_run(200);
    (void)state;
    tardis_error_t *error = tardis_digest_files(2, next, done, progress, stop_after_ten, run, pool);
    assert_non_null(error);
    assert_int_equal(error->code, TARDIS_INTERRUPTED);
    assert_true(run->done < 200);
    for (int i = 0; i < 200; i++)
        assert_true(*(int *)run->jobs[i].baton <= 1);
}

static void nothing_to_do_is_no_error(void **state)
{
    run_t *run = make_run(0);
    (void)state;
    assert_null(tardis_digest_files(3, next, done, progress, NULL, run, pool));
    assert_int_equal(run->done, 0);
}

static int set_up(void **state)
{
    char *template;
    const char *temporary;
    (void)state;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (apr_temp_dir_get(&temporary, pool) != APR_SUCCESS)
        return -1;
    template = apr_pstrcat(pool, temporary, "/digest-XXXXXX", NULL);
    directory = mkdtemp(template);
    return directory ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++)
        unlink(apr_psprintf(pool, "%s/%d", directory, i));
    unlink(apr_pstrcat(pool, directory, "/link", NULL));
    rmdir(directory);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_standards),
        cmocka_unit_test(other_names_are_no_algorithm),
        cmocka_unit_test(hex_is_exact),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(every_file_is_hashed_once),
        cmocka_unit_test(a_bad_file_does_not_stop_the_others),
        cmocka_unit_test(without_algorithm_only_the_size_is_taken),
        cmocka_unit_test(a_stop_ends_early),
        cmocka_unit_test(nothing_to_do_is_no_error),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
