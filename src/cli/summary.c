/* convoy summary: Keras's table of a network. */
#include "cli.h"
#include "options.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>

static void run(int argc, char **argv, cvy_status *status) {
    const char *model_name = "lesson";
    cli_option options[] = {cli_option_model(&model_name)};
    cli_syntax syntax = {
        .usage = "summary [OPTION]...",
        .about = "Prints a network's layers, shapes and numbers of parameters as Keras does.",
        .examples = "convoy summary\nconvoy summary --model lenet5",
        .options = options,
        .count = sizeof options / sizeof options[0],
    };
    if (!cli_parse(&syntax, argc, argv, status))
        return;
    cvy_model *model = cvy_model_from(model_name, status);
    char *text = cvy_summary(model, cli_summary_columns(), status);
    if (text)
        fputs(text, stdout);
    free(text);
    cvy_model_free(model);
}

const cli_command cli_summary = {"summary", "a network's layers, shapes and parameters", run};
