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
    char mean[32] = "-", least[32] = "-";
    if (recipe->measured.seeds > 0) {
        snprintf(mean, sizeof mean, "%.2f %%", 100 * recipe->measured.accuracy);
        snprintf(least, sizeof least, "%.2f %%", 100 * recipe->measured.minimum);
    }
    printf("%-11s", recipe->name);
    print_budget(&recipe->fit);
    printf("%8s %8s   %s\n", mean, least, recipe->about ? recipe->about : "");
}

static void run(int argc, char **argv, cvy_status *status) {
    cli_syntax syntax = {
        .usage = "recipes",
        .about = "Lists the built-in recipes of \"convoy train --recipe NAME\": images or epochs shown, and the\n"
                 "accuracy on MNIST's test images, mean and least of several seeds. \"convoy train --recipe\n"
                 "FILE.json\" takes your own; recipes/ of the source has examples.",
        .examples = "convoy recipes",
    };
    if (!cli_parse(&syntax, argc, argv, status))
        return;
    int seeds = 0;
    puts("recipe     shown            mean    least");
    for (int i = 0; cvy_recipe_name(i); i++) {
        cvy_recipe *recipe = cvy_recipe_from(cvy_recipe_name(i), status);
        if (!recipe)
            return;
        print_recipe(recipe);
        seeds = recipe->measured.seeds;
        cvy_recipe_free(recipe);
    }
    printf("\nAccuracy on MNIST's test images: mean and least of %d seeds\n", seeds);
}

const cli_command cli_recipes = {"recipes", "the built-in recipes of train", run};
