/* A network as one file of C99. Each stage of the plan becomes a constant that describes it, and a call in predict();
 * the functions that are called are parts of runtime.c. */
#define _GNU_SOURCE /* open_memstream */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/memory.h"
#include "../base/number.h"
#include "prepare.h"
#include "runtime.h"

typedef struct c_operation c_operation;

/* A call in predict(). */
typedef struct c_step {
    const c_operation *operation;
    const cvy_stage *stage; /* NULL: of the preprocessing, or the last softmax */
    cvy_shape input, output;
    const char *from, *to; /* arrays */
} c_step;

typedef struct source {
    const cvy_export *what;
    cvy_prepared prepared;
    FILE *text;
    int count;
    c_step *steps;
    size_t floats[2]; /* of buffer_a and buffer_b: a step reads one and writes the other */
} source;

struct c_operation {
    const char *function, *structure; /* in runtime.c: FUNCTION(const struct STRUCTURE *, from, to) */
    bool in_place;                    /* from and to may be the same */
    void (*print_fields)(const source *s, const c_step *step, int number); /* of the structure */
};

static const char *const activations[] = {[CVY_ACT_LINEAR] = "linear",
                                          [CVY_ACT_RELU] = "relu",
                                          [CVY_ACT_SILU] = "silu",
                                          [CVY_ACT_SIGMOID] = "sigmoid",
                                          [CVY_ACT_TANH] = "tanh_f32"};

/* ---- Constants -------------------------------------------------------------------------------------------------- */

/* Names are the user's, and compilers warn of much in comments: what is no plain text becomes '_'. */
static void print_name(const source *s, const char *name) {
    for (; *name; name++)
        fputc(isascii((unsigned char)*name) && (isalnum((unsigned char)*name) || strchr("_-. ", *name)) ? *name : '_',
              s->text);
}

static void print_shape(const source *s, cvy_shape shape) {
    if (shape.rank == 3)
        fprintf(s->text, "%d x %d x %d", shape.height, shape.width, shape.channels);
    else
        fprintf(s->text, "%d", shape.channels);
}

/* Weights [inputs][outputs] as [outputs][inputs]. Nine digits give the same float again. */
static void print_weights(const source *s, const char *name, int number, size_t inputs, size_t outputs,
                          const float *weights) {
    fprintf(s->text, "static const float %s_%d[%zu] = {", name, number, inputs * outputs);
    for (size_t i = 0; i < inputs * outputs; i++)
        fprintf(s->text, "%s%#.9gf,", i % 8 ? " " : "\n    ", (double)weights[i % inputs * outputs + i / inputs]);
    fputs("\n};\n", s->text);
}

/* The kernel and bias of a layer. */
static void print_variables(const source *s, const cvy_stage *stage, int number) {
    const float *parameters = s->what->parameters;
    const cvy_conv2d_shape *c = &stage->conv2d.shape;
    const bool dense = stage->kind == CVY_STAGE_DENSE;
    const int units = dense ? stage->dense.units : c->filters;
    const int inputs = dense ? stage->dense.inputs : c->kernel_height * c->kernel_width * c->input.channels;
    print_weights(s, "kernel", number, (size_t)inputs, (size_t)units, parameters + stage->weights);
    if (stage->bias != CVY_NONE)
        print_weights(s, "bias", number, 1, (size_t)units, parameters + stage->bias);
}

static void print_sampling(const source *s, const c_step *step, int number) {
    (void)number;
    fprintf(s->text,
            ".height = %d, .width = %d, .channels = %d, .cropped_height = %d, .cropped_width = %d, .scale = %#.9gf, "
            ".offset = %#.9gf",
            step->input.height, step->input.width, step->input.channels, step->output.height, step->output.width,
            (double)s->prepared.scale, (double)s->prepared.offset);
}

static void print_rescaling(const source *s, const c_step *step, int number) {
    (void)number;
    fprintf(s->text, ".count = %zu, .scale = %#.9gf, .offset = %#.9gf", cvy_shape_count(step->output),
            (double)(step->stage ? step->stage->rescaling.scale : s->prepared.scale),
            (double)(step->stage ? step->stage->rescaling.offset : s->prepared.offset));
}

