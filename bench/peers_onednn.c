/* oneDNN 2 on the convolutions and dense layers of a network, on one thread. Each primitive runs alone, without the
 * activation and the pool that Convoy's kernels contain, in the layouts that oneDNN chooses. The time to bring data
 * into these layouts is not counted. */
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>
#include <stdio.h>
#include <stdlib.h>

#include "../src/base/memory.h"
#include "harness.h"
#include "names.h"
#include "peers.h"

enum { MOST_ARGUMENTS = 4 };

/* A primitive and its arguments. */
typedef struct peer {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[MOST_ARGUMENTS];
    int count;
    double flop;
} peer;

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static cvy_network *network;
static cvy_variables variables;
static cvy_plan plan;
static peer *list;
static int listed;

static void run_peer(bench_state *state, void *argument) {
    const peer *p = argument;
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    dnnl_status_t result = dnnl_success;
    while (bench_more(state) && result == dnnl_success) {
        result = dnnl_primitive_execute(p->primitive, stream, p->count, p->arguments);
        dnnl_stream_wait(stream);
    }
    if (result != dnnl_success)
        bench_fail(state, dnnl_status2str(result));
    omp_set_num_threads(threads);
    bench_count(state, "flop", p->flop);
}

/* ---- Tensors ---------------------------------------------------------------------------------------------------- */

/* The tensors of a layer, in the layouts that oneDNN chooses. */
typedef struct tensors {
    dnnl_memory_desc_t x, weights, bias, y;
    dnnl_dims_t strides, border;
} tensors;

static dnnl_memory_desc_t tensor(int rank, const dnnl_dims_t extents, dnnl_format_tag_t tag) {
    dnnl_memory_desc_t described;
    dnnl_memory_desc_init_by_tag(&described, rank, extents, dnnl_f32, tag);
    return described;
}

static tensors conv2d_tensors(const cvy_conv2d_shape *s, int64_t images) {
    tensors t = {.strides = {s->stride_y, s->stride_x}};
    t.x = tensor(4, (dnnl_dims_t){images, s->input.channels, s->input.height, s->input.width}, dnnl_format_tag_any);
    t.weights =
        tensor(4, (dnnl_dims_t){s->filters, s->input.channels, s->kernel_height, s->kernel_width}, dnnl_format_tag_any);
    t.bias = tensor(1, (dnnl_dims_t){s->filters}, dnnl_x);
    t.y = tensor(4, (dnnl_dims_t){images, s->filters, s->output_height, s->output_width}, dnnl_format_tag_any);
    return t;
}

static tensors dense_tensors(const cvy_dense_shape *s, int64_t images) {
    tensors t = {0};
    t.x = tensor(2, (dnnl_dims_t){images, s->inputs}, dnnl_format_tag_any);
    t.weights = tensor(2, (dnnl_dims_t){s->units, s->inputs}, dnnl_format_tag_any);
    t.bias = tensor(1, (dnnl_dims_t){s->units}, dnnl_x);
    t.y = tensor(2, (dnnl_dims_t){images, s->units}, dnnl_format_tag_any);
    return t;
}

/* Adds an argument: memory in the layout that the primitive needs, filled with numbers between -1 and 1. */
static bool give(peer *p, dnnl_primitive_desc_t described, dnnl_query_t which, int index, int argument) {
    const dnnl_memory_desc_t *wanted = dnnl_primitive_desc_query_md(described, which, index);
    dnnl_memory_t memory;
    void *data;
    if (!wanted || dnnl_memory_create(&memory, wanted, engine, DNNL_MEMORY_ALLOCATE) != dnnl_success ||
        dnnl_memory_get_data_handle(memory, &data) != dnnl_success)
        return false;
    float *floats = data;
    for (size_t i = 0; i < dnnl_memory_desc_get_size(wanted) / sizeof *floats; i++)
        floats[i] = (float)((int)(i * 37 % 201) - 100) * 0.01f;
    p->arguments[p->count++] = (dnnl_exec_arg_t){argument, memory};
    return true;
}

static bool give_all(peer *p, dnnl_primitive_desc_t described, cvy_part_of_stage part) {
    if (part == CVY_PART_FORWARD)
        return give(p, described, dnnl_query_src_md, 0, DNNL_ARG_SRC) &&
               give(p, described, dnnl_query_weights_md, 0, DNNL_ARG_WEIGHTS) &&
               give(p, described, dnnl_query_weights_md, 1, DNNL_ARG_BIAS) &&
               give(p, described, dnnl_query_dst_md, 0, DNNL_ARG_DST);
    if (part == CVY_PART_BACKWARD_DATA)
        return give(p, described, dnnl_query_diff_dst_md, 0, DNNL_ARG_DIFF_DST) &&
               give(p, described, dnnl_query_weights_md, 0, DNNL_ARG_WEIGHTS) &&
               give(p, described, dnnl_query_diff_src_md, 0, DNNL_ARG_DIFF_SRC);
    return give(p, described, dnnl_query_src_md, 0, DNNL_ARG_SRC) &&
           give(p, described, dnnl_query_diff_dst_md, 0, DNNL_ARG_DIFF_DST) &&
           give(p, described, dnnl_query_diff_weights_md, 0, DNNL_ARG_DIFF_WEIGHTS) &&
           give(p, described, dnnl_query_diff_weights_md, 1, DNNL_ARG_DIFF_BIAS);
}

/* ---- Primitives ------------------------------------------------------------------------------------------------- */

