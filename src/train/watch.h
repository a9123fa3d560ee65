/* Where the time of training goes. Each thread keeps a watch, and says which part of a step it enters; the time up to
 * the next entry belongs to that part, so the parts sum to the whole.
 *
 * A look at the clock takes 24 ns (Zen 5). A block of the lesson has 15 parts, its step 6 more beside its two blocks:
 * the watch costs about 1 %. */
#ifndef CVY_WATCH_H
#define CVY_WATCH_H

#include "../base/clock.h"
#include "../model/plan.h"

/* Parts of a step. Those of the stages follow them: cvy_watch_part_of_stage. */
typedef enum cvy_part_of_step {
    CVY_PART_LOAD,            /* images into a block, and the request for the next ones */
    CVY_PART_LOSS,            /* softmax, cross-entropy and its gradient */
    CVY_PART_SUM,             /* of a thread's own blocks' gradients */
    CVY_PART_WAIT_GRADIENTS,  /* for the other threads' blocks */
    CVY_PART_REDUCTION,       /* of the threads' sums; reads lines that other cores have written */
    CVY_PART_UPDATE,          /* optimizer */
    CVY_PART_METRICS,         /* thread 0: metrics and progress */
    CVY_PART_WAIT_PARAMETERS, /* for the other threads' updates */
    CVY_PARTS_OF_STEP
} cvy_part_of_step;

/* Parts of a stage. */
typedef enum cvy_part_of_stage {
    CVY_PART_FORWARD,
    CVY_PART_BACKWARD_WEIGHTS,
    CVY_PART_BACKWARD_DATA,
    CVY_PARTS_OF_STAGE
} cvy_part_of_stage;

enum { CVY_PART_OUTSIDE = -1 }; /* before the first step and after the last */

/* The number of a stage's part among all parts of a step. */
static inline int cvy_watch_part_of_stage(int stage, cvy_part_of_stage part) {
    return CVY_PARTS_OF_STEP + stage * CVY_PARTS_OF_STAGE + (int)part;
}

/* How many parts a step through that many stages has. */
static inline int cvy_watch_parts(int stages) {
    return cvy_watch_part_of_stage(stages, CVY_PART_FORWARD);
}

/* Called when a thread leaves part `from` and enters part `to`; either may be CVY_PART_OUTSIDE. */
typedef void cvy_watch_hook(void *user, int from, int to);

typedef struct cvy_watch {
    cvy_watch_hook *hook; /* NULL: none */
    void *user;
    double entered;   /* clock: when the present part began */
    int part;         /* the present one */
    double seconds[]; /* [cvy_watch_parts(stages)] */
} cvy_watch;

/* Ends the present part and begins `part`. Does nothing without a watch. */
static inline void cvy_watch_enter(cvy_watch *watch, int part) {
    if (!watch)
        return;
    const double now = cvy_clock();
    if (watch->part != CVY_PART_OUTSIDE)
        watch->seconds[watch->part] += now - watch->entered;
    const int from = watch->part;
    watch->part = part;
    watch->entered = now;
    if (watch->hook)
        watch->hook(watch->user, from, part);
}

#endif
