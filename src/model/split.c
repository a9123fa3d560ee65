#include "split.h"

/* ---- Where operations may be cut -------------------------------------------------------------------------------- */

/* Elements of a vector that share no cache line of the weights with others. */
enum { VECTOR_CUT = 16 };

static bool is_elementwise(const cvy_stage *stage) {
    return stage->kind == CVY_STAGE_RESCALING || stage->kind == CVY_STAGE_ACTIVATION ||
           stage->kind == CVY_STAGE_DROPOUT;
}

static int greatest_divisor(int a, int b) {
    return b == 0 ? a : greatest_divisor(b, a % b);
}

/* A kernel gradient's slice begins at a cache line, as the kernels want it. */
static int kernel_cut(const cvy_conv2d_shape *shape) {
    return 16 / greatest_divisor(16, shape->kernel_width * shape->input.channels * shape->filters % 16);
}

/* Kernels of convolutions take two rows at a time; backward, two of each position modulo the stride. (An extent of one
 * row is found not worth cutting.) */
static cvy_cuts possible_cuts(const cvy_stage *stage) {
    const cvy_conv2d_shape *conv2d = &stage->conv2d.shape;
    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
        return (cvy_cuts){2, kernel_cut(conv2d), 2 * conv2d->stride_y};
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        return (cvy_cuts){1, kernel_cut(conv2d), 2 * conv2d->stride_y};
    case CVY_STAGE_MAX_POOLING2D:
    case CVY_STAGE_AVERAGE_POOLING2D:
        return (cvy_cuts){1, 0, 1};
    case CVY_STAGE_DENSE:
        return (cvy_cuts){VECTOR_CUT, VECTOR_CUT, VECTOR_CUT};
    case CVY_STAGE_RESCALING:
    case CVY_STAGE_ACTIVATION:
    case CVY_STAGE_DROPOUT: {
        const int cut = stage->output.rank == 1 ? VECTOR_CUT : 1;
        return (cvy_cuts){cut, 0, cut};
    }
    case CVY_STAGE_SOFTMAX:
        break;
    }
    return (cvy_cuts){0, 0, 0};
}

/* What the cuts of a stage's weights, of its input are counted in. */
static int weights_extent(const cvy_stage *stage) {
    return stage->kind == CVY_STAGE_DENSE ? stage->dense.inputs : stage->conv2d.shape.kernel_height;
}

static bool is_conv2d(const cvy_stage *stage) {
    return stage->kind == CVY_STAGE_CONV2D || stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2;
}

static int input_extent(const cvy_stage *stage) {
    if (stage->kind == CVY_STAGE_DENSE)
        return stage->dense.inputs;
    return is_conv2d(stage) ? stage->conv2d.shape.input.height : stage->input.height;
}

/* ---- Meetings --------------------------------------------------------------------------------------------------- */

/* Whether an elementwise stage that is cut at `cut` finds what it reads where its own part has written it: it was cut
 * alike, as so many rows or elements. */
static bool follows(const cvy_stage *stage, int cut, int written, int written_cut) {
    return is_elementwise(stage) && cut == written_cut && written == cvy_split_extent(stage->output);
}

bool cvy_split_meets_forward(const cvy_plan *plan, int index) {
    const cvy_stage *stage = &plan->stages[index];
    const int cut = stage->cut.value, before = index > 0 ? stage[-1].cut.value : 0;
    return (cut || before) && !(cut && index > 0 && follows(stage, cut, cvy_split_extent(stage[-1].output), before));
}

bool cvy_split_meets_loss(const cvy_plan *plan) {
    return plan->stages[plan->count - 1].cut.value != 0;
}

bool cvy_split_meets_backward(const cvy_plan *plan, int index) {
    const cvy_stage *stage = &plan->stages[index], *behind = stage + 1;
    const bool last = index == plan->count - 1;
    const int cut = stage->cut.input, written = last ? 0 : behind->cut.input;
    if (!cut && !stage->cut.weights && !written)
        return false;
    return !(cut && written && follows(stage, cut, input_extent(behind), written));
}

/* ---- The rule --------------------------------------------------------------------------------------------------- */

/* How long an element of these takes, in floating-point operations of a convolution. */
enum { ACTIVATION_FLOP = 40, WINDOW_FLOP = 8, PRODUCT_FLOP = 8, DRAW_FLOP = 500 };

