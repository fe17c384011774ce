#include "transfer_status_db.h"

#include "tardis_db.h"

#define PLACES_4 "?, ?, ?, ?"
#define PLACES_16 PLACES_4 ", " PLACES_4 ", " PLACES_4 ", " PLACES_4
#define PLACES_64 PLACES_16 ", " PLACES_16 ", " PLACES_16 ", " PLACES_16
#define PLACES_256 PLACES_64 ", " PLACES_64 ", " PLACES_64 ", " PLACES_64
#define PLACES_512 PLACES_256 ", " PLACES_256

/* The columns brief_from_row() reads. */
#define BRIEF_COLUMNS                                                                                        \
    "experiment_id, id, state, files_done, files_total, bytes_done, bytes_total, error_code, error_text, "   \
    "told_complete, updated_at, requested_at, partial_after IS NOT NULL"

#define FIND "SELECT " BRIEF_COLUMNS " FROM transfer WHERE site_url = ? AND experiment_id IN ("
#define EXISTS "SELECT experiment_id FROM experiment_source WHERE experiment_id IN ("
#define TOLD "UPDATE transfer SET told_complete = TRUE WHERE state = 'Complete' AND id IN ("

#define SIZES 5
#define LARGEST 512

/*
 * A list of any length is asked in pieces of these sizes, so that a connection prepares few statements; what
 * is left of a piece is filled with its last number again. The largest stays below 1000, from which on
 * MariaDB makes a temporary table of a list.
 */
static const struct {
    int places;
    const char *find;
    const char *exists;
    const char *told;
} statements[SIZES] = {
    {1, FIND "?)", EXISTS "?)", TOLD "?)"},
    {4, FIND PLACES_4 ")", EXISTS PLACES_4 ")", TOLD PLACES_4 ")"},
    {16, FIND PLACES_16 ")", EXISTS PLACES_16 ")", TOLD PLACES_16 ")"},
    {64, FIND PLACES_64 ")", EXISTS PLACES_64 ")", TOLD PLACES_64 ")"},
    {LARGEST, FIND PLACES_512 ")", EXISTS PLACES_512 ")", TOLD PLACES_512 ")"},
};

static tardis_error_t *find_transfers(const tardis_context_t *context, const char *site_url,
                                      transfer_lookup_t *lookups, int count, apr_pool_t *pool);
static tardis_error_t *find_experiments(const tardis_context_t *context, transfer_lookup_t *lookups,
                                        int count, apr_pool_t *pool);
static void note(transfer_lookup_t *lookups, int count, apr_uint64_t experiment_id,
                 const transfer_brief_t *transfer);
static transfer_lookup_t *first_of(transfer_lookup_t *lookups, int count, apr_uint64_t experiment_id);
static transfer_brief_t *brief_from_row(const tardis_db_rows_t *rows, apr_pool_t *pool);
static int size_for(int count);
static int fill(tardis_db_value_t *values, int places, const apr_uint64_t *ids, int count);

tardis_error_t *transfer_look_up(const tardis_context_t *context, const char *site_url,
                                 transfer_lookup_t *lookups, int count, apr_pool_t *pool)
{
    tardis_error_t *error = find_transfers(context, site_url, lookups, count, pool);
    return error ? error : find_experiments(context, lookups, count, pool);
}

static tardis_error_t *find_transfers(const tardis_context_t *context, const char *site_url,
                                      transfer_lookup_t *lookups, int count, apr_pool_t *pool)
{
    tardis_db_value_t values[LARGEST + 1] = {tardis_db_text(site_url)};
    apr_uint64_t *ids = apr_palloc(pool, sizeof(*ids) * (apr_size_t)count);
    for (int i = 0; i < count; i++)
        ids[i] = lookups[i].experiment_id;
    for (int done = 0; done < count;) {
        tardis_db_rows_t *rows;
        int size = size_for(count - done);
        int places = statements[size].places;
        int taken = fill(values + 1, places, ids + done, count - done);
        tardis_error_t *error =
            tardis_db_query(context->db, statements[size].find, values, places + 1, &rows, pool);
        if (error)
            return error;
        while (tardis_db_rows_next(rows))
            note(lookups, count, tardis_db_rows_unsigned(rows, 0), brief_from_row(rows, pool));
        done += taken;
    }
    return NULL;
}

