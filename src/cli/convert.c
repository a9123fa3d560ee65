/* convoy convert: a saved model from one format into another. */
#include "cli.h"
#include "options.h"

#include <inttypes.h>
#include <stdio.h>

/* The model of a file, with its weights and, where the file has it, the state of its optimizer. */
static cvy_model *load(const char *path, const char *network, cvy_status *status) {
    cvy_model *model = network ? cvy_model_from(network, status) : cvy_model_from_weights(path, status);
    cvy_compile(model, NULL, status);
    cvy_load(model, path, status);
    return model;
}

static void report(cvy_model *model, const char *path, cvy_status *status) {
    size_t parameters = 0;
    cvy_array array;
    for (int i = 0; (array = cvy_weight(model, i, status)).values; i++)
        parameters += array.count;
    printf("%s: %zu parameters, after %" PRIu64 " steps of its optimizer\n", path, parameters, cvy_iterations(model));
}

static void run(int argc, char **argv, cvy_status *status) {
    const char *from = NULL, *to = NULL, *network = NULL;
    const cli_option options[] = {
        {"model", "NAME|FILE",
         "network, by name or from a file (default: the network that IN\n"
         "holds or names)",
         CLI_TEXT, .value = &network},
    };
    const cli_syntax syntax = {
        .usage = "convert IN OUT [OPTION]...",
        .about =
            "Writes a saved model in another format. IN is read by what it holds: safetensors, .keras, .weights.h5\n"
            "or .h5. OUT is written by the end of its name: .keras, .weights.h5 and .h5 as Keras has them, with the\n"
            "optimizer's state; .onnx and .c for other programs to predict with (.c: a file of C99 for\n"
            "microcontrollers); any other name is safetensors, with the weights alone.",
        .examples = "convoy convert lesson.safetensors lesson.keras\n"
                    "convoy convert lesson.weights.h5 lesson.safetensors --model lesson\n"
                    "convoy convert lesson.safetensors lesson.c",
        .options = options,
        .count = sizeof options / sizeof options[0],
        .operands = {{"IN", &from}, {"OUT", &to}},
    };
    if (!cli_parse(&syntax, argc, argv, status))
        return;
    cvy_model *model = load(from, network, status);
    cvy_save(model, to, status);
    if (cvy_ok(status))
        report(model, to, status);
    cvy_model_free(model);
}

const cli_command cli_convert = {"convert", "a saved model in another format: safetensors, .keras, .h5, .onnx, .c",
                                 run};
