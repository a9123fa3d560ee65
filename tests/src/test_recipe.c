/* Recipes: those that are built in, a file of one's own, what is wrong with a file; and what a recipe needs of a fit:
 * budgets, early stop, averages, preprocessing that travels with the weights. */
#include "suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../src/api/recipe.h"
#include "bars.h"

enum { IMAGES = 200 };

static uint8_t images[IMAGES * PIXELS], labels[IMAGES];

static int make_images(void **state) {
    (void)state;
    fill_bars(IMAGES, 160, 90, images, labels);
    return 0;
}

static cvy_dataset *dataset(cvy_status *status) {
    return cvy_dataset_from_u8(images, labels, IMAGES, SIDE, SIDE, 1, status);
}

static void check(const cvy_status *status) {
    if (status->code)
        fail_msg("%s: %s", status->where, status->what);
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

static const char small[] = "{\"name\": \"small\", \"about\": \"bars\","
                            "\"network\": {\"class_name\": \"Sequential\", \"config\": {\"layers\": ["
                            "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 5, 5, 1]}},"
                            "{\"class_name\": \"Flatten\", \"config\": {}},"
                            "{\"class_name\": \"Dense\", \"config\": {\"units\": 8, \"activation\": \"silu\"}},"
                            "{\"class_name\": \"Dense\", \"config\": {\"units\": 3, \"activation\": \"softmax\"}}]}},"
                            "\"preprocessing\": \"center_crop=10,average_pooling=2,scale=1/255\", \"random_shift\": 1,"
                            "\"optimizer\": \"adam:lr=0.02,weight_decay=0.01\", \"schedule\": \"linear:warmup=0.1\","
                            "\"label_smoothing\": 0.1, \"batch\": 20, \"images\": 2000, \"seed\": 5,"
                            "\"measured\": {\"accuracy\": 0.99, \"deviation\": 0.01, \"minimum\": 0.98, \"seeds\": "
                            "3}}";

TEST(a_recipe_says_it_all) {
    cvy_status status = {0};
    cvy_recipe *recipe = cvy_recipe_parse(small, strlen(small), "small.json", &status);
    check(&status);
    assert_string_equal(recipe->name, "small");
    assert_string_equal(recipe->about, "bars");
    assert_string_equal(recipe->preprocessing, "center_crop=10,average_pooling=2,scale=1/255");
    assert_string_equal(recipe->compile.optimizer, "adam:lr=0.02,weight_decay=0.01");
    assert_true(recipe->compile.label_smoothing == 0.1 && recipe->compile.seed == 5);
    assert_string_equal(recipe->fit.schedule, "linear:warmup=0.1");
    assert_int_equal(recipe->fit.batch_size, 20);
    assert_int_equal(recipe->fit.images, 2000);
    assert_int_equal(recipe->fit.epochs, 0);
    assert_int_equal(recipe->fit.random_shift, 1);
    assert_true(recipe->measured.accuracy == 0.99 && recipe->measured.minimum == 0.98);
    assert_true(recipe->measured.deviation == 0.01 && recipe->measured.seeds == 3);

    cvy_dataset *set = dataset(&status);
    cvy_model *model = cvy_recipe_model(recipe, &status);
    cvy_compile(model, &recipe->compile, &status);
    cvy_fit(model, set, &recipe->fit, &status);
    cvy_evaluation result = cvy_evaluate(model, set, &status);
    check(&status);
    assert_true(result.accuracy > 0.95);
    cvy_model_free(model);
    cvy_dataset_free(set);
    cvy_recipe_free(recipe);
}

TEST(built_in_recipes_are_recipes) {
    static const char *const names[] = {"lesson", "fast-97.7", "fast-98.5", "fast-99", "best"};
    for (int i = 0; i < 5; i++) {
        cvy_status status = {0};
        assert_string_equal(cvy_recipe_name(i), names[i]);
        cvy_recipe *recipe = cvy_recipe_from(names[i], &status);
        cvy_model *model = cvy_recipe_model(recipe, &status);
        cvy_compile(model, &recipe->compile, &status);
        check(&status);
        assert_string_equal(recipe->name, names[i]);
        assert_non_null(recipe->about);
        assert_int_equal(cvy_classes(model), 10);
        cvy_model_free(model);
        cvy_recipe_free(recipe);
    }
    assert_null(cvy_recipe_name(5));
    assert_null(cvy_recipe_name(1000));
    assert_null(cvy_recipe_name(-1));
    cvy_status status = {0};
    cvy_recipe *first = cvy_recipe_from(NULL, &status);
    assert_string_equal(first->name, "lesson");
    cvy_recipe_free(first);
}

TEST(errors_name_file_and_key) {
#define NAMED "\"name\": \"x\", \"network\": \"lesson\""
    static const struct {
        const char *text, *where, *what;
    } cases[] = {
        {"", "r.json", "line 1"},
        {"[1]", "r.json", "not a recipe: expected an object"},
        {"{\"name\": \"x\", \"name\": \"y\"}", "r.json", "line 1"},
        {"{\"network\": \"lesson\", \"epochs\": 1}", "r.json: name", "missing"},
        {"{\"name\": \"x\", \"epochs\": 1}", "r.json: network", "missing"},
        {"{\"name\": \"\"}", "r.json: name", "expected a text"},
        {"{" NAMED "}", "r.json: images", "missing, and so is epochs"},
        {"{" NAMED ", \"epochs\": 1, \"images\": 1}", "r.json: images", "given together with epochs"},
        {"{" NAMED ", \"epochs\": 0}", "r.json: epochs", "0, expected a number from 1 to"},
        {"{" NAMED ", \"epochs\": 1.5}", "r.json: epochs", "expected a whole number"},
        {"{" NAMED ", \"epochs\": \"ten\"}", "r.json: epochs", "expected a whole number"},
        {"{" NAMED ", \"epochs\": 1, \"speed\": 9}", "r.json: speed", "a key that is not known"},
        {"{" NAMED ", \"epochs\": 1, \"seed\": -1}", "r.json: seed", "expected at least 0"},
        {"{" NAMED ", \"epochs\": 1, \"label_smoothing\": 2}", "r.json: label_smoothing", "from 0 to 1"},
        {"{" NAMED ", \"epochs\": 1, \"random_shift\": 9}", "r.json: random_shift", "from 0 to 8"},
        {"{" NAMED ", \"epochs\": 1, \"optimizer\": \"adam:speed=1\"}", "r.json: optimizer", "no setting 'speed'"},
        {"{" NAMED ", \"epochs\": 1, \"schedule\": \"slow\"}", "r.json: schedule", "'slow' is unknown"},
        {"{" NAMED ", \"epochs\": 1, \"preprocessing\": \"blur\"}", "r.json: preprocessing", "'blur' is unknown"},
        {"{" NAMED ", \"epochs\": 1, \"measured\": 1}", "r.json: measured", "expected an object"},
        {"{" NAMED ", \"epochs\": 1, \"measured\": {\"x\": 1}}", "r.json: measured", "\"x\" is not known"},
        {"{\"name\": \"x\", \"network\": 3, \"epochs\": 1}", "r.json: network", "expected a name, or"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cvy_status status = {0};
        assert_null(cvy_recipe_parse(cases[i].text, strlen(cases[i].text), "r.json", &status));
        assert_int_equal(status.code, CVY_FAILED);
        if (strcmp(status.where, cases[i].where) || !strstr(status.what, cases[i].what))
            fail_msg("%s: \"%s: %s\", expected \"%s: %s\"", cases[i].text, status.where, status.what, cases[i].where,
                     cases[i].what);
    }
    cvy_status status = {0};
    assert_null(cvy_recipe_from("fast-100", &status));
    assert_string_equal(status.where, "fast-100");
    assert_non_null(strstr(status.what, "(lesson, fast-97.7, fast-98.5, fast-99, best)"));
}

/* ---- Fits ------------------------------------------------------------------------------------------------------- */

static cvy_model *model_of(const char *preprocessing, const char *optimizer, double smoothing, cvy_status *status) {
    cvy_model *model = cvy_model_new(NULL, status);
    cvy_input(model, SIDE, SIDE, 1, status);
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 3, .kernel_size = {3}, .activation = "swish"}, status);
    cvy_max_pooling2d(model, NULL, status);
    cvy_flatten(model, status);
    cvy_dense(model, &(cvy_dense_options){.units = CLASSES, .activation = "softmax"}, status);
    cvy_preprocess(model, preprocessing, status);
    cvy_compile(model, &(cvy_compile_options){.optimizer = optimizer, .seed = 3, .label_smoothing = smoothing}, status);
    return model;
}

