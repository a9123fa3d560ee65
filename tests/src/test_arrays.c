/* The public API: variables in memory, what the optimizer keeps, and what callbacks may do with them. */
#include "suite.h"

#include <string.h>

#include "../../src/convoy.h"
#include "bars.h"

enum { IMAGES = 96 };

static uint8_t images[IMAGES * PIXELS], labels[IMAGES];
static cvy_dataset *set;

static int make_images(void **state) {
    (void)state;
    fill_bars(IMAGES, 200, 40, images, labels);
    return (set = cvy_dataset_from_u8(images, labels, IMAGES, SIDE, SIDE, 1, NULL)) ? 0 : -1;
}

static int free_images(void **state) {
    (void)state;
    cvy_dataset_free(set);
    return 0;
}

static void expect_good(const cvy_status *status) {
    if (status->code)
        fail_msg("%s: %s", status->where, status->what);
}

static cvy_model *compiled(const char *optimizer, cvy_status *status) {
    cvy_model *model = cvy_model_new(NULL, status);
    cvy_input(model, SIDE, SIDE, 1, status);
    cvy_rescaling(model, 1 / 255.0, 0, status);
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 2, .kernel_size = {3, 5}, .activation = "swish"}, status);
    cvy_max_pooling2d(model, NULL, status);
    cvy_flatten(model, status);
    cvy_dense(model, &(cvy_dense_options){.units = CLASSES, .activation = "softmax"}, status);
    cvy_compile(model, &(cvy_compile_options){.optimizer = optimizer, .threads = 2}, status);
    return model;
}

TEST(weights_have_keras_names_order_and_shapes) {
    cvy_status status = {0};
    cvy_model *model = compiled("rmsprop", &status);
    static const char *const names[] = {"conv2d/kernel", "conv2d/bias", "dense/kernel", "dense/bias"};
    static const int ranks[] = {4, 1, 2, 1};
    for (int i = 0; i < 4; i++) {
        cvy_array array = cvy_weight(model, i, &status);
        assert_string_equal(array.name, names[i]);
        assert_int_equal(array.rank, ranks[i]);
        size_t count = 1;
        for (int k = 0; k < array.rank; k++)
            count *= array.shape[k];
        assert_int_equal(array.count, count);
    }
    cvy_array kernel = cvy_weight(model, 0, &status);
    assert_true(kernel.shape[0] == 3 && kernel.shape[1] == 5 && kernel.shape[2] == 1 && kernel.shape[3] == 2);
    assert_null(cvy_weight(model, 4, &status).values);
    assert_null(cvy_weight(model, -1, &status).values);
    expect_good(&status);
    cvy_model_free(model);
}

/* The names that Keras 3.15 gives optimizer.variables[2:] of the same network, with "functional_" left out. */
TEST(optimizer_variables_have_keras_names_and_order) {
    static const struct {
        const char *optimizer, *names[17];
    } cases[] = {
        {"sgd", {NULL}},
        {"sgd:momentum=0.9",
         {"sgd/conv2d_kernel_momentum", "sgd/conv2d_bias_momentum", "sgd/dense_kernel_momentum",
          "sgd/dense_bias_momentum"}},
        {"rmsprop:momentum=0.9,centered,use_ema",
         {"rm_sprop/conv2d_kernel_average", "rm_sprop/conv2d_bias_average", "rm_sprop/dense_kernel_average",
          "rm_sprop/dense_bias_average", "rm_sprop/conv2d_kernel_velocity", "rm_sprop/conv2d_bias_velocity",
          "rm_sprop/dense_kernel_velocity", "rm_sprop/dense_bias_velocity", "rm_sprop/conv2d_kernel_momentum",
          "rm_sprop/conv2d_bias_momentum", "rm_sprop/dense_kernel_momentum", "rm_sprop/dense_bias_momentum",
          "rm_sprop/conv2d_kernel_average_gradient", "rm_sprop/conv2d_bias_average_gradient",
          "rm_sprop/dense_kernel_average_gradient", "rm_sprop/dense_bias_average_gradient"}},
        {"adamw:amsgrad",
         {"adam_w/conv2d_kernel_momentum", "adam_w/conv2d_kernel_velocity", "adam_w/conv2d_bias_momentum",
          "adam_w/conv2d_bias_velocity", "adam_w/dense_kernel_momentum", "adam_w/dense_kernel_velocity",
          "adam_w/dense_bias_momentum", "adam_w/dense_bias_velocity", "adam_w/conv2d_kernel_velocity_hat",
          "adam_w/conv2d_bias_velocity_hat", "adam_w/dense_kernel_velocity_hat", "adam_w/dense_bias_velocity_hat"}},
    };
    for (size_t c = 0; c < COUNT(cases); c++) {
        cvy_status status = {0};
        cvy_model *model = compiled(cases[c].optimizer, &status);
        int i = 0;
        for (; cases[c].names[i]; i++) {
            cvy_array array = cvy_optimizer_variable(model, i, &status);
            assert_string_equal(array.name, cases[c].names[i]);
            assert_true(array.count > 0 && array.values);
            assert_true(array.rank == (strstr(array.name, "bias") ? 1 : strstr(array.name, "conv") ? 4 : 2));
        }
        assert_null(cvy_optimizer_variable(model, i, &status).values);
        expect_good(&status);
        cvy_model_free(model);
    }
}

/* Copies all that a training goes on from. */
static void copy_state(cvy_model *from, cvy_model *to, cvy_status *status) {
    cvy_array source;
    for (int i = 0; (source = cvy_weight(from, i, status)).values; i++)
        memcpy(cvy_weight(to, i, status).values, source.values, source.count * sizeof(float));
    for (int i = 0; (source = cvy_optimizer_variable(from, i, status)).values; i++)
        memcpy(cvy_optimizer_variable(to, i, status).values, source.values, source.count * sizeof(float));
    cvy_set_iterations(to, cvy_iterations(from), status);
    cvy_set_learning_rate(to, cvy_learning_rate(from), status);
}

