/* convoy predict: the softmax of the first images of a data set. */
#include "cli.h"
#include "options.h"
#include "session.h"
#include "table.h"
#include "timing.h"

#include <string.h>

static bool parse_split(const char *text, cvy_split *split, cvy_status *status) {
    if (!strcmp(text, "train"))
        *split = CVY_TRAIN;
    else if (!strcmp(text, "test"))
        *split = CVY_TEST;
    else
        return cvy_fail(status, CVY_USAGE, "--split", "\"%s\" is no split; expected train or test", text);
    return true;
}

static void predict(cvy_model *model, const cvy_dataset *dataset, int first, bool timed, cvy_status *status) {
    size_t count = cvy_dataset_count(dataset);
    if ((size_t)first > count)
        cvy_fail(status, CVY_USAGE, "--first", "%d images asked for, %s has %zu", first, cvy_dataset_origin(dataset),
                 count);
    else if (cli_print_predictions(model, dataset, (size_t)first, status) && timed)
        cli_time_predict(model, dataset, (size_t)first, status);
}

static void run(int argc, char **argv, cvy_status *status) {
    const char *weights = NULL, *model_name = NULL, *data = NULL, *preprocessing = NULL, *split_name = "train";
    cvy_compile_options compile = {0};
    int first = 5;
    cli_option model = cli_option_model(&model_name);
    model.help = "the network, by name or as a file that holds what Keras's\n"
                 "model.to_json() wrote (default: the one the weights are of)";
    bool timed = false;
    cli_option options[] = {
        cli_option_weights(&weights),
        {"first", "N", "how many images (default 5)", CLI_WHOLE, .value = &first, .low = 1, .high = 1000000000},
        {"split", "train|test", "of which images (default train)", CLI_TEXT, .value = &split_name},
        model,
        cli_option_preprocess(&preprocessing),
        cli_option_data(&data),
        {"time", NULL, "also print how long it takes, once all is loaded", CLI_FLAG, .value = &timed},
        cli_option_threads(&compile.threads),
        cli_option_layout(&compile.layout),
        cli_option_isa(&compile.isa),
    };
    cli_syntax syntax = {
        .usage = "predict --weights FILE [OPTION]...",
        .about = "Prints the softmax of the first images, rounded to two decimals, beside their labels.",
        .examples = "convoy predict --weights lesson.safetensors --first 10 --split test\n"
                    "convoy predict --weights lesson.safetensors --first 1 --time",
        .options = options,
        .count = sizeof options / sizeof options[0],
    };
    cvy_split split = CVY_TRAIN;
    if (!cli_parse(&syntax, argc, argv, status) || !parse_split(split_name, &split, status))
        return;
    cvy_dataset *dataset = cvy_dataset_load(data, split, status);
    cvy_model *trained = cli_model_ready(model_name, &compile, weights, preprocessing, status);
    if (cvy_ok(status))
        predict(trained, dataset, first, timed, status);
    cvy_model_free(trained);
    cvy_dataset_free(dataset);
}

const cli_command cli_predict = {"predict", "the softmax of the first images beside their labels", run};
