#include "send.h"

#include <string.h>

#include <apr_strings.h>

#include "progress.h"
#include "tardis_catalogue.h"
#include "tardis_db.h"

/* How many files are read from the database at a time. */
#define PAGE_FILES 500
/* How often progress is saved, and the lease renewed with it. */
#define SAVE_INTERVAL APR_USEC_PER_SEC
/* How many files with errors are named in the history. */
#define FILES_NAMED 20

/* Files that were read together; goes when the last of them is done. */
typedef struct {
    apr_pool_t *pool;
    int open; /* files not done, and one while the page is still handed out */
} page_t;

/* One file on its way. */
typedef struct {
    tardis_transfer_file_t file;
    page_t *page;
    apr_uint32_t number;
} item_t;

struct send_feed_t {
    send_t *send;
    tardis_transfer_t *transfer;
    apr_pool_t *pool;
    progress_t *progress;
    page_t *page;                    /* the one that is handed out */
    const apr_array_header_t *files; /* of tardis_datafile_t: its rows */
    int next;                        /* of files */
    apr_uint32_t read_through;       /* the last number read */
    apr_uint64_t base;               /* the cursor when the feed was opened */
    apr_uint64_t base_bytes;
    unsigned char *arrived; /* one bit a file, from base + 1 on */
    apr_uint32_t in_flight;
    apr_uint64_t moved;         /* bytes of files that are not done */
    apr_uint64_t settled_bytes; /* bytes of files that arrived in this run */
    apr_time_t saved_at;
    int stopped;
    send_feed_end_t end;
};

static tardis_transfer_file_t *next_file(void *baton);
static int next_page(send_feed_t *feed);
static int too_many(send_feed_t *feed);
static void release(page_t *page);
static item_t *make_item(send_feed_t *feed, const tardis_datafile_t *datafile);
static void moved(void *baton, apr_uint64_t bytes);
static int file_done(void *baton, tardis_transfer_file_t *file, tardis_error_t *error);
static void arrive(send_feed_t *feed, const item_t *item);
static void note_error(send_feed_t *feed, const tardis_error_t *error);
static int tick(void *baton);
static void update_bytes(send_feed_t *feed);
static int save(send_feed_t *feed);

send_feed_t *send_feed_open(send_t *send, tardis_transfer_t *transfer, apr_pool_t *pool)
{
    send_feed_t *feed = apr_pcalloc(pool, sizeof(*feed));
    feed->send = send;
    feed->transfer = transfer;
    feed->pool = pool;
    feed->base = transfer->sent_through;
    feed->base_bytes = transfer->bytes_done;
    feed->read_through = (apr_uint32_t)transfer->sent_through;
    feed->arrived = apr_pcalloc(pool, (apr_size_t)(transfer->files_total - feed->base) / 8 + 1);
    feed->saved_at = apr_time_now();
    feed->end.files = apr_array_make(pool, 4, sizeof(const tardis_error_t *));
    feed->progress =
        progress_start("sending", transfer->files_total, transfer->bytes_total, send->quiet, pool);
    return feed;
}

tardis_transfer_sink_t send_feed_sink(send_feed_t *feed)
{
    tardis_transfer_sink_t sink = {
        .baton = feed,
        .next = next_file,
        .moved = moved,
        .done = file_done,
        .tick = tick,
    };
    return sink;
}

send_feed_end_t send_feed_close(send_feed_t *feed)
{
    progress_end(feed->progress);
    feed->moved = 0;
    update_bytes(feed);
    return feed->end;
}

static tardis_transfer_file_t *next_file(void *baton)
{
    send_feed_t *feed = baton;
    if (send_is_over(feed->send))
        feed->stopped = 1;
    if (feed->stopped || feed->end.exhausted)
        return NULL;
    if ((!feed->page || feed->next == feed->files->nelts) && !next_page(feed))
        return NULL;
    item_t *item = make_item(feed, &APR_ARRAY_IDX(feed->files, feed->next, tardis_datafile_t));
    feed->next++;
    feed->in_flight++;
    return &item->file;
}

static int next_page(send_feed_t *feed)
{
    apr_array_header_t *files;
    apr_pool_t *pool;
    if (feed->page)
        release(feed->page);
    feed->page = NULL;
    apr_pool_create(&pool, feed->pool);
    tardis_error_t *error = tardis_db_ensure(feed->send->context->db, pool);
    if (!error)
        error = tardis_transfer_files(feed->send->context, feed->transfer, feed->read_through, PAGE_FILES,
                                      &files, pool);
    if (error) {
        feed->end.host = tardis_error_copy(feed->pool, error);
        feed->stopped = 1;
    } else if (!files->nelts) {
        feed->end.exhausted = 1;
    } else {
        feed->page = apr_pcalloc(pool, sizeof(*feed->page));
        feed->page->pool = pool;
        feed->page->open = 1;
        feed->files = files;
        feed->next = 0;
        feed->read_through = APR_ARRAY_IDX(files, files->nelts - 1, tardis_datafile_t).number;
        return !too_many(feed);
    }
    apr_pool_destroy(pool);
    return 0;
}

