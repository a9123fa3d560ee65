/* A network as an ONNX model (https://github.com/onnx/onnx/blob/main/docs/IR.md, operators of opset 17). Images come as
 * NHWC and become NCHW where a convolution or pooling needs that. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prepare.h"
#include "wire.h"

/* Numbers of fields, each behind its message, and of types, as onnx/onnx.proto has them. */
enum {
    IR_VERSION = 8,
    OPSET = 17,
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER_NAME = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_GRAPH = 7,
    MODEL_OPSET_IMPORT = 8,
    OPSET_VERSION = 2,
    GRAPH_NODE = 1,
    GRAPH_NAME = 2,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_NAME = 3,
    NODE_OP_TYPE = 4,
    NODE_ATTRIBUTE = 5,
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_I = 3,
    ATTRIBUTE_INTS = 8,
    ATTRIBUTE_TYPE = 20,
    ATTRIBUTE_TYPE_INT = 2,
    ATTRIBUTE_TYPE_INTS = 7,
    TENSOR_DIMS = 1,
    TENSOR_DATA_TYPE = 2,
    TENSOR_NAME = 8,
    TENSOR_RAW_DATA = 9,
    TYPE_FLOAT = 1,
    TYPE_INT64 = 7,
    VALUE_NAME = 1,
    VALUE_TYPE = 2,
    TYPE_TENSOR = 1,
    TENSOR_ELEMENT = 1,
    TENSOR_SHAPE = 2,
    SHAPE_DIM = 1,
    DIM_VALUE = 1,
    DIM_PARAM = 2,
};

enum { VALUE_MAX = CVY_NAME_MAX + 32 };

/* The graph, and the value that it has come to. */
typedef struct graph {
    cvy_wire wire;
    const cvy_export *what;
    const char *layer;     /* names of nodes begin with it */
    char value[VALUE_MAX]; /* "conv2d/Relu": a slash, which no layer's name holds */
    cvy_shape shape;
    bool nchw;
} graph;

/* ---- Nodes ------------------------------------------------------------------------------------------------------ */

/* Begins a node that takes the value; its output, LAYER/OUTPUT, is the value from then on. */
static size_t begin_node(graph *g, const char *operation, const char *output) {
    const size_t node = cvy_wire_begin(&g->wire, GRAPH_NODE);
    cvy_wire_text(&g->wire, NODE_INPUT, g->value);
    snprintf(g->value, sizeof g->value, "%s/%s", g->layer, output);
    cvy_wire_text(&g->wire, NODE_OUTPUT, g->value);
    cvy_wire_text(&g->wire, NODE_NAME, g->value);
    cvy_wire_text(&g->wire, NODE_OP_TYPE, operation);
    return node;
}

/* A further input of the node: an initializer of the layer. */
static void add_input(graph *g, const char *name) {
    char path[VALUE_MAX];
    snprintf(path, sizeof path, "%s/%s", g->layer, name);
    cvy_wire_text(&g->wire, NODE_INPUT, path);
}

static void add_whole(graph *g, const char *name, int64_t value) {
    const size_t attribute = cvy_wire_begin(&g->wire, NODE_ATTRIBUTE);
    cvy_wire_text(&g->wire, ATTRIBUTE_NAME, name);
    cvy_wire_number(&g->wire, ATTRIBUTE_I, (uint64_t)value);
    cvy_wire_number(&g->wire, ATTRIBUTE_TYPE, ATTRIBUTE_TYPE_INT);
    cvy_wire_end(&g->wire, attribute);
}

static void add_wholes(graph *g, const char *name, int count, const int *values) {
    const size_t attribute = cvy_wire_begin(&g->wire, NODE_ATTRIBUTE);
    cvy_wire_text(&g->wire, ATTRIBUTE_NAME, name);
    for (int i = 0; i < count; i++)
        cvy_wire_number(&g->wire, ATTRIBUTE_INTS, (uint64_t)values[i]);
    cvy_wire_number(&g->wire, ATTRIBUTE_TYPE, ATTRIBUTE_TYPE_INTS);
    cvy_wire_end(&g->wire, attribute);
}

/* Begins the initializer LAYER/NAME; its raw data is to follow. */
static size_t begin_initializer(graph *g, const char *name, int type, int rank, const size_t *shape, size_t *data) {
    char path[VALUE_MAX];
    const size_t tensor = cvy_wire_begin(&g->wire, GRAPH_INITIALIZER);
    snprintf(path, sizeof path, "%s/%s", g->layer, name);
    cvy_wire_text(&g->wire, TENSOR_NAME, path);
    cvy_wire_number(&g->wire, TENSOR_DATA_TYPE, (uint64_t)type);
    for (int i = 0; i < rank; i++)
        cvy_wire_number(&g->wire, TENSOR_DIMS, shape[i]);
    *data = cvy_wire_begin(&g->wire, TENSOR_RAW_DATA);
    return tensor;
}

