#include "db_private.h"

#include <apr_strings.h>

typedef struct {
    unsigned number;
    tardis_error_code_t code;
    int lost; /* the connection is of no use any more */
} server_error_t;

/* What the server and its client library call things. All else is TARDIS_DATABASE_ERROR. */
static const server_error_t server_errors[] = {
    {1020, TARDIS_DATABASE_BUSY, 0},        /* record changed since last read */
    {1040, TARDIS_DATABASE_UNAVAILABLE, 1}, /* too many connections */
    {1044, TARDIS_DATABASE_UNAVAILABLE, 0}, /* access to the database denied: also while it is restored */
    {1045, TARDIS_DATABASE_UNAVAILABLE, 0}, /* access denied: likewise */
    {1046, TARDIS_CONFIG_INVALID, 0},       /* no database selected */
    {1047, TARDIS_DATABASE_UNAVAILABLE, 0}, /* Galera: this node has not yet joined the cluster */
    {1049, TARDIS_DATABASE_UNAVAILABLE, 0}, /* unknown database */
    {1053, TARDIS_DATABASE_UNAVAILABLE, 1}, /* server shutdown in progress */
    {1060, TARDIS_DATABASE_DUPLICATE, 0},   /* a column of this name is there */
    {1061, TARDIS_DATABASE_DUPLICATE, 0},   /* an index of this name is there */
    {1062, TARDIS_DATABASE_DUPLICATE, 0},   /* duplicate entry */
    {1077, TARDIS_DATABASE_UNAVAILABLE, 1}, /* normal shutdown */
    {1079, TARDIS_DATABASE_UNAVAILABLE, 1}, /* shutdown complete */
    {1080, TARDIS_DATABASE_UNAVAILABLE, 1}, /* forcing close of the thread */
    {1091, TARDIS_DATABASE_DUPLICATE, 0},   /* what is to be dropped was dropped already */
    {1129, TARDIS_DATABASE_UNAVAILABLE, 1}, /* host is blocked */
    {1152, TARDIS_DATABASE_UNAVAILABLE, 1}, /* aborted connection */
    {1158, TARDIS_DATABASE_UNAVAILABLE, 1}, /* error reading packets */
    {1159, TARDIS_DATABASE_UNAVAILABLE, 1}, /* timeout reading packets */
    {1160, TARDIS_DATABASE_UNAVAILABLE, 1}, /* error writing packets */
    {1161, TARDIS_DATABASE_UNAVAILABLE, 1}, /* timeout writing packets */
    {1180, TARDIS_DATABASE_BUSY, 0},        /* error during commit: Galera's certification among others */
    {1184, TARDIS_DATABASE_UNAVAILABLE, 1}, /* aborted connection */
    {1203, TARDIS_DATABASE_UNAVAILABLE, 1}, /* the user has too many connections */
    {1205, TARDIS_DATABASE_BUSY, 0},        /* lock wait timeout */
    {1213, TARDIS_DATABASE_BUSY, 0},        /* deadlock */
    {1226, TARDIS_DATABASE_UNAVAILABLE, 1}, /* the user exceeded a resource */
    {1290, TARDIS_DATABASE_UNAVAILABLE, 0}, /* the server is read-only, as a replica is until it takes over */
    {1317, TARDIS_DATABASE_UNAVAILABLE, 0}, /* query interrupted: killed, or the server stops */
    {1586, TARDIS_DATABASE_DUPLICATE, 0},   /* duplicate entry, named key */
    {1615, TARDIS_DATABASE_BUSY, 0},        /* a table changed again and again below a prepared statement */
    {1836, TARDIS_DATABASE_UNAVAILABLE, 0}, /* read-only mode */
    {1927, TARDIS_DATABASE_UNAVAILABLE, 1}, /* connection was killed */
    {2002, TARDIS_DATABASE_UNAVAILABLE, 1}, /* cannot connect through the socket */
    {2003, TARDIS_DATABASE_UNAVAILABLE, 1}, /* cannot connect to the host */
    {2005, TARDIS_DATABASE_UNAVAILABLE, 1}, /* unknown host */
    {2006, TARDIS_DATABASE_UNAVAILABLE, 1}, /* server has gone away */
    {2013, TARDIS_DATABASE_UNAVAILABLE, 1}, /* lost connection during a query */
    {2014, TARDIS_DATABASE_ERROR, 1},       /* commands out of sync */
    {2026, TARDIS_DATABASE_UNAVAILABLE, 1}, /* TLS */
    {2027, TARDIS_DATABASE_UNAVAILABLE, 1}, /* malformed packet */
    {2055, TARDIS_DATABASE_UNAVAILABLE, 1}, /* lost connection at some point */
    {3024, TARDIS_DATABASE_BUSY, 0},        /* maximum statement execution time exceeded */
    {4031, TARDIS_DATABASE_UNAVAILABLE, 1}, /* disconnected after inactivity */
};

tardis_error_t *db_error(tardis_db_t *db, unsigned number, const char *text, apr_pool_t *pool)
{
    db->last_error = number;
    for (size_t i = 0; i < sizeof(server_errors) / sizeof(server_errors[0]); i++) {
        const server_error_t *known = &server_errors[i];
        if (known->number != number)
            continue;
        if (known->lost)
            db->lost = 1;
        if (known->code == TARDIS_CONFIG_INVALID)
            return tardis_error_create(pool, known->code,
                                       "MySQL option file %s: group [%s] names no database",
                                       db->settings.option_file, db->settings.group);
        return tardis_error_create(pool, known->code, "%s (%u)", text, number);
    }
    return tardis_error_create(pool, TARDIS_DATABASE_ERROR, "%s (%u)", text, number);
}

tardis_error_t *db_connect_error(tardis_db_t *db, apr_pool_t *pool)
{
    unsigned number = mysql_errno(db->mysql);
    db->last_error = number;
    return tardis_error_create(pool, TARDIS_DATABASE_UNAVAILABLE,
                               "cannot connect to the database (option file %s, group [%s]): %s (%u)",
                               db->settings.option_file, db->settings.group, mysql_error(db->mysql), number);
}

tardis_error_t *db_lost_error(apr_pool_t *pool)
{
    return tardis_error_create(pool, TARDIS_DATABASE_UNAVAILABLE, "the connection to the database was lost");
}