/* The transfer's totals were taken from the experiment, and change with it. */
static int too_many(send_feed_t *feed)
{
    if (feed->read_through <= feed->transfer->files_total)
        return 0;
    feed->end.first = tardis_error_create(feed->pool, TARDIS_DATABASE_ROW_INVALID,
                                          "the experiment has more files than the transfer");
    feed->stopped = 1;
    return 1;
}

static void release(page_t *page)
{
    if (--page->open == 0)
        apr_pool_destroy(page->pool);
}

static item_t *make_item(send_feed_t *feed, const tardis_datafile_t *datafile)
{
    item_t *item = apr_pcalloc(feed->page->pool, sizeof(*item));
    item->file.path = datafile->path;
    item->file.size = datafile->size;
    item->file.algorithm = datafile->digest_algorithm;
    memcpy(item->file.digest, datafile->digest, sizeof(item->file.digest));
    item->file.baton = item;
    item->number = datafile->number;
    item->page = feed->page;
    feed->page->open++;
    return item;
}

static void moved(void *baton, apr_uint64_t bytes)
{
    send_feed_t *feed = baton;
    feed->moved += bytes;
    feed->send->bytes += bytes;
}

static int file_done(void *baton, tardis_transfer_file_t *file, tardis_error_t *error)
{
    send_feed_t *feed = baton;
    item_t *item = file->baton;
    feed->in_flight--;
    if (error)
        note_error(feed, error);
    else
        arrive(feed, item);
    if (!feed->in_flight)
        feed->moved = 0;
    release(item->page);
    return feed->stopped;
}

/* The cursor moves only over files that have all arrived: what it has passed is never sent again. */
static void arrive(send_feed_t *feed, const item_t *item)
{
    tardis_transfer_t *transfer = feed->transfer;
    apr_uint64_t bit = item->number - feed->base - 1;
    feed->arrived[bit / 8] |= (unsigned char)(1u << bit % 8);
    feed->settled_bytes += item->file.size;
    feed->moved -= item->file.size < feed->moved ? item->file.size : feed->moved;
    feed->send->files++;
    transfer->files_done++;
    for (;;) {
        bit = transfer->sent_through - feed->base;
        if (transfer->sent_through >= transfer->files_total || !(feed->arrived[bit / 8] & 1u << bit % 8))
            return;
        transfer->sent_through++;
        transfer->attempts = 0;
    }
}

/* Any error ends the handing out of files: what lasts has to be mended first, what may pass is waited for. */
static void note_error(send_feed_t *feed, const tardis_error_t *error)
{
    const tardis_error_t *kept = tardis_error_copy(feed->pool, error);
    int lasting = !tardis_error_is_transient(error->code);
    feed->stopped = 1;
    if (!feed->end.first || (lasting && tardis_error_is_transient(feed->end.first->code)))
        feed->end.first = kept;
    if (lasting && feed->end.files->nelts < FILES_NAMED)
        APR_ARRAY_PUSH(feed->end.files, const tardis_error_t *) = kept;
}

static int tick(void *baton)
{
    send_feed_t *feed = baton;
    update_bytes(feed);
    progress_update(feed->progress, feed->transfer->files_done, feed->transfer->bytes_done);
    if (apr_time_now() - feed->saved_at < SAVE_INTERVAL)
        return 0;
    return save(feed);
}

static void update_bytes(send_feed_t *feed)
{
    tardis_transfer_t *transfer = feed->transfer;
    transfer->bytes_done = feed->base_bytes + feed->settled_bytes + feed->moved;
    if (transfer->bytes_done > transfer->bytes_total)
        transfer->bytes_done = transfer->bytes_total;
}

/* A database that is away for a moment stops nothing as long as nobody can have taken the lease. Not 0: break
 * off. */
static int save(send_feed_t *feed)
{
    const send_t *send = feed->send;
    apr_pool_t *scratch;
    apr_time_t now = apr_time_now();
    apr_pool_create(&scratch, feed->pool);
    tardis_error_t *error = tardis_db_ensure(send->context->db, scratch);
    if (!error)
        error = tardis_transfer_save(send->context, &send->lease, feed->transfer, scratch);
    if (!error)
        feed->saved_at = now;
    else if (error->code == TARDIS_LEASE_LOST ||
             now - feed->saved_at > apr_time_from_sec(send->lease.seconds) / 2)
        feed->end.host = tardis_error_copy(feed->pool, error);
    apr_pool_destroy(scratch);
    return feed->end.host != NULL;
}
