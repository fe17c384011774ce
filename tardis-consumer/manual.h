/**
 * @file manual.h
 * What the commands have in common by which a person steps in: retry, cancel, hold and release.
 */
#ifndef MANUAL_H
#define MANUAL_H

#include "commands.h"
#include "tardis_synced_manual.h"

/** Who runs the command, for the history. */
const char *manual_user(apr_pool_t *pool);

/** The --reason, which is required. @return TARDIS_USAGE if it is missing, too long or not one line. */
tardis_error_t *manual_reason(const tardis_invocation_t *invocation, const char **reason);

/**
 * The --provider as registrations name it; @a url is set to NULL if it was not given.
 * @return TARDIS_NOT_FOUND if neither the configuration nor any experiment names it.
 */
tardis_error_t *manual_provider(const tardis_invocation_t *invocation, const char **url);

/** What is to be done to one experiment. */
typedef tardis_error_t *manual_fn(const tardis_invocation_t *invocation, const tardis_synced_t *synced,
                                  const void *baton);

/**
 * Does it to each experiment that is named, in their order. One that fails does not keep the others from it:
 * it is logged, and the exit status is 1; where it is the only one, its error is returned.
 * @param done set to how many it was done to.
 */
tardis_error_t *manual_each(tardis_invocation_t *invocation, manual_fn *one, const void *baton, int *done);

/** "experiment 17 (tardis.42)". */
const char *manual_name(const tardis_synced_t *synced, apr_pool_t *pool);

/** What keeps an experiment from being stepped; @a hold is set to NULL if nothing does. */
tardis_error_t *manual_hold_of(const tardis_invocation_t *invocation, apr_uint64_t experiment_id,
                               const tardis_synced_hold_t **hold);

/** "held by ada since 2026-11-23T21:07:23Z: disks are being replaced", with the provider if that is held. */
const char *manual_hold_text(const tardis_synced_hold_t *hold, apr_pool_t *pool);
/** What ends a hold: the operands of `tardis-consumer release`. */
const char *manual_release_operands(const tardis_synced_hold_t *hold, apr_uint64_t experiment_id,
                                    apr_pool_t *pool);
/** A hold as JSON, to be released by the caller; null for NULL. */
json_t *manual_hold_json(const tardis_synced_hold_t *hold);

#endif
