#include "site_book.h"

#include <apr_hash.h>
#include <apr_strings.h>

/* How long an answer is good for; also that a site is down, so that it is not waited for again and again. */
#define KEPT_FOR apr_time_from_sec(60)

/* What a site answered. */
typedef struct {
    apr_time_t asked_at;
    tardis_site_settings_t *settings;
    tardis_error_t *error;
    apr_pool_t *pool;
} page_t;

struct site_book_t {
    const tardis_context_t *context;
    const provider_settings_t *settings;
    apr_pool_t *pool;
    apr_pool_t *registry_pool;
    apr_time_t registry_read_at;
    apr_array_header_t *sites;
    tardis_error_t *registry_error;
    apr_hash_t *pages; /* by URL */
};

static tardis_error_t *read_registry(site_book_t *book);
static page_t *page_of(site_book_t *book, const char *url);
static void ask(site_book_t *book, page_t *page, const tardis_site_t *site);

site_book_t *site_book_create(const tardis_context_t *context, const provider_settings_t *settings,
                              apr_pool_t *pool)
{
    site_book_t *book = apr_pcalloc(pool, sizeof(*book));
    book->context = context;
    book->settings = settings;
    book->pool = pool;
    book->pages = apr_hash_make(pool);
    apr_pool_create(&book->registry_pool, pool);
    return book;
}

tardis_error_t *site_book_find(site_book_t *book, const char *url, const tardis_site_t **site,
                               const tardis_site_settings_t **settings)
{
    tardis_error_t *error = read_registry(book);
    if (error)
        return error;
    *site = tardis_registry_find_url(book->sites, url);
    if (!*site)
        return tardis_error_create(book->registry_pool, TARDIS_SITE_UNKNOWN,
                                   "no site of the registry has the URL %s", url);
    page_t *page = page_of(book, url);
    if (apr_time_now() - page->asked_at >= KEPT_FOR)
        ask(book, page, *site);
    *settings = page->settings;
    return page->error;
}

static tardis_error_t *read_registry(site_book_t *book)
{
    if (apr_time_now() - book->registry_read_at < KEPT_FOR)
        return book->registry_error;
    apr_pool_clear(book->registry_pool);
    book->registry_error =
        tardis_registry_load(book->context, &book->settings->registry, &book->sites, book->registry_pool);
    book->registry_read_at = apr_time_now();
    return book->registry_error;
}

static page_t *page_of(site_book_t *book, const char *url)
{
    page_t *page = apr_hash_get(book->pages, url, APR_HASH_KEY_STRING);
    if (page)
        return page;
    page = apr_pcalloc(book->pool, sizeof(*page));
    apr_pool_create(&page->pool, book->pool);
    apr_hash_set(book->pages, apr_pstrdup(book->pool, url), APR_HASH_KEY_STRING, page);
    return page;
}

static void ask(site_book_t *book, page_t *page, const tardis_site_t *site)
{
    apr_pool_clear(page->pool);
    page->settings = NULL;
    page->error = tardis_site_settings_fetch(book->context, site, &page->settings, page->pool);
    page->asked_at = apr_time_now();
}
