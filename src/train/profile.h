/* Where the time of training goes. Each thread keeps a watch; at every seam of a step it books what has passed since
 * the last seam, so that the parts sum to the whole.
 *
 * A look at the clock takes 24 ns (Zen 5), a block of the lesson has 15 seams, its two blocks a step 6 more: about 1 %.
 */
#ifndef CVY_PROFILE_H
#define CVY_PROFILE_H

#include "../base/clock.h"
#include "../model/plan.h"

/* Parts of a step that are not a stage's, in their order. */
typedef enum cvy_part_of_step {
    CVY_PART_LOAD,            /* images into a block, and the request for the next ones */
    CVY_PART_LOSS,            /* softmax, cross-entropy and its gradient */
    CVY_PART_WAIT_PARTS,      /* for the other threads on the same block */
    CVY_PART_SUM,             /* of a thread's own blocks' gradients */
    CVY_PART_WAIT_GRADIENTS,  /* for the other threads' blocks */
    CVY_PART_REDUCTION,       /* of the threads' sums; takes lines that other cores have written */
    CVY_PART_UPDATE,          /* optimizer */
    CVY_PART_CONCLUSION,      /* thread 0: metrics and progress */
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

typedef struct cvy_watch {
    double last;
    double seconds[]; /* [CVY_PARTS_OF_STEP], then [stages][CVY_PARTS_OF_STAGE] */
} cvy_watch;

static inline size_t cvy_watch_size(int stages) {
    return sizeof(cvy_watch) + (CVY_PARTS_OF_STEP + (size_t)stages * CVY_PARTS_OF_STAGE) * sizeof(double);
}

/* Books the time since the last call; nothing without a watch. */
static inline void cvy_watch_step(cvy_watch *watch, cvy_part_of_step part) {
    if (!watch)
        return;
    double now = cvy_clock();
    watch->seconds[part] += now - watch->last;
    watch->last = now;
}

static inline void cvy_watch_stage(cvy_watch *watch, int stage, cvy_part_of_stage part) {
    if (!watch)
        return;
    double now = cvy_clock();
    watch->seconds[CVY_PARTS_OF_STEP + stage * CVY_PARTS_OF_STAGE + (int)part] += now - watch->last;
    watch->last = now;
}

/* Floating-point operations a second that the kernels' multiply-adds can reach on the calling thread's core: the best
 * of some milliseconds. */
double cvy_profile_peak(const cvy_kernels *kernels);

#endif
