#include "split.h"

/* ---- Where operations may be cut -------------------------------------------------------------------------------- */

/* Elements of a vector that share no cache line of the weights with others. */
enum { VECTOR_CUT = 16 };

static bool is_conv2d(const cvy_stage *stage) {
    return stage->kind == CVY_STAGE_CONV2D || stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2;
}

static bool is_weighted(const cvy_stage *stage) {
    return is_conv2d(stage) || stage->kind == CVY_STAGE_DENSE;
}

/* Whether a channel of its output takes but that channel of its input. */
static bool keeps_channels(const cvy_stage *stage) {
    return !is_weighted(stage) && stage->kind != CVY_STAGE_SOFTMAX;
}

static int cut_of(cvy_shape shape) {
    return shape.rank == 1 ? VECTOR_CUT : 1;
}

static cvy_cuts possible_cuts(const cvy_stage *stage) {
    if (stage->kind == CVY_STAGE_SOFTMAX)
        return (cvy_cuts){0, 0, 0};
    const int weights = is_conv2d(stage) ? 1 : stage->kind == CVY_STAGE_DENSE ? VECTOR_CUT : 0;
    return (cvy_cuts){cut_of(stage->output), weights, cut_of(stage->input)};
}

/* What the weights are cut in. */
static int weights_extent(const cvy_stage *stage) {
    return stage->kind == CVY_STAGE_DENSE ? stage->dense.inputs : stage->conv2d.shape.filters;
}

/* ---- Meetings --------------------------------------------------------------------------------------------------- */

/* Whether a part finds what it reads where it has written it itself: both were cut alike. */
static bool alike(int channels, int cut, int other_channels, int other_cut) {
    return cut == other_cut && (cut == 0 || channels == other_channels);
}

bool cvy_split_meets_forward(const cvy_plan *plan, int index) {
    const cvy_stage *stage = &plan->stages[index], *before = stage - 1;
    if (index == 0) /* the images are each part's own */
        return false;
    const bool whole = !stage->cut.value && !before->cut.value;
    return !whole && !(keeps_channels(stage) &&
                       alike(stage->output.channels, stage->cut.value, before->output.channels, before->cut.value));
}

bool cvy_split_meets_loss(const cvy_plan *plan) {
    return plan->stages[plan->count - 1].cut.value != 0;
}

/* How the gradient was cut that a stage finds on its way back; the loss's was not. */
static int gradient_cut(const cvy_plan *plan, int index, int *channels) {
    const cvy_stage *behind = &plan->stages[index + 1];
    if (index == plan->count - 1)
        return 0;
    *channels = behind->input.channels;
    return behind->cut.input;
}

bool cvy_split_meets_backward(const cvy_plan *plan, int index) {
    const cvy_stage *stage = &plan->stages[index];
    const int cut = is_weighted(stage) ? stage->cut.weights : stage->cut.input;
    int channels = 0;
    const int found = gradient_cut(plan, index, &channels);
    if (!cut && !found)
        return false;
    const bool own = is_conv2d(stage) || keeps_channels(stage); /* takes a channel of it for a channel */
    return !(own && alike(stage->output.channels, cut, channels, found));
}

bool cvy_split_meets_data(const cvy_plan *plan, int index) {
    const cvy_stage *stage = &plan->stages[index];
    int channels;
    if (!is_weighted(stage) || index <= plan->first_trainable || cvy_split_meets_backward(plan, index))
        return false;
    return stage->cut.input || gradient_cut(plan, index, &channels);
}

/* ---- The rule --------------------------------------------------------------------------------------------------- */

/* How long other work takes, in floating-point operations of a convolution, an element (of a pool: an element of a
 * window): measured on a Zen 5 with AVX-512, roughly. Gradients through a pool leave out most products. */
enum { ACTIVATION_FLOP = 40, WINDOW_FLOP = 20, PRODUCT_FLOP = 10, DRAW_FLOP = 2000 };
static const double pooled_gradient = 0.6;

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
        if (!forward && stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2)
            flop *= pooled_gradient;
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
    return time_of(work_of(stage, true), stage->output.channels, cut.value, parts);
}

static double backward_time(const cvy_plan *plan, int index, cvy_cuts cut, int parts) {
    const cvy_stage *stage = &plan->stages[index];
    double time = 0;
    if (stage->weights != CVY_NONE)
        time += time_of(work_of(stage, false), weights_extent(stage), cut.weights, parts);
    if (index > plan->first_trainable)
        time += time_of(work_of(stage, false), stage->input.channels, cut.input, parts);
    return time;
}