TEST(a_copied_state_goes_on_with_the_same_bits) {
    static const char *const optimizers[] = {"sgd:momentum=0.9,nesterov", "rmsprop:momentum=0.5,centered",
                                             "adam:amsgrad,lr=0.01", "adamw:use_ema,weight_decay=0.01"};
    const cvy_fit_options fit = {.epochs = 2, .no_shuffle = true};
    for (size_t c = 0; c < COUNT(optimizers); c++) {
        cvy_status status = {0};
        cvy_model *one = compiled(optimizers[c], &status), *other = compiled(optimizers[c], &status);
        cvy_set_learning_rate(one, 0.004, &status);
        cvy_fit(one, set, &fit, &status);
        copy_state(one, other, &status);
        assert_int_equal(cvy_iterations(other), 6);
        cvy_fit(one, set, &fit, &status);
        cvy_fit(other, set, &fit, &status);
        cvy_array array;
        int weights = 0;
        for (; (array = cvy_weight(one, weights, &status)).values; weights++)
            assert_memory_equal(array.values, cvy_weight(other, weights, &status).values, array.count * sizeof(float));
        assert_int_equal(weights, 4);
        expect_good(&status);
        cvy_model_free(one);
        cvy_model_free(other);
    }
}

TEST(any_number_of_iterations_is_set_at_once) {
    cvy_status status = {0};
    cvy_model *model = compiled("adam", &status);
    cvy_set_iterations(model, UINT64_MAX / 2, &status);
    assert_true(cvy_iterations(model) == UINT64_MAX / 2);
    cvy_fit(model, set, NULL, &status);
    expect_good(&status);
    cvy_model_free(model);
}

TEST(a_learning_rate_must_be_positive) {
    cvy_model *model = compiled("adam", NULL);
    static const double bad[] = {0, -1, 1.0 / 0.0, 0.0 / 0.0};
    for (size_t i = 0; i < COUNT(bad); i++) {
        cvy_status status = {0};
        cvy_set_learning_rate(model, bad[i], &status);
        assert_int_equal(status.code, CVY_USAGE);
        assert_string_equal(status.where, "learning_rate");
    }
    assert_true(cvy_learning_rate(model) == 0.001);
    cvy_model_free(model);
}

/* ---- Callbacks -------------------------------------------------------------------------------------------------- */

typedef struct calls {
    cvy_model *model;
    int steps, epochs, refused, allowed;
} calls;

/* Calls of a model that a callback must not make, or may make. */
static void count(calls *c, bool refusal, cvy_status *status) {
    if (status->code == CVY_USAGE && strstr(status->what, "called within"))
        c->refused++;
    else if (!refusal && status->code == CVY_OK)
        c->allowed++;
    else
        fail_msg("%s: %s", status->where, status->what);
    *status = (cvy_status){0};
}

static bool in_step(const cvy_progress *progress, void *user) {
    calls *c = user;
    cvy_status status = {0};
    (void)progress;
    c->steps++;
    cvy_evaluate(c->model, set, &status);
    count(c, true, &status);
    cvy_fit(c->model, set, NULL, &status);
    count(c, true, &status);
    cvy_save(c->model, "/nowhere/weights", &status);
    count(c, true, &status);
    cvy_set_learning_rate(c->model, 1, &status);
    count(c, true, &status);
    cvy_preprocess(c->model, "none", &status);
    count(c, true, &status);
    cvy_compile(c->model, NULL, &status);
    count(c, true, &status);
    return true;
}

static bool in_epoch(const cvy_progress *progress, void *user) {
    calls *c = user;
    cvy_status status = {0};
    (void)progress;
    c->epochs++;
    cvy_fit(c->model, set, NULL, &status);
    count(c, true, &status);
    cvy_compile(c->model, NULL, &status);
    count(c, true, &status);
    cvy_evaluate(c->model, set, &status);
    count(c, false, &status);
    cvy_set_learning_rate(c->model, 0.002, &status);
    count(c, false, &status);
    return true;
}

TEST(callbacks_may_evaluate_between_epochs_but_not_between_steps) {
    cvy_status status = {0};
    calls c = {.model = compiled("rmsprop", &status)};
    cvy_fit(c.model, set, &(cvy_fit_options){.epochs = 2, .on_progress = in_step, .on_epoch = in_epoch, .user = &c},
            &status);
    expect_good(&status);
    assert_true(c.steps > 0);
    assert_int_equal(c.epochs, 2);
    assert_int_equal(c.refused, 6 * c.steps + 2 * c.epochs);
    assert_int_equal(c.allowed, 2 * c.epochs);
    assert_true(cvy_learning_rate(c.model) == 0.002);
    cvy_evaluate(c.model, set, &status);
    cvy_compile(c.model, NULL, &status);
    expect_good(&status);
    cvy_model_free(c.model);
}

static bool count_step(const cvy_progress *progress, void *user) {
    (void)progress;
    ++*(int *)user;
    return true;
}

TEST(progress_comes_after_every_step_if_asked_for) {
    cvy_status status = {0};
    cvy_model *model = compiled("sgd", &status);
    int steps = 0;
    cvy_fit(
        model, set,
        &(cvy_fit_options){.epochs = 3, .batch_size = 8, .on_progress = count_step, .every_step = true, .user = &steps},
        &status);
    expect_good(&status);
    assert_int_equal(steps, 3 * (IMAGES / 8 - 1)); /* on_epoch shows the last of an epoch */
    cvy_model_free(model);
}

RUN_TESTS("arrays", make_images, free_images)
