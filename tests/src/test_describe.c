/* Describing a model through the public API. */
#include "files.h"

#include "../../src/api/model.h"

/* ---- Helpers ---------------------------------------------------------------------------------------------------- */

static cvy_model *with_input(void) {
    cvy_status status = {0};
    cvy_model *model = cvy_model_new(NULL, &status);
    cvy_input(model, 28, 28, 1, &status);
    expect_ok(&status);
    return model;
}

static const cvy_layer *last(const cvy_model *model) {
    return &model->network->layers[model->network->count - 1];
}

/* The options are refused, and the model stays as it was. */
static void expect_conv2d_refused(cvy_conv2d_options options, const char *where, const char *what) {
    cvy_model *model = with_input();
    cvy_status status = {0};
    cvy_conv2d(model, &options, &status);
    expect_error(&status, CVY_FAILED, where, what);
    assert_int_equal(model->network->count, 1);
    cvy_model_free(model);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

TEST(lesson_line_by_line_is_the_builtin) {
    cvy_status status = {0};
    cvy_model *model = with_input(), *builtin = cvy_model_from("lesson", &status);
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 3, .kernel_size = {5}, .activation = "swish"}, &status);
    cvy_max_pooling2d(model, NULL, &status);
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 6, .kernel_size = {5}, .activation = "swish"}, &status);
    cvy_max_pooling2d(model, &(cvy_pooling2d_options){0}, &status);
    cvy_flatten(model, &status);
    cvy_dense(model, &(cvy_dense_options){.units = 84, .activation = "swish"}, &status);
    cvy_dense(model, &(cvy_dense_options){.units = 10, .activation = "softmax"}, &status);
    char *found = cvy_summary(model, 0, &status), *expected = cvy_summary(builtin, 0, &status);
    expect_ok(&status);
    assert_string_equal(found, expected);
    for (int i = 0; i < builtin->network->count; i++) {
        const cvy_layer *a = &model->network->layers[i], *b = &builtin->network->layers[i];
        assert_int_equal(a->activation, b->activation);
        assert_int_equal(a->kernel_initializer, b->kernel_initializer);
        assert_memory_equal(a->kernel_size, b->kernel_size, sizeof a->kernel_size);
        assert_memory_equal(a->strides, b->strides, sizeof a->strides);
    }
    free(found);
    free(expected);
    cvy_model_free(model);
    cvy_model_free(builtin);
}

TEST(every_option_reaches_its_layer) {
    cvy_status status = {0};
    cvy_model *model = with_input();
    cvy_rescaling(model, 0.5, -3, &status);
    assert_true(last(model)->scale == 0.5 && last(model)->offset == -3);
    cvy_conv2d(model,
               &(cvy_conv2d_options){.filters = 4,
                                     .kernel_size = {3, 2},
                                     .strides = {2, 1},
                                     .padding = "same",
                                     .activation = "tanh",
                                     .kernel_initializer = "he_normal",
                                     .bias_initializer = "glorot_normal",
                                     .name = "c"},
               &status);
    const cvy_layer *layer = last(model);
    assert_string_equal(layer->name, "c");
    assert_int_equal(layer->units, 4);
    assert_int_equal(layer->kernel_size[0], 3);
    assert_int_equal(layer->kernel_size[1], 2);
    assert_int_equal(layer->strides[0], 2);
    assert_int_equal(layer->strides[1], 1);
    assert_true(layer->same && layer->use_bias);
    assert_int_equal(layer->activation, CVY_TANH);
    assert_int_equal(layer->kernel_initializer, CVY_HE_NORMAL);
    assert_int_equal(layer->bias_initializer, CVY_GLOROT_NORMAL);
    cvy_average_pooling2d(model, &(cvy_pooling2d_options){.pool_size = {3}, .strides = {1}, .padding = "same"},
                          &status);
    layer = last(model);
    assert_int_equal(layer->kind, CVY_LAYER_AVERAGE_POOLING2D);
    assert_true(layer->kernel_size[1] == 3 && layer->strides[1] == 1 && layer->same);
    cvy_max_pooling2d(model, &(cvy_pooling2d_options){.pool_size = {2, 3}, .name = "p"}, &status);
    layer = last(model);
    assert_string_equal(layer->name, "p");
    assert_true(layer->strides[0] == 2 && layer->strides[1] == 3 && !layer->same);
    cvy_dropout(model, 0.25, &status);
    assert_true(last(model)->rate == 0.25);
    cvy_flatten(model, &status);
    cvy_dense(model,
              &(cvy_dense_options){
                  .units = 7, .kernel_initializer = "zeros", .bias_initializer = "he_uniform", .no_bias = true},
              &status);
    layer = last(model);
    assert_int_equal(layer->kernel_initializer, CVY_ZEROS);
    assert_int_equal(layer->bias_initializer, CVY_HE_UNIFORM);
    assert_false(layer->use_bias);
    cvy_activation(model, "relu", &status);
    assert_int_equal(last(model)->activation, CVY_RELU);
    expect_ok(&status);
    cvy_model_free(model);
}

