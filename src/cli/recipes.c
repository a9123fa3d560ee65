/* convoy recipes: the built-in recipes. */
#include "cli.h"
#include "options.h"

#include <stdio.h>

static void print_budget(const cvy_fit_options *fit) {
    char text[32];
    if (fit->images)
        snprintf(text, sizeof text, "%zu images", fit->images);
    else
        snprintf(text, sizeof text, "%d epochs", fit->epochs);
    printf("%-14s", text);
}

static void print_recipe(const cvy_recipe *recipe) {
    char accuracy[32] = "-", seconds[32] = "-";
    if (recipe->measured.accuracy > 0)
        snprintf(accuracy, sizeof accuracy, "%.2f %%", 100 * recipe->measured.accuracy);
    if (recipe->measured.seconds > 0)
        snprintf(seconds, sizeof seconds, "%.2f s", recipe->measured.seconds);
    printf("%-11s", recipe->name);
    print_budget(&recipe->fit);
    printf("%9s %8s   %s\n", accuracy, seconds, recipe->about ? recipe->about : "");
}

static void run(int argc, char **argv, cvy_status *status) {
    cli_syntax syntax = {
        .usage = "recipes",
        .about = "Lists the built-in recipes of \"convoy train --recipe NAME\": images or epochs shown, mean\n"
                 "accuracy on MNIST's test images, and time from the start of the program to the trained\n"
                 "network. \"convoy train --recipe FILE.json\" takes your own; recipes/ of the source has examples.",
        .examples = "convoy recipes",
    };
    if (!cli_parse(&syntax, argc, argv, status))
        return;
    char measured[256] = "";
    puts("recipe     shown         accuracy     time");
    for (int i = 0; cvy_recipe_name(i); i++) {
        cvy_recipe *recipe = cvy_recipe_from(cvy_recipe_name(i), status);
        if (!recipe)
            return;
        print_recipe(recipe);
        if (recipe->measured.machine)
            snprintf(measured, sizeof measured, "\nMean of %d seeds, median time; %s\n", recipe->measured.seeds,
                     recipe->measured.machine);
        cvy_recipe_free(recipe);
    }
    fputs(measured, stdout);
}

const cli_command cli_recipes = {"recipes", "the built-in recipes of train", run};
