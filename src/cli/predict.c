/* convoy predict: the softmax of the first images of a data set. */
#include "cli.h"
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

static void predict(const cli_session *session, size_t first, cvy_status *status) {
    size_t count = cvy_dataset_count(session->dataset);
    if (first > count)
        cvy_fail(status, CVY_USAGE, "--first", "%zu images asked for, %s has %zu", first,
                 cvy_dataset_origin(session->dataset), count);
    else if (cli_print_predictions(session->model, session->dataset, first, status) && session->timed)
        cli_time_predict(session->model, session->dataset, first, status);
}

static void run(int argc, char **argv, cvy_status *status) {
    cli_session session = {0};
    const char *split_name = "train";
    int first = 5;
    cli_option options[2 + CLI_SESSION_OPTIONS] = {
        {"first", "N", "number of images (default 5)", CLI_WHOLE, .value = &first, .low = 1, .high = 1000000000},
        {"split", "train|test", "which images (default train)", CLI_TEXT, .value = &split_name},
    };
    cli_session_options(&session, options + 2);
    cli_syntax syntax = {
        .usage = "predict --weights FILE [OPTION]...",
        .about = "Prints the softmax of the first images, rounded to two decimals, beside their labels.",
        .examples = "convoy predict --weights lesson.safetensors --first 10 --split test\n"
                    "convoy predict --weights lesson.safetensors --first 1 --time",
        .options = options,
        .count = sizeof options / sizeof options[0],
    };
    cvy_split split = CVY_TRAIN;
    if (cli_parse(&syntax, argc, argv, status) && parse_split(split_name, &split, status) &&
        cli_session_open(&session, split, status))
        predict(&session, (size_t)first, status);
    cli_session_close(&session);
}

const cli_command cli_predict = {"predict", "the softmax of the first images beside their labels", run};