/* Describes a part of a layer to oneDNN; `forward` is the description of the forward part, a hint for the others. */
static dnnl_status_t describe_conv2d(const tensors *t, cvy_part_of_stage part, dnnl_primitive_desc_t forward,
                                     dnnl_primitive_desc_t *described) {
    dnnl_convolution_desc_t operation;
    dnnl_status_t result;
    if (part == CVY_PART_FORWARD)
        result = dnnl_convolution_forward_desc_init(&operation, dnnl_forward_training, dnnl_convolution_direct, &t->x,
                                                    &t->weights, &t->bias, &t->y, t->strides, t->border, t->border);
    else if (part == CVY_PART_BACKWARD_DATA)
        result = dnnl_convolution_backward_data_desc_init(&operation, dnnl_convolution_direct, &t->x, &t->weights,
                                                          &t->y, t->strides, t->border, t->border);
    else
        result = dnnl_convolution_backward_weights_desc_init(&operation, dnnl_convolution_direct, &t->x, &t->weights,
                                                             &t->bias, &t->y, t->strides, t->border, t->border);
    return result == dnnl_success ? dnnl_primitive_desc_create(described, &operation, NULL, engine, forward) : result;
}

static dnnl_status_t describe_dense(const tensors *t, cvy_part_of_stage part, dnnl_primitive_desc_t forward,
                                    dnnl_primitive_desc_t *described) {
    dnnl_inner_product_desc_t operation;
    dnnl_status_t result;
    if (part == CVY_PART_FORWARD)
        result = dnnl_inner_product_forward_desc_init(&operation, dnnl_forward_training, &t->x, &t->weights, &t->bias,
                                                      &t->y);
    else if (part == CVY_PART_BACKWARD_DATA)
        result = dnnl_inner_product_backward_data_desc_init(&operation, &t->x, &t->weights, &t->y);
    else
        result = dnnl_inner_product_backward_weights_desc_init(&operation, &t->x, &t->weights, &t->bias, &t->y);
    return result == dnnl_success ? dnnl_primitive_desc_create(described, &operation, NULL, engine, forward) : result;
}

static dnnl_status_t describe(const cvy_stage *stage, const tensors *t, cvy_part_of_stage part,
                              dnnl_primitive_desc_t forward, dnnl_primitive_desc_t *described) {
    return stage->kind == CVY_STAGE_DENSE ? describe_dense(t, part, forward, described)
                                          : describe_conv2d(t, part, forward, described);
}

static bool make_peer(const cvy_stage *stage, const tensors *t, cvy_part_of_stage part, peer *p) {
    dnnl_primitive_desc_t forward = NULL, described = NULL;
    bool made = describe(stage, t, CVY_PART_FORWARD, NULL, &forward) == dnnl_success &&
                describe(stage, t, part, part == CVY_PART_FORWARD ? NULL : forward, &described) == dnnl_success &&
                dnnl_primitive_create(&p->primitive, described) == dnnl_success && give_all(p, described, part);
    if (described)
        dnnl_primitive_desc_destroy(described);
    if (forward)
        dnnl_primitive_desc_destroy(forward);
    return made;
}

/* ---- Registration ----------------------------------------------------------------------------------------------- */

static bool register_stage(int index, const bench_layers_options *options, cvy_status *status) {
    const cvy_stage *stage = &plan.stages[index];
    int64_t images = (int64_t)options->batch;
    bool dense = stage->kind == CVY_STAGE_DENSE;
    if (!dense && stage->kind != CVY_STAGE_CONV2D && stage->kind != CVY_STAGE_CONV2D_MAXPOOL2X2)
        return true;
    tensors t = dense ? dense_tensors(&stage->dense, images) : conv2d_tensors(&stage->conv2d.shape, images);
    char model[64], layer[256], name[512];
    bench_model_name(options->model, model, sizeof model);
    bench_stage_name(network, stage, layer, sizeof layer);
    for (cvy_part_of_stage part = CVY_PART_FORWARD; part < CVY_PARTS_OF_STAGE; part++) {
        if (part == CVY_PART_BACKWARD_DATA && index <= plan.first_trainable)
            continue;
        peer *p = &list[listed++];
        if (!make_peer(stage, &t, part, p))
            return cvy_fail(status, CVY_FAILED, layer, "oneDNN could not make its primitive of %s",
                            bench_stage_parts[part]);
        p->flop = cvy_stage_flop(stage) * (double)images;
        snprintf(name, sizeof name, "peer/onednn/%s/%s/%s", model, layer, bench_stage_parts[part]);
        bench_register(name, run_peer, p, (bench_settings){0});
    }
    return true;
}

bool bench_register_peers(const bench_layers_options *options, cvy_status *status) {
    if (!(network = cvy_network_from(options->model, status)) || !cvy_variables_layout(network, &variables, status) ||
        !cvy_plan_make(network, &variables, CVY_LAYOUT_HWC16N, &plan, status) ||
        !(list = cvy_allocate((size_t)plan.count * CVY_PARTS_OF_STAGE, sizeof *list, "peers", status)))
        return false;
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success)
        return cvy_fail(status, CVY_FAILED, "oneDNN", "cannot be set up on this processor");
    char version[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(version, sizeof version, "%d.%d.%d", v->major, v->minor, v->patch);
    bench_context("onednn", version);
    int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* a primitive keeps the number of threads at its making */
    bool registered = true;
    for (int i = 0; i < plan.count && registered; i++)
        registered = register_stage(i, options, status);
    omp_set_num_threads(threads);
    return registered;
}

void bench_peers_free(void) {
    for (int i = 0; i < listed; i++) {
        for (int k = 0; k < list[i].count; k++)
            dnnl_memory_destroy(list[i].arguments[k].memory);
        if (list[i].primitive)
            dnnl_primitive_destroy(list[i].primitive);
    }
    free(list);
    if (stream)
        dnnl_stream_destroy(stream);
    if (engine)
        dnnl_engine_destroy(engine);
    cvy_plan_free(&plan);
    cvy_variables_free(&variables);
    cvy_network_free(network);
}
