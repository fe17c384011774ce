#include "tardis_synced_report.h"

#include "tardis_db.h"

/* There are at most five states after a start; more is left of what another version wrote. */
#define WAY_MAX 12
/* Kinds of failures that are told. */
#define FAILURES_MAX 20

static tardis_error_t *find_start(const tardis_context_t *context, apr_uint64_t experiment_id,
                                  tardis_synced_story_t *story, apr_uint64_t *start, apr_pool_t *pool);
static tardis_error_t *read_failures(const tardis_context_t *context, apr_uint64_t experiment_id,
                                     apr_uint64_t start, tardis_synced_story_t *story, apr_pool_t *pool);
static tardis_error_t *read_way(const tardis_context_t *context, apr_uint64_t experiment_id,
                                apr_uint64_t start, tardis_synced_story_t *story, apr_pool_t *pool);

tardis_error_t *tardis_synced_story(const tardis_context_t *context, apr_uint64_t experiment_id,
                                    tardis_synced_story_t **story, apr_pool_t *pool)
{
    apr_uint64_t start;
    *story = apr_pcalloc(pool, sizeof(**story));
    tardis_error_t *error = find_start(context, experiment_id, *story, &start, pool);
    if (!error)
        error = read_failures(context, experiment_id, start, *story, pool);
    if (!error)
        error = read_way(context, experiment_id, start, *story, pool);
    return error;
}

/* @param start the event by which it was last started; 0: there is none. */
static tardis_error_t *find_start(const tardis_context_t *context, apr_uint64_t experiment_id,
                                  tardis_synced_story_t *story, apr_uint64_t *start, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT b.start, b.starts,"
        " (SELECT COUNT(*) FROM synced_event v WHERE v.experiment_id = ? AND v.id < b.start"
        "  AND v.code IS NOT NULL)"
        " FROM (SELECT COALESCE(MAX(id), 0) AS start, COUNT(*) AS starts FROM synced_event"
        "  WHERE experiment_id = ? AND to_state = '" TARDIS_STATE_INGESTED "') AS b",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_unsigned(experiment_id)), &rows, pool);
    if (error)
        return error;
    *start = 0;
    if (tardis_db_rows_next(rows)) {
        *start = tardis_db_rows_unsigned(rows, 0);
        story->starts = tardis_db_rows_unsigned(rows, 1);
        story->failures_before = tardis_db_rows_unsigned(rows, 2);
    }
    return NULL;
}

static tardis_error_t *read_failures(const tardis_context_t *context, apr_uint64_t experiment_id,
                                     apr_uint64_t start, tardis_synced_story_t *story, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    story->failures = apr_array_make(pool, 4, sizeof(tardis_synced_failure_t));
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT k.code, v.text, k.failures, k.first_at, k.last_at FROM"
        " (SELECT code, COUNT(*) AS failures, MIN(at) AS first_at, MAX(at) AS last_at, MAX(id) AS last_id"
        "  FROM synced_event WHERE experiment_id = ? AND id >= ? AND code IS NOT NULL GROUP BY code) AS k"
        " JOIN synced_event v ON v.id = k.last_id ORDER BY k.last_id DESC LIMIT ?",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_unsigned(start),
                         tardis_db_signed(FAILURES_MAX)),
        &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        *(tardis_synced_failure_t *)apr_array_push(story->failures) = (tardis_synced_failure_t){
            .code = tardis_db_rows_text(rows, 0),
            .text = tardis_db_rows_text(rows, 1),
            .count = tardis_db_rows_unsigned(rows, 2),
            .first_at = tardis_db_rows_time(rows, 3),
            .last_at = tardis_db_rows_time(rows, 4),
        };
    }
    return error;
}

static tardis_error_t *read_way(const tardis_context_t *context, apr_uint64_t experiment_id,
                                apr_uint64_t start, tardis_synced_story_t *story, apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    story->way = apr_array_make(pool, WAY_MAX, sizeof(tardis_synced_event_t));
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT at, host, kind, from_state, to_state, code, text FROM"
        " (SELECT id, at, host, kind, from_state, to_state, code, text FROM synced_event"
        "  WHERE experiment_id = ? AND id >= ? AND to_state IS NOT NULL ORDER BY id DESC LIMIT ?) AS latest"
        " ORDER BY id",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_unsigned(start),
                         tardis_db_signed(WAY_MAX)),
        &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        *(tardis_synced_event_t *)apr_array_push(story->way) = (tardis_synced_event_t){
            .at = tardis_db_rows_time(rows, 0),
            .host = tardis_db_rows_text(rows, 1),
            .kind = tardis_db_rows_text(rows, 2),
            .from_state = tardis_db_rows_text(rows, 3),
            .to_state = tardis_db_rows_text(rows, 4),
            .code = tardis_db_rows_text(rows, 5),
            .text = tardis_db_rows_text(rows, 6),
        };
    }
    return error;
}
