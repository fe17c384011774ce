#include "metrics.h"

#include <string.h>

#include "fsm.h"

/* A metric with a value for each state: where it is in tardis_synced_figures_t. */
typedef struct {
    const char *name;
    const char *help;
    size_t offset;
    int is_seconds;   /* an apr_interval_time_t; else an apr_uint64_t */
    int only_pending; /* not for states where nothing happens any more */
} state_metric_t;

#define FIGURE(member) offsetof(tardis_synced_figures_t, member)

/* clang-format off */
static const state_metric_t state_metrics[] = {
    {"experiments", "Experiments in this state.", FIGURE(experiments), 0, 0},
    {"oldest_pending_age_seconds", "Time since the experiment that is longest in this state came into it.",
     FIGURE(oldest_age), 1, 1},
    {"due", "Experiments whose next step is due and that no tick has taken.", FIGURE(due), 0, 1},
    {"longest_due_age_seconds", "Time since the experiment that is longest due became due; 0: none is.",
     FIGURE(longest_due), 1, 1},
    {"held", "Experiments that no tick will take: a person holds them.", FIGURE(idle), 0, 1},
    {"leases_held", "Experiments that a tick is stepping now.", FIGURE(leases_held), 0, 1},
    {"leases_expired", "Experiments whose tick ended without saving them; the next one takes them over.",
     FIGURE(leases_expired), 0, 1},
    {"checked_files", "Files that were compared with what was promised.", FIGURE(files_checked), 0, 0},
    {"checked_bytes", "Bytes of the files that were compared with what was promised.",
     FIGURE(bytes_checked), 0, 0},
};
/* clang-format on */

static apr_array_header_t *all_states(const metrics_t *metrics, apr_pool_t *pool);
static const tardis_synced_figures_t *figures_of(const apr_array_header_t *states, const char *state);
static int is_pending(const char *state);
static void write_value(FILE *out, const state_metric_t *metric, const tardis_synced_figures_t *figures);
static void write_promised(const tardis_promised_figures_t *promised, FILE *out);
static void write_errors(const apr_array_header_t *errors, FILE *out);
static void write_outbox(const tardis_outbox_figures_t *outbox, FILE *out);

void metrics_write(const metrics_t *metrics, FILE *out, apr_pool_t *pool)
{
    const apr_array_header_t *states = all_states(metrics, pool);
    for (size_t i = 0; i < sizeof(state_metrics) / sizeof(state_metrics[0]); i++) {
        const state_metric_t *metric = &state_metrics[i];
        metrics_head(out, metric->name, METRICS_GAUGE, metric->help);
        for (int state = 0; state < states->nelts; state++) {
            const tardis_synced_figures_t *figures =
                &APR_ARRAY_IDX(states, state, const tardis_synced_figures_t);
            if (!metric->only_pending || is_pending(figures->state))
                write_value(out, metric, figures);
        }
    }
    write_promised(&metrics->promised, out);
    write_errors(metrics->errors, out);
    write_outbox(&metrics->outbox, out);
    metrics_write_providers(metrics->providers, out);
    metrics_write_ticks(metrics->ticks, out);
}

/* Those that there are in their order, and then those that nobody should have written. */
static apr_array_header_t *all_states(const metrics_t *metrics, apr_pool_t *pool)
{
    apr_array_header_t *all = apr_array_make(pool, 8, sizeof(tardis_synced_figures_t));
    for (const fsm_state_t *state = fsm_states(); state->name; state++) {
        const tardis_synced_figures_t *figures = figures_of(metrics->states, state->name);
        *(tardis_synced_figures_t *)apr_array_push(all) =
            figures ? *figures : (tardis_synced_figures_t){.state = state->name};
    }
    for (int i = 0; i < metrics->states->nelts; i++) {
        const tardis_synced_figures_t *figures = &APR_ARRAY_IDX(metrics->states, i, tardis_synced_figures_t);
        if (!fsm_state_find(figures->state))
            *(tardis_synced_figures_t *)apr_array_push(all) = *figures;
    }
    return all;
}

