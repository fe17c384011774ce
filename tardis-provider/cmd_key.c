#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <jansson.h>

#include "table.h"
#include "tardis_digest.h"

/* A key of our making: so many random bytes, in hexadecimal. */
#define KEY_BYTES 32
/* A key that is brought along. */
#define KEY_LENGTH_MIN 16
#define KEY_LENGTH_MAX 255

static tardis_error_t *find_site(const tardis_invocation_t *invocation, const tardis_site_t **site);
static tardis_error_t *make_or_read_key(const char *file, const char **key, int *made, apr_pool_t *pool);
static tardis_error_t *write_key(const char *key, const char *file, apr_pool_t *pool);
static tardis_error_t *check_key(const char *key, const char *file, apr_pool_t *pool);
static tardis_error_t *print_json(const apr_array_header_t *keys, apr_pool_t *pool);
static void print_keys(const apr_array_header_t *keys, apr_pool_t *pool);

const tardis_command_option_t key_add_options[] = {
    {"site", "NAME", 0, "the site of the registry whose key it is (required)"},
    {"address", "ADDRESS", 0, "the IPv4 or IPv6 address the site's consumer calls from (required)"},
    {"key-file", "FILE", 0,
     "take the key from the first line of this file; if there is none, write a new key into it"},
    {NULL, NULL, 0, NULL},
};

const tardis_command_option_t key_list_options[] = {
    {"json", NULL, 0, "as JSON"},
    {NULL, NULL, 0, NULL},
};

tardis_error_t *key_add_run(tardis_invocation_t *invocation)
{
    const char *address = tardis_arguments_value(invocation->arguments, "address");
    const char *file = tardis_arguments_value(invocation->arguments, "key-file");
    const tardis_site_t *site;
    const char *key = NULL;
    apr_uint64_t id;
    int made = 0;
    if (!address || !tardis_arguments_has(invocation->arguments, "site"))
        return tardis_error_create(invocation->pool, TARDIS_USAGE, "--site and --address are required");
    tardis_error_t *error = tardis_address_canonical(address, &address, invocation->pool);
    if (!error)
        error = find_site(invocation, &site);
    if (!error)
        error = make_or_read_key(file, &key, &made, invocation->pool);
    if (!error)
        error = tardis_client_key_add(invocation->context, address, key, site->name, site->url, &id,
                                      invocation->pool);
    if (error && made && file)
        unlink(file);
    if (error)
        return error;
    fprintf(stderr, "key %" APR_UINT64_T_FMT " of %s, calling from %s, was added\n", id, site->name, address);
    if (!file) {
        printf("%s\n", key);
        fprintf(stderr, "This is the only time the key is shown: hand it to the site over a safe way.\n");
    }
    return NULL;
}

static tardis_error_t *find_site(const tardis_invocation_t *invocation, const tardis_site_t **site)
{
    provider_settings_t *settings;
    apr_array_header_t *sites;
    const char *name = tardis_arguments_value(invocation->arguments, "site");
    tardis_error_t *error = provider_settings_read(invocation, &settings);
    if (!error)
        error = tardis_registry_load(invocation->context, &settings->registry, &sites, invocation->pool);
    if (error)
        return error;
    *site = tardis_registry_find_name(sites, name);
    if (!*site)
        return tardis_error_create(invocation->pool, TARDIS_SITE_UNKNOWN,
                                   "no site of the registry is called %s", name);
    return NULL;
}

/* made: set to whether the key is new. */
static tardis_error_t *make_or_read_key(const char *file, const char **key, int *made, apr_pool_t *pool)
{
    unsigned char random[KEY_BYTES];
    if (file && access(file, F_OK) == 0) {
        tardis_error_t *error = tardis_config_secret(key, file, pool);
        return error ? error : check_key(*key, file, pool);
    }
    tardis_random_bytes(random, sizeof(random));
    *key = tardis_hex_encode(random, sizeof(random), pool);
    *made = 1;
    return file ? write_key(*key, file, pool) : NULL;
}

static tardis_error_t *write_key(const char *key, const char *file, apr_pool_t *pool)
{
    int descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, errno, "%s", file);
    int failed = dprintf(descriptor, "%s\n", key) < 0 || fsync(descriptor);
    int reason = errno;
    if (close(descriptor) == 0 && !failed)
        return NULL;
    reason = failed ? reason : errno;
    unlink(file);
    return tardis_error_from_status(pool, TARDIS_IO_ERROR, reason, "%s", file);
}

static tardis_error_t *check_key(const char *key, const char *file, apr_pool_t *pool)
{
    apr_size_t length = strlen(key);
    int printable = 1;
    for (const char *c = key; *c; c++)
        printable = printable && *c > 0x20 && *c < 0x7f;
    if (length < KEY_LENGTH_MIN || length > KEY_LENGTH_MAX || !printable)
        return tardis_error_create(pool, TARDIS_USAGE,
                                   "%s: a key has %d to %d printable ASCII characters and no space", file,
                                   KEY_LENGTH_MIN, KEY_LENGTH_MAX);
    return NULL;
}

tardis_error_t *key_list_run(tardis_invocation_t *invocation)
{
    apr_array_header_t *keys;
    tardis_error_t *error = tardis_client_key_list(invocation->context, &keys, invocation->pool);
    if (error)
        return error;
    if (tardis_arguments_has(invocation->arguments, "json"))
        return print_json(keys, invocation->pool);
    print_keys(keys, invocation->pool);
    return NULL;
}

static tardis_error_t *print_json(const apr_array_header_t *keys, apr_pool_t *pool)
{
    json_t *array = json_array();
    for (int i = 0; i < keys->nelts; i++) {
        const tardis_client_key_t *key = APR_ARRAY_IDX(keys, i, const tardis_client_key_t *);
        json_array_append_new(array,
                              json_pack("{s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)key->id, "address",
                                        key->address, "site", key->site_name, "site_url", key->site_url,
                                        "created_at", tardis_format_time(key->created_at, pool)));
    }
    int failed = json_dumpf(array, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF;
    json_decref(array);
    return failed ? tardis_error_create(pool, TARDIS_IO_ERROR, "the list could not be written") : NULL;
}

static void print_keys(const apr_array_header_t *keys, apr_pool_t *pool)
{
    static const char *const headings[] = {"ID", "ADDRESS", "SITE", "CREATED"};
    apr_array_header_t *table = table_begin(headings, sizeof(headings) / sizeof(headings[0]), pool);
    for (int i = 0; i < keys->nelts; i++) {
        const tardis_client_key_t *key = APR_ARRAY_IDX(keys, i, const tardis_client_key_t *);
        const char **row = table_row(table, pool);
        row[0] = apr_psprintf(pool, "%" APR_UINT64_T_FMT, key->id);
        row[1] = key->address;
        row[2] = key->site_name;
        row[3] = tardis_format_time(key->created_at, pool);
    }
    tardis_print_table(stdout, table, pool);
}

tardis_error_t *key_remove_run(tardis_invocation_t *invocation)
{
    const char *operand = APR_ARRAY_IDX(tardis_arguments_operands(invocation->arguments), 0, const char *);
    char *end;
    unsigned long long id = strtoull(operand, &end, 10);
    if (*operand < '0' || *operand > '9' || *end)
        return tardis_error_create(invocation->pool, TARDIS_USAGE,
                                   "not the id of a key: %.40s; see `key list`", operand);
    return tardis_client_key_remove(invocation->context, id, invocation->pool);
}
