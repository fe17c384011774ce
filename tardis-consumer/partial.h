/**
 * @file partial.h
 * Asking again for some files of an experiment only (tardis_partial_retry.h), and telling of it.
 */
#ifndef PARTIAL_H
#define PARTIAL_H

#include <jansson.h>

#include "fsm.h"
#include "tardis_partial_retry.h"
#include "transfer_client.h"

/** Whether an experiment that is Ingested may have been started again for some files only. */
int partial_is_possible(const tardis_synced_t *synced);

/**
 * Ends the step as state_ask() does, but asks only for the files with problems, if the provider offers that
 * and their number is within what it takes. Unless it says that it sends these and no others, nothing counts
 * as proven any more before the step is saved; a question that was not answered, or only with an error that
 * may pass, leaves everything as it is, for the next step to ask again.
 */
void partial_ask(fsm_step_t *step, const consumer_provider_t *provider, const transfer_get_t *get);

/**
 * What is asked for again of an experiment, was, or would be if it was started again (FailPermanent);
 * @a partial is set to NULL if that is everything, or nothing.
 */
tardis_error_t *partial_of(const tardis_context_t *context, const tardis_synced_t *synced,
                           const tardis_partial_retry_t **partial, apr_pool_t *pool);

/** That in words: "3 of 1210 files are asked for again; the others stay proven". NULL for NULL. */
const char *partial_text(const tardis_synced_t *synced, const tardis_partial_retry_t *partial,
                         apr_pool_t *pool);

/** That as JSON, to be released by the caller; null for NULL. */
json_t *partial_json(const tardis_partial_retry_t *partial);

#endif
