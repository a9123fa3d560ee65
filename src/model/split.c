#include "split.h"

/* ---- Where operations may be cut -------------------------------------------------------------------------------- */

/* Elements of a vector that share no cache line of the weights with others. */
enum { VECTOR_CUT = 16 };

static bool is_elementwise(const cvy_stage *stage) {
    return stage->kind == CVY_STAGE_RESCALING || stage->kind == CVY_STAGE_ACTIVATION ||
           stage->kind == CVY_STAGE_DROPOUT;
}

/* Convolutions are cut in rows forward, of which kernels take two at a time, in filters for the gradient of the
 * weights, and in channels for that of the input. So a part's filters read half of what it has not written itself, and
 * what is made of the weights for some channels is made once. (An extent of one row is found not worth cutting.) */
static cvy_cuts possible_cuts(const cvy_stage *stage) {
    switch (stage->kind) {
    case CVY_STAGE_CONV2D:
        return (cvy_cuts){2, 1, 1};
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        return (cvy_cuts){1, 1, 1};
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
    return stage->kind == CVY_STAGE_DENSE ? stage->dense.inputs : stage->conv2d.shape.filters;
}

static bool is_conv2d(const cvy_stage *stage) {
    return stage->kind == CVY_STAGE_CONV2D || stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2;
}

static int input_extent(const cvy_stage *stage) {
    return is_conv2d(stage) ? stage->conv2d.shape.input.channels : cvy_split_extent(stage->input);
}

/* ---- Meetings --------------------------------------------------------------------------------------------------- */

/* Whether an elementwise stage may take what it reads where its own part has written it: this was cut, as so many rows
 * or elements. */
static bool follows(const cvy_stage *stage, int written, int cut) {
    return is_elementwise(stage) && cut && written == cvy_split_extent(stage->output);
}

bool cvy_split_meets_forward(const cvy_plan *plan, int index) {
    const cvy_stage *stage = &plan->stages[index];
    const int cut = stage->cut.value, before = index > 0 ? stage[-1].cut.value : 0;
    const bool follow = index > 0 && before == cut && follows(stage, cvy_split_extent(stage[-1].output), cut);
    return (cut || before) && !follow;
}

bool cvy_split_meets_loss(const cvy_plan *plan) {
    return plan->stages[plan->count - 1].cut.value != 0;
}

/* How the rows of the gradient that a stage hands back were cut; 0 if they were not. */
static int rows_cut(const cvy_stage *stage) {
    const bool bordered = is_conv2d(stage) && (stage->conv2d.shape.input.height != stage->input.height ||
                                               stage->conv2d.shape.input.width != stage->input.width);
    if (bordered)
        return stage->cut.input ? 1 : 0;
    return is_conv2d(stage) ? 0 : stage->cut.input;
}

bool cvy_split_meets_backward(const cvy_plan *plan, int index) {
    const cvy_stage *stage = &plan->stages[index], *behind = stage + 1;
    const bool last = index == plan->count - 1;
    const int cut = stage->cut.input;
    if (!cut && !stage->cut.weights && (last || !behind->cut.input))
        return false;
    return last || rows_cut(behind) != cut || !follows(stage, cvy_split_extent(behind->input), cut);
}

/* ---- The rule --------------------------------------------------------------------------------------------------- */

/* How long other work takes, in floating-point operations of a convolution, an element (of a pool: an element of a
 * window): measured on a Zen 5 with AVX-512, roughly. */
enum { ACTIVATION_FLOP = 40, WINDOW_FLOP = 20, PRODUCT_FLOP = 10, DRAW_FLOP = 2000 };

/* A block's way through a stage, forward or one of its gradients, in the same unit. */
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
    if (index > 0 && follows(stage, cvy_split_extent(stage[-1].output), stage[-1].cut.value))
        stage->cut.value = stage[-1].cut.value;
}

static void follow_backward(cvy_plan *plan, int index) {
    cvy_stage *stage = &plan->stages[index], *behind = stage + 1;
    if (index > plan->first_trainable && index + 1 < plan->count &&
        follows(stage, cvy_split_extent(behind->input), rows_cut(behind)))
        stage->cut.input = rows_cut(behind);
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
