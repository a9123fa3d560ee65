/* One block of up to 16 images on its way through a plan: forward, loss, backward (in HWC16N alone). Compute only: the
 * caller brings the workspace, the parameters and the place for the gradient; and where several threads share a block
 * in training, it has them meet (split.h). */
#ifndef CVY_BLOCK_H
#define CVY_BLOCK_H

#include "split.h"

/* What dropout draws from: a pure function of these and of the image's place in the batch. */
typedef struct cvy_block_random {
    uint64_t seed;
    uint32_t step;  /* training steps done before this one */
    uint32_t first; /* place in the batch of the block's first image */
} cvy_block_random;

typedef struct cvy_block {
    const cvy_plan *plan;
    const cvy_kernels *kernels;
    float *workspace; /* plan->workspace floats, 64-byte aligned; zero before the first use */
    int count;        /* images in the block, 1..16; the other lanes compute on zeros */
    int part, parts;  /* which of those who share the block this is; 0 of 0: nobody else */
    float *own;       /* of a part other than 0: such a workspace of its own, for the images and for scratch */
} cvy_block;

/* Where a part has the images, and what it needs for a while. */
static inline float *cvy_block_own(const cvy_block *block) {
    return block->part == 0 ? block->workspace : block->own;
}

/* The images are in the workspace (plan->input_block in the plan's layout, and plan->input_images for training). Leaves
 * the logits (without a closing softmax: the output) and returns them. `random` NULL: inference (no derivatives, no
 * dropout). */
const float *cvy_block_forward(const cvy_block *block, const float *parameters, const cvy_block_random *random);

/* Cross-entropy of the logits with smoothed labels: loss and predicted class of every lane in the workspace and, unless
 * scale is 0, the gradient of scale * loss, where the way back begins. */
void cvy_block_loss(const cvy_block *block, const float *logits, const uint8_t *labels, float smoothing, float scale);

/* Softmax of the logits into plan->probabilities. */
void cvy_block_probabilities(const cvy_block *block, const float *logits);

/* ---- A stage at a time, in training ------------------------------------------------------------------------------
 *
 * Each of these does the part's share; between them the parts of a block meet where split.h says so. */

/* Brings x, or as much of it as this part has written, within the border that a convolution wants. */
void cvy_block_enter_stage(const cvy_block *block, int index, const float *x);

/* Runs a stage on x, what the stage before it returned (the first: plan->input_block), and returns its value. */
const float *cvy_block_forward_stage(const cvy_block *block, int index, const float *x, const float *parameters,
                                     const cvy_block_random *random);

/* Backward, from the last stage to plan->first_trainable: the gradient of a stage's parameters, if it has any, into
 * every variable's place in `gradient` (padding is left alone), and then (but not of the first trainable stage) that of
 * its input, times the derivative of the stage before it. */
void cvy_block_backward_weights(const cvy_block *block, int index, float *gradient);
void cvy_block_backward_data(const cvy_block *block, int index, const float *parameters);

#endif
