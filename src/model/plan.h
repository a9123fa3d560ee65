/* The plan: how a block of up to 16 images goes through a network. It follows from shapes and the number of images
 * alone, never from timings, because the order of sums follows from the plan.
 *
 * A plan is a list of stages. A stage is one kernel's work, and may stand for several layers (convolution + activation
 * + pooling). Every stage leaves its value, which the next stage reads, and in training the derivative of that value
 * with respect to the input of its activation. In the backward pass the gradient buffer of a stage holds dLoss/dvalue *
 * derivative: the stage behind it multiplies by the derivative as it writes, so no stage visits its own output twice.
 */
#ifndef CVY_PLAN_H
#define CVY_PLAN_H

#include "../../kernels/kernels.h"
#include "variables.h"

typedef enum cvy_layout {
    CVY_LAYOUT_AUTO,   /* as the plan says */
    CVY_LAYOUT_HWC16N, /* the image index in the lanes: training, and many images */
    CVY_LAYOUT_NHWC,   /* one image after another: inference on a few */
    CVY_LAYOUTS
} cvy_layout;

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

enum { CVY_NONE = -1 }; /* the offset of a buffer that a stage does not have */

/* Offsets are in floats: into the flat parameters, or into a block's workspace. */
typedef struct cvy_stage {
    cvy_stage_kind kind;
    int first_layer, last_layer; /* the network's layers that it stands for */
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
    ptrdiff_t value;         /* [output][16]; in NHWC [image][output] */
    ptrdiff_t sums;          /* NHWC: what a convolution leaves for activation and pooling, [image][its output] */
    ptrdiff_t derivative;    /* [output][16] */
    ptrdiff_t gradient;      /* [output][16]; CVY_NONE in front of the first stage with parameters */
    ptrdiff_t argmax;        /* int32 [output][16] */
    ptrdiff_t padded;        /* [input with border][16] */
    ptrdiff_t padded_gradient;
    size_t workspace; /* floats that no other stage uses */
    ptrdiff_t images; /* 16 NHWC images of the (bordered) input: what the weights' gradient reads */
    ptrdiff_t scratch;
} cvy_stage;

typedef struct cvy_plan {
    cvy_layout layout;
    int count;
    cvy_stage *stages;
    int first_trainable;       /* first stage with parameters; == count if there is none */
    cvy_image_shape input;     /* of the network */
    ptrdiff_t input_block;     /* workspace: the block as loaded */
    ptrdiff_t input_images;    /* the same in NHWC, CVY_NONE if no stage reads it */
    int classes;               /* of the last softmax; 0 if the network does not end in one */
    ptrdiff_t loss, predicted; /* workspace, 16 each */
    ptrdiff_t probabilities;   /* [classes][16]; in NHWC [image][classes] */
    ptrdiff_t mean;            /* the same: of several softmaxes */
    size_t workspace;          /* floats */
} cvy_plan;

/* Floating-point operations of a stage's multiply-adds for one image, forward; a gradient, of weights or data, takes as
 * many. 0 for stages without such. */
double cvy_stage_flop(const cvy_stage *stage);

/* Makes the plan of a network in a layout: HWC16N for training and for inference on many images, NHWC for inference on
 * up to 16 images. The probabilities of both have the same bits.
 *
 * In HWC16N a single image costs as much as sixteen, because the other lanes compute on zeros. In NHWC each image costs
 * about twice its part of a full block: sums run at some 60 % of the speed, and pooling picks its windows out of rows.
 * So NHWC is for up to half a block. Prediction in us (Zen 5, one thread; AVX2 in brackets):
 *
 *     images             1             4             8
 *     lesson   NHWC      2.0  (2.8)    6.5  (9.5)   12.5 (18.6)
 *              HWC16N   13.4 (24.9)   13.3 (25.0)   13.3 (25.0)
 *     lenet5   NHWC      4.3  (6.6)   13.8 (22.1)   27.1 (43.6)
 *              HWC16N   37.4 (72.0)   37.2 (71.8)   36.9 (71.2) */
bool cvy_plan_make(const cvy_network *network, const cvy_variables *variables, cvy_layout layout, cvy_plan *plan,
                   cvy_status *status);

enum { CVY_FEW_IMAGES = CVY_LANES / 2 };

/* "hwc16n", "nhwc", "auto"; false for another name. */
bool cvy_layout_from_name(const char *name, cvy_layout *layout);
const char *cvy_layout_name(cvy_layout layout);

/* The plan in words: a line a stage, with its layers, operation, shapes, floating-point operations, workspace, and what
 * moves between layouts. The caller frees the text; NULL without memory. */
char *cvy_plan_text(const cvy_plan *plan, const cvy_network *network, cvy_status *status);

void cvy_plan_free(cvy_plan *plan);

#endif
