#include "tardis_synced_db.h"

#include "tardis_command.h"
#include "tardis_db.h"

tardis_error_t *tardis_synced_event_add(const tardis_context_t *context, apr_uint64_t experiment_id,
                                        const tardis_synced_event_t *event, apr_pool_t *pool)
{
    return tardis_db_execute(
        context->db,
        "INSERT INTO synced_event (experiment_id, at, host, kind, from_state, to_state, code, text)"
        " VALUES (?, UTC_TIMESTAMP(6), ?, ?, ?, ?, ?, ?)",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_text(tardis_host_name(pool)),
                         tardis_db_text(event->kind), tardis_db_text(event->from_state),
                         tardis_db_text(event->to_state), tardis_db_text(event->code),
                         tardis_db_text(event->text)),
        NULL, pool);
}

tardis_error_t *tardis_synced_event_last(const tardis_context_t *context, apr_uint64_t experiment_id,
                                         int limit, apr_array_header_t **events, apr_uint64_t *total,
                                         apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT at, host, kind, from_state, to_state, code, text, total FROM"
        " (SELECT id, at, host, kind, from_state, to_state, code, text, COUNT(*) OVER () AS total"
        "  FROM synced_event WHERE experiment_id = ? ORDER BY id DESC LIMIT ?) AS latest ORDER BY id",
        TARDIS_DB_VALUES(tardis_db_unsigned(experiment_id), tardis_db_signed(limit)), &rows, pool);
    if (error)
        return error;
    *events = apr_array_make(pool, limit, sizeof(tardis_synced_event_t));
    *total = 0;
    while (tardis_db_rows_next(rows)) {
        tardis_synced_event_t *event = apr_array_push(*events);
        event->at = tardis_db_rows_time(rows, 0);
        event->host = tardis_db_rows_text(rows, 1);
        event->kind = tardis_db_rows_text(rows, 2);
        event->from_state = tardis_db_rows_text(rows, 3);
        event->to_state = tardis_db_rows_text(rows, 4);
        event->code = tardis_db_rows_text(rows, 5);
        event->text = tardis_db_rows_text(rows, 6);
        *total = tardis_db_rows_unsigned(rows, 7);
    }
    return NULL;
}