/* Cuts what two parts then do sooner, the meeting included; and what takes no meeting. */
static void cut_stage(cvy_plan *plan, int index, double meeting) {
    cvy_stage *stage = &plan->stages[index];
    const cvy_cuts cut = possible_cuts(stage);
    const bool trained = index >= plan->first_trainable;
    if (forward_time(stage, cut, 1) - forward_time(stage, cut, 2) > meeting)
        stage->cut.value = cut.value;
    if (trained && backward_time(plan, index, cut, 1) - backward_time(plan, index, cut, 2) > meeting) {
        stage->cut.weights = stage->weights == CVY_NONE ? 0 : cut.weights;
        stage->cut.input = index > plan->first_trainable ? cut.input : 0;
    }
}

static void follow_forward(cvy_plan *plan, int index) {
    cvy_stage *stage = &plan->stages[index];
    const cvy_stage *before = stage - 1;
    if (index > 0 && keeps_channels(stage) && before->cut.value && before->output.channels == stage->output.channels)
        stage->cut.value = before->cut.value;
}

static void follow_backward(cvy_plan *plan, int index) {
    cvy_stage *stage = &plan->stages[index];
    int channels = 0;
    const int found = gradient_cut(plan, index, &channels);
    if (index > plan->first_trainable && keeps_channels(stage) && found && channels == stage->output.channels)
        stage->cut.input = found;
}

/* The parameters of a stage, but for biases. */
static double weights_of(const cvy_stage *stage) {
    if (stage->weights == CVY_NONE)
        return 0;
    if (stage->kind == CVY_STAGE_DENSE)
        return (double)stage->dense.inputs * stage->dense.units;
    const cvy_conv2d_shape *s = &stage->conv2d.shape;
    return (double)s->kernel_height * s->kernel_width * s->input.channels * s->filters;
}

/* What the parts have to do with one another. */
typedef struct traffic {
    int meetings;
    double lines; /* of the caches, that a part writes where others have read, or reads where others have written */
} traffic;

static void add_crossing(traffic *t, bool meets, double lines) {
    t->meetings += meets;
    t->lines += meets ? lines : 0;
}

/* However many parts there are, each writes or fetches all of what all of them take. An element of a block is a line;
 * parameters are updated by one thread and read by all, and so are half of their gradients. But where they do not stay
 * in a second-level cache, they come from further away in any case. */
static traffic traffic_of(const cvy_plan *plan) {
    const double cached = 1 << 16;
    traffic t = {0};
    double weights = 0;
    for (int i = 0; i < plan->count; i++) {
        const cvy_stage *stage = &plan->stages[i];
        add_crossing(&t, cvy_split_meets_forward(plan, i), (double)cvy_shape_count(stage->input));
        if (i >= plan->first_trainable)
            add_crossing(&t, cvy_split_meets_backward(plan, i) || cvy_split_meets_data(plan, i),
                         (double)cvy_shape_count(stage->output) * (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2 ? 2 : 1));
        weights += weights_of(stage);
    }
    t.lines += 1.5 * (weights < cached ? weights : cached) / CVY_LANES;
    add_crossing(&t, cvy_split_meets_loss(plan), (double)cvy_shape_count(plan->stages[plan->count - 1].output));
    return t;
}

/* All of a block's way on so many parts. Those who meet take turns at a cache line. */
static double plan_time(const cvy_plan *plan, double meeting, int parts) {
    double time = 0;
    for (int i = 0; i < plan->count; i++) {
        time += forward_time(&plan->stages[i], plan->stages[i].cut, parts);
        if (i >= plan->first_trainable)
            time += backward_time(plan, i, plan->stages[i].cut, parts);
    }
    if (parts == 1)
        return time;
    const traffic t = traffic_of(plan);
    return time + t.meetings * meeting * parts / 2 + t.lines * meeting / CVY_MEETING_LINES;
}

void cvy_split_plan(cvy_plan *plan, double meeting) {
    static const double worth = 0.95; /* a step with more parts must take but so much of the time */
    for (int i = 0; i < plan->count; i++)
        cut_stage(plan, i, meeting);
    for (int i = 0; i < plan->count; i++)
        follow_forward(plan, i);
    for (int i = plan->count - 1; i >= 0; i--)
        follow_backward(plan, i);
    double least = 0;
    int best = 1;
    for (int parts = 1; parts <= CVY_SPLIT_MAX; parts++) {
        const double time = plan->count ? plan_time(plan, meeting, parts) : 0;
        if (parts == 1 || time < worth * least) {
            best = parts;
            least = time;
        }
        plan->parts[parts] = best;
    }
}
