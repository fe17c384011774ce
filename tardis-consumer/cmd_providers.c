#include "commands.h"

#include <string.h>

#include <apr_strings.h>

#include "manual.h"
#include "paragraph.h"
#include "tardis_provider_health.h"

const tardis_command_option_t cmd_providers_options[] = {
    {"try", "URL", 0, "let the next tick try this one, however long it was to be left alone"},
    {"json", NULL, 0, "print a JSON array"},
    {NULL, NULL, 0, NULL},
};

/* One provider: what the database and the configuration know of it. */
typedef struct {
    tardis_provider_overview_t overview;
    const consumer_provider_t *section; /* NULL: there is none */
} line_t;

static tardis_error_t *try_now(const tardis_invocation_t *invocation, const char *given);
static const char *asking_states(apr_pool_t *pool);
static tardis_error_t *read_lines(const tardis_invocation_t *invocation, apr_array_header_t **lines);
static void add_unknown(apr_array_header_t *lines, const consumer_settings_t *settings, apr_pool_t *pool);
static const char *state_of(const line_t *line);
static void print_table(const apr_array_header_t *lines, apr_pool_t *pool);
static void add_row(apr_array_header_t *rows, const line_t *line, apr_pool_t *pool);
static void print_trouble(const line_t *line, const char *command, apr_pool_t *pool);
static json_t *line_json(const line_t *line);
static json_t *error_json(const tardis_provider_health_t *health);
static const char *advice_of(const char *code);

tardis_error_t *cmd_providers(tardis_invocation_t *invocation)
{
    const char *url = tardis_arguments_value(invocation->arguments, "try");
    apr_pool_t *pool = invocation->pool;
    apr_array_header_t *lines;
    if (url)
        return try_now(invocation, url);
    tardis_error_t *error = read_lines(invocation, &lines);
    if (error)
        return error;
    if (tardis_arguments_has(invocation->arguments, "json")) {
        json_t *array = json_array();
        for (int i = 0; i < lines->nelts; i++)
            json_array_append_new(array, line_json(&APR_ARRAY_IDX(lines, i, line_t)));
        return json_print(array, pool);
    }
    print_table(lines, pool);
    for (int i = 0; i < lines->nelts; i++)
        print_trouble(&APR_ARRAY_IDX(lines, i, line_t), consumer_command(invocation->config, pool), pool);
    return NULL;
}

static tardis_error_t *try_now(const tardis_invocation_t *invocation, const char *given)
{
    apr_pool_t *pool = invocation->pool;
    const char *url = consumer_base_url(given, pool);
    int is_left;
    int due;
    if (tardis_arguments_has(invocation->arguments, "json"))
        return tardis_error_create(pool, TARDIS_USAGE, "give --try or --json");
    tardis_error_t *error =
        tardis_provider_health_hasten(invocation->context, url, asking_states(pool), &is_left, &due, pool);
    if (error)
        return error;
    if (!is_left)
        return tardis_error_create(pool, TARDIS_CONFLICT, "the provider %.255s is not left alone", url);
    printf("provider %s is tried by the next tick%s\n", url,
           due ? "" : " to which something of it is due; nothing is now");
    return NULL;
}

static const char *asking_states(apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 4, sizeof(const char *));
    for (const fsm_state_t *state = fsm_states(); state->name; state++) {
        if (fsm_asks(state))
            APR_ARRAY_PUSH(names, const char *) = state->name;
    }
    return apr_array_pstrcat(pool, names, ',');
}

