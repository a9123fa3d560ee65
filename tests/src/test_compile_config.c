/* Keras's compile_config: what is read, refused and written, and what cvy_compile makes of it. */
#include "files.h"
#include "networks.h"

#include "../../src/api/model.h"

/* ---- Helpers ---------------------------------------------------------------------------------------------------- */

static json_t *load(const char *name) {
    char path[PATH_MAX];
    network_path(name, ".json", path);
    json_t *model = json_load_file(path, 0, NULL);
    assert_non_null(model);
    return model;
}

static json_t *parse(const char *text) {
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

/* A model from a description that is then thrown away. Reading never fails because of compile_config. */
static cvy_model *read_model(json_t *description) {
    cvy_status status = {0};
    char *text = json_dumps(description, 0);
    cvy_model *model = cvy_model_from_json(text, &status);
    expect_ok(&status);
    free(text);
    json_decref(description);
    return model;
}

/* A model with this compile_config. */
static cvy_model *with_config(json_t *config) {
    json_t *description = load("compiled_sgd");
    json_object_set_new(description, "compile_config", config);
    return read_model(description);
}

/* The config of compiled_sgd.json with one value replaced: `path` names objects down to it, apart by slashes. */
static cvy_model *with_value(const char *path, const char *value) {
    json_t *description = load("compiled_sgd"), *object = json_object_get(description, "compile_config");
    char copy[128], *rest = copy, *key;
    snprintf(copy, sizeof copy, "%s", path);
    while ((key = strsep(&rest, "/")) && rest)
        object = json_object_get(object, key);
    assert_non_null(object);
    json_object_set_new(object, key, parse(value));
    return read_model(description);
}

static void compile(cvy_model *model, const cvy_compile_options *options) {
    cvy_status status = {0};
    cvy_compile(model, options, &status);
    expect_ok(&status);
}

static void expect_refused(cvy_model *model, const cvy_compile_options *options, const char *where, const char *what) {
    cvy_status status = {0};
    cvy_compile(model, options, &status);
    expect_error(&status, CVY_FAILED, where, what);
}

static json_t *written(const cvy_model *model) {
    cvy_status status = {0};
    char *text = cvy_to_json(model, &status);
    expect_ok(&status);
    json_t *description = parse(text);
    free(text);
    return description;
}

static void expect_equal(json_t *found, json_t *expected) {
    if (!json_equal(found, expected))
        fail_msg("%s, expected %s", json_dumps(found, 0), json_dumps(expected, 0));
    json_decref(found);
    json_decref(expected);
}

/* ---- What Keras writes ------------------------------------------------------------------------------------------ */

static const char *const recorded[] = {"compiled_sgd", "compiled_rmsprop", "compiled_adam", "compiled_adamw", "lesson"};

static cvy_model *read_recorded(const char *name) {
    return read_model(load(name));
}

TEST(every_key_of_every_optimizer_is_read) {
    static const char *const texts[] = {
        "SGD:learning_rate=0.1,momentum=0.9,nesterov,weight_decay=0.0001",
        "RMSprop:learning_rate=0.0007,rho=0.8,momentum=0.5,epsilon=0.001,centered",
        "Adam:learning_rate=0.003,beta_1=0.95,beta_2=0.98,epsilon=1e-05,amsgrad",
        "AdamW:learning_rate=0.002,weight_decay=0.05,use_ema,ema_momentum=0.9",
        "RMSprop:learning_rate=0.001",
    };
    for (size_t i = 0; i < COUNT(recorded); i++) {
        char text[CVY_OPTIMIZER_TEXT_MAX];
        cvy_status status = {0};
        cvy_optimizer_settings parsed;
        cvy_model *model = read_recorded(recorded[i]);
        compile(model, NULL);
        cvy_optimizer_text(&model->compiled.optimizer, text);
        assert_string_equal(text, texts[i]);
        assert_true(cvy_optimizer_parse(text, &parsed, &status));
        assert_memory_equal(&parsed, &model->compiled.optimizer, sizeof parsed);
        assert_true(cvy_learning_rate(model) == parsed.learning_rate);
        assert_int_equal(model->compiled.sparse, i == 2);
        assert_true(model->compiled.label_smoothing == (i == 1 ? 0.1 : 0));
        cvy_model_free(model);
    }
}

TEST(it_is_written_as_keras_does) {
    for (size_t i = 0; i < COUNT(recorded); i++) {
        cvy_model *model = read_recorded(recorded[i]);
        expect_equal(written(model), load(recorded[i])); /* as it was read */
        compile(model, NULL);
        json_t *expected = load(recorded[i]);
        json_t *optimizer = json_object_get(json_object_get(expected, "compile_config"), "optimizer");
        json_t *config = json_object_get(optimizer, "config");
        char *name = strdup(json_string_value(json_object_get(config, "name")));
        name[strcspn(name, "0123456789")] = '\0'; /* Keras counts its optimizers: "adam_1" */
        json_object_set_new(config, "name", json_string(name));
        free(name);
        expect_equal(written(model), expected);
        cvy_model_free(model);
    }
}

/* A learning rate goes to Keras's float32 and comes back as it was written; others stay as they are. */
TEST(learning_rates_return) {
    static const char *const rates[][2] = {
        {"0.0010000000474974513", "0.001"},
        {"0.009999999776482582", "0.01"},
        {"0.5", "0.5"},
        {"1", "1"},
        {"1.1754943508222875e-38", "1.1754944e-38"},
        {"0.012345679104328156", "0.012345679"},
        {"0.33333334326744080", "0.33333334"},
        {"0.33333334", "0.33333334"}, /* no float32 */
        {"0.001", "0.001"},           /* the same, of a float64 run */
    };
    for (size_t i = 0; i < COUNT(rates); i++) {
        cvy_model *model = with_value("optimizer/config/learning_rate", rates[i][0]);
        compile(model, NULL);
        double rate = cvy_learning_rate(model);
        assert_true(rate == strtod(rates[i][1], NULL));
        assert_true((float)rate == (float)strtod(rates[i][0], NULL));
        cvy_model_free(model);
    }
}

/* ---- Forms that are read ---------------------------------------------------------------------------------------- */

#define LOSS(name, rest)                                                                                               \
    "{\"module\": \"keras.losses\", \"class_name\": \"" name "\", \"config\": {\"name\": \"own\", \"reduction\": "     \
    "\"sum_over_batch_size\", \"from_logits\": false" rest "}, \"registered_name\": null}"
#define CATEGORICAL(rest) LOSS("CategoricalCrossentropy", ", \"axis\": -1" rest)

TEST(forms_of_the_loss_are_read) {
    static const struct {
        const char *loss;
        double smoothing;
        bool sparse;
    } forms[] = {
        {"\"categorical_crossentropy\"", 0, false},
        {"\"CategoricalCrossentropy\"", 0, false},
        {"[\"sparse_categorical_crossentropy\"]", 0, true},
        {"{\"dense\": \"categorical_crossentropy\"}", 0, false},
        {CATEGORICAL(", \"label_smoothing\": 0.25"), 0.25, false},
        {"[" CATEGORICAL(", \"label_smoothing\": 1, \"dtype\": null") "]", 1, false},
        {LOSS("SparseCategoricalCrossentropy", ", \"ignore_class\": null"), 0, true},
        {"{\"class_name\": \"CategoricalCrossentropy\", \"config\": {\"reduction\": \"auto\", \"label_smoothing\": 0, "
         "\"fn\": \"categorical_crossentropy\"}}",
         0, false},
        {"{\"module\": \"builtins\", \"class_name\": \"function\", \"config\": \"sparse_categorical_crossentropy\", "
         "\"registered_name\": \"function\"}",
         0, true},
    };
    for (size_t i = 0; i < COUNT(forms); i++) {
        cvy_model *model = with_value("loss", forms[i].loss);
        compile(model, NULL);
        assert_true(model->compiled.label_smoothing == forms[i].smoothing);
        assert_int_equal(model->compiled.sparse, forms[i].sparse);
        cvy_model_free(model);
    }
}

/* What changes no number, or is what Convoy does in any case. */
TEST(values_without_effect_are_accepted) {
    static const char *const accepted[][2] = {
        {"run_eagerly", "true"},
        {"steps_per_execution", "7"},
        {"jit_compile", "true"},
        {"jit_compile", "\"auto\""},
        {"sample_weight_mode", "null"},
        {"loss_weights", "[1.0]"},
        {"loss_weights", "{\"dense\": 1}"},
        {"loss_weights", "1"},
        {"metrics", "null"},
        {"metrics", "[]"},
        {"metrics", "[[\"acc\"]]"},
        {"metrics", "{\"dense\": [\"categorical_accuracy\", \"sparse_categorical_accuracy\"]}"},
        {"weighted_metrics", "[\"accuracy\"]"},
        {"metrics", "[{\"module\": \"keras.metrics\", \"class_name\": \"SparseCategoricalAccuracy\", \"config\": "
                    "{\"name\": \"a\", \"dtype\": \"float32\"}, \"registered_name\": null}]"},
        {"metrics", "[{\"class_name\": \"MeanMetricWrapper\", \"config\": {\"name\": \"accuracy\", \"dtype\": "
                    "\"float32\", \"fn\": \"categorical_accuracy\"}}]"},
        {"optimizer/config/name", "\"mine\""},
        {"optimizer/config/weight_decay", "null"},
        {"optimizer/config/ema_overwrite_frequency", "100"},
        {"optimizer/config/decay", "0.0"},
        {"optimizer/config/is_legacy_optimizer", "false"},
        {"optimizer/config/jit_compile", "true"},
        {"optimizer", "\"adam\""},
        {"optimizer", "{\"class_name\": \"Custom>RMSprop\", \"config\": {}}"},
        {"optimizer", "{\"module\": \"keras.optimizers\", \"class_name\": \"Adam\", \"config\": {}, "
                      "\"registered_name\": \"Custom>Adam\"}"},
    };
    for (size_t i = 0; i < COUNT(accepted); i++) {
        cvy_model *model = with_value(accepted[i][0], accepted[i][1]);
        compile(model, NULL);
        cvy_model_free(model);
    }
}

/* Null is no weight decay, but for AdamW, where Keras has a default. */
TEST(no_weight_decay_is_zero) {
    cvy_model *model = with_value("optimizer/config/weight_decay", "null");
    compile(model, NULL);
    assert_true(model->compiled.optimizer.weight_decay == 0);
    cvy_model_free(model);
    model = with_value("optimizer", "{\"class_name\": \"AdamW\", \"config\": {\"weight_decay\": null}}");
    compile(model, NULL);
    assert_true(model->compiled.optimizer.weight_decay == 0.004);
    cvy_model_free(model);
    model = with_value("optimizer", "{\"class_name\": \"AdamW\", \"config\": {\"weight_decay\": 0.0}}");
    compile(model, NULL);
    assert_true(model->compiled.optimizer.weight_decay == 0);
    json_t *description = written(model);
    json_t *optimizer = json_object_get(json_object_get(description, "compile_config"), "optimizer");
    assert_true(json_is_real(json_object_get(json_object_get(optimizer, "config"), "weight_decay")));
    json_decref(description);
    cvy_model_free(model);
}

/* training_config of an HDF5 file, of Keras 3 and of Keras 2. */
TEST(training_config_is_read) {
    cvy_model *model = with_config(parse(
        "{\"loss\": {\"class_name\": \"CategoricalCrossentropy\", \"config\": {\"name\": \"c\", \"reduction\": "
        "\"sum_over_batch_size\", \"from_logits\": false, \"label_smoothing\": 0.1, \"axis\": -1}}, "
        "\"loss_weights\": null, \"metrics\": [\"accuracy\"], \"weighted_metrics\": null, \"run_eagerly\": "
        "false, \"steps_per_execution\": 1, \"jit_compile\": false, \"optimizer_config\": {\"class_name\": "
        "\"Adam\", \"config\": {\"name\": \"adam\", \"learning_rate\": 0.003000000026077032, \"beta_1\": 0.5}}}"));
    compile(model, NULL);
    assert_int_equal(model->compiled.optimizer.kind, CVY_ADAM);
    assert_true(cvy_learning_rate(model) == 0.003 && model->compiled.optimizer.beta_1 == 0.5);
    assert_true(model->compiled.label_smoothing == 0.1);
    cvy_model_free(model);
    model = with_config(
        parse("{\"loss\": \"categorical_crossentropy\", \"metrics\": [[{\"class_name\": \"MeanMetricWrapper\", "
              "\"config\": {\"name\": \"accuracy\", \"dtype\": \"float32\", \"fn\": \"categorical_accuracy\"}}]], "
              "\"weighted_metrics\": null, \"loss_weights\": null, \"optimizer_config\": {\"class_name\": \"SGD\", "
              "\"config\": {\"name\": \"SGD\", \"learning_rate\": 0.009999999776482582, \"decay\": 0.0, \"momentum\": "
              "0.9, \"nesterov\": false}}}"));
    json_t *description = written(model); /* in Keras 3's form */
    json_t *optimizer = json_object_get(json_object_get(description, "compile_config"), "optimizer");
    assert_string_equal(json_string_value(json_object_get(optimizer, "class_name")), "SGD");
    assert_null(json_object_get(json_object_get(optimizer, "config"), "decay"));
    json_decref(description);
    compile(model, NULL);
    assert_true(cvy_learning_rate(model) == 0.01 && model->compiled.optimizer.momentum == 0.9);
    cvy_model_free(model);
}

TEST(a_model_that_is_not_compiled_has_defaults) {
    cvy_model *model = with_config(json_object());
    compile(model, NULL);
    char text[CVY_DESCRIBED_TEXT_MAX];
    assert_false(cvy_described_text(model, text));
    cvy_optimizer_settings rmsprop;
    cvy_status status = {0};
    assert_true(cvy_optimizer_parse("rmsprop", &rmsprop, &status));
    assert_memory_equal(&rmsprop, &model->compiled.optimizer, sizeof rmsprop);
    assert_true(!model->compiled.sparse && model->compiled.label_smoothing == 0);
    cvy_model_free(model);
}

/* ---- What is refused -------------------------------------------------------------------------------------------- */

TEST(what_is_not_supported_is_named) {
    static const char *const wrong[][4] = {
        /* the value, where the error is, and what it says */
        {"optimizer", "{\"class_name\": \"Lion\", \"config\": {}}", "optimizer",
         "\"Lion\", expected SGD, RMSprop, Adam"},
        {"optimizer", "\"adam:beta_1=0.5\"", "optimizer", "\"adam:beta_1=0.5\", expected SGD"},
        {"optimizer", "null", "optimizer", "null, expected SGD"},
        {"optimizer/registered_name", "\"mine>SGD\"", "optimizer", "\"mine>SGD\", expected SGD"},
        {"optimizer/config/learning_rate", "{\"class_name\": \"CosineDecay\", \"config\": {}}",
         "optimizer, learning_rate", "\"CosineDecay\", expected a number: schedules of Keras are not supported"},
        {"optimizer/config/learning_rate", "0", "optimizer, learning_rate", "0, expected a number above 0"},
        {"optimizer/config/clipnorm", "1.0", "optimizer, clipnorm", "1.0, expected null: it is not supported"},
        {"optimizer/config/clipvalue", "0.5", "optimizer, clipvalue", "0.5, expected null"},
        {"optimizer/config/global_clipnorm", "2", "optimizer, global_clipnorm", "2, expected null"},
        {"optimizer/config/gradient_accumulation_steps", "4", "optimizer, gradient_accumulation_steps", "4"},
        {"optimizer/config/loss_scale_factor", "2.0", "optimizer, loss_scale_factor", "2.0"},
        {"optimizer/config/decay", "0.1", "optimizer, decay", "0.1, expected null"},
        {"optimizer/config/momentum", "1.5", "optimizer, momentum", "1.5, expected a number from 0 to 1"},
        {"optimizer/config/momentum", "null", "optimizer, momentum", "null, expected a number from 0 to 1"},
        {"optimizer/config/momentum", "true", "optimizer, momentum", "true, expected a number"},
        {"optimizer/config/nesterov", "1", "optimizer, nesterov", "1, expected true or false"},
        {"optimizer/config/weight_decay", "-1", "optimizer, weight_decay", "-1, expected a number of at least 0"},
        {"optimizer/config/beta_1", "0.9", "optimizer, beta_1", "0.9, expected null"},
        {"optimizer/config", "7", "optimizer", "7, expected an object"},
        {"loss", "{\"class_name\": \"CategoricalCrossentropy\", \"config\": []}", "loss", "[], expected an object"},
        {"loss", "\"mse\"", "loss", "\"mse\", expected categorical_crossentropy or sparse_categorical_crossentropy"},
        {"loss", "null", "loss", "null, expected categorical_crossentropy"},
        {"loss", "[\"mse\", \"mse\"]", "loss", "[\"mse\",\"mse\"], expected"},
        {"loss",
         "{\"module\": \"mine\", \"class_name\": \"CategoricalCrossentropy\", \"registered_name\": "
         "\"mine>CategoricalCrossentropy\"}",
         "loss", "\"mine>CategoricalCrossentropy\", expected"},
        {"loss", "{\"class_name\": \"function\", \"config\": \"my_loss\"}", "loss", "\"my_loss\", expected"},
        {"loss", "{\"class_name\": \"CategoricalCrossentropy\", \"config\": {\"from_logits\": true}}",
         "loss, from_logits", "true, expected false: the model ends in a softmax"},
        {"loss", "{\"class_name\": \"CategoricalCrossentropy\", \"config\": {\"label_smoothing\": 2}}",
         "loss, label_smoothing", "2, expected a number from 0 to 1"},
        {"loss", "{\"class_name\": \"CategoricalCrossentropy\", \"config\": {\"reduction\": \"sum\"}}",
         "loss, reduction", "\"sum\", expected \"sum_over_batch_size\""},
        {"loss", "{\"class_name\": \"CategoricalCrossentropy\", \"config\": {\"axis\": 1}}", "loss, axis",
         "1, expected -1"},
        {"loss", "{\"class_name\": \"SparseCategoricalCrossentropy\", \"config\": {\"ignore_class\": 3}}",
         "loss, ignore_class", "3, expected null"},
        {"loss", "{\"class_name\": \"CategoricalCrossentropy\", \"config\": {\"fn\": \"mse\"}}", "loss, fn", "\"mse\""},
        {"loss_weights", "[0.5]", "loss_weights", "[0.5], expected null"},
        {"metrics", "[\"accuracy\", \"mse\"]", "metrics", "\"mse\", expected accuracy, categorical_accuracy"},
        {"metrics", "{\"dense\": [{\"class_name\": \"AUC\", \"config\": {}}]}", "metrics", "\"AUC\", expected"},
        {"metrics", "[{\"class_name\": \"MeanMetricWrapper\", \"config\": {\"fn\": \"mine\"}}]", "metrics",
         "\"MeanMetricWrapper\", expected"},
        {"weighted_metrics", "[7]", "weighted_metrics", "7, expected accuracy"},
        {"surprise", "1", "surprise", "1, expected null"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char where[128];
        snprintf(where, sizeof where, "model: compile_config, %s", wrong[i][2]);
        cvy_model *model = with_value(wrong[i][0], wrong[i][1]);
        expect_refused(model, NULL, where, wrong[i][3]);
        cvy_model_free(model);
    }
    cvy_model *model = with_config(parse("[1]"));
    expect_refused(model, NULL, "model: compile_config", "[1], expected an object");
    cvy_model_free(model);
    model = with_config(parse("{\"optimizer\": {\"class_name\": \"SGD\", \"config\": {\"use_ema\": true, "
                              "\"ema_overwrite_frequency\": 5}}}"));
    expect_refused(model, NULL, "optimizer, ema_overwrite_frequency", "5, expected null: the average replaces");
    cvy_model_free(model);
}

#define ALL_WRONG                                                                                                      \
    "{\"optimizer\": {\"class_name\": \"SGD\", \"config\": {\"learning_rate\": {\"class_name\": \"CosineDecay\"}, "    \
    "\"clipnorm\": 1}}, \"loss\": \"mse\", \"loss_weights\": 3, \"metrics\": [\"mae\"]}"

TEST(all_of_it_is_listed) {
    cvy_model *model = with_config(parse(ALL_WRONG));
    cvy_status status = {0};
    cvy_compile(model, NULL, &status);
    assert_string_equal(status.where, "model");
    assert_string_equal(
        status.what,
        "5 things are not supported:\n"
        "  compile_config, optimizer, learning_rate: \"CosineDecay\", expected a number: schedules of Keras are not "
        "supported\n"
        "  compile_config, optimizer, clipnorm: 1, expected null: it is not supported\n"
        "  compile_config, loss: \"mse\"\n"
        "  compile_config, loss_weights: 3, expected null: it is not supported\n"
        "  compile_config, metrics: \"mae\"\n"
        "Supported losses: categorical_crossentropy or sparse_categorical_crossentropy\n"
        "Supported metrics: accuracy, categorical_accuracy or sparse_categorical_accuracy");
    assert_int_equal(cvy_classes(model), 0);
    cvy_model_free(model);
}

/* A network that is refused says at once what else is. */
TEST(layers_are_listed_with_it) {
    cvy_status status = {0};
    json_t *description = load("compiled_sgd");
    json_t *layer = json_array_get(json_object_get(json_object_get(description, "config"), "layers"), 1);
    json_object_set_new(json_object_get(layer, "config"), "activation", json_string("gelu"));
    json_object_set_new(description, "compile_config", parse(ALL_WRONG));
    char *text = json_dumps(description, 0);
    assert_null(cvy_model_from_json(text, &status));
    expect_error(&status, CVY_FAILED, "model", "6 things");
    expect_error(&status, CVY_FAILED, "model", "layer \"dense\", activation: \"gelu\"\n  compile_config, optimizer");
    expect_error(&status, CVY_FAILED, "model", "Supported activations: linear");
    expect_error(&status, CVY_FAILED, "model", "Supported metrics: accuracy");
    free(text);
    json_decref(description);
}

/* ---- Options ---------------------------------------------------------------------------------------------------- */

TEST(options_stand_in_for_it) {
    cvy_model *model = with_config(parse(ALL_WRONG));
    const cvy_compile_options both = {.optimizer = "adam", .loss = "sparse_categorical_crossentropy"};
    compile(model, &both);
    assert_int_equal(model->compiled.optimizer.kind, CVY_ADAM);
    assert_true(model->compiled.sparse);
    expect_refused(model, &(cvy_compile_options){.optimizer = "adam"}, "model", "3 things");
    expect_refused(model, &(cvy_compile_options){.loss = both.loss}, "model", "2 things");
    expect_refused(model, &(cvy_compile_options){.loss = both.loss, .learning_rate = 0.1}, "optimizer, clipnorm", "1");
    assert_int_equal(model->compiled.optimizer.kind, CVY_ADAM); /* a call that fails changes nothing */
    cvy_model_free(model);
}

TEST(options_override_it) {
    char text[CVY_DESCRIBED_TEXT_MAX];
    cvy_model *model = read_recorded("compiled_rmsprop");
    compile(model, &(cvy_compile_options){.learning_rate = 0.25});
    assert_true(cvy_learning_rate(model) == 0.25 && model->compiled.optimizer.rho == 0.8);
    assert_true(cvy_described_text(model, text));
    assert_string_equal(text, "RMSprop:learning_rate=0.25,rho=0.8,momentum=0.5,epsilon=0.001,centered, "
                              "label smoothing 0.1 (model)");
    compile(model, &(cvy_compile_options){.optimizer = "sgd", .label_smoothing = 0.5});
    assert_int_equal(model->compiled.optimizer.kind, CVY_SGD);
    assert_true(model->compiled.label_smoothing == 0.5);
    compile(model, &(cvy_compile_options){.optimizer = "sgd"});
    assert_true(cvy_described_text(model, text));
    assert_string_equal(text, "label smoothing 0.1 (model)");
    compile(model, &(cvy_compile_options){.loss = "categorical_crossentropy"});
    assert_true(model->compiled.label_smoothing == 0 && model->compiled.optimizer.rho == 0.8);
    cvy_model_free(model);
}

TEST(losses_go_by_two_names) {
    cvy_status status = {0};
    cvy_model *model = cvy_model_from("lesson", &status);
    compile(model, &(cvy_compile_options){.loss = "sparse_categorical_crossentropy"});
    json_t *description = written(model), *config = json_object_get(description, "compile_config");
    assert_string_equal(json_string_value(json_object_get(config, "loss")), "sparse_categorical_crossentropy");
    json_decref(description);
    cvy_compile(model, &(cvy_compile_options){.loss = "mse"}, &status);
    expect_error(&status, CVY_USAGE, "loss", "\"mse\" is not known; expected categorical_crossentropy or sparse");
    cvy_model_free(model);
}

/* ---- Models of other origins are written ------------------------------------------------------------------------ */

TEST(a_model_built_by_hand_is_written) {
    cvy_status status = {0};
    cvy_model *model = cvy_model_new("by hand", &status);
    assert_null(cvy_to_json(model, &status));
    expect_error(&status, CVY_FAILED, "by hand", "no layers");
    status = (cvy_status){0};
    cvy_input(model, 6, 6, 1, &status);
    cvy_rescaling(model, 1 / 255.0, 0, &status);
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 2, .kernel_size = {3}, .activation = "swish"}, &status);
    cvy_max_pooling2d(model, NULL, &status);
    cvy_dropout(model, 0.5, &status);
    cvy_flatten(model, &status);
    cvy_dense(model, &(cvy_dense_options){.units = 3, .activation = "softmax"}, &status);
    json_t *description = written(model);
    assert_int_equal(json_object_size(json_object_get(description, "compile_config")), 0);
    json_decref(description);
    cvy_compile(model, &(cvy_compile_options){.optimizer = "adamw:lr=0.5,use_ema", .label_smoothing = 0.1}, &status);
    cvy_set_learning_rate(model, 0.125, &status);
    expect_ok(&status);
    cvy_model *back = read_model(written(model));
    compile(back, NULL);
    assert_string_equal(back->network->name, "by hand");
    assert_true(cvy_learning_rate(back) == 0.125); /* that of now */
    assert_true(back->compiled.optimizer.use_ema && back->compiled.label_smoothing == 0.1);
    expect_equal(written(back), written(model));
    cvy_model_free(back);
    cvy_model_free(model);
}