/* All images at once; a few and one alone, which take another way, must give the same bits. */
static void probabilities_of(cvy_model *model, float *probabilities, cvy_status *status) {
    cvy_dataset *set = dataset(status);
    float few[3 * CLASSES];
    cvy_predict(model, set, 0, IMAGES, probabilities, status);
    for (size_t count = 1; count <= 3; count += 2) {
        cvy_predict(model, set, 7, count, few, status);
        assert_memory_equal(few, probabilities + 7 * CLASSES, count * CLASSES * sizeof *few);
    }
    cvy_dataset_free(set);
}

typedef struct seen {
    int epochs;
    size_t steps;
    double accuracy;
} seen;

static bool note(const cvy_progress *progress, void *user) {
    seen *s = user;
    s->epochs++;
    s->steps += progress->steps;
    s->accuracy = progress->val_accuracy;
    return true;
}

TEST(a_budget_ends_within_an_epoch) {
    cvy_status status = {0};
    cvy_dataset *set = dataset(&status);
    static const struct {
        size_t images;
        int epochs;
        size_t steps;
    } cases[] = {{1, 1, 1}, {60, 1, 2}, {200, 1, 7}, {201, 2, 8}, {500, 3, 7 + 7 + 4}, {600, 3, 21}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        cvy_model *model = model_of("scale=1/255", "adam", 0, &status);
        seen s = {0};
        cvy_fit(model, set, &(cvy_fit_options){.images = cases[i].images, .on_epoch = note, .user = &s}, &status);
        check(&status);
        assert_int_equal(s.epochs, cases[i].epochs);
        assert_int_equal(s.steps, cases[i].steps);
        cvy_model_free(model);
    }
    cvy_dataset_free(set);
}