static void end_initializer(graph *g, size_t tensor, size_t data) {
    cvy_wire_end(&g->wire, data);
    cvy_wire_end(&g->wire, tensor);
}

static void add_initializer(graph *g, const char *name, int type, int rank, const size_t *shape, const void *bytes,
                            size_t count) {
    size_t data, tensor = begin_initializer(g, name, type, rank, shape, &data);
    cvy_wire_add(&g->wire, bytes, count);
    end_initializer(g, tensor, data);
}

/* ---- Layouts ---------------------------------------------------------------------------------------------------- */

static void set_layout(graph *g, bool nchw) {
    static const int to_nchw[] = {0, 3, 1, 2}, to_nhwc[] = {0, 2, 3, 1};
    if (g->nchw == nchw)
        return;
    const size_t node = begin_node(g, "Transpose", nchw ? "NCHW" : "NHWC");
    add_wholes(g, "perm", 4, nchw ? to_nchw : to_nhwc);
    cvy_wire_end(&g->wire, node);
    g->nchw = nchw;
}

/* Keras flattens images as NHWC. */
static void flatten(graph *g) {
    if (g->shape.rank == 1)
        return;
    set_layout(g, false);
    const size_t node = begin_node(g, "Flatten", "Flatten");
    add_whole(g, "axis", 1);
    cvy_wire_end(&g->wire, node);
    g->shape = (cvy_shape){1, 1, 1, (int)cvy_shape_count(g->shape)};
}

/* ---- Operations ------------------------------------------------------------------------------------------------- */

/* value OPERATION constant, unless that changes nothing. */
static void apply_constant(graph *g, const char *operation, const char *name, float constant, float neutral) {
    if (constant == neutral)
        return;
    add_initializer(g, name, TYPE_FLOAT, 0, NULL, &constant, sizeof constant);
    const size_t node = begin_node(g, operation, operation);
    add_input(g, name);
    cvy_wire_end(&g->wire, node);
}

static void rescale(graph *g, float scale, float offset) {
    apply_constant(g, "Mul", "scale", scale, 1.0f);
    apply_constant(g, "Add", "offset", offset, 0.0f);
}

static void activate(graph *g, cvy_activation_kind activation) {
    static const char *const operations[] = {
        [CVY_ACT_RELU] = "Relu", [CVY_ACT_SILU] = "Sigmoid", [CVY_ACT_SIGMOID] = "Sigmoid", [CVY_ACT_TANH] = "Tanh"};
    char argument[VALUE_MAX];
    if (activation == CVY_ACT_LINEAR)
        return;
    memcpy(argument, g->value, sizeof argument);
    cvy_wire_end(&g->wire, begin_node(g, operations[activation], operations[activation]));
    if (activation != CVY_ACT_SILU)
        return;
    const size_t node = begin_node(g, "Mul", "Mul");
    cvy_wire_text(&g->wire, NODE_INPUT, argument);
    cvy_wire_end(&g->wire, node);
}

static void soften(graph *g) {
    const size_t node = begin_node(g, "Softmax", "Softmax");
    add_whole(g, "axis", g->shape.rank == 1 || g->nchw ? 1 : 3);
    cvy_wire_end(&g->wire, node);
}

/* The attributes of a window; border: what lies before the image, top and left. */
static void add_window(graph *g, int height, int width, int stride_y, int stride_x, int top, int left,
                       cvy_shape output) {
    const int below = (output.height - 1) * stride_y + height - g->shape.height - top;
    const int right = (output.width - 1) * stride_x + width - g->shape.width - left;
    add_wholes(g, "kernel_shape", 2, (int[]){height, width});
    add_wholes(g, "strides", 2, (int[]){stride_y, stride_x});
    add_wholes(g, "pads", 4, (int[]){top, left, below > 0 ? below : 0, right > 0 ? right : 0});
    g->shape = output;
}

static void pool(graph *g, const char *operation, const cvy_pool_shape *p) {
    set_layout(g, true);
    const size_t node = begin_node(g, operation, operation);
    add_window(g, p->window_height, p->window_width, p->stride_y, p->stride_x, p->pad_top, p->pad_left,
               (cvy_shape){3, p->output_height, p->output_width, p->channels});
    cvy_wire_end(&g->wire, node);
}

