/*
 * For the tests of the engine: sends what its options say and prints how each request ended, one
 * "name=value" a line, a blank line after each. `--end` says how the engine ends while requests are in
 * flight.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>

#include "tardis_http.h"

typedef struct {
    tardis_http_settings_t settings;
    tardis_http_request_t request;
    apr_array_header_t *parts;
    apr_array_header_t *recipients;
    apr_int64_t break_at; /* the body is broken off here; -1: not */
    int repeat;           /* requests one after the other */
    int together;         /* requests at the same time */
    const char *end;      /* abort, engine, request: how it ends after a moment */
    int milliseconds;     /* that moment */
} plan_t;

typedef struct {
    const plan_t *plan;
    apr_int64_t position;
} body_t;

static const apr_getopt_option_t options[] = {
    {"ca", 'c', 1, NULL},       {"connect", 'C', 1, NULL}, {"stall", 's', 1, NULL},
    {"total", 't', 1, NULL},    {"maximum", 'm', 1, NULL}, {"user", 'u', 1, NULL},
    {"password", 'p', 1, NULL}, {"header", 'H', 1, NULL},  {"field", 'f', 1, NULL},
    {"part", 'P', 1, NULL},     {"file", 'F', 1, NULL},    {"put", 'b', 1, NULL},
    {"break-at", 'B', 1, NULL}, {"bulk", 'k', 0, NULL},    {"repeat", 'r', 1, NULL},
    {"together", 'T', 1, NULL}, {"end", 'e', 1, NULL},     {"after", 'a', 1, NULL},
    {"from", 'x', 1, NULL},     {"to", 'y', 1, NULL},      {"message", 'z', 1, NULL},
    {"hosts", 'h', 1, NULL},    {NULL, 0, 0, NULL},
};

static long read_body(void *baton, char *buffer, apr_size_t size)
{
    body_t *body = baton;
    apr_int64_t left = body->plan->request.read_length - body->position;

    if (body->plan->break_at >= 0 && body->position >= body->plan->break_at)
        return -1;
    if ((apr_int64_t)size > left)
        size = (apr_size_t)left;
    memset(buffer, 'x', size);
    body->position += (apr_int64_t)size;
    return (long)size;
}

static int rewind_body(void *baton)
{
    ((body_t *)baton)->position = 0;
    return 0;
}

static int print_header(void *data, const char *name, const char *value)
{
    (void)data;
    printf("header=%s: %s\n", name, value);
    return 1;
}

static void print_response(const tardis_http_response_t *response)
{
    printf("error=%s\ntext=%s\nstatus=%ld\nretry_after=%d\nbody_length=%zu\nbody=%.*s\n",
           response->error ? tardis_error_name(response->error->code) : "",
           response->error ? response->error->text : "", response->status, response->retry_after,
           response->body_length, (int)strcspn(response->body, "\r\n"), response->body);
    apr_table_do(print_header, NULL, response->headers, NULL);
    printf("\n");
}

static void done(void *baton, tardis_http_response_t *response)
{
    (void)baton;
    print_response(response);
}

static void add_part(plan_t *plan, const char *argument, int is_file, apr_pool_t *pool)
{
    tardis_http_part_t *part = apr_array_push(plan->parts);
    const char *equals = strchr(argument, '=');

    memset(part, 0, sizeof(*part));
    part->name = apr_pstrmemdup(pool, argument, (apr_size_t)(equals - argument));
    if (is_file) {
        part->file = equals + 1;
        part->file_name = "METS.xml";
        part->content_type = "text/xml";
    } else {
        part->value = equals + 1;
    }
    plan->request.parts = plan->parts;
}

static void add_pair(apr_table_t **table, const char *argument, char between, apr_pool_t *pool)
{
    const char *sign = strchr(argument, between);
    if (!*table)
        *table = apr_table_make(pool, 4);
    apr_table_addn(*table, apr_pstrmemdup(pool, argument, (apr_size_t)(sign - argument)), sign + 1);
}

