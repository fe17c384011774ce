#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "metrics.h"
#include "tardis_provider_health.h"

const tardis_command_option_t cmd_metrics_options[] = {
    {"output", "FILE", 0, "write to FILE, which is replaced at once and whole"},
    {NULL, NULL, 0, NULL},
};

static tardis_error_t *write_file(const metrics_t *metrics, const char *file, apr_pool_t *pool);
static tardis_error_t *open_temporary(const char *file, char **temporary, FILE **out, apr_pool_t *pool);
static int finish(FILE *out);

tardis_error_t *cmd_metrics(tardis_invocation_t *invocation)
{
    apr_pool_t *pool = invocation->pool;
    const tardis_context_t *context = invocation->context;
    const char *file = tardis_arguments_value(invocation->arguments, "output");
    apr_time_t now;
    metrics_t metrics;
    tardis_error_t *error = tardis_synced_figures(context, &metrics.states, pool);
    if (!error)
        error = tardis_promised_figures(context, &metrics.promised, pool);
    if (!error)
        error = tardis_synced_error_figures(context, &metrics.errors, pool);
    if (!error)
        error = tardis_outbox_figures(context, &metrics.outbox, pool);
    if (!error)
        error = tardis_provider_health_all(context, &metrics.providers, &now, pool);
    if (!error)
        error = tardis_tick_figures_all(context, &metrics.ticks, pool);
    if (error)
        return error;
    if (file)
        return write_file(&metrics, file, pool);
    metrics_write(&metrics, stdout, pool);
    return NULL;
}

/* The collector may read at any time, and never a file that is cut short. */
static tardis_error_t *write_file(const metrics_t *metrics, const char *file, apr_pool_t *pool)
{
    char *temporary;
    FILE *out;
    tardis_error_t *error = open_temporary(file, &temporary, &out, pool);
    if (error)
        return error;
    metrics_write(metrics, out, pool);
    int failure = finish(out);
    if (!failure && rename(temporary, file) != 0)
        failure = errno;
    if (!failure)
        return NULL;
    unlink(temporary);
    return tardis_error_from_status(pool, TARDIS_IO_ERROR, failure, "%s", file);
}

/* Beside the file, with a name that does not end in .prom: the collector leaves it alone. */
static tardis_error_t *open_temporary(const char *file, char **temporary, FILE **out, apr_pool_t *pool)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    *temporary = apr_psprintf(pool, "%.*s.%s.XXXXXX", (int)(name - file), file, name);
    int fd = mkstemp(*temporary);
    if (fd < 0)
        return tardis_error_from_status(pool, TARDIS_IO_ERROR, errno, "%s", *temporary);
    *out = fchmod(fd, 0644) == 0 ? fdopen(fd, "w") : NULL;
    if (*out)
        return NULL;
    tardis_error_t *error = tardis_error_from_status(pool, TARDIS_IO_ERROR, errno, "%s", *temporary);
    close(fd);
    unlink(*temporary);
    return error;
}

/* Returns 0, or errno. */
static int finish(FILE *out)
{
    int failure = 0;
    errno = EIO;
    if (ferror(out) || fflush(out) != 0 || fsync(fileno(out)) != 0)
        failure = errno;
    if (fclose(out) != 0 && !failure)
        failure = errno;
    return failure;
}
