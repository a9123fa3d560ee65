/* A user's program in what C and C++ have in common: the header's example of a recipe, on a few images of noise. */
#include <convoy.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 64 };

int main(void) {
    static cvy_status status;
    static uint8_t images[IMAGES * 28 * 28], labels[IMAGES];
    for (int i = 0; i < IMAGES * 28 * 28; i++)
        images[i] = (uint8_t)(i * 37 % 251);
    for (int i = 0; i < IMAGES; i++)
        labels[i] = (uint8_t)(i % 10);

    cvy_dataset *train = cvy_dataset_from_u8(images, labels, IMAGES, 28, 28, 1, &status);
    cvy_recipe *recipe = cvy_recipe_from("fast-99", &status);
    cvy_model *model = cvy_recipe_model(recipe, &status);
    if (recipe) {
        recipe->compile.seed = 7;
        recipe->compile.profile = true;
        cvy_compile(model, &recipe->compile, &status);
        recipe->fit.images = IMAGES;
        cvy_fit(model, train, &recipe->fit, &status);
    }
    cvy_profile *profile = cvy_profile_read(model, &status);
    cvy_evaluation means = cvy_evaluate(model, train, &status);
    if (status.code != CVY_OK)
        fprintf(stderr, "%s: %s\n", status.where, status.what);
    else if (strcmp(cvy_version(), CVY_VERSION) == 0)
        printf("convoy %s: %s, first phase %s, %s\n", cvy_version(), cvy_recipe_name(0), profile->row[0].phase,
               means.loss > 0 ? "a loss" : "no loss");
    free(profile);
    cvy_model_free(model);
    cvy_recipe_free(recipe);
    cvy_dataset_free(train);
    return (int)status.code;
}
