/* A plan in words. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/number.h"
#include "../base/text_stream.h"
#include "plan.h"

typedef struct writer {
    const cvy_plan *plan;
    const cvy_network *network;
    FILE *out;
    int layers_width;
} writer;

static const char *operation(const cvy_stage *stage) {
    switch (stage->kind) {
    case CVY_STAGE_RESCALING:
        return "scale";
    case CVY_STAGE_CONV2D:
        return "conv2d";
    case CVY_STAGE_CONV2D_MAXPOOL2X2:
        return "conv2d_maxpool2x2";
    case CVY_STAGE_MAX_POOLING2D:
        return "maxpool";
    case CVY_STAGE_AVERAGE_POOLING2D:
        return "avgpool";
    case CVY_STAGE_DENSE:
        return "dense";
    case CVY_STAGE_ACTIVATION:
        return "activation";
    case CVY_STAGE_SOFTMAX:
        return "softmax";
    case CVY_STAGE_DROPOUT:
        return "multiply";
    }
    return "";
}

/* Writes the names of a stage's layers, if `out` is not NULL; returns their length. */
static int write_layers(const writer *w, const cvy_stage *stage, FILE *out) {
    int length = 0;
    for (int i = stage->first_layer; i <= stage->last_layer; i++) {
        const char *between = i > stage->first_layer ? ", " : "", *name = w->network->layers[i].name;
        length += (int)(strlen(between) + strlen(name));
        if (out)
            fprintf(out, "%s%s", between, name);
    }
    return length;
}

static void write_shape(const writer *w, cvy_shape shape) {
    char text[48];
    if (shape.rank == 1)
        snprintf(text, sizeof text, "%zu", cvy_shape_count(shape));
    else
        snprintf(text, sizeof text, "%dx%dx%d", shape.height, shape.width, shape.channels);
    fprintf(w->out, "  %-11s", text);
}

static void write_flop(const writer *w, double flop) {
    if (flop > 0)
        fprintf(w->out, "%8.3f", 1e-6 * flop);
    else
        fprintf(w->out, "%8s", "");
}

static double kibibytes(size_t floats) {
    return (double)(floats * sizeof(float)) / 1024;
}

/* Adds a remark to the stage's line, separated from those before. */
static void remark(const writer *w, int *remarks, const char *text) {
    fprintf(w->out, "%s%s", (*remarks)++ ? "; " : "  ", text);
}

static bool is_conv2d(const cvy_stage *stage) {
    return stage->kind == CVY_STAGE_CONV2D || stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2;
}

/* What a stage does beside its kernel, and what it leaves out. */
static void write_remarks(const writer *w, int index) {
    const cvy_plan *plan = w->plan;
    const cvy_stage *stage = &plan->stages[index];
    const bool nhwc = plan->layout == CVY_LAYOUT_NHWC, conv2d = is_conv2d(stage);
    int remarks = 0;
    if (conv2d && stage->padded != CVY_NONE)
        remark(w, &remarks, nhwc ? "rows are copied between borders of zeros" : "pad_hwc16n adds a border of zeros");
    if (stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2)
        remark(w, &remarks, nhwc ? "activation_maxpool2x2 on its sums" : "activation and pool included");
    else if (stage->activation != CVY_ACT_LINEAR && stage->kind != CVY_STAGE_ACTIVATION)
        remark(w, &remarks, "activation in place");
    if (stage->kind == CVY_STAGE_DROPOUT && nhwc)
        remark(w, &remarks, "nothing in inference");
    if (nhwc)
        return;
    if (index < plan->first_trainable)
        remark(w, &remarks, "no gradient");
    else if (index == plan->first_trainable)
        remark(w, &remarks, "no gradient of its input");
    if (index >= plan->first_trainable && stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2)
        remark(w, &remarks, "its gradients take only the outputs that the pool chose");
    else if (conv2d && stage->images != CVY_NONE)
        remark(w, &remarks,
               stage->images == plan->input_images ? "its weights' gradient reads the images as loaded"
                                                   : "its weights' gradient reads its input reordered to nhwc");
}

