/**
 * @file states.h
 * What each state does; see the table in fsm.c.
 */
#ifndef STATES_H
#define STATES_H

#include "fsm.h"
#include "tardis_status.h"
#include "transfer_client.h"

/** Ingested: asks the provider for the files. */
void state_ingested(fsm_step_t *step);
/** Ends a step of state_ingested() by asking for all files. */
void state_ask(fsm_step_t *step, const consumer_provider_t *provider, const transfer_get_t *get);
/** Requested and InProgress: asks how far the transfer is. */
void state_transferring(fsm_step_t *step);
/**
 * Ends a step of state_transferring() with the provider's answer, by whichever way it came. @param status
 * NULL after an error.
 */
void state_told(fsm_step_t *step, const tardis_error_t *error, const tardis_status_t *status);
/** CheckingIntegrity: compares every file with what was promised. */
void state_checking(fsm_step_t *step);
/** Notes how much was checked, when CheckingIntegrity ends one way or the other. */
void state_leave_checking(fsm_step_t *step);

#endif
