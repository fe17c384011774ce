#include "tardis_context.h"

#include <apr_strings.h>

#include "tardis_uid.h"

static void emit(const tardis_context_t *context, tardis_log_level_t level, char *line)
{
    context->log(context->log_baton, level, tardis_text_tame(line));
}

void tardis_log(const tardis_context_t *context, tardis_log_level_t level, const char *format, ...)
{
    if (!context->log)
        return;
    apr_pool_t *scratch;
    apr_pool_create(&scratch, NULL);
    va_list arguments;
    va_start(arguments, format);
    emit(context, level, apr_pvsprintf(scratch, format, arguments));
    va_end(arguments);
    apr_pool_destroy(scratch);
}

void tardis_log_problem(const tardis_context_t *context, tardis_log_level_t level, const char *about,
                        const tardis_error_t *error, const char *next)
{
    if (error->line)
        tardis_log(context, level, "%s: line %ld: %s [%s]%s%s", about, error->line, error->text,
                   tardis_error_name(error->code), next ? "; " : "", next ? next : "");
    else
        tardis_log(context, level, "%s: %s [%s]%s%s", about, error->text, tardis_error_name(error->code),
                   next ? "; " : "", next ? next : "");
}