/* ---- Anything --------------------------------------------------------------------------------------------------- */

static int replaced;

/* Replaces every value below `value`, one at a time: the model is read all the same, and compiled or refused. */
static void replace_everywhere(json_t *whole, json_t *value, json_t *by) {
    const char *key;
    json_t *child;
    void *next;
    json_object_foreach_safe(value, next, key, child) {
        json_incref(child);
        json_object_set(value, key, by);
        cvy_status status = {0};
        cvy_model *model = read_model(json_incref(whole));
        cvy_compile(model, NULL, &status);
        if (status.code)
            expect_error(&status, CVY_FAILED, "model", "");
        cvy_model_free(model);
        json_object_set_new(value, key, child);
        replaced++;
        replace_everywhere(whole, child, by);
    }
}

TEST(any_value_anywhere_is_survived) {
    static const char *const values[] = {"null", "true", "-1",       "1",  "9223372036854775807",       "1e300",
                                         "\"\"", "[]",   "[[[{}]]]", "{}", "{\"class_name\": \"Adam\"}"};
    replaced = 0;
    for (size_t i = 0; i < COUNT(values); i++)
        for (size_t n = 0; n < COUNT(recorded) - 1; n++) {
            json_t *model = load(recorded[n]), *by = parse(values[i]);
            replace_everywhere(model, json_object_get(model, "compile_config"), by);
            json_decref(model);
            json_decref(by);
        }
    assert_true(replaced > 900);
}

RUN_TESTS("compile_config", NULL, NULL)
