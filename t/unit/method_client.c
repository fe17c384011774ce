/*
 * For the tests of the transfer methods: moves the files that standard input names, one "size algorithm
 * hexdigest path" a line, and prints what became of each and of the job.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "tardis_http.h"
#include "tardis_transfer_method.h"

typedef struct {
    apr_pool_t *pool;
    apr_array_header_t *files; /* of tardis_transfer_file_t */
    int given;
    int outstanding; /* given and not done */
    int most;        /* of them at the same time */
    int done;
    apr_uint64_t moved;
    int stop_after;  /* files done; 0: never */
    int break_after; /* bytes moved; 0: never */
    apr_time_t last_tick;
    apr_time_t longest; /* between two ticks */
} sink_state_t;

static const apr_getopt_option_t options[] = {
    {"ca", 'c', 1, NULL},  {"stall", 's', 1, NULL},      {"parallel", 'p', 1, NULL},
    {"set", 'S', 1, NULL}, {"stop-after", 'a', 1, NULL}, {"break-after", 'b', 1, NULL},
    {NULL, 0, 0, NULL},
};

static tardis_transfer_file_t *next(void *baton)
{
    sink_state_t *state = baton;

    if (state->given == state->files->nelts)
        return NULL;
    if (++state->outstanding > state->most)
        state->most = state->outstanding;
    return &APR_ARRAY_IDX(state->files, state->given++, tardis_transfer_file_t);
}

static void moved(void *baton, apr_uint64_t bytes)
{
    ((sink_state_t *)baton)->moved += bytes;
}

static int done(void *baton, tardis_transfer_file_t *file, tardis_error_t *error)
{
    sink_state_t *state = baton;

    state->outstanding--;
    printf("done=%s %s\n", error ? tardis_error_name(error->code) : "ok", file->path);
    if (error)
        printf("why=%s\n", error->text);
    return ++state->done == state->stop_after;
}

static int tick(void *baton)
{
    sink_state_t *state = baton;
    apr_time_t now = apr_time_now();

    if (now - state->last_tick > state->longest)
        state->longest = now - state->last_tick;
    state->last_tick = now;
    return state->break_after && state->moved >= (apr_uint64_t)state->break_after;
}

static void read_files(sink_state_t *state)
{
    char line[8192];

    while (fgets(line, sizeof(line), stdin)) {
        tardis_transfer_file_t *file = apr_array_push(state->files);
        char *rest = NULL;
        line[strcspn(line, "\n")] = '\0';
        memset(file, 0, sizeof(*file));
        file->size = (apr_uint64_t)apr_atoi64(apr_strtok(line, " ", &rest));
        file->algorithm = tardis_digest_by_name(apr_strtok(NULL, " ", &rest));
        tardis_hex_decode(apr_strtok(NULL, " ", &rest), file->digest, tardis_digest_length(file->algorithm));
        file->path = apr_pstrdup(state->pool, rest);
    }
}

static void set(tardis_site_settings_t *settings, const char *argument, apr_pool_t *pool)
{
    tardis_site_setting_t *setting = apr_array_push(settings->transfer);
    const char *equals = strchr(argument, '=');

    setting->name = apr_pstrmemdup(pool, argument, (apr_size_t)(equals - argument));
    setting->value = equals + 1;
    if (strcmp(setting->name, "type") == 0)
        settings->transfer_type = setting->value;
}

static void take_option(tardis_transfer_job_t *job, tardis_site_settings_t *settings,
                        tardis_http_settings_t *http, sink_state_t *state, int option, const char *argument)
{
    switch (option) {
    case 'c': http->ca_file = argument; break;
    case 's': http->stall_timeout = atoi(argument); break;
    case 'p': job->parallel = atoi(argument); break;
    case 'S': set(settings, argument, state->pool); break;
    case 'a': state->stop_after = atoi(argument); break;
    case 'b': state->break_after = atoi(argument); break;
    }
}

static tardis_error_t *run(tardis_transfer_job_t *job, const tardis_http_settings_t *http_settings,
                           sink_state_t *state)
{
    const tardis_transfer_sink_t sink = {
        .baton = state, .next = next, .moved = moved, .done = done, .tick = tick};
    const tardis_transfer_method_t *method;
    tardis_context_t context = {.pool = state->pool};

    tardis_error_t *error = tardis_transfer_method_find(job->settings->transfer_type, &method, state->pool);
    if (!error)
        error = method->check(job->settings, state->pool);
    if (!error)
        error = tardis_http_create(&context.http, http_settings, state->pool);
    if (error)
        return error;
    state->last_tick = apr_time_now();
    return method->move(&context, job, &sink, state->pool);
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool;
    apr_getopt_t *parser;
    tardis_http_settings_t http = {.connect_timeout = 5};
    tardis_site_settings_t settings = {.transfer_type = ""};
    tardis_transfer_job_t job = {.settings = &settings, .parallel = 4};
    sink_state_t state = {0};
    const char *argument;
    int option;

    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    state.pool = pool;
    state.files = apr_array_make(pool, 64, sizeof(tardis_transfer_file_t));
    settings.transfer = apr_array_make(pool, 8, sizeof(tardis_site_setting_t));
    settings.email_endswith = apr_array_make(pool, 1, sizeof(const char *));
    apr_getopt_init(&parser, pool, argc, argv);
    while (apr_getopt_long(parser, options, &option, &argument) == APR_SUCCESS)
        take_option(&job, &settings, &http, &state, option, argument);
    job.source = argv[parser->ind];
    job.dest_path = argv[parser->ind + 1];
    read_files(&state);

    tardis_error_t *error = run(&job, &http, &state);
    printf("result=%s\ntext=%s\nmoved=%" APR_UINT64_T_FMT "\nmost=%d\nlongest=%d\n",
           error ? tardis_error_name(error->code) : "ok", error ? error->text : "", state.moved, state.most,
           (int)apr_time_as_msec(state.longest));
    apr_terminate();
    return 0;
}
