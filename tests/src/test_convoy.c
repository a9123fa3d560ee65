/* The public API: describe, compile, fit, evaluate, predict, save, load, and what each says when used wrongly. */
#include "suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bars.h"

enum { IMAGES = 120 };

static uint8_t images[IMAGES * PIXELS], labels[IMAGES];

static int make_images(void **state) {
    (void)state;
    fill_bars(IMAGES, 200, 40, images, labels);
    return 0;
}

static cvy_dataset *dataset(cvy_status *status) {
    return cvy_dataset_from_u8(images, labels, IMAGES, SIDE, SIDE, 1, status);
}

static cvy_model *compiled_with(const cvy_compile_options *options, cvy_status *status) {
    cvy_model *model = cvy_model_new(NULL, status);
    cvy_input(model, SIDE, SIDE, 1, status);
    cvy_rescaling(model, 1 / 255.0, 0, status);
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 3, .kernel_size = {3}, .activation = "swish"}, status);
    cvy_max_pooling2d(model, NULL, status);
    cvy_dropout(model, 0.1, status);
    cvy_flatten(model, status);
    cvy_dense(model, &(cvy_dense_options){.units = CLASSES, .activation = "softmax"}, status);
    cvy_compile(model, options, status);
    return model;
}

static cvy_model *compiled(int threads, cvy_status *status) {
    return compiled_with(
        &(cvy_compile_options){.optimizer = "adam", .learning_rate = 0.01, .seed = 4, .threads = threads}, status);
}

static void predict_all(cvy_model *model, cvy_dataset *set, float *probabilities, cvy_status *status) {
    cvy_predict(model, set, 0, IMAGES, probabilities, status);
}

TEST(a_model_learns) {
    cvy_status status = {0};
    cvy_dataset *set = dataset(&status);
    cvy_model *model = compiled(2, &status);
    cvy_evaluation before = cvy_evaluate(model, set, &status);
    cvy_fit(model, set, &(cvy_fit_options){.epochs = 12, .batch_size = 20}, &status);
    cvy_evaluation after = cvy_evaluate(model, set, &status);
    if (status.code)
        fail_msg("%s: %s", status.where, status.what);
    assert_true(before.loss > 0.5);
    assert_true(after.loss < 0.2);
    assert_true(after.accuracy > 0.95);
    assert_int_equal(cvy_classes(model), CLASSES);
    assert_int_equal(cvy_threads(model), 2);

    float probabilities[IMAGES * CLASSES];
    predict_all(model, set, probabilities, &status);
    int right = 0;
    for (int n = 0; n < IMAGES; n++) {
        const float *p = probabilities + n * CLASSES;
        assert_true(fabsf(p[0] + p[1] + p[2] - 1) < 1e-6f);
        int best = p[1] > p[0] ? 1 : 0;
        right += (p[2] > p[best] ? 2 : best) == labels[n];
    }
    assert_true(fabs((double)right / IMAGES - after.accuracy) < 1e-9);
    cvy_model_free(model);
    cvy_dataset_free(set);
}

/* Two fits of one epoch are one fit of two, and saved weights are the weights. */
TEST(fitting_goes_on_and_weights_survive_a_file) {
    cvy_status status = {0};
    static float once[IMAGES * CLASSES], twice[IMAGES * CLASSES], loaded[IMAGES * CLASSES];
    char path[] = "/tmp/convoy-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    cvy_dataset *set = dataset(&status);
    cvy_model *a = compiled(1, &status), *b = compiled(3, &status), *c = compiled(2, &status);
    cvy_fit(a, set, &(cvy_fit_options){.epochs = 2, .batch_size = 50}, &status);
    cvy_fit(b, set, &(cvy_fit_options){.epochs = 1, .batch_size = 50}, &status);
    cvy_fit(b, set, &(cvy_fit_options){.batch_size = 50}, &status);
    predict_all(a, set, once, &status);
    predict_all(b, set, twice, &status);
    cvy_save(a, path, &status);
    cvy_load(c, path, &status);
    predict_all(c, set, loaded, &status);
    if (status.code)
        fail_msg("%s: %s", status.where, status.what);
    assert_memory_equal(once, twice, sizeof once);
    assert_memory_equal(once, loaded, sizeof once);

    /* Weights of another network are refused, and nothing changes. */
    cvy_model *other = cvy_model_from("lesson", &status);
    cvy_compile(other, NULL, &status);
    cvy_save(other, path, &status);
    assert_int_equal(status.code, CVY_OK);
    cvy_load(c, path, &status);
    assert_int_equal(status.code, CVY_FAILED);
    assert_string_equal(status.where, path);
    cvy_status fine = {0};
    predict_all(c, set, loaded, &fine);
    assert_memory_equal(once, loaded, sizeof once);
    unlink(path);
    cvy_model_free(other);
    cvy_model_free(a);
    cvy_model_free(b);
    cvy_model_free(c);
    cvy_dataset_free(set);
}