static void print_window(const source *s, cvy_shape input, const cvy_pool_shape *p) {
    fprintf(s->text,
            ".height = %d, .width = %d, .channels = %d, .window_height = %d, .window_width = %d, .stride_y = %d, "
            ".stride_x = %d, .top = %d, .left = %d, .output_height = %d, .output_width = %d",
            input.height, input.width, input.channels, p->window_height, p->window_width, p->stride_y, p->stride_x,
            p->pad_top, p->pad_left, p->output_height, p->output_width);
}

static void print_pooling(const source *s, const c_step *step, int number) {
    (void)number;
    print_window(s, step->input, step->stage ? &step->stage->pool : &s->prepared.pool);
}

static void print_pointers(const source *s, const cvy_stage *stage, int number) {
    fprintf(s->text, ", .kernel = kernel_%d, .bias = ", number);
    if (stage->bias != CVY_NONE)
        fprintf(s->text, "bias_%d", number);
    else
        fputc('0', s->text);
    fprintf(s->text, ", .activation = %s", activations[stage->activation]);
}

static void print_conv2d(const source *s, const c_step *step, int number) {
    const cvy_stage *stage = step->stage;
    const cvy_conv2d_shape *c = &stage->conv2d.shape;
    const cvy_pool_shape window = {.window_height = c->kernel_height,
                                   .window_width = c->kernel_width,
                                   .stride_y = c->stride_y,
                                   .stride_x = c->stride_x,
                                   .pad_top = stage->conv2d.top,
                                   .pad_left = stage->conv2d.left,
                                   .output_height = c->output_height,
                                   .output_width = c->output_width};
    fputs(".window = {", s->text);
    print_window(s, step->input, &window);
    fprintf(s->text, "},\n    .filters = %d, .pool = %d", c->filters,
            stage->kind == CVY_STAGE_CONV2D_MAXPOOL2X2 ? 2 : 1);
    print_pointers(s, stage, number);
}

static void print_dense(const source *s, const c_step *step, int number) {
    fprintf(s->text, ".inputs = %d, .units = %d", step->stage->dense.inputs, step->stage->dense.units);
    print_pointers(s, step->stage, number);
}

static void print_activation(const source *s, const c_step *step, int number) {
    (void)number;
    fprintf(s->text, ".count = %zu, .function = %s", cvy_shape_count(step->output),
            activations[step->stage->activation]);
}

static void print_softmax(const source *s, const c_step *step, int number) {
    (void)number;
    fprintf(s->text, ".positions = %d, .channels = %d", step->output.height * step->output.width,
            step->output.channels);
}

/* The layers that a step stands for, and its shapes. */
static void print_caption(const source *s, const c_step *step) {
    const cvy_stage *stage = step->stage;
    fputs("\n/* ", s->text);
    if (!stage)
        fputs(step == s->steps + s->count - 1 ? "the last softmax" : "preprocessing", s->text);
    for (int i = stage ? stage->first_layer : 1; i <= (stage ? stage->last_layer : 0); i++) {
        fputs(i > stage->first_layer ? ", " : "", s->text);
        print_name(s, s->what->network->layers[i].name);
    }
    fputs(": ", s->text);
    print_shape(s, step->input);
    fputs(" to ", s->text);
    print_shape(s, step->output);
    fputs(" */\n", s->text);
}

