/* One block of up to 16 images on its way through a plan: forward, loss, backward (in HWC16N alone). Compute only: the
 * caller brings the workspace, the parameters and the place for the gradient. */
#ifndef CVY_BLOCK_H
#define CVY_BLOCK_H

#include "dropout.h"
#include "plan.h"

typedef struct cvy_block {
    const cvy_plan *plan;
    const cvy_kernels *kernels;
    float *workspace; /* plan->workspace floats, 64-byte aligned; zero before the first use */
    int count;        /* images in the block, 1..16; the other lanes compute on zeros */
} cvy_block;

/* The images are in the workspace (plan->input_block in the plan's layout, and plan->input_images for training). Leaves
 * the logits (without a closing softmax: the output) and returns them. For inference: no derivatives, no dropout. */
const float *cvy_block_forward(const cvy_block *block, const float *parameters);

/* Runs one stage on x, what the stage before it returned (the first: plan->input_block), and returns its value.
 * `random` NULL: inference. */
const float *cvy_block_forward_stage(const cvy_block *block, int index, const float *x, const float *parameters,
                                     const cvy_block_random *random);

/* Cross-entropy of the logits with smoothed labels: loss and predicted class of every lane in the workspace and, unless
 * scale is 0, the gradient of scale * loss, where the backward pass begins. */
void cvy_block_loss(const cvy_block *block, const float *logits, const uint8_t *labels, float smoothing, float scale);

/* Softmax of the logits into plan->probabilities. */
void cvy_block_probabilities(const cvy_block *block, const float *logits);

/* The backward pass, from the last stage to plan->first_trainable. For each stage first the gradient of its parameters,
 * if it has any, goes to every variable's place in `gradient` (padding is left alone). Then, but not for the first
 * trainable stage, the gradient of its input, times the derivative of the stage before it, goes to the workspace. */
void cvy_block_backward_weights(const cvy_block *block, int index, float *gradient);
void cvy_block_backward_data(const cvy_block *block, int index, const float *parameters);

#endif
