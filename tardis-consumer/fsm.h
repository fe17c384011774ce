/**
 * @file fsm.h
 * The states that an experiment goes through, and one step of one experiment.
 *
 * A step begins with fsm_step_begin(), which runs the action of the experiment's state. The action ends the
 * step by exactly one call of fsm_move(), fsm_stay() or fsm_fail(), at once or when an answer has come. The
 * outcome is then what has to be saved; nothing was written yet.
 */
#ifndef FSM_H
#define FSM_H

#include <stddef.h>

#include "settings.h"
#include "tardis_synced_db.h"

typedef struct fsm_step_t fsm_step_t;

/**
 * Fewer failures in a row are one bad minute, and end nothing: neither past the deadline, nor by an answer
 * that leaves no hope.
 */
#define FSM_ATTEMPTS_BEFORE_DEADLINE 3

/** One state. */
typedef struct fsm_state_t {
    const char *name;
    const char *does;              /**< what a step does, "asks ..."; NULL: nothing happens any more */
    void (*act)(fsm_step_t *step); /**< ends the step; NULL: nothing happens any more */
    tardis_error_t *(*enter)(fsm_step_t *step); /**< what belongs to coming into it; NULL: nothing */
    void (*leave)(fsm_step_t *step);            /**< what belongs to leaving it; NULL: nothing */
    size_t deadline;                            /**< offset of its deadline in consumer_settings_t; 0: none */
    size_t longest; /**< offset of the time in it after which it is given up whatever moves; 0: none */
    int blocking;   /**< the action reads files, and does not return before it is done */
    const char *targets[4]; /**< where it may lead, ending in NULL */
} fsm_state_t;

/** What the steps of a tick share. */
typedef struct fsm_t {
    const tardis_context_t *context;
    const consumer_settings_t *settings;
    int (*stopping)(void *baton);   /**< whether a long action should end here, to go on in a later step */
    void (*meanwhile)(void *baton); /**< called now and then during a long action, for what else goes on;
                                       may be NULL */
    void *baton;                    /**< for both */
} fsm_t;

/** One step of one experiment. */
struct fsm_step_t {
    const fsm_t *fsm;
    const tardis_synced_t *synced;
    const fsm_state_t *state; /**< NULL: the row is invalid, or names none that there is */
    tardis_error_t *error;    /**< what failed; NULL: nothing */
    tardis_error_t *broken;   /**< the database failed or the lease was lost: there is no outcome */
    tardis_synced_outcome_t outcome;
    int put_off;                    /**< not 0: by fsm_put_off(), and not given up */
    apr_uint64_t bytes_read;        /**< by the action, of files that it has checked */
    void *work;                     /**< what the action keeps for the exit action */
    void (*done)(fsm_step_t *step); /**< called once, when the step has ended */
    void *baton;                    /**< for done */
    struct lane_t *lane;            /**< under way in it, see lanes.h; NULL: in none */
    fsm_step_t *next;               /**< of those that wait to be asked about together, see gather.h */
    apr_pool_t *pool;
};

/** All states in their order; ends with a NULL name. */
const fsm_state_t *fsm_states(void);
/** The state with this name; NULL: none. */
const fsm_state_t *fsm_state_find(const char *name);
/** The names of the states whose action blocks, separated by commas. */
const char *fsm_blocking_states(apr_pool_t *pool);
/** Whether the action of a state asks the provider. */
int fsm_asks(const fsm_state_t *state);
/** Seconds without movement after which a state is given up; 0: never. */
long fsm_deadline(const fsm_state_t *state, const consumer_settings_t *settings);
/** Seconds in which no tick has looked at an experiment, after which its deadline begins anew. */
long fsm_unseen(const fsm_state_t *state, const consumer_settings_t *settings);
/**
 * How many more attempts with the same error end an experiment whose last error was a lasting one, as a
 * provider's answer had it: a provider that is just being repaired may give such an answer for a minute. 0:
 * its last error is no such one.
 */
int fsm_attempts_left(const tardis_synced_t *synced);

/**
 * Makes a step; it lives in @a pool.
 * @param lease_owner the claim under which @a synced was taken.
 */
fsm_step_t *fsm_step_create(const fsm_t *fsm, const tardis_synced_t *synced, const char *lease_owner,
                            void (*done)(fsm_step_t *step), void *baton, apr_pool_t *pool);

/** Begins the step. `done` may be called before it returns. */
void fsm_step_begin(fsm_step_t *step);

/** Ends the step: on to @a target, due after @a wait. @a text is for the history. */
void fsm_move(fsm_step_t *step, const char *target, apr_interval_time_t wait, const char *text);
/**
 * Ends the step: it stays, and is due again after @a wait. If nothing moves until the deadline of its state,
 * it becomes FailPermanent. @param moved whether anything moved since the last step.
 */
void fsm_stay(fsm_step_t *step, apr_interval_time_t wait, int moved);
/**
 * Ends the step with an error. Transient: it stays and is tried again, until the deadline of its state;
 * otherwise, and then, it becomes FailPermanent with this cause. A lasting error that is but an answer is
 * tried again as well, see fsm_attempts_left(). An error of the database, or a lost lease, leaves no outcome:
 * see `broken`.
 *
 * A time in which no tick looked at it, such as that of a host that was down over a holiday, is not held
 * against an experiment: its deadline begins anew, here and in fsm_stay().
 */
void fsm_fail(fsm_step_t *step, const tardis_error_t *error);
/**
 * Ends the step of a provider that is left alone, without a request. It counts as a failed attempt, once for
 * each text of @a error, and ends as fsm_fail() does when the deadline has passed.
 * @param outage how the text starts as long as the provider fails: the history tells of that once.
 */
void fsm_put_off(fsm_step_t *step, const tardis_error_t *error, const char *outage, apr_interval_time_t wait);
/** Ends the step as if it had not been taken, due again after @a wait. */
void fsm_defer(fsm_step_t *step, apr_interval_time_t wait);
/** Notes an event beside those that the functions above note. */
void fsm_note(fsm_step_t *step, const char *kind, const char *code, const char *text);

#endif