/* Weights that are no numbers are neither written nor read, and labels that a caller changes are looked at again. */
TEST(numbers_and_labels_that_go_bad) {
    cvy_status status = {0};
    char path[] = "/tmp/convoy-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    cvy_model *model = compiled(1, &status);
    cvy_save(model, path, &status);
    cvy_array kernel = cvy_weight(model, 0, &status);
    const float before = kernel.values[3];
    kernel.values[3] = NAN;
    assert_int_equal(status.code, CVY_OK);
    cvy_save(model, path, &status);
    assert_int_equal(status.code, CVY_FAILED);
    assert_non_null(strstr(status.where, kernel.name));
    assert_non_null(strstr(status.what, "is NaN, expected a finite number"));
    status = (cvy_status){0};
    cvy_load(model, path, &status); /* the file is the old one */
    assert_int_equal(status.code, CVY_OK);
    assert_true(kernel.values[3] == before);
    unlink(path);

    static uint8_t changing[IMAGES];
    cvy_dataset *set = cvy_dataset_from_u8(images, changing, IMAGES, SIDE, SIDE, 1, &status);
    changing[IMAGES - 1] = 250;
    cvy_fit(model, set, NULL, &status);
    assert_int_equal(status.code, CVY_FAILED);
    assert_non_null(strstr(status.what, "has label 250, but the network has"));
    cvy_dataset_free(set);
    cvy_model_free(model);
}

/* Prediction needs no labels; what needs them says so before it begins. */
TEST(images_without_labels_are_for_prediction) {
    cvy_status status = {0};
    static float labelled[IMAGES * CLASSES], unlabelled[IMAGES * CLASSES];
    cvy_dataset *set = dataset(&status), *bare = cvy_dataset_from_u8(images, NULL, IMAGES, SIDE, SIDE, 1, &status);
    cvy_model *model = compiled(2, &status);
    predict_all(model, set, labelled, &status);
    predict_all(model, bare, unlabelled, &status);
    cvy_predict(model, bare, 0, 1, unlabelled, &status); /* in the layout for few images */
    if (status.code)
        fail_msg("%s: %s", status.where, status.what);
    assert_memory_equal(labelled, unlabelled, sizeof labelled);

    cvy_fit(model, bare, NULL, &status);
    assert_int_equal(status.code, CVY_USAGE);
    assert_string_equal(status.where, cvy_dataset_origin(bare));
    assert_string_equal(status.what, "the data set has no labels");
    status = (cvy_status){0};
    cvy_evaluate(model, bare, &status);
    assert_string_equal(status.what, "the data set has no labels");
    status = (cvy_status){0};
    cvy_fit(model, set, &(cvy_fit_options){.validation_data = bare}, &status);
    assert_string_equal(status.where, "validation_data");
    cvy_model_free(model);
    cvy_dataset_free(set);
    cvy_dataset_free(bare);
}

static bool count_epochs(const cvy_progress *progress, void *user) {
    int *epochs = user;
    assert_int_equal(progress->epoch, ++*epochs);
    assert_int_equal(progress->step, progress->steps);
    assert_true(progress->validated);
    assert_true(progress->val_loss > 0 && isfinite(progress->val_loss));
    return *epochs < 2;
}

TEST(a_callback_sees_every_epoch_and_may_stop) {
    cvy_status status = {0};
    int epochs = 0;
    cvy_dataset *set = dataset(&status);
    cvy_model *model = compiled(0, &status);
    cvy_fit(model, set,
            &(cvy_fit_options){.epochs = 5, .validation_split = 0.25, .on_epoch = count_epochs, .user = &epochs},
            &status);
    assert_int_equal(epochs, 2);
    assert_int_equal(status.code, CVY_INTERRUPTED);
    cvy_model_free(model);
    cvy_dataset_free(set);
}

