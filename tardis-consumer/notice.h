/**
 * @file notice.h
 * What mail says when an experiment is complete or has failed, and who gets it. Nothing is sent here: the
 * notices are saved with the state (see outbox.h).
 */
#ifndef NOTICE_H
#define NOTICE_H

#include "fsm.h"

/** Entry action of Complete: adds a notice for each recipient to the outcome, unless mail_on_complete is off.
 */
tardis_error_t *notice_complete(fsm_step_t *step);
/** Entry action of FailPermanent: adds a notice for each recipient, with the cause and what to do about it.
 */
tardis_error_t *notice_failed(fsm_step_t *step);

#endif