TEST(bad_options_are_named) {
    expect_conv2d_refused((cvy_conv2d_options){.kernel_size = {5}}, "layer \"conv2d\", filters", "0, expected");
    expect_conv2d_refused((cvy_conv2d_options){.filters = 1}, "layer \"conv2d\", kernel_size", "0 x 0");
    expect_conv2d_refused((cvy_conv2d_options){.filters = 1, .kernel_size = {0, 3}}, "kernel_size", "0 x 3");
    expect_conv2d_refused((cvy_conv2d_options){.filters = 1, .kernel_size = {3}, .strides = {-1}}, "strides",
                          "-1 x -1");
    expect_conv2d_refused((cvy_conv2d_options){.filters = 1, .kernel_size = {3}, .padding = "full"},
                          "layer \"conv2d\", padding", "\"full\", expected valid or same");
    expect_conv2d_refused((cvy_conv2d_options){.filters = 1, .kernel_size = {3}, .activation = "gelu", .name = "c"},
                          "layer \"c\", activation", "\"gelu\", expected linear, relu");
    expect_conv2d_refused((cvy_conv2d_options){.filters = 1, .kernel_size = {3}, .kernel_initializer = "ones"},
                          "layer \"conv2d\", kernel_initializer", "\"ones\", expected glorot_uniform");
    expect_conv2d_refused((cvy_conv2d_options){.filters = 1, .kernel_size = {3}, .bias_initializer = "ones"},
                          "layer \"conv2d\", bias_initializer", "\"ones\"");
    expect_conv2d_refused((cvy_conv2d_options){.filters = 1, .kernel_size = {3}, .name = "input_layer"},
                          "layer \"input_layer\", name", "is taken");
    cvy_model *model = with_input();
    cvy_status status = {0};
    cvy_max_pooling2d(model, &(cvy_pooling2d_options){.padding = "half"}, &status);
    expect_error(&status, CVY_FAILED, "layer \"max_pooling2d\", padding", "\"half\"");
    status = (cvy_status){0};
    cvy_activation(model, "gelu", &status);
    expect_error(&status, CVY_FAILED, "layer \"activation\", activation", "\"gelu\"");
    status = (cvy_status){0};
    cvy_dense(model, &(cvy_dense_options){.units = 1}, &status);
    expect_error(&status, CVY_FAILED, "layer \"dense\", input shape", "a Flatten layer");
    cvy_model_free(model);
}

TEST(an_error_before_stops_everything) {
    cvy_model *model = with_input();
    cvy_status status = {.code = CVY_FAILED, .where = "before", .what = "that"};
    assert_null(cvy_model_new(NULL, &status));
    assert_null(cvy_model_from("lesson", &status));
    cvy_rescaling(model, 1, 0, &status);
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 1, .kernel_size = {3}}, &status);
    cvy_average_pooling2d(model, NULL, &status);
    cvy_flatten(model, &status);
    cvy_dense(model, &(cvy_dense_options){.units = 1}, &status);
    cvy_activation(model, "relu", &status);
    cvy_dropout(model, 0, &status);
    assert_null(cvy_summary(model, 0, &status));
    assert_int_equal(model->network->count, 1);
    assert_string_equal(status.where, "before");
    cvy_model_free(model);
}

TEST(a_compiled_model_takes_no_layers) {
    cvy_status status = {0};
    cvy_model *model = cvy_model_from("lesson", &status);
    cvy_compile(model, NULL, &status);
    expect_ok(&status);
    cvy_dense(model, &(cvy_dense_options){.units = 3}, &status);
    expect_error(&status, CVY_USAGE, "functional", "the model is compiled: a Dense layer must come before");
    assert_int_equal(model->network->count, 8);
    status = (cvy_status){0};
    char *summary = cvy_summary(model, 0, &status);
    expect_ok(&status);
    assert_null(strstr(summary, "Optimizer")); /* it has no variables before the first fit */
    free(summary);
    cvy_model_free(model);
}

TEST(a_fitted_model_counts_its_optimizer) {
    static const uint8_t images[2 * 28 * 28], labels[2] = {3, 5};
    cvy_status status = {0};
    cvy_model *model = cvy_model_from("lesson", &status);
    cvy_dataset *dataset = cvy_dataset_from_u8(images, labels, 2, 28, 28, 1, &status);
    cvy_compile(model, NULL, &status);
    cvy_fit(model, dataset, NULL, &status);
    char *summary = cvy_summary(model, 100, &status);
    expect_ok(&status);
    assert_non_null(strstr(summary, "\n Total params: 19,066 (74.48 KB)\n"));
    assert_non_null(strstr(summary, "\n Optimizer params: 9,534 (37.25 KB)\n"));
    free(summary);
    cvy_dataset_free(dataset);
    cvy_model_free(model);
}

RUN_TESTS("describe", NULL, NULL)