TEST(a_target_ends_the_fit) {
    cvy_status status = {0};
    cvy_dataset *set = dataset(&status);
    cvy_model *model = model_of("scale=1/255", "adam:lr=0.01", 0, &status);
    seen s = {0};
    cvy_fit(model, set,
            &(cvy_fit_options){
                .epochs = 200, .validation_split = 0.2, .target_accuracy = 0.9, .on_epoch = note, .user = &s},
            &status);
    check(&status);
    assert_true(s.epochs < 200 && s.accuracy >= 0.9);
    cvy_model_free(model);
    cvy_dataset_free(set);
}

/* The rate is 0 from half of the fit on: what the first half left stays, over epochs. */
TEST(a_schedule_spans_the_fit) {
    cvy_status status = {0};
    static float half[IMAGES * CLASSES], whole[IMAGES * CLASSES], constant[IMAGES * CLASSES];
    cvy_dataset *set = dataset(&status);
    cvy_model *a = model_of("scale=1/255", "adam", 0, &status), *b = model_of("scale=1/255", "adam", 0, &status);
    cvy_model *c = model_of("scale=1/255", "adam", 0, &status);
    cvy_fit(a, set, &(cvy_fit_options){.epochs = 2, .batch_size = 50}, &status);
    cvy_fit(b, set, &(cvy_fit_options){.epochs = 4, .batch_size = 50, .schedule = "piecewise:0.5=0"}, &status);
    cvy_fit(c, set, &(cvy_fit_options){.epochs = 4, .batch_size = 50}, &status);
    probabilities_of(a, half, &status);
    probabilities_of(b, whole, &status);
    probabilities_of(c, constant, &status);
    check(&status);
    assert_memory_equal(half, whole, sizeof half);
    assert_memory_not_equal(half, constant, sizeof half);
    cvy_model_free(a);
    cvy_model_free(b);
    cvy_model_free(c);
    cvy_dataset_free(set);
}

