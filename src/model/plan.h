/* The plan: how a block of 16 images goes through a network. Chosen from shapes alone, never from timings, because the
 * order of sums follows from it.
 *
 * A plan is a list of stages; a stage is one kernel's work, and may stand for several layers (convolution + activation
 * + pooling). Every stage leaves its value (what the next one reads) and, in training, the derivative of that value
 * with respect to what its activation saw. On the way back, the gradient buffer of a stage holds dLoss/dvalue *
 * derivative, because the stage behind it multiplies by the derivative as it writes: no stage visits its own output
 * twice.
 */
#ifndef CVY_PLAN_H
#define CVY_PLAN_H

#include "../../kernels/kernels.h"
#include "variables.h"

typedef enum cvy_stage_kind {
    CVY_STAGE_RESCALING,
    CVY_STAGE_CONV2D,
    CVY_STAGE_CONV2D_MAXPOOL2X2, /* convolution, activation and 2x2 max-pool in one */
    CVY_STAGE_MAX_POOLING2D,
    CVY_STAGE_AVERAGE_POOLING2D,
    CVY_STAGE_DENSE,
    CVY_STAGE_ACTIVATION,
    CVY_STAGE_SOFTMAX, /* inside the network; the last softmax belongs to the loss */
    CVY_STAGE_DROPOUT,
} cvy_stage_kind;

enum { CVY_NONE = -1 }; /* an offset that is not there */

/* Offsets are in floats: into the flat parameters, or into a block's workspace. */
typedef struct cvy_stage {
    cvy_stage_kind kind;
    int first_layer, last_layer; /* what it stands for, in the network */
    cvy_shape input, output;
    cvy_activation_kind activation;
    union {
        struct {
            cvy_conv2d_shape shape; /* border included */
            int32_t top, left;      /* border, for "same" */
        } conv2d;
        cvy_pool_shape pool;
        cvy_dense_shape dense;
        struct {
            float scale, offset;
        } rescaling;
        double rate; /* dropout */
    };
    ptrdiff_t weights, bias; /* in the parameters */
    ptrdiff_t value;         /* [output][16] */
    ptrdiff_t derivative;    /* [output][16] */
    ptrdiff_t gradient;      /* [output][16]; CVY_NONE in front of the first stage with parameters */
    ptrdiff_t winner;        /* int32 [output][16] */
    ptrdiff_t padded;        /* [input with border][16] */
    ptrdiff_t padded_gradient;
    ptrdiff_t images; /* 16 NHWC images of the (bordered) input: what the weights' gradient reads */
    ptrdiff_t scratch;
} cvy_stage;

typedef struct cvy_plan {
    int count;
    cvy_stage *stages;
    int first_trainable;       /* first stage with parameters; == count if there is none */
    cvy_image_shape input;     /* of the network */
    ptrdiff_t input_block;     /* workspace: the block as loaded */
    ptrdiff_t input_images;    /* the same in NHWC, CVY_NONE if no stage reads it */
    int classes;               /* of the closing softmax; 0 if the network does not end in one */
    ptrdiff_t loss, predicted; /* workspace, 16 each */
    ptrdiff_t probabilities;   /* [classes][16] */
    ptrdiff_t mean;            /* [classes][16]: of several softmaxes */
    size_t workspace;          /* floats */
} cvy_plan;

/* Floating-point operations of a stage's multiply-adds for one image, forward; a gradient, of weights or data, takes as
 * many. 0 for stages without such. */
double cvy_stage_flop(const cvy_stage *stage);

bool cvy_plan_make(const cvy_network *network, const cvy_variables *variables, cvy_plan *plan, cvy_status *status);
void cvy_plan_free(cvy_plan *plan);

#endif