/* A block's way through a stage, forward or one of its two gradients, likewise. */
static double work_of(const cvy_stage *stage, bool forward) {
    const double outputs = (double)cvy_shape_count(stage->output);
    double flop = cvy_stage_flop(stage);
    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
    case CVY_STAGE_DENSE:
        if (forward && stage->activation != CVY_ACT_LINEAR && stage->activation != CVY_ACT_RELU)
            flop += ACTIVATION_FLOP * outputs;
        break;
    case CVY_STAGE_MAX_POOLING2D:
    case CVY_STAGE_AVERAGE_POOLING2D:
        flop = WINDOW_FLOP * outputs * stage->pool.window_height * stage->pool.window_width;
        break;
    case CVY_STAGE_ACTIVATION:
    case CVY_STAGE_SOFTMAX:
        flop = (forward ? ACTIVATION_FLOP : PRODUCT_FLOP) * outputs;
        break;
    case CVY_STAGE_DROPOUT:
        flop = (forward ? DRAW_FLOP : PRODUCT_FLOP) * outputs;
        break;
    case CVY_STAGE_RESCALING:
        flop = PRODUCT_FLOP * outputs;
        break;
    }
    return CVY_LANES * flop;
}

/* The largest of the parts' shares, of 1. */
static double largest_share(int extent, int cut, int parts) {
    if (cut == 0)
        return 1;
    const int pieces = (extent + cut - 1) / cut, rows = (pieces + parts - 1) / parts * cut;
    return rows < extent ? (double)rows / extent : 1;
}

/* How long an operation takes the slowest of so many parts. */
static double time_of(double work, int extent, int cut, int parts) {
    return work * largest_share(extent, cut, parts);
}

/* A stage's way forward, and back, among the parts, without meetings. */
static double forward_time(const cvy_stage *stage, cvy_cuts cut, int parts) {
    return time_of(work_of(stage, true), cvy_split_extent(stage->output), cut.value, parts);
}

static double backward_time(const cvy_plan *plan, const cvy_stage *stage, cvy_cuts cut, int parts) {
    const int index = (int)(stage - plan->stages);
    double time = 0;
    if (stage->weights != CVY_NONE)
        time += time_of(work_of(stage, false), weights_extent(stage), cut.weights, parts);
    if (index > plan->first_trainable)
        time += time_of(work_of(stage, false), input_extent(stage), cut.input, parts);
    return time;
}

/* Cuts what two parts then do sooner, the meeting included; and elementwise stages where that takes no meeting. */
static void cut_stage(cvy_plan *plan, int index, double meeting) {
    cvy_stage *stage = &plan->stages[index];
    const cvy_cuts cut = possible_cuts(stage);
    const bool trained = index >= plan->first_trainable;
    if (forward_time(stage, cut, 1) - forward_time(stage, cut, 2) > meeting)
        stage->cut.value = cut.value;
    if (trained && backward_time(plan, stage, cut, 1) - backward_time(plan, stage, cut, 2) > meeting) {
        stage->cut.weights = stage->weights == CVY_NONE ? 0 : cut.weights;
        stage->cut.input = index > plan->first_trainable ? cut.input : 0;
    }
}

static void follow_forward(cvy_plan *plan, int index) {
    cvy_stage *stage = &plan->stages[index];
    if (index > 0 && follows(stage, stage[-1].cut.value, cvy_split_extent(stage[-1].output), stage[-1].cut.value))
        stage->cut.value = stage[-1].cut.value;
}

static void follow_backward(cvy_plan *plan, int index) {
    cvy_stage *stage = &plan->stages[index], *behind = stage + 1;
    if (index > plan->first_trainable && index + 1 < plan->count &&
        follows(stage, behind->cut.input, input_extent(behind), behind->cut.input))
        stage->cut.input = behind->cut.input;
}

/* All of a block's way on so many parts. Those who meet take turns at a cache line. */
static double plan_time(const cvy_plan *plan, double meeting, int parts) {
    double time = 0;
    int meetings = cvy_split_meets_loss(plan);
    for (int i = 0; i < plan->count; i++) {
        const cvy_stage *stage = &plan->stages[i];
        time += forward_time(stage, stage->cut, parts);
        meetings += cvy_split_meets_forward(plan, i);
        if (i < plan->first_trainable)
            continue;
        time += backward_time(plan, stage, stage->cut, parts);
        meetings += cvy_split_meets_backward(plan, i);
    }
    return parts > 1 ? time + meetings * meeting * parts / 2 : time;
}

void cvy_split_plan(cvy_plan *plan, double meeting) {
    static const double worth = 0.95;
    for (int i = 0; i < plan->count; i++)
        cut_stage(plan, i, meeting);
    for (int i = 0; i < plan->count; i++)
        follow_forward(plan, i);
    for (int i = plan->count - 1; i >= 0; i--)
        follow_backward(plan, i);
    double least = plan->count ? plan_time(plan, meeting, 1) : 0;
    int best = 1;
    for (int parts = 1; parts <= CVY_SPLIT_MAX; parts++) {
        const double time = plan->count ? plan_time(plan, meeting, parts) : 0;
        if (time < worth * least) {
            best = parts;
            least = time;
        }
        plan->parts[parts] = best;
    }
}
