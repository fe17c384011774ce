#include "tardis_synced_report.h"

#include "tardis_command.h"
#include "tardis_db.h"

/* One statement without a transaction: a tick with nothing to do is to cost the database next to nothing. */
tardis_error_t *tardis_tick_figures_add(const tardis_context_t *context, const tardis_tick_figures_t *figures,
                                        apr_pool_t *pool)
{
    tardis_error_t *error = tardis_db_ensure(context->db, pool);
    if (error)
        return error;
    return tardis_db_execute(
        context->db,
        "INSERT INTO tick_figures (host, ticks, ticks_failed, microseconds, stepped, step_errors, completed,"
        " failed, bytes_checked, mails_sent, last_ended_at, last_microseconds)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), ?)"
        " ON DUPLICATE KEY UPDATE ticks = ticks + VALUES(ticks),"
        " ticks_failed = ticks_failed + VALUES(ticks_failed),"
        " microseconds = microseconds + VALUES(microseconds), stepped = stepped + VALUES(stepped),"
        " step_errors = step_errors + VALUES(step_errors), completed = completed + VALUES(completed),"
        " failed = failed + VALUES(failed), bytes_checked = bytes_checked + VALUES(bytes_checked),"
        " mails_sent = mails_sent + VALUES(mails_sent), last_ended_at = VALUES(last_ended_at),"
        " last_microseconds = VALUES(last_microseconds)",
        TARDIS_DB_VALUES(tardis_db_text(tardis_host_name(pool)), tardis_db_unsigned(figures->ticks),
                         tardis_db_unsigned(figures->ticks_failed),
                         tardis_db_unsigned((apr_uint64_t)figures->took),
                         tardis_db_unsigned(figures->stepped), tardis_db_unsigned(figures->step_errors),
                         tardis_db_unsigned(figures->completed), tardis_db_unsigned(figures->failed),
                         tardis_db_unsigned(figures->bytes_checked), tardis_db_unsigned(figures->mails_sent),
                         tardis_db_unsigned((apr_uint64_t)figures->last_took)),
        NULL, pool);
}

tardis_error_t *tardis_tick_figures_all(const tardis_context_t *context, apr_array_header_t **figures,
                                        apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *figures = apr_array_make(pool, 4, sizeof(tardis_tick_figures_t));
    tardis_error_t *error = tardis_db_query(
        context->db,
        "SELECT host, ticks, ticks_failed, microseconds, stepped, step_errors, completed, failed,"
        " bytes_checked, mails_sent, last_ended_at, last_microseconds FROM tick_figures ORDER BY host",
        TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && tardis_db_rows_next(rows)) {
        *(tardis_tick_figures_t *)apr_array_push(*figures) = (tardis_tick_figures_t){
            .host = tardis_db_rows_text(rows, 0),
            .ticks = tardis_db_rows_unsigned(rows, 1),
            .ticks_failed = tardis_db_rows_unsigned(rows, 2),
            .took = (apr_interval_time_t)tardis_db_rows_unsigned(rows, 3),
            .stepped = tardis_db_rows_unsigned(rows, 4),
            .step_errors = tardis_db_rows_unsigned(rows, 5),
            .completed = tardis_db_rows_unsigned(rows, 6),
            .failed = tardis_db_rows_unsigned(rows, 7),
            .bytes_checked = tardis_db_rows_unsigned(rows, 8),
            .mails_sent = tardis_db_rows_unsigned(rows, 9),
            .last_ended_at = tardis_db_rows_time(rows, 10),
            .last_took = (apr_interval_time_t)tardis_db_rows_unsigned(rows, 11),
        };
    }
    return error;
}
