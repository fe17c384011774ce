#include "synced_rows.h"

static const char *text_of(tardis_db_rows_t *rows, int column);

apr_array_header_t *synced_rows_read(tardis_db_rows_t *rows, apr_pool_t *pool)
{
    apr_array_header_t *found = apr_array_make(pool, 8, sizeof(tardis_synced_t));
    synced_rows_add(rows, found);
    return found;
}

void synced_rows_add(tardis_db_rows_t *rows, apr_array_header_t *found)
{
    while (tardis_db_rows_next(rows)) {
        *(tardis_synced_t *)apr_array_push(found) = (tardis_synced_t){
            .experiment_id = tardis_db_rows_unsigned(rows, 0),
            .uid = text_of(rows, 1),
            .provider_url = text_of(rows, 2),
            .title = text_of(rows, 3),
            .state = text_of(rows, 4),
            .state_since = tardis_db_rows_time(rows, 5),
            .moved_at = tardis_db_rows_time(rows, 6),
            .attempts = tardis_db_rows_unsigned(rows, 7),
            .next_attempt_at = tardis_db_rows_time(rows, 8),
            .lease_owner = tardis_db_rows_text(rows, 9),
            .lease_until = tardis_db_rows_time(rows, 10),
            .status_document = tardis_db_rows_text(rows, 11),
            .checked_through = tardis_db_rows_unsigned(rows, 12),
            .bytes_checked = tardis_db_rows_unsigned(rows, 13),
            .file_count = tardis_db_rows_unsigned(rows, 14),
            .byte_count = tardis_db_rows_unsigned(rows, 15),
            .error_code = tardis_db_rows_text(rows, 16),
            .error_text = tardis_db_rows_text(rows, 17),
            .created_at = tardis_db_rows_time(rows, 18),
            .updated_at = tardis_db_rows_time(rows, 19),
            .now = tardis_db_rows_time(rows, 20),
        };
    }
}

/* These are never NULL, unless somebody has changed the table. */
static const char *text_of(tardis_db_rows_t *rows, int column)
{
    const char *text = tardis_db_rows_text(rows, column);
    return text ? text : "";
}
