#include "tardis_transfer_db.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <apr_strings.h>

#include "tardis_db.h"
#include "tardis_digest.h"

#define KEY_COLUMNS "id, address, site_name, site_url, created_at"

tardis_error_t *tardis_address_canonical(const char *address, const char **canonical, apr_pool_t *pool)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1) {
        *canonical = apr_pstrdup(pool, inet_ntop(AF_INET, &v4, text, sizeof(text)));
        return NULL;
    }
    if (inet_pton(AF_INET6, address, &v6) != 1)
        return tardis_error_create(pool, TARDIS_USAGE, "not an IPv4 or IPv6 address: %.60s", address);
    if (IN6_IS_ADDR_V4MAPPED(&v6))
        *canonical = apr_pstrdup(pool, inet_ntop(AF_INET, &v6.s6_addr[12], text, sizeof(text)));
    else
        *canonical = apr_pstrdup(pool, inet_ntop(AF_INET6, &v6, text, sizeof(text)));
    return NULL;
}

static tardis_client_key_t *key_from_row(const tardis_db_rows_t *rows, apr_pool_t *pool)
{
    tardis_client_key_t *key = apr_pcalloc(pool, sizeof(*key));
    key->id = tardis_db_rows_unsigned(rows, 0);
    key->address = tardis_db_rows_text(rows, 1);
    key->site_name = tardis_db_rows_text(rows, 2);
    key->site_url = tardis_db_rows_text(rows, 3);
    key->created_at = tardis_db_rows_time(rows, 4);
    return key;
}

tardis_error_t *tardis_client_key_find(const tardis_context_t *context, const char *address, const char *key,
                                       tardis_client_key_t **client, apr_pool_t *pool)
{
    unsigned char digest[32];
    tardis_db_rows_t *rows;
    *client = NULL;
    tardis_digest_sha256(key, strlen(key), digest);
    tardis_error_t *error = tardis_db_query(
        context->db, "SELECT " KEY_COLUMNS " FROM client_key WHERE address = ? AND key_digest = ?",
        TARDIS_DB_VALUES(tardis_db_text(address), tardis_db_bytes(digest, sizeof(digest))), &rows, pool);
    if (!error && tardis_db_rows_next(rows))
        *client = key_from_row(rows, pool);
    return error;
}

tardis_error_t *tardis_client_key_add(const tardis_context_t *context, const char *address, const char *key,
                                      const char *site_name, const char *site_url, apr_uint64_t *id,
                                      apr_pool_t *pool)
{
    unsigned char digest[32];
    tardis_db_changes_t changes = {0};
    tardis_digest_sha256(key, strlen(key), digest);
    tardis_error_t *error =
        tardis_db_execute(context->db,
                          "INSERT INTO client_key (address, key_digest, site_name, site_url, created_at) "
                          "VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))",
                          TARDIS_DB_VALUES(tardis_db_text(address), tardis_db_bytes(digest, sizeof(digest)),
                                           tardis_db_text(site_name), tardis_db_text(site_url)),
                          &changes, pool);
    if (error && error->code == TARDIS_DATABASE_DUPLICATE)
        return tardis_error_create(pool, TARDIS_CONFLICT, "this key is already there for %s", address);
    *id = changes.insert_id;
    return error;
}

tardis_error_t *tardis_client_key_list(const tardis_context_t *context, apr_array_header_t **keys,
                                       apr_pool_t *pool)
{
    tardis_db_rows_t *rows;
    *keys = apr_array_make(pool, 8, sizeof(tardis_client_key_t *));
    tardis_error_t *error = tardis_db_query(context->db, "SELECT " KEY_COLUMNS " FROM client_key ORDER BY id",
                                            TARDIS_DB_NO_VALUES, &rows, pool);
    while (!error && tardis_db_rows_next(rows))
        APR_ARRAY_PUSH(*keys, tardis_client_key_t *) = key_from_row(rows, pool);
    return error;
}

tardis_error_t *tardis_client_key_remove(const tardis_context_t *context, apr_uint64_t id, apr_pool_t *pool)
{
    tardis_db_changes_t changes = {0};
    tardis_error_t *error = tardis_db_execute(context->db, "DELETE FROM client_key WHERE id = ?",
                                              TARDIS_DB_VALUES(tardis_db_unsigned(id)), &changes, pool);
    if (!error && !changes.rows)
        return tardis_error_create(pool, TARDIS_NOT_FOUND, "there is no key %" APR_UINT64_T_FMT, id);
    return error;
}