/* Each wrong use has its own message; the first error stays, and later calls do nothing. */
TEST(wrong_use_says_what_is_wrong) {
    cvy_status fine = {0};
    cvy_dataset *set = dataset(&fine);
    cvy_model *model = compiled(1, &fine);
    assert_int_equal(fine.code, CVY_OK);

    struct {
        cvy_fit_options options;
        const char *where;
    } fits[] = {{{.epochs = -1}, "epochs"},
                {{.batch_size = -3}, "batch_size"},
                {{.validation_split = 1}, "validation_split"},
                {{.validation_split = NAN}, "validation_split"},
                {{.validation_split = 0.1, .validation_data = set}, "validation_split"}};
    for (size_t i = 0; i < COUNT(fits); i++) {
        cvy_status status = {0};
        cvy_fit(model, set, &fits[i].options, &status);
        assert_int_equal(status.code, CVY_USAGE);
        assert_string_equal(status.where, fits[i].where);
    }

    struct {
        cvy_compile_options options;
        const char *where;
    } compiles[] = {{{.loss = "mse"}, "loss"},
                    {{.threads = -1}, "threads"},
                    {{.isa = "mmx"}, "isa"},
                    {{.learning_rate = -1}, "learning_rate"}};
    for (size_t i = 0; i < COUNT(compiles); i++) {
        cvy_status status = {0};
        cvy_compile(model, &compiles[i].options, &status);
        assert_int_equal(status.code, CVY_USAGE);
        assert_string_equal(status.where, compiles[i].where);
        cvy_fit(model, set, NULL, &status); /* does nothing */
        assert_string_equal(status.where, compiles[i].where);
    }

    cvy_status status = {0};
    cvy_model *empty = cvy_model_new("empty", &fine);
    cvy_compile(empty, NULL, &status);
    assert_string_equal(status.what, "the model has no layers yet");
    status = (cvy_status){0};
    cvy_fit(empty, set, NULL, &status);
    assert_string_equal(status.what, "the model is not compiled yet");
    cvy_input(empty, SIDE, SIDE, 1, &fine);
    cvy_flatten(empty, &fine);
    cvy_dense(empty, &(cvy_dense_options){.units = 3, .activation = "relu"}, &fine);
    assert_int_equal(fine.code, CVY_OK);
    status = (cvy_status){0};
    cvy_compile(empty, NULL, &status);
    assert_non_null(strstr(status.what, "softmax"));
    assert_string_equal(status.where, "dense");
    cvy_model_free(empty);
    cvy_model_free(model);
    cvy_dataset_free(set);
}

/* The seconds of a profile's rows of that phase, and how many rows that are. */
static double of_phase(const cvy_profile *profile, const char *phase, int *rows) {
    double seconds = 0;
    *rows = 0;
    for (int i = 0; i < profile->rows; i++) {
        if (strcmp(profile->row[i].phase, phase) != 0)
            continue;
        seconds += profile->row[i].seconds;
        ++*rows;
    }
    return seconds;
}

TEST(a_profile_accounts_for_all_of_the_time) {
    cvy_status status = {0};
    cvy_dataset *set = dataset(&status);
    cvy_model *model = compiled_with(&(cvy_compile_options){.threads = 2, .profile = true}, &status);
    cvy_fit(model, set, &(cvy_fit_options){.epochs = 3, .batch_size = 50}, &status);
    cvy_profile *profile = cvy_profile_read(model, &status);
    if (status.code)
        fail_msg("%s: %s", status.where, status.what);
    assert_int_equal(profile->threads, 2);
    assert_int_equal(profile->steps, 3 * 3);
    assert_int_equal(profile->images, 3 * IMAGES);
    assert_true(profile->peak > 0);

    double sum = 0, flop = 0;
    for (int i = 0; i < profile->rows; i++) {
        assert_true(profile->row[i].seconds >= -1e-9);
        sum += profile->row[i].seconds;
        flop += profile->row[i].flop;
    }
    assert_true(fabs(sum - profile->seconds) < 1e-9);
    /* The convolution has no gradient of its input, what is before it none at all. */
    double conv2d = 2.0 * 10 * 10 * 3 * 9, dense = 2.0 * 75 * CLASSES;
    assert_true(fabs(flop - 3 * IMAGES * (2 * conv2d + 3 * dense)) < 1);
    static const struct {
        const char *phase;
        int rows;
    } phases[] = {{"load", 1},
                  {"forward", 4},
                  {"loss", 1},
                  {"backward weights", 2},
                  {"backward data", 2},
                  {"sum of own blocks", 1},
                  {"wait for gradients", 1},
                  {"sum of threads", 1},
                  {"update", 1},
                  {"metrics, progress", 1},
                  {"wait for parameters", 1},
                  {"start and end", 1}};
    for (size_t i = 0; i < COUNT(phases); i++) {
        int rows;
        double seconds = of_phase(profile, phases[i].phase, &rows);
        if (rows != phases[i].rows || seconds <= 0)
            fail_msg("%s: %d rows, %g s", phases[i].phase, rows, seconds);
    }
    free(profile);
    cvy_model_free(model);

    model = compiled(1, &status); /* not asked for */
    cvy_fit(model, set, NULL, &status);
    assert_null(cvy_profile_read(model, &status));
    assert_int_equal(status.code, CVY_USAGE);
    cvy_model_free(model);
    cvy_dataset_free(set);
}

RUN_TESTS("convoy", make_images, NULL)
