/**
 * @file why_meaning.h
 * What typed errors mean for an experiment that is followed, in the words of `why`.
 */
#ifndef WHY_MEANING_H
#define WHY_MEANING_H

#include "tardis_error.h"

/** By which a provider's administrator sees what became of a transfer. */
#define WHY_ASK_PROVIDER "tardis-provider show {uid}"

/**
 * What an error means in half a sentence, and what a person does about it. In commands, {id}, {uid}, {url},
 * {store} and {curl} stand for what the experiment has, and {consumer} for this tool.
 */
typedef struct why_meaning_t {
    tardis_error_code_t code;
    const char *reason;
    const char *advice;      /**< NULL: that of the error itself */
    const char *at_provider; /**< a command of the provider's administrator; NULL: none */
    const char *here;        /**< a command of this site's; NULL: none but to try again */
} why_meaning_t;

/** What an error means; NULL: there is nothing to say but its own text and advice. */
const why_meaning_t *why_meaning_of(tardis_error_code_t code);

#endif
