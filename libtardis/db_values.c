#include "db_private.h"

#include <string.h>

static void bind_number(MYSQL_BIND *bind, enum enum_field_types type, const void *number);
static void bind_bytes(MYSQL_BIND *bind, enum enum_field_types type, const tardis_db_value_t *value);
static MYSQL_TIME *broken_down(apr_time_t time, apr_pool_t *pool);

tardis_db_value_t tardis_db_signed(apr_int64_t value)
{
    return (tardis_db_value_t){.type = TARDIS_DB_SIGNED, .as.s = value};
}

tardis_db_value_t tardis_db_unsigned(apr_uint64_t value)
{
    return (tardis_db_value_t){.type = TARDIS_DB_UNSIGNED, .as.u = value};
}

tardis_db_value_t tardis_db_double(double value)
{
    return (tardis_db_value_t){.type = TARDIS_DB_DOUBLE, .as.d = value};
}

tardis_db_value_t tardis_db_text(const char *value)
{
    if (!value)
        return (tardis_db_value_t){.type = TARDIS_DB_NULL};
    return (tardis_db_value_t){.type = TARDIS_DB_TEXT, .as.bytes = {value, strlen(value)}};
}

tardis_db_value_t tardis_db_bytes(const void *data, apr_size_t length)
{
    if (!data)
        return (tardis_db_value_t){.type = TARDIS_DB_NULL};
    return (tardis_db_value_t){.type = TARDIS_DB_BYTES, .as.bytes = {data, length}};
}

tardis_db_value_t tardis_db_time(apr_time_t value)
{
    if (!value)
        return (tardis_db_value_t){.type = TARDIS_DB_NULL};
    return (tardis_db_value_t){.type = TARDIS_DB_TIME, .as.time = value};
}

MYSQL_BIND *db_bind_values(const tardis_db_value_t *values, int count, apr_pool_t *pool)
{
    MYSQL_BIND *binds = apr_pcalloc(pool, sizeof(*binds) * (apr_size_t)count);
    for (int i = 0; i < count; i++) {
        const tardis_db_value_t *value = &values[i];
        switch (value->type) {
        case TARDIS_DB_NULL:
            binds[i].buffer_type = MYSQL_TYPE_NULL;
            break;
        case TARDIS_DB_SIGNED:
            bind_number(&binds[i], MYSQL_TYPE_LONGLONG, &value->as.s);
            break;
        case TARDIS_DB_UNSIGNED:
            bind_number(&binds[i], MYSQL_TYPE_LONGLONG, &value->as.u);
            binds[i].is_unsigned = 1;
            break;
        case TARDIS_DB_DOUBLE:
            bind_number(&binds[i], MYSQL_TYPE_DOUBLE, &value->as.d);
            break;
        case TARDIS_DB_TEXT:
            bind_bytes(&binds[i], MYSQL_TYPE_STRING, value);
            break;
        case TARDIS_DB_BYTES:
            bind_bytes(&binds[i], MYSQL_TYPE_BLOB, value);
            break;
        case TARDIS_DB_TIME:
            bind_number(&binds[i], MYSQL_TYPE_DATETIME, broken_down(value->as.time, pool));
            break;
        }
    }
    return binds;
}

/* The library only reads parameters, though their pointers are not const. */
static void bind_number(MYSQL_BIND *bind, enum enum_field_types type, const void *number)
{
    bind->buffer_type = type;
    bind->buffer = (void *)(uintptr_t)number;
}

static void bind_bytes(MYSQL_BIND *bind, enum enum_field_types type, const tardis_db_value_t *value)
{
    bind->buffer_type = type;
    bind->buffer = (void *)(uintptr_t)value->as.bytes.data;
    bind->buffer_length = (unsigned long)value->as.bytes.length;
}

static MYSQL_TIME *broken_down(apr_time_t time, apr_pool_t *pool)
{
    apr_time_exp_t exploded;
    apr_time_exp_gmt(&exploded, time);
    MYSQL_TIME *result = apr_pcalloc(pool, sizeof(*result));
    result->time_type = MYSQL_TIMESTAMP_DATETIME;
    result->year = (unsigned)exploded.tm_year + 1900;
    result->month = (unsigned)exploded.tm_mon + 1;
    result->day = (unsigned)exploded.tm_mday;
    result->hour = (unsigned)exploded.tm_hour;
    result->minute = (unsigned)exploded.tm_min;
    result->second = (unsigned)exploded.tm_sec;
    result->second_part = (unsigned long)exploded.tm_usec;
    return result;
}