static const tardis_synced_figures_t *figures_of(const apr_array_header_t *states, const char *state)
{
    for (int i = 0; i < states->nelts; i++) {
        const tardis_synced_figures_t *figures = &APR_ARRAY_IDX(states, i, const tardis_synced_figures_t);
        if (strcmp(figures->state, state) == 0)
            return figures;
    }
    return NULL;
}

/* Nobody is done with what is in a state that is not known. */
static int is_pending(const char *name)
{
    const fsm_state_t *state = fsm_state_find(name);
    return !state || state->act;
}

void metrics_head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP " METRICS_PREFIX "%s %s\n# TYPE " METRICS_PREFIX "%s %s\n", name, help, name, type);
}

static void write_value(FILE *out, const state_metric_t *metric, const tardis_synced_figures_t *figures)
{
    const void *value = (const char *)figures + metric->offset;
    fprintf(out, METRICS_PREFIX "%s", metric->name);
    metrics_label(out, "{", "state", figures->state);
    if (metric->is_seconds)
        fprintf(out, "} %.3f\n", (double)*(const apr_interval_time_t *)value / (double)APR_USEC_PER_SEC);
    else
        fprintf(out, "} %" APR_UINT64_T_FMT "\n", *(const apr_uint64_t *)value);
}

void metrics_label(FILE *out, const char *before, const char *name, const char *value)
{
    fprintf(out, "%s%s=\"", before, name);
    for (const char *c = value; *c; c++) {
        if (*c == '\\' || *c == '"')
            fputc('\\', out);
        if (*c == '\n')
            fputs("\\n", out);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

static void write_promised(const tardis_promised_figures_t *promised, FILE *out)
{
    metrics_head(out, "promised_files", METRICS_GAUGE, "Files that providers have promised.");
    fprintf(out, METRICS_PREFIX "promised_files %" APR_UINT64_T_FMT "\n", promised->files);
    metrics_head(out, "promised_bytes", METRICS_GAUGE, "Bytes of the files that providers have promised.");
    fprintf(out, METRICS_PREFIX "promised_bytes %" APR_UINT64_T_FMT "\n", promised->bytes);
}

static void write_errors(const apr_array_header_t *errors, FILE *out)
{
    metrics_head(out, "errors", METRICS_GAUGE,
               "Experiments whose last step failed in this way, pending ones and failed ones.");
    for (int i = 0; i < errors->nelts; i++) {
        const tardis_synced_error_figures_t *figures =
            &APR_ARRAY_IDX(errors, i, const tardis_synced_error_figures_t);
        tardis_error_code_t code = tardis_error_code_of(figures->code);
        fputs(METRICS_PREFIX "errors", out);
        metrics_label(out, "{", "state", figures->state);
        metrics_label(out, ",", "code", figures->code);
        metrics_label(out, ",", "fault",
                    code == TARDIS_ERROR_CODES ? "unknown" : tardis_fault_name(tardis_error_fault(code)));
        fprintf(out, "} %" APR_UINT64_T_FMT "\n", figures->experiments);
    }
}

static void write_outbox(const tardis_outbox_figures_t *outbox, FILE *out)
{
    metrics_head(out, "mails_waiting", METRICS_GAUGE, "Mails that were not sent yet.");
    fprintf(out, METRICS_PREFIX "mails_waiting %" APR_UINT64_T_FMT "\n", outbox->waiting);
    metrics_head(out, "oldest_mail_age_seconds", METRICS_GAUGE,
                 "Time since the oldest mail that waits was written; 0: none waits.");
    fprintf(out, METRICS_PREFIX "oldest_mail_age_seconds %.3f\n",
            (double)outbox->oldest_age / (double)APR_USEC_PER_SEC);
    metrics_head(out, "mails_given_up", METRICS_GAUGE,
                 "Mails that the mail server has refused for too long.");
    fprintf(out, METRICS_PREFIX "mails_given_up %" APR_UINT64_T_FMT "\n", outbox->given_up);
}