/* With momentum 0 the average is the last step's weights; with much momentum it lags behind them. */
TEST(averages_take_the_weights_place) {
    cvy_status status = {0};
    static float plain[IMAGES * CLASSES], average[IMAGES * CLASSES];
    static const char *const optimizers[] = {"adam", "adam:use_ema,ema_momentum=0", "adam:use_ema,ema_momentum=0.9"};
    cvy_dataset *set = dataset(&status);
    for (int i = 0; i < 3; i++) {
        cvy_model *model = model_of("scale=1/255", optimizers[i], 0, &status);
        cvy_fit(model, set, &(cvy_fit_options){.epochs = 3}, &status);
        probabilities_of(model, i ? average : plain, &status);
        check(&status);
        if (i == 1)
            assert_memory_equal(plain, average, sizeof plain);
        if (i == 2)
            assert_memory_not_equal(plain, average, sizeof plain);
        cvy_model_free(model);
    }
    cvy_dataset_free(set);
}

/* The loss that is reported is the cross-entropy against smoothed labels, worked out from the probabilities. */
TEST(smoothing_is_in_the_loss) {
    cvy_status status = {0};
    static float probabilities[IMAGES * CLASSES];
    const double smoothing = 0.3;
    cvy_dataset *set = dataset(&status);
    cvy_model *model = model_of("scale=1/255", "adam", smoothing, &status);
    cvy_fit(model, set, &(cvy_fit_options){.epochs = 3}, &status);
    probabilities_of(model, probabilities, &status);
    double loss = 0;
    for (int n = 0; n < IMAGES; n++)
        for (int c = 0; c < CLASSES; c++)
            loss -= log((double)probabilities[n * CLASSES + c]) *
                    (smoothing / CLASSES + (c == labels[n] ? 1 - smoothing : 0)) / IMAGES;
    assert_true(fabs(cvy_evaluate(model, set, &status).loss - loss) < 1e-5);
    check(&status);
    cvy_model_free(model);
    cvy_dataset_free(set);
}

static void shift_images(uint8_t *to, int dy, int dx) {
    for (int n = 0; n < IMAGES; n++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                int from_y = y - dy, from_x = x - dx;
                bool inside = from_y >= 0 && from_y < SIDE && from_x >= 0 && from_x < SIDE;
                to[n * PIXELS + y * SIDE + x] = inside ? images[n * PIXELS + from_y * SIDE + from_x] : 0;
            }
}