/* Those without a transfer are rare: nobody asks long for what was never requested. */
static tardis_error_t *find_experiments(const tardis_context_t *context, transfer_lookup_t *lookups,
                                        int count, apr_pool_t *pool)
{
    tardis_db_value_t values[LARGEST];
    apr_uint64_t *ids = apr_palloc(pool, sizeof(*ids) * (apr_size_t)count);
    int missing = 0;
    for (int i = 0; i < count; i++) {
        if (!lookups[i].transfer)
            ids[missing++] = lookups[i].experiment_id;
    }
    for (int done = 0; done < missing;) {
        tardis_db_rows_t *rows;
        int size = size_for(missing - done);
        int places = statements[size].places;
        int taken = fill(values, places, ids + done, missing - done);
        tardis_error_t *error =
            tardis_db_query(context->db, statements[size].exists, values, places, &rows, pool);
        if (error)
            return error;
        while (tardis_db_rows_next(rows))
            note(lookups, count, tardis_db_rows_unsigned(rows, 0), NULL);
        done += taken;
    }
    return NULL;
}

tardis_error_t *transfer_tell_complete(const tardis_context_t *context, const apr_uint64_t *ids, int count,
                                       apr_pool_t *pool)
{
    tardis_db_value_t values[LARGEST];
    tardis_error_t *error = NULL;
    for (int done = 0; !error && done < count;) {
        int size = size_for(count - done);
        int places = statements[size].places;
        done += fill(values, places, ids + done, count - done);
        error = tardis_db_execute(context->db, statements[size].told, values, places, NULL, pool);
    }
    return error;
}

static void note(transfer_lookup_t *lookups, int count, apr_uint64_t experiment_id,
                 const transfer_brief_t *transfer)
{
    const transfer_lookup_t *end = lookups + count;
    for (transfer_lookup_t *lookup = first_of(lookups, count, experiment_id);
         lookup < end && lookup->experiment_id == experiment_id; lookup++) {
        lookup->exists = 1;
        lookup->transfer = transfer;
    }
}

/* The first of the lookups, which are sorted, that asks for this experiment. */
static transfer_lookup_t *first_of(transfer_lookup_t *lookups, int count, apr_uint64_t experiment_id)
{
    int low = 0;
    while (count) {
        int half = count / 2;
        if (lookups[low + half].experiment_id < experiment_id) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return lookups + low;
}

static transfer_brief_t *brief_from_row(const tardis_db_rows_t *rows, apr_pool_t *pool)
{
    transfer_brief_t *brief = apr_palloc(pool, sizeof(*brief));
    int c = 1;
    brief->id = tardis_db_rows_unsigned(rows, c++);
    brief->state = tardis_db_rows_text(rows, c++);
    brief->files_done = tardis_db_rows_unsigned(rows, c++);
    brief->files_total = tardis_db_rows_unsigned(rows, c++);
    brief->bytes_done = tardis_db_rows_unsigned(rows, c++);
    brief->bytes_total = tardis_db_rows_unsigned(rows, c++);
    brief->error_code = tardis_db_rows_text(rows, c++);
    brief->error_text = tardis_db_rows_text(rows, c++);
    brief->told_complete = tardis_db_rows_unsigned(rows, c++) != 0;
    brief->updated_at = tardis_db_rows_time(rows, c++);
    brief->sending = (apr_uint64_t)tardis_db_rows_time(rows, c++);
    brief->partial = tardis_db_rows_signed(rows, c++) != 0;
    return brief;
}

/* The smallest size that holds as many, or the largest. */
static int size_for(int count)
{
    int size = 0;
    while (size < SIZES - 1 && statements[size].places < count)
        size++;
    return size;
}

/* Fills all places; returns how many of the ids were taken. */
static int fill(tardis_db_value_t *values, int places, const apr_uint64_t *ids, int count)
{
    int taken = count < places ? count : places;
    for (int i = 0; i < places; i++)
        values[i] = tardis_db_unsigned(ids[i < taken ? i : taken - 1]);
    return taken;
}
