/* Recipes: everything that a training needs but the images, as one JSON file.
 *
 *     {
 *         "name": "fast-99",
 *         "about": "one line",
 *         "network": "lesson" (a built-in's name or a file), or what Keras's model.to_json() writes,
 *         "preprocessing": "deskew,center_crop=24,average_pooling=2,scale=1/255",
 *         "random_shift": 1,
 *         "optimizer": "adam:learning_rate=0.015,weight_decay=0.03",
 *         "schedule": "linear:warmup=0.1",
 *         "label_smoothing": 0.1,
 *         "batch": 64,
 *         "images": 64000, or "epochs": 10,
 *         "seed": 0,
 *         "validation_split": 0.1,
 *         "measured": {"accuracy": 0.9905, "deviation": 0.0006, "minimum": 0.9893, "seeds": 30}
 *     }
 *
 * "measured" is the accuracy on MNIST's test images: mean, standard deviation and least over the seeds 0, 1, ...
 * (tools/speedrun --write). Texts are those that convoy.h and the program's options take. Only name, network and images
 * or epochs must be there. An unknown key or value is an error. */
#ifndef CVY_RECIPE_H
#define CVY_RECIPE_H

#include <jansson.h>

#include "arguments.h"

/* A built-in recipe: its file, compiled in. */
typedef struct cvy_recipe_file {
    const char *name, *text;
} cvy_recipe_file;

/* NULL-terminated by name, the default first. */
extern const cvy_recipe_file cvy_recipe_files[];

/* The recipe as such an object, without what is zero; JSON of a network stays the text that it is. The caller decrefs
 * it; NULL: memory is short. */
json_t *cvy_recipe_to_json(const cvy_recipe *recipe);

/* Reads a recipe's text; `origin` (the file) begins the message of an error. */
cvy_recipe *cvy_recipe_parse(const char *text, size_t length, const char *origin, cvy_status *status);

#endif