/* The mean over shifts is that of five models' predictions on images that were shifted beforehand. */
TEST(shifts_at_test_time_are_averaged) {
    cvy_status status = {0};
    static uint8_t moved[IMAGES * PIXELS];
    static float one[IMAGES * CLASSES], averaged[IMAGES * CLASSES];
    static double mean[IMAGES * CLASSES];
    static const int shifts[5][2] = {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    cvy_dataset *set = dataset(&status);
    cvy_model *model = model_of("scale=1/255", "adam", 0, &status);
    cvy_fit(model, set, NULL, &status);
    for (int i = 0; i < 5; i++) {
        shift_images(moved, shifts[i][0], shifts[i][1]);
        cvy_dataset *other = cvy_dataset_from_u8(moved, labels, IMAGES, SIDE, SIDE, 1, &status);
        cvy_predict(model, other, 0, IMAGES, one, &status);
        for (int k = 0; k < IMAGES * CLASSES; k++)
            mean[k] += (double)one[k] / 5;
        cvy_dataset_free(other);
    }
    cvy_preprocess(model, "scale=1/255,test_shift=1", &status);
    probabilities_of(model, averaged, &status);
    double loss = 0;
    for (int k = 0; k < IMAGES * CLASSES; k++)
        assert_true(fabs((double)averaged[k] - mean[k]) < 1e-6);
    for (int n = 0; n < IMAGES; n++)
        loss -= log(mean[n * CLASSES + labels[n]]) / IMAGES;
    assert_true(fabs(cvy_evaluate(model, set, &status).loss - loss) < 1e-5);
    check(&status);
    cvy_model_free(model);
    cvy_dataset_free(set);
}

/* Weights bring their preprocessing and their network with them. */
TEST(weights_carry_what_belongs_to_them) {
    cvy_status status = {0};
    static float saved[IMAGES * CLASSES], loaded[IMAGES * CLASSES];
    char path[] = "/tmp/convoy-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    cvy_recipe *recipe = cvy_recipe_parse(small, strlen(small), "small.json", &status);
    cvy_dataset *set = dataset(&status);
    cvy_model *a = cvy_recipe_model(recipe, &status);
    cvy_compile(a, &recipe->compile, &status);
    cvy_fit(a, set, &recipe->fit, &status);
    probabilities_of(a, saved, &status);
    cvy_save(a, path, &status);

    cvy_model *b = cvy_model_from_weights(path, &status);
    cvy_compile(b, NULL, &status);
    cvy_load(b, path, &status);
    probabilities_of(b, loaded, &status);
    check(&status);
    assert_memory_equal(saved, loaded, sizeof saved);

    /* So does a model that was built by hand. */
    cvy_model *c = model_of("scale=1/255", "adam", 0, &status);
    cvy_save(c, path, &status);
    cvy_model *d = cvy_model_from_weights(path, &status);
    cvy_compile(d, NULL, &status);
    check(&status);
    assert_int_equal(cvy_classes(d), CLASSES);
    unlink(path);
    cvy_model_free(a);
    cvy_model_free(b);
    cvy_model_free(c);
    cvy_model_free(d);
    cvy_dataset_free(set);
    cvy_recipe_free(recipe);
}

TEST(wrong_use_says_what_is_wrong) {
    cvy_status fine = {0};
    cvy_dataset *set = dataset(&fine);
    cvy_model *model = model_of("scale=1/255", "adam", 0, &fine);
    struct {
        cvy_fit_options options;
        const char *where;
    } fits[] = {{{.epochs = 1, .images = 1}, "images"},
                {{.images = SIZE_MAX}, "images"},
                {{.random_shift = -1}, "random_shift"},
                {{.random_shift = 9}, "random_shift"},
                {{.schedule = "slow"}, "schedule"},
                {{.target_accuracy = 0.5}, "target_accuracy"},
                {{.target_accuracy = 1.5, .validation_split = 0.1}, "target_accuracy"},
                {{.target_accuracy = NAN, .validation_split = 0.1}, "target_accuracy"}};
    for (size_t i = 0; i < COUNT(fits); i++) {
        cvy_status status = {0};
        cvy_fit(model, set, &fits[i].options, &status);
        assert_int_equal(status.code, CVY_USAGE);
        assert_string_equal(status.where, fits[i].where);
    }
    static const double smoothings[] = {-0.1, 1.1, NAN};
    for (int i = 0; i < 3; i++) {
        cvy_status status = {0};
        cvy_compile(model, &(cvy_compile_options){.label_smoothing = smoothings[i]}, &status);
        assert_string_equal(status.where, "label_smoothing");
    }
    cvy_status status = {0};
    cvy_preprocess(model, "blur", &status);
    assert_string_equal(status.where, "preprocessing");
    status = (cvy_status){0};
    cvy_preprocess(model, "scale=1/2,center_crop=8", &status);
    char *text = cvy_preprocessing_of(model, &status);
    assert_string_equal(text, "center_crop=8x8,scale=0.5");
    free(text);
    cvy_fit(model, set, NULL, &status);
    assert_non_null(strstr(status.what, "images are 8 x 8 x 1 when preprocessed, the network wants 12 x 12 x 1"));
    status = (cvy_status){0};
    assert_null(cvy_model_from_json("{}", &status));
    status = (cvy_status){0};
    assert_null(cvy_model_from_json(NULL, &status));
    assert_int_equal(status.code, CVY_USAGE);
    cvy_model_free(model);
    cvy_dataset_free(set);
}

RUN_TESTS("recipe", make_images, NULL)