/* HWIO in Convoy, OIHW in ONNX. */
static void add_conv2d_kernel(graph *g, const cvy_conv2d_shape *s, const float *kernel) {
    const size_t taps = (size_t)s->kernel_height * (size_t)s->kernel_width, inputs = (size_t)s->input.channels,
                 filters = (size_t)s->filters;
    size_t data,
        tensor =
            begin_initializer(g, "kernel", TYPE_FLOAT, 4,
                              (size_t[]){filters, inputs, (size_t)s->kernel_height, (size_t)s->kernel_width}, &data);
    for (size_t f = 0; f < filters; f++)
        for (size_t c = 0; c < inputs; c++)
            for (size_t t = 0; t < taps; t++)
                cvy_wire_add(&g->wire, &kernel[(t * inputs + c) * filters + f], sizeof *kernel);
    end_initializer(g, tensor, data);
}

static void add_bias(graph *g, const cvy_stage *stage, size_t units) {
    if (stage->bias != CVY_NONE)
        add_initializer(g, "bias", TYPE_FLOAT, 1, &units, g->what->parameters + stage->bias, units * sizeof(float));
}

static void convolve(graph *g, const cvy_stage *stage) {
    const cvy_conv2d_shape *s = &stage->conv2d.shape;
    set_layout(g, true);
    add_conv2d_kernel(g, s, g->what->parameters + stage->weights);
    add_bias(g, stage, (size_t)s->filters);
    const size_t node = begin_node(g, "Conv", "Conv");
    add_input(g, "kernel");
    if (stage->bias != CVY_NONE)
        add_input(g, "bias");
    add_window(g, s->kernel_height, s->kernel_width, s->stride_y, s->stride_x, stage->conv2d.top, stage->conv2d.left,
               (cvy_shape){3, s->output_height, s->output_width, s->filters});
    cvy_wire_end(&g->wire, node);
    activate(g, stage->activation);
    if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2)
        pool(g, "MaxPool",
             &(cvy_pool_shape){.channels = s->filters,
                               .window_height = 2,
                               .window_width = 2,
                               .stride_y = 2,
                               .stride_x = 2,
                               .output_height = stage->output.height,
                               .output_width = stage->output.width});
}

static void multiply(graph *g, const cvy_stage *stage) {
    const size_t shape[] = {(size_t)stage->dense.inputs, (size_t)stage->dense.units};
    add_initializer(g, "kernel", TYPE_FLOAT, 2, shape, g->what->parameters + stage->weights,
                    shape[0] * shape[1] * sizeof(float));
    add_bias(g, stage, shape[1]);
    const size_t node = begin_node(g, "Gemm", "Gemm");
    add_input(g, "kernel");
    if (stage->bias != CVY_NONE)
        add_input(g, "bias");
    cvy_wire_end(&g->wire, node);
    g->shape = stage->output;
    activate(g, stage->activation);
}

static void add_stage(graph *g, const cvy_stage *stage) {
    g->layer = g->what->network->layers[stage->first_layer].name;
    if (stage->input.rank == 1)
        flatten(g);
    switch (stage->kind) {
    case CVY_STAGE_RESCALING:
        rescale(g, stage->rescaling.scale, stage->rescaling.offset);
        break;
    case CVY_STAGE_CONV2D:
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        convolve(g, stage);
        break;
    case CVY_STAGE_MAX_POOLING2D:
        pool(g, "MaxPool", &stage->pool);
        break;
    case CVY_STAGE_AVERAGE_POOLING2D:
        pool(g, "AveragePool", &stage->pool);
        break;
    case CVY_STAGE_DENSE:
        multiply(g, stage);
        break;
    case CVY_STAGE_ACTIVATION:
        activate(g, stage->activation);
        break;
    case CVY_STAGE_SOFTMAX:
        soften(g);
        break;
    case CVY_STAGE_DROPOUT:
        break;
    }
}

/* ---- The model -------------------------------------------------------------------------------------------------- */

static void crop(graph *g, cvy_shape to) {
    if (g->shape.height == to.height && g->shape.width == to.width)
        return;
    const int64_t top = (g->shape.height - to.height) / 2, left = (g->shape.width - to.width) / 2;
    const size_t two[] = {2};
    add_initializer(g, "starts", TYPE_INT64, 1, two, (int64_t[]){top, left}, 2 * sizeof(int64_t));
    add_initializer(g, "ends", TYPE_INT64, 1, two, (int64_t[]){top + to.height, left + to.width}, 2 * sizeof(int64_t));
    add_initializer(g, "axes", TYPE_INT64, 1, two, (int64_t[]){1, 2}, 2 * sizeof(int64_t));
    const size_t node = begin_node(g, "Slice", "Slice");
    add_input(g, "starts");
    add_input(g, "ends");
    add_input(g, "axes");
    cvy_wire_end(&g->wire, node);
    g->shape = to;
}