static void write_stage(const writer *w, int index) {
    const cvy_stage *stage = &w->plan->stages[index];
    fputs("  ", w->out);
    write_layers(w, stage, w->out);
    fprintf(w->out, "%*s  %-17s", w->layers_width - write_layers(w, stage, NULL), "", operation(stage));
    write_shape(w, stage->input);
    write_shape(w, stage->output);
    write_flop(w, cvy_stage_flop(stage));
    fprintf(w->out, "%9.1f", kibibytes(stage->workspace));
    write_remarks(w, index);
    fputc('\n', w->out);
}

static void write_heading(const writer *w) {
    if (w->plan->layout == CVY_LAYOUT_NHWC)
        fprintf(
            w->out,
            "Inference on up to %d images: nhwc\n"
            "One image after another: each costs the same. A block of hwc16n costs as much for one image as for %d.\n",
            CVY_FEW_IMAGES, CVY_LANES);
    else
        fprintf(w->out,
                "Training, and inference on more than %d images: hwc16n\n"
                "The lanes of a vector hold %d images, for any number of channels. A thread takes such a block\n"
                "through all stages and back.\n",
                CVY_FEW_IMAGES, CVY_LANES);
}

static void write_plan(const writer *w) {
    const cvy_plan *plan = w->plan;
    const bool nhwc = plan->layout == CVY_LAYOUT_NHWC, rows = plan->input_images != CVY_NONE;
    cvy_shape input = w->network->layers[0].output;
    size_t own = 0;
    double flop = 0;
    write_heading(w);
    fprintf(w->out, "\n  %-*s  %-17s  %-11s  %-11s%8s%9s\n", w->layers_width, "layers", "operation", "input", "output",
            "MFLOP", "KiB");
    fprintf(w->out, "  %-*s  %-17s", w->layers_width, "", nhwc ? "widen" : "gather");
    write_shape(w, input);
    write_shape(w, input);
    fprintf(w->out, "%8s%9.1f  to %s%s\n", "",
            kibibytes(cvy_shape_count(input) * CVY_LANES + (rows ? (size_t)plan->input.image * CVY_LANES : 0)),
            cvy_layout_name(plan->layout), rows ? ", and to nhwc for gradients" : "");
    for (int i = 0; i < plan->count; i++) {
        write_stage(w, i);
        own += plan->stages[i].workspace;
        flop += cvy_stage_flop(&plan->stages[i]);
    }
    if (plan->classes)
        fprintf(w->out, "  %-*s  %s\n", w->layers_width, "",
                nhwc ? "softmax" : "softmax_cross_entropy, for inference softmax");
    fprintf(w->out, "  %-*s  %-17s%26s", w->layers_width, "all", "", "");
    write_flop(w, flop);
    fprintf(w->out, "%9.1f  a block's workspace, with %.1f that all stages use in turn\n", kibibytes(plan->workspace),
            kibibytes(plan->workspace - own));
    if (!nhwc)
        fputs("\nA thread takes a block at a time, so a batch takes one thread a block at most.\n", w->out);
}

char *cvy_plan_text(const cvy_plan *plan, const cvy_network *network, cvy_status *status) {
    cvy_text_stream stream;
    if (!cvy_text_begin(&stream, "plan", status))
        return NULL;
    writer w = {plan, network, stream.out, (int)strlen("layers")};
    for (int i = 0; i < plan->count; i++) {
        int length = write_layers(&w, &plan->stages[i], NULL);
        w.layers_width = length > w.layers_width ? length : w.layers_width;
    }
    cvy_plain_numbers plain = cvy_plain_numbers_begin();
    write_plan(&w);
    cvy_plain_numbers_end(plain);
    return cvy_text_end(&stream, "plan", status);
}
