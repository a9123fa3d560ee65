/* convoy summary: Keras's table of a network. */
#include "cli.h"
#include "options.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints the plan of each layout, or of the one that is given. */
static void print_plans(const cvy_model *model, const char *layout, cvy_status *status) {
    static const char *const layouts[] = {"hwc16n", "nhwc"};
    const bool both = !layout || !strcmp(layout, "auto");
    for (int i = 0; i < (both ? 2 : 1); i++) {
        char *text = cvy_plan_summary(model, both ? layouts[i] : layout, status);
        if (text)
            printf("\n%s", text);
        free(text);
    }
}

static void run(int argc, char **argv, cvy_status *status) {
    const char *model_name = "lesson", *layout = NULL;
    bool plan = false;
    cli_option options[] = {
        cli_option_for(cli_option_model, &model_name),
        {"plan", NULL, "also print the plan: operations, layouts, workspace, and the\nreasons", CLI_FLAG,
         .value = &plan},
        {"layout", "NAME", "print the plan of this layout only: hwc16n or nhwc", CLI_TEXT, .value = &layout},
    };
    cli_syntax syntax = {
        .usage = "summary [OPTION]...",
        .about = "Prints a network's layers, shapes and numbers of parameters as Keras does.",
        .examples = "convoy summary\nconvoy summary --model lenet5 --plan",
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
    if (plan && cvy_ok(status))
        print_plans(model, layout, status);
    cvy_model_free(model);
}

const cli_command cli_summary = {"summary", "a network's layers, shapes and parameters", run};
