/* Every pointer that a public function takes, given as NULL: an error that names the argument, or what convoy.h says.
 * The header itself is read to see that no function and no pointer is missing here. */
#include "files.h"

#include "../../src/convoy.h"

static uint8_t images[4 * 28 * 28], labels[4] = {0, 1, 2, 3};
static float probabilities[4 * 10];

/* ---- What was called -------------------------------------------------------------------------------------------- */

static char called[192][96]; /* "cvy_save path" */
static int calls;

static void note(const char *call, const char *argument) {
    const char *name = strstr(call, "cvy_");
    snprintf(called[calls++ % 192], sizeof called[0], "%.*s %s", (int)strcspn(name, "("), name, argument);
}

/* The call is refused, with an error that names the argument. */
#define REFUSED(argument, ...)                                                                                         \
    do {                                                                                                               \
        cvy_status status = {0};                                                                                       \
        __VA_ARGS__;                                                                                                   \
        if (status.code != CVY_USAGE || strcmp(status.where, argument) != 0)                                           \
            fail_msg("%s: status %d '%s'", #__VA_ARGS__, status.code, status.where);                                   \
        note(#__VA_ARGS__, argument);                                                                                  \
    } while (0)

/* The call does without the argument. */
#define ACCEPTED(argument, ...)                                                                                        \
    do {                                                                                                               \
        cvy_status status = {0};                                                                                       \
        __VA_ARGS__;                                                                                                   \
        expect_ok(&status);                                                                                            \
        note(#__VA_ARGS__, argument);                                                                                  \
    } while (0)

static cvy_model *with_input(void) {
    cvy_model *model = cvy_model_new(NULL, NULL);
    cvy_input(model, 28, 28, 1, NULL);
    return model;
}

/* ---- The calls -------------------------------------------------------------------------------------------------- */

TEST(data_sets) {
    REFUSED("images", assert_null(cvy_dataset_from_u8(NULL, labels, 4, 28, 28, 1, &status)));
    REFUSED("images", assert_null(cvy_dataset_from_f32(NULL, labels, 4, 28, 28, 1, &status)));
    cvy_dataset *set = NULL;
    ACCEPTED("labels", set = cvy_dataset_from_u8(images, NULL, 4, 28, 28, 1, &status));
    assert_null(cvy_dataset_labels(set));
    cvy_dataset_free(set);
    ACCEPTED("labels", set = cvy_dataset_from_f32(probabilities, NULL, 4, 1, 1, 1, &status));
    cvy_dataset_free(set);
    ACCEPTED("status", set = cvy_dataset_from_u8(images, labels, 4, 28, 28, 1, NULL));
    assert_non_null(set);
    cvy_dataset_free(set);
    ACCEPTED("status", assert_null(cvy_dataset_from_f32(probabilities, labels, 0, 1, 1, 1, NULL)));
    ACCEPTED("status", assert_null(cvy_dataset_load("/nowhere", CVY_TRAIN, NULL)));
    ACCEPTED("dataset", assert_int_equal(cvy_dataset_count(NULL), 0));
    ACCEPTED("dataset", assert_null(cvy_dataset_images(NULL).u8));
    ACCEPTED("dataset", assert_null(cvy_dataset_labels(NULL)));
    ACCEPTED("dataset", assert_null(cvy_dataset_origin(NULL)));
    ACCEPTED("dataset", cvy_dataset_free(NULL));
    /* Whether MNIST is there or not. */
    cvy_status status = {0};
    cvy_dataset_free(cvy_dataset_load(NULL, CVY_TRAIN, &status));
    assert_int_not_equal(status.code, CVY_USAGE);
    note("cvy_dataset_load(", "place");
}

TEST(models) {
    cvy_model *model = NULL;
    ACCEPTED("name", model = cvy_model_new(NULL, &status));
    cvy_model_free(model);
    ACCEPTED("status", model = cvy_model_new("m", NULL));
    cvy_model_free(model);
    REFUSED("name_or_file", assert_null(cvy_model_from(NULL, &status)));
    ACCEPTED("status", assert_null(cvy_model_from("/nowhere", NULL)));
    REFUSED("json", assert_null(cvy_model_from_json(NULL, &status)));
    ACCEPTED("status", assert_null(cvy_model_from_json("{", NULL)));
    REFUSED("path", assert_null(cvy_model_from_weights(NULL, &status)));
    ACCEPTED("status", assert_null(cvy_model_from_weights("/nowhere", NULL)));
    ACCEPTED("model", cvy_model_free(NULL));
}

TEST(layers) {
    REFUSED("model", cvy_input(NULL, 28, 28, 1, &status));
    REFUSED("model", cvy_rescaling(NULL, 1, 0, &status));
    REFUSED("model", cvy_conv2d(NULL, &(cvy_conv2d_options){0}, &status));
    REFUSED("model", cvy_max_pooling2d(NULL, NULL, &status));
    REFUSED("model", cvy_average_pooling2d(NULL, NULL, &status));
    REFUSED("model", cvy_flatten(NULL, &status));
    REFUSED("model", cvy_dense(NULL, &(cvy_dense_options){0}, &status));
    REFUSED("model", cvy_activation(NULL, "relu", &status));
    REFUSED("model", cvy_dropout(NULL, 0.5, &status));
    cvy_model *model = with_input();
    REFUSED("activation", cvy_activation(model, NULL, &status));
    ACCEPTED("options", cvy_max_pooling2d(model, NULL, &status));
    ACCEPTED("options", cvy_average_pooling2d(model, NULL, &status));
    /* Filters, kernel size and units have no default. */
    cvy_status status = {0};
    cvy_conv2d(model, NULL, &status);
    expect_error(&status, CVY_FAILED, "conv2d", "0");
    note("cvy_conv2d(", "options");
    status = (cvy_status){0};
    cvy_flatten(model, &status);
    cvy_dense(model, NULL, &status);
    expect_error(&status, CVY_FAILED, "units", "0");
    note("cvy_dense(", "options");
    cvy_model_free(model);
}

TEST(layers_without_status) {
    cvy_model *model = cvy_model_new(NULL, NULL);
    ACCEPTED("status", cvy_input(model, 28, 28, 1, NULL));
    ACCEPTED("status", cvy_rescaling(model, 1, 0, NULL));
    ACCEPTED("status", cvy_conv2d(model, &(cvy_conv2d_options){.filters = 1, .kernel_size = {3}}, NULL));
    ACCEPTED("status", cvy_max_pooling2d(model, NULL, NULL));
    ACCEPTED("status", cvy_average_pooling2d(model, NULL, NULL));
    ACCEPTED("status", cvy_activation(model, "relu", NULL));
    ACCEPTED("status", cvy_dropout(model, 0.5, NULL));
    ACCEPTED("status", cvy_flatten(model, NULL));
    ACCEPTED("status", cvy_dense(model, &(cvy_dense_options){.units = 2, .activation = "softmax"}, NULL));
    ACCEPTED("status", cvy_preprocess(model, "scale=2", NULL));
    ACCEPTED("status", cvy_compile(model, NULL, NULL));
    assert_int_equal(cvy_classes(model), 2);
    cvy_model_free(model);
}

TEST(summaries_and_preprocessing) {
    cvy_model *model = with_input();
    REFUSED("model", assert_null(cvy_summary(NULL, 0, &status)));
    ACCEPTED("status", free(cvy_summary(model, 0, NULL)));
    REFUSED("model", assert_null(cvy_to_json(NULL, &status)));
    ACCEPTED("status", free(cvy_to_json(model, NULL)));
    REFUSED("model", assert_null(cvy_plan_summary(NULL, "nhwc", &status)));
    REFUSED("layout", assert_null(cvy_plan_summary(model, NULL, &status)));
    ACCEPTED("status", assert_null(cvy_plan_summary(model, "chwn", NULL)));
    REFUSED("model", cvy_preprocess(NULL, "deskew", &status));
    ACCEPTED("preprocessing", cvy_preprocess(model, NULL, &status));
    REFUSED("model", assert_null(cvy_preprocessing_of(NULL, &status)));
    ACCEPTED("status", free(cvy_preprocessing_of(model, NULL)));
    cvy_model_free(model);
}

TEST(training) {
    cvy_status fine = {0};
    cvy_dataset *set = cvy_dataset_from_u8(images, labels, 4, 28, 28, 1, &fine);
    cvy_model *model = cvy_model_from("lesson", &fine);
    cvy_evaluation means;
    REFUSED("model", cvy_compile(NULL, NULL, &status));
    ACCEPTED("options", cvy_compile(model, NULL, &status));
    REFUSED("model", cvy_fit(NULL, set, NULL, &status));
    REFUSED("dataset", cvy_fit(model, NULL, NULL, &status));
    ACCEPTED("options", cvy_fit(model, set, NULL, &status));
    ACCEPTED("status", cvy_fit(model, set, NULL, NULL));
    REFUSED("model", assert_null(cvy_profile_read(NULL, &status)));
    ACCEPTED("status", assert_null(cvy_profile_read(model, NULL)));
    REFUSED("model", means = cvy_evaluate(NULL, set, &status));
    assert_true(means.loss == 0 && means.accuracy == 0);
    REFUSED("dataset", means = cvy_evaluate(model, NULL, &status));
    assert_true(means.loss == 0 && means.accuracy == 0);
    ACCEPTED("status", means = cvy_evaluate(model, set, NULL));
    assert_true(means.loss > 0);
    REFUSED("model", cvy_predict(NULL, set, 0, 4, probabilities, &status));
    REFUSED("dataset", cvy_predict(model, NULL, 0, 4, probabilities, &status));
    REFUSED("probabilities", cvy_predict(model, set, 0, 4, NULL, &status));
    ACCEPTED("status", cvy_predict(model, set, 0, 4, probabilities, NULL));
    ACCEPTED("model", assert_int_equal(cvy_classes(NULL), 0));
    ACCEPTED("model", assert_int_equal(cvy_threads(NULL), 0));
    ACCEPTED("model", assert_null(cvy_threads_text(NULL, 32)));
    ACCEPTED("model", assert_int_equal(cvy_threads_refused(NULL), 0));
    ACCEPTED("model", assert_null(cvy_isa(NULL)));
    expect_ok(&fine);
    cvy_model_free(model);
    cvy_dataset_free(set);
}

TEST(weights) {
    cvy_status fine = {0};
    cvy_model *model = cvy_model_from("lesson", &fine);
    cvy_compile(model, NULL, &fine);
    REFUSED("model", cvy_save(NULL, "/nowhere/weights", &status));
    REFUSED("path", cvy_save(model, NULL, &status));
    ACCEPTED("status", cvy_save(model, "/nowhere/weights", NULL));
    REFUSED("model", cvy_load(NULL, "/nowhere/weights", &status));
    REFUSED("path", cvy_load(model, NULL, &status));
    ACCEPTED("status", cvy_load(model, "/nowhere/weights", NULL));
    expect_ok(&fine);
    cvy_model_free(model);
}

TEST(arrays) {
    cvy_status fine = {0};
    cvy_model *model = cvy_model_from("lesson", &fine);
    cvy_compile(model, NULL, &fine);
    REFUSED("model", assert_null(cvy_weight(NULL, 0, &status).values));
    ACCEPTED("status", assert_non_null(cvy_weight(model, 0, NULL).values));
    REFUSED("model", assert_null(cvy_optimizer_variable(NULL, 0, &status).values));
    ACCEPTED("status", assert_non_null(cvy_optimizer_variable(model, 0, NULL).values));
    ACCEPTED("model", assert_int_equal(cvy_iterations(NULL), 0));
    REFUSED("model", cvy_set_iterations(NULL, 1, &status));
    ACCEPTED("status", cvy_set_iterations(model, 1, NULL));
    ACCEPTED("model", assert_true(cvy_learning_rate(NULL) == 0));
    REFUSED("model", cvy_set_learning_rate(NULL, 1, &status));
    ACCEPTED("status", cvy_set_learning_rate(model, 1, NULL));
    expect_ok(&fine);
    cvy_model_free(model);
}

TEST(checkpoints) {
    cvy_status fine = {0};
    cvy_model *model = cvy_model_from("lesson", &fine);
    cvy_compile(model, NULL, &fine);
    REFUSED("model", cvy_checkpoint_save(NULL, "/nowhere/checkpoint", &status));
    REFUSED("path", cvy_checkpoint_save(model, NULL, &status));
    ACCEPTED("status", cvy_checkpoint_save(model, "/nowhere/checkpoint", NULL));
    REFUSED("model", cvy_checkpoint_load(NULL, "/nowhere/checkpoint", &status));
    REFUSED("path", cvy_checkpoint_load(model, NULL, &status));
    ACCEPTED("status", cvy_checkpoint_load(model, "/nowhere/checkpoint", NULL));
    expect_ok(&fine);
    cvy_model_free(model);
}

TEST(recipes) {
    cvy_recipe *recipe = NULL;
    ACCEPTED("name_or_file", recipe = cvy_recipe_from(NULL, &status));
    assert_string_equal(recipe->name, "lesson");
    ACCEPTED("status", assert_null(cvy_recipe_from("/nowhere", NULL)));
    REFUSED("recipe", assert_null(cvy_recipe_model(NULL, &status)));
    cvy_model *model = NULL;
    ACCEPTED("status", model = cvy_recipe_model(recipe, NULL));
    assert_non_null(model);
    cvy_model_free(model);
    recipe->network = NULL;
    REFUSED("network", assert_null(cvy_recipe_model(recipe, &status)));
    cvy_recipe_free(recipe);
    ACCEPTED("recipe", cvy_recipe_free(NULL));
}

/* ---- The header ------------------------------------------------------------------------------------------------- */

static bool was_called(const char *function, const char *argument) {
    char wanted[sizeof called[0]];
    snprintf(wanted, sizeof wanted, "%s %s", function, argument);
    for (int i = 0; i < calls; i++)
        if (!strcmp(called[i], wanted))
            return true;
    return false;
}

TEST(no_pointer_is_missing) {
    assert_true(calls > 0 && calls <= 192);
    size_t length;
    char *header = (char *)read_whole(CVY_HEADER, &length);
    header[length] = '\0';
    int functions = 0, pointers = 0, missing = 0;
    for (char *at = header; (at = strstr(at, "\nCVY_API ")) != NULL; functions++) {
        char *name = strstr(at, "cvy_");
        for (char *next; (next = strstr(name + 1, "cvy_")) && next < strchr(at + 1, '(');)
            name = next; /* behind the type */
        char *end = strchr(name, ')');
        assert_non_null(end);
        at = end + 1;
        *end = '\0';
        char *open = strchr(name, '(');
        *open = '\0';
        for (char *rest = open + 1, *parameter; (parameter = strsep(&rest, ","));) {
            char *star = strrchr(parameter, '*');
            if (!star)
                continue;
            pointers++;
            if (was_called(name, star + 1))
                continue;
            print_error("%s: no call with %s NULL\n", name, star + 1);
            missing++;
        }
    }
    free(header);
    assert_true(functions >= 40 && pointers > functions);
    assert_int_equal(missing, 0);
}

RUN_TESTS("arguments", NULL, NULL)