static void print_constants(const source *s) {
    for (int i = 0; i < s->count; i++) {
        const c_step *step = &s->steps[i];
        print_caption(s, step);
        if (step->stage && step->stage->weights != CVY_NONE)
            print_variables(s, step->stage, i);
        fprintf(s->text, "static const struct %s step_%d = {\n    ", step->operation->structure, i);
        step->operation->print_fields(s, step, i);
        fputs("};\n", s->text);
    }
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

static const c_operation deskew = {"deskew", "sampling", false, print_sampling};
static const c_operation center_crop = {"center_crop", "sampling", false, print_sampling};
static const c_operation rescaling = {"rescaling", "rescaling", true, print_rescaling};
static const c_operation conv2d = {"conv2d", "conv2d", false, print_conv2d};
static const c_operation max_pooling2d = {"max_pooling2d", "window", false, print_pooling};
static const c_operation average_pooling2d = {"average_pooling2d", "window", false, print_pooling};
static const c_operation dense = {"dense", "dense", false, print_dense};
static const c_operation activation = {"activation", "activation", true, print_activation};
static const c_operation softmax = {"softmax", "softmax", true, print_softmax};

static const c_operation *const operations[] = {[CVY_STAGE_RESCALING] = &rescaling,
                                                [CVY_STAGE_CONV2D] = &conv2d,
                                                [CVY_STAGE_CONV2D_MAXPOOL2X2] = &conv2d,
                                                [CVY_STAGE_MAX_POOLING2D] = &max_pooling2d,
                                                [CVY_STAGE_AVERAGE_POOLING2D] = &average_pooling2d,
                                                [CVY_STAGE_DENSE] = &dense,
                                                [CVY_STAGE_ACTIVATION] = &activation,
                                                [CVY_STAGE_SOFTMAX] = &softmax,
                                                [CVY_STAGE_DROPOUT] = NULL};

static c_step *add_step(source *s, const c_operation *operation, const cvy_stage *stage, cvy_shape output) {
    const bool first = s->count == 0;
    c_step *step = &s->steps[s->count++];
    *step = (c_step){.operation = operation,
                     .stage = stage,
                     .input = first ? s->prepared.image : step[-1].output,
                     .output = output,
                     .from = first ? "image" : step[-1].to};
    return step;
}

/* A step that changes elements where they are stays in its buffer; the image is not the function's to change. */
static void add_buffered_step(source *s, const c_operation *operation, const cvy_stage *stage, cvy_shape output) {
    static const char *const buffers[] = {"buffer_a", "buffer_b"};
    c_step *step = add_step(s, operation, stage, output);
    const bool in_a = !strcmp(step->from, buffers[0]), in_b = !strcmp(step->from, buffers[1]);
    const int to = operation->in_place && in_b ? 1 : operation->in_place ? 0 : in_a;
    const size_t floats = cvy_shape_count(output);
    step->to = buffers[to];
    if (s->floats[to] < floats)
        s->floats[to] = floats;
}

static void add_steps(source *s) {
    const cvy_preprocessing *p = s->what->preprocessing;
    const cvy_prepared *prepared = &s->prepared;
    const cvy_plan *plan = &prepared->plan;
    if (p->deskew)
        add_buffered_step(s, &deskew, NULL, prepared->cropped);
    else if (p->center_crop[0])
        add_buffered_step(s, &center_crop, NULL, prepared->cropped);
    else if (prepared->scale != 1.0f || prepared->offset != 0.0f)
        add_buffered_step(s, &rescaling, NULL, prepared->cropped);
    if (p->average_pooling[0])
        add_buffered_step(s, &average_pooling2d, NULL, prepared->pooled);
    for (int i = 0; i < plan->count; i++)
        if (operations[plan->stages[i].kind])
            add_buffered_step(s, operations[plan->stages[i].kind], &plan->stages[i], plan->stages[i].output);
    /* The last softmax is no stage of the plan. */
    add_step(s, &softmax, NULL, (cvy_shape){1, 1, 1, plan->classes})->to = "probabilities";
}

/* ---- Parts of runtime.c ----------------------------------------------------------------------------------------- */

enum { PARTS_MAX = 32 };

typedef struct parts {
    int count;
    const char *const *begin[PARTS_MAX + 1]; /* the lines that name the parts, and the end */
    bool wanted[PARTS_MAX];
} parts;

/* What the line begins with that names a part. Behind the name may stand a colon and the parts that it calls. */
static const char mark[] = "/* ---- ";

static parts find_parts(void) {
    parts p = {0};
    const char *const *line = cvy_runtime_lines;
    for (; *line; line++)
        if (!strncmp(*line, mark, strlen(mark)) && p.count < PARTS_MAX)
            p.begin[p.count++] = line;
    p.begin[p.count] = line;
    return p;
}

/* Wants the part of that name, and those that it calls. */
static void want(parts *p, const char *name, size_t length) {
    for (int i = 0; i < p->count; i++) {
        const char *text = *p->begin[i] + strlen(mark);
        if (p->wanted[i] || strcspn(text, ": ") != length || strncmp(text, name, length))
            continue;
        p->wanted[i] = true;
        for (text += length; *text == ':' || *text == ' '; text += strcspn(text, " ")) {
            text += strspn(text, ": ");
            if (*text == '-')
                break;
            want(p, text, strcspn(text, " "));
        }
    }
}

static void print_parts(const source *s) {
    parts p = find_parts();
    for (int i = 0; i < s->count; i++) {
        const c_step *step = &s->steps[i];
        want(&p, step->operation->function, strlen(step->operation->function));
        if (step->operation == &conv2d || step->operation == &dense || step->operation == &activation)
            want(&p, activations[step->stage->activation], strlen(activations[step->stage->activation]));
    }
    for (int i = 0; i < p.count; i++)
        for (const char *const *line = p.begin[i] + 1; p.wanted[i] && line < p.begin[i + 1]; line++)
            fputs(*line, s->text);
}

/* ---- The file --------------------------------------------------------------------------------------------------- */

static void print_head(const source *s) {
    const cvy_prepared *p = &s->prepared;
    char preprocessing[CVY_PREPROCESSING_MAX];
    cvy_preprocessing_text(s->what->preprocessing, preprocessing);
    fputs("/* The network \"", s->text);
    print_name(s, s->what->network->name);
    fprintf(s->text,
            "\" as a function in C99, written by Convoy %s. It needs no library and allocates nothing.\n"
            " *\n"
            " * Image           ",
            s->what->version);
    print_shape(s, p->image);
    fprintf(s->text,
            " floats: %s, in the values of the training images, which of 8-bit\n"
            " *                 images are 0 to 255\n"
            " * Preprocessing   %s%s\n"
            " * Probabilities   %d floats, one a class; their sum is 1\n"
            " * Flash           %zu bytes of weights; the code takes 1 to 6 KiB more (Cortex-M4, -Os)\n"
            " * RAM             %zu bytes of buffers; the stack takes some 400 bytes more\n"
            " *\n"
            " * The buffers are static: one call at a time. With -Dpredict=NAME the function has another name. */\n"
            "#include <stdint.h>\n"
            "\n"
            "void predict(const float *image, float *probabilities);\n"
            "\n",
            p->image.rank == 3 ? "rows of pixels, channels last" : "features", preprocessing,
            strcmp(preprocessing, "none") ? ", which predict() does" : "", p->plan.classes,
            s->what->variables->parameters * sizeof(float), (s->floats[0] + s->floats[1]) * sizeof(float));
}

static void print_predict(const source *s) {
    fputc('\n', s->text);
    for (int i = 0; i < 2; i++)
        if (s->floats[i])
            fprintf(s->text, "static float buffer_%c[%zu];\n", "ab"[i], s -> floats[i]);
    fputs("\nvoid predict(const float *image, float *probabilities) {\n", s->text);
    for (int i = 0; i < s->count; i++)
        fprintf(s->text, "    %s(&step_%d, %s, %s);\n", s->steps[i].operation->function, i, s->steps[i].from,
                s->steps[i].to);
    fputs("}\n", s->text);
}

/* The text of the file; NULL without memory. */
static char *print_source(source *s, size_t *length) {
    char *text = NULL;
    s->text = open_memstream(&text, length);
    if (!s->text)
        return NULL;
    const cvy_plain_numbers plain = cvy_plain_numbers_begin();
    print_head(s);
    print_parts(s);
    print_constants(s);
    print_predict(s);
    cvy_plain_numbers_end(plain);
    const bool whole = !ferror(s->text);
    if (fclose(s->text) || !whole) {
        free(text);
        text = NULL;
    }
    return text;
}

bool cvy_export_c(const cvy_export *what, const char *path, cvy_status *status) {
    source s = {.what = what};
    char *text = NULL;
    size_t length;
    if (cvy_export_prepare(what, path, &s.prepared, status)) {
        /* At most two steps before the stages, and the last softmax. */
        s.steps = cvy_allocate((size_t)s.prepared.plan.count + 3, sizeof *s.steps, "steps", status);
        if (s.steps) {
            add_steps(&s);
            text = print_source(&s, &length);
            if (!text)
                cvy_fail_memory(status, path, 0);
        }
    }
    if (text)
        cvy_export_write(path, text, length, status);
    free(text);
    free(s.steps);
    cvy_plan_free(&s.prepared.plan);
    return cvy_ok(status);
}
