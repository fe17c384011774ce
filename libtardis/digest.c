#include "tardis_digest.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

typedef struct {
    const char *name;
    const EVP_MD *(*type)(void);
    apr_size_t length;
} algorithm_t;

static const algorithm_t algorithms[] = {
    [TARDIS_DIGEST_NONE] = {"", NULL, 0},
    [TARDIS_DIGEST_MD5] = {"MD5", EVP_md5, 16},
    [TARDIS_DIGEST_SHA1] = {"SHA-1", EVP_sha1, 20},
    [TARDIS_DIGEST_SHA256] = {"SHA-256", EVP_sha256, 32},
    [TARDIS_DIGEST_SHA384] = {"SHA-384", EVP_sha384, 48},
    [TARDIS_DIGEST_SHA512] = {"SHA-512", EVP_sha512, 64},
};

struct tardis_digest_t {
    EVP_MD_CTX *context;
    tardis_digest_algorithm_t algorithm;
};

static apr_status_t free_context(void *data);
static int hex_value(char digit);

tardis_digest_algorithm_t tardis_digest_by_name(const char *name)
{
    for (int i = TARDIS_DIGEST_MD5; i <= TARDIS_DIGEST_SHA512; i++) {
        if (strcmp(algorithms[i].name, name) == 0)
            return (tardis_digest_algorithm_t)i;
    }
    return TARDIS_DIGEST_NONE;
}

const char *tardis_digest_name(tardis_digest_algorithm_t algorithm)
{
    return algorithms[algorithm].name;
}

apr_size_t tardis_digest_length(tardis_digest_algorithm_t algorithm)
{
    return algorithms[algorithm].length;
}

tardis_error_t *tardis_digest_start(tardis_digest_t **digest, tardis_digest_algorithm_t algorithm,
                                    apr_pool_t *pool)
{
    *digest = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context)
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "no memory for a message digest");
    if (algorithm != TARDIS_DIGEST_NONE && !EVP_DigestInit_ex(context, algorithms[algorithm].type(), NULL)) {
        EVP_MD_CTX_free(context);
        ERR_clear_error();
        /* A system in FIPS mode refuses MD5. */
        return tardis_error_create(pool, TARDIS_INTERNAL_ERROR, "this system's OpenSSL refuses %s",
                                   algorithms[algorithm].name);
    }
    *digest = apr_palloc(pool, sizeof(**digest));
    (*digest)->context = context;
    (*digest)->algorithm = algorithm;
    apr_pool_cleanup_register(pool, *digest, free_context, apr_pool_cleanup_null);
    return NULL;
}

static apr_status_t free_context(void *data)
{
    tardis_digest_t *digest = data;
    EVP_MD_CTX_free(digest->context);
    return APR_SUCCESS;
}

void tardis_digest_update(tardis_digest_t *digest, const void *data, apr_size_t length)
{
    if (digest->algorithm != TARDIS_DIGEST_NONE)
        EVP_DigestUpdate(digest->context, data, length);
}

void tardis_digest_finish(tardis_digest_t *digest, unsigned char *value)
{
    if (digest->algorithm != TARDIS_DIGEST_NONE)
        EVP_DigestFinal_ex(digest->context, value, NULL);
}

void tardis_digest_sha256(const void *data, apr_size_t length, unsigned char value[32])
{
    EVP_Digest(data, length, value, NULL, EVP_sha256(), NULL);
}

const char *tardis_hex_encode(const unsigned char *bytes, apr_size_t length, apr_pool_t *pool)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = apr_palloc(pool, 2 * length + 1);
    for (apr_size_t i = 0; i < length; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * length] = '\0';
    return hex;
}

int tardis_hex_decode(const char *hex, unsigned char *bytes, apr_size_t length)
{
    if (strlen(hex) != 2 * length)
        return 0;
    for (apr_size_t i = 0; i < length; i++) {
        int high = hex_value(hex[2 * i]);
        int low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return 0;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return 1;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

void tardis_random_bytes(unsigned char *bytes, apr_size_t length)
{
    /* A key that could be guessed is worse than no program. */
    if (RAND_bytes(bytes, (int)length) != 1)
        abort();
}