static tardis_error_t *read_lines(const tardis_invocation_t *invocation, apr_array_header_t **lines)
{
    apr_pool_t *pool = invocation->pool;
    consumer_settings_t *settings;
    apr_array_header_t *overview;
    tardis_error_t *error = consumer_settings_read(invocation->config, &settings, pool);
    if (!error)
        error = consumer_settings_read_keys(invocation->config, settings, pool);
    if (!error)
        error = tardis_provider_overview(invocation->context, &overview, pool);
    if (error)
        return error;
    *lines = apr_array_make(pool, 8, sizeof(line_t));
    for (int i = 0; i < overview->nelts; i++) {
        const tardis_provider_overview_t *known = &APR_ARRAY_IDX(overview, i, tardis_provider_overview_t);
        *(line_t *)apr_array_push(*lines) = (line_t){
            .overview = *known,
            .section = apr_hash_get(settings->providers, known->health.provider_url, APR_HASH_KEY_STRING)};
    }
    add_unknown(*lines, settings, pool);
    return NULL;
}

/* Those that are configured, and nothing has come of yet; each in its place. */
static void add_unknown(apr_array_header_t *lines, const consumer_settings_t *settings, apr_pool_t *pool)
{
    for (apr_hash_index_t *index = apr_hash_first(pool, settings->providers); index;
         index = apr_hash_next(index)) {
        const consumer_provider_t *section = apr_hash_this_val(index);
        int place = 0;
        while (place < lines->nelts &&
               strcmp(APR_ARRAY_IDX(lines, place, line_t).overview.health.provider_url, section->url) < 0)
            place++;
        if (place < lines->nelts &&
            strcmp(APR_ARRAY_IDX(lines, place, line_t).overview.health.provider_url, section->url) == 0)
            continue;
        apr_array_push(lines);
        for (int i = lines->nelts - 1; i > place; i--)
            APR_ARRAY_IDX(lines, i, line_t) = APR_ARRAY_IDX(lines, i - 1, line_t);
        APR_ARRAY_IDX(lines, place, line_t) =
            (line_t){.overview = {.health = {.provider_url = section->url}}, .section = section};
    }
}

/* What keeps it most from being asked. */
static const char *state_of(const line_t *line)
{
    const tardis_provider_health_t *health = &line->overview.health;
    if (!line->section)
        return "no-section";
    if (!line->section->key)
        return "no-key";
    if (line->overview.held_by)
        return "held";
    if (health->left_until && health->trial_until > health->now)
        return "being-tried";
    if (health->left_until > health->now)
        return "left-alone";
    if (health->left_until)
        return "tried-next";
    return health->failures ? "failing" : "asked";
}

static void print_table(const apr_array_header_t *lines, apr_pool_t *pool)
{
    static const char *const headings[] = {"PROVIDER",      "STATE",    "LEFT UNTIL",
                                           "FAILING SINCE", "FAILURES", "LAST ANSWER",
                                           "PENDING",       "FAILED",   "ERROR"};
    apr_array_header_t *rows = apr_array_make(pool, lines->nelts + 1, sizeof(apr_array_header_t *));
    apr_array_header_t *heading = apr_array_make(pool, 9, sizeof(const char *));
    APR_ARRAY_PUSH(rows, apr_array_header_t *) = heading;
    for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        APR_ARRAY_PUSH(heading, const char *) = headings[i];
    for (int i = 0; i < lines->nelts; i++)
        add_row(rows, &APR_ARRAY_IDX(lines, i, line_t), pool);
    tardis_print_table(stdout, rows, pool);
}

static void add_row(apr_array_header_t *rows, const line_t *line, apr_pool_t *pool)
{
    const tardis_provider_overview_t *overview = &line->overview;
    const tardis_provider_health_t *health = &overview->health;
    apr_array_header_t *row = apr_array_make(pool, 9, sizeof(const char *));
    APR_ARRAY_PUSH(rows, apr_array_header_t *) = row;
    APR_ARRAY_PUSH(row, const char *) = health->provider_url;
    APR_ARRAY_PUSH(row, const char *) = state_of(line);
    APR_ARRAY_PUSH(row, const char *) = tardis_format_time(health->left_until, pool);
    APR_ARRAY_PUSH(row, const char *) = tardis_format_time(health->failing_since, pool);
    APR_ARRAY_PUSH(row, const char *) = apr_psprintf(pool, "%" APR_UINT64_T_FMT, health->failures);
    APR_ARRAY_PUSH(row, const char *) = tardis_format_time(health->answered_at, pool);
    APR_ARRAY_PUSH(row, const char *) = apr_psprintf(pool, "%" APR_UINT64_T_FMT, overview->pending);
    APR_ARRAY_PUSH(row, const char *) = apr_psprintf(pool, "%" APR_UINT64_T_FMT, overview->failed);
    APR_ARRAY_PUSH(row, const char *) = health->error_code;
}