static void take_option(plan_t *plan, int option, const char *argument, apr_pool_t *pool)
{
    tardis_http_request_t *request = &plan->request;
    switch (option) {
    case 'c': plan->settings.ca_file = argument; break;
    case 'C': plan->settings.connect_timeout = atoi(argument); break;
    case 's': plan->settings.stall_timeout = atoi(argument); break;
    case 't': plan->settings.total_timeout = atoi(argument); break;
    case 'h': plan->settings.maximum_host_connections = atoi(argument); break;
    case 'm': request->maximum_answer = (apr_size_t)apr_atoi64(argument); break;
    case 'u': request->user = argument; break;
    case 'p': request->password = argument; break;
    case 'H': add_pair((apr_table_t **)&request->headers, argument, ':', pool); break;
    case 'f': add_pair((apr_table_t **)&request->fields, argument, '=', pool); break;
    case 'P': add_part(plan, argument, 0, pool); break;
    case 'F': add_part(plan, argument, 1, pool); break;
    case 'b':
        request->read = read_body;
        request->rewind = rewind_body;
        request->read_length = apr_atoi64(argument);
        break;
    case 'B': plan->break_at = apr_atoi64(argument); break;
    case 'k': request->flags |= TARDIS_HTTP_BULK; break;
    case 'r': plan->repeat = atoi(argument); break;
    case 'T': plan->together = atoi(argument); break;
    case 'e': plan->end = argument; break;
    case 'a': plan->milliseconds = atoi(argument); break;
    case 'x': request->mail_from = argument; break;
    case 'y': APR_ARRAY_PUSH(plan->recipients, const char *) = argument; break;
    case 'z': request->mail_message = argument; break;
    }
}

static void submit(tardis_http_t *http, plan_t *plan, tardis_http_done_fn *then, void *baton,
                   apr_pool_t *pool)
{
    tardis_http_request_t request = plan->request;
    body_t *body = apr_pcalloc(pool, sizeof(*body));
    body->plan = plan;
    request.read_baton = body;
    tardis_http_submit(http, &request, then, baton, pool);
}

/* Ends with requests in flight, in the way that is asked for. */
static void end(tardis_http_t *http, plan_t *plan, apr_pool_t *engine_pool, apr_pool_t *request_pool)
{
    tardis_http_run(http, plan->milliseconds, 0);
    if (strcmp(plan->end, "abort") == 0)
        tardis_http_abort(http);
    else if (strcmp(plan->end, "engine") == 0)
        apr_pool_destroy(engine_pool);
    else
        apr_pool_destroy(request_pool);
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool;
    apr_pool_t *engine_pool;
    apr_pool_t *request_pool;
    apr_getopt_t *parser;
    tardis_http_t *http;
    plan_t plan = {.break_at = -1, .repeat = 1};
    const char *argument;
    int option;

    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    apr_pool_create(&engine_pool, pool);
    apr_pool_create(&request_pool, pool);
    plan.parts = apr_array_make(pool, 2, sizeof(tardis_http_part_t));
    plan.recipients = apr_array_make(pool, 2, sizeof(const char *));
    apr_getopt_init(&parser, pool, argc, argv);
    while (apr_getopt_long(parser, options, &option, &argument) == APR_SUCCESS)
        take_option(&plan, option, argument, pool);
    plan.request.mail_to = plan.recipients;
    plan.request.method = argv[parser->ind];
    plan.request.url = argv[parser->ind + 1];

    tardis_error_t *error = tardis_http_create(&http, &plan.settings, engine_pool);
    if (error) {
        printf("error=%s\ntext=%s\n\n", tardis_error_name(error->code), error->text);
        return 1;
    }
    for (int i = 0; i < plan.repeat && !plan.together; i++) {
        body_t body = {.plan = &plan};
        plan.request.read_baton = &body;
        print_response(tardis_http_call(http, &plan.request, request_pool));
    }
    for (int i = 0; i < plan.together; i++)
        submit(http, &plan, done, NULL, request_pool);
    if (plan.end)
        end(http, &plan, engine_pool, request_pool);
    else
        tardis_http_run(http, -1, 0);
    printf("end=clean\n");
    apr_terminate();
    return 0;
}