static void preprocess(graph *g, const cvy_prepared *prepared) {
    g->layer = "convoy/preprocessing";
    crop(g, prepared->cropped);
    rescale(g, prepared->scale, prepared->offset);
    if (g->what->preprocessing->average_pooling[0])
        pool(g, "AveragePool", &prepared->pool);
}

/* A float tensor [batch][shape] that goes in or comes out. */
static void add_value(graph *g, int field, const char *name, cvy_shape shape) {
    const size_t value = cvy_wire_begin(&g->wire, field);
    cvy_wire_text(&g->wire, VALUE_NAME, name);
    const size_t type = cvy_wire_begin(&g->wire, VALUE_TYPE), tensor = cvy_wire_begin(&g->wire, TYPE_TENSOR);
    cvy_wire_number(&g->wire, TENSOR_ELEMENT, TYPE_FLOAT);
    const size_t shapes = cvy_wire_begin(&g->wire, TENSOR_SHAPE);
    size_t dim = cvy_wire_begin(&g->wire, SHAPE_DIM);
    cvy_wire_text(&g->wire, DIM_PARAM, "batch");
    cvy_wire_end(&g->wire, dim);
    const int extents[] = {shape.height, shape.width, shape.channels};
    for (int i = shape.rank == 1 ? 2 : 0; i < 3; i++) {
        dim = cvy_wire_begin(&g->wire, SHAPE_DIM);
        cvy_wire_number(&g->wire, DIM_VALUE, (uint64_t)extents[i]);
        cvy_wire_end(&g->wire, dim);
    }
    cvy_wire_end(&g->wire, shapes);
    cvy_wire_end(&g->wire, tensor);
    cvy_wire_end(&g->wire, type);
    cvy_wire_end(&g->wire, value);
}

static void add_graph(graph *g, const cvy_prepared *prepared) {
    const cvy_network *network = g->what->network;
    const size_t begin = cvy_wire_begin(&g->wire, MODEL_GRAPH);
    cvy_wire_text(&g->wire, GRAPH_NAME, network->name);
    add_value(g, GRAPH_INPUT, network->layers[0].name, prepared->image);
    snprintf(g->value, sizeof g->value, "%s", network->layers[0].name);
    g->shape = prepared->image;
    preprocess(g, prepared);
    for (int i = 0; i < prepared->plan.count; i++)
        add_stage(g, &prepared->plan.stages[i]);
    /* The last softmax is no stage of the plan. */
    const cvy_layer *last = &network->layers[network->count - 1];
    flatten(g);
    const size_t node = cvy_wire_begin(&g->wire, GRAPH_NODE);
    cvy_wire_text(&g->wire, NODE_INPUT, g->value);
    cvy_wire_text(&g->wire, NODE_OUTPUT, last->name);
    cvy_wire_text(&g->wire, NODE_NAME, last->name);
    cvy_wire_text(&g->wire, NODE_OP_TYPE, "Softmax");
    add_whole(g, "axis", 1);
    cvy_wire_end(&g->wire, node);
    add_value(g, GRAPH_OUTPUT, last->name, last->output);
    cvy_wire_end(&g->wire, begin);
}

static void add_model(graph *g, const cvy_prepared *prepared) {
    cvy_wire_number(&g->wire, MODEL_IR_VERSION, IR_VERSION);
    cvy_wire_text(&g->wire, MODEL_PRODUCER_NAME, "convoy");
    cvy_wire_text(&g->wire, MODEL_PRODUCER_VERSION, g->what->version);
    const size_t opset = cvy_wire_begin(&g->wire, MODEL_OPSET_IMPORT);
    cvy_wire_number(&g->wire, OPSET_VERSION, OPSET);
    cvy_wire_end(&g->wire, opset);
    add_graph(g, prepared);
}

/* ---- Writing it ------------------------------------------------------------------------------------------------- */

bool cvy_export_onnx(const cvy_export *what, const char *path, cvy_status *status) {
    cvy_prepared prepared = {0};
    graph g = {.what = what};
    if (what->preprocessing->deskew)
        cvy_fail(status, CVY_FAILED, path, "deskew has no operator in ONNX; as C source the network can be written");
    if (cvy_export_prepare(what, path, &prepared, status)) {
        add_model(&g, &prepared);
        if (g.wire.out_of_memory)
            cvy_fail_memory(status, path, g.wire.capacity);
        else
            cvy_export_write(path, g.wire.bytes, g.wire.count, status);
    }
    free(g.wire.bytes);
    cvy_plan_free(&prepared.plan);
    return cvy_ok(status);
}