/* What there is no room for in a table. */
static void print_trouble(const line_t *line, const char *command, apr_pool_t *pool)
{
    const tardis_provider_overview_t *overview = &line->overview;
    const tardis_provider_health_t *health = &overview->health;
    const char *key = line->section ? line->section->problem : "no section of the configuration has its key";
    if (!key && !overview->held_by && !health->error_code)
        return;
    printf("\n%s\n", health->provider_url);
    if (key)
        paragraph_print(2, "", apr_pstrcat(pool, "It is not asked: ", key, ".", NULL));
    if (overview->held_by)
        paragraph_print(2, "",
                        apr_psprintf(pool, "%s holds it since %s: %s", overview->held_by,
                                     tardis_format_time(overview->held_at, pool), overview->hold_reason));
    if (health->error_code)
        paragraph_print(2, "", apr_psprintf(pool, "%s [%s]", health->error_text, health->error_code));
    if (health->error_code && advice_of(health->error_code))
        paragraph_print(2, "", advice_of(health->error_code));
    if (health->left_until)
        printf("  To try it now: %s providers --try %s\n", command,
               tardis_shell_quote(health->provider_url, pool));
}

static json_t *line_json(const line_t *line)
{
    const tardis_provider_overview_t *overview = &line->overview;
    const tardis_provider_health_t *health = &overview->health;
    const tardis_synced_hold_t hold = {.provider_url = health->provider_url,
                                       .reason = overview->hold_reason,
                                       .held_by = overview->held_by,
                                       .held_at = overview->held_at};
    json_t *object = json_object();
    json_object_set_new(object, "provider_url", json_text(health->provider_url));
    json_object_set_new(object, "state", json_text(state_of(line)));
    json_object_set_new(object, "configured", json_boolean(line->section != NULL));
    json_object_set_new(object, "key_readable", json_boolean(line->section && line->section->key));
    json_object_set_new(object, "key_problem", json_text(line->section ? line->section->problem : NULL));
    json_object_set_new(object, "left_until", json_time(health->left_until));
    json_object_set_new(object, "times_left_alone", json_integer((json_int_t)health->times_left));
    json_object_set_new(object, "tried_by",
                        json_text(health->trial_until > health->now ? health->trial_owner : NULL));
    json_object_set_new(object, "failing_since", json_time(health->failing_since));
    json_object_set_new(object, "failures", json_integer((json_int_t)health->failures));
    json_object_set_new(object, "last_answer_at", json_time(health->answered_at));
    json_object_set_new(object, "error", error_json(health));
    json_object_set_new(object, "hold", manual_hold_json(overview->held_by ? &hold : NULL));
    json_object_set_new(object, "pending", json_integer((json_int_t)overview->pending));
    json_object_set_new(object, "failed", json_integer((json_int_t)overview->failed));
    return object;
}

static json_t *error_json(const tardis_provider_health_t *health)
{
    if (!health->error_code)
        return json_null();
    return json_pack("{s:s, s:s?, s:s?}", "code", health->error_code, "text", health->error_text, "advice",
                     advice_of(health->error_code));
}

/* NULL: a newer version has written the code. */
static const char *advice_of(const char *code)
{
    tardis_error_code_t known = tardis_error_code_of(code);
    return known == TARDIS_ERROR_CODES ? NULL : tardis_error_advice(known);
}
