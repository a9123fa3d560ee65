/* Checkpoints: a fit that is stopped anywhere and gone on with has the bits of one that is not. */
#include "files.h"

#include "../../src/convoy.h"
#include "bars.h"

enum { IMAGES = 100, BATCH = 8, EPOCHS = 3, STEPS = 11 }; /* of an epoch of 90 images */

static uint8_t images[IMAGES * PIXELS], labels[IMAGES];
static cvy_dataset *set;

static int begin(void **state) {
    fill_bars(IMAGES, 200, 40, images, labels);
    set = cvy_dataset_from_u8(images, labels, IMAGES, SIDE, SIDE, 1, NULL);
    return set ? make_directory(state) : -1;
}

static int end(void **state) {
    cvy_dataset_free(set);
    return remove_directory(state);
}

typedef struct setting {
    const char *optimizer, *isa;
    int threads;
} setting;

static cvy_model *compiled(const setting *s, cvy_status *status) {
    cvy_model *model = cvy_model_new(NULL, status);
    cvy_input(model, SIDE, SIDE, 1, status);
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 3, .kernel_size = {3}, .activation = "swish"}, status);
    cvy_max_pooling2d(model, NULL, status);
    cvy_dropout(model, 0.2, status);
    cvy_flatten(model, status);
    cvy_dense(model, &(cvy_dense_options){.units = CLASSES, .activation = "softmax"}, status);
    cvy_preprocess(model, "scale=1/255", status);
    cvy_compile(model,
                &(cvy_compile_options){
                    .optimizer = s->optimizer, .isa = s->isa, .threads = s->threads, .seed = 5, .label_smoothing = 0.1},
                status);
    return model;
}

static cvy_fit_options options(void) {
    return (cvy_fit_options){.epochs = EPOCHS,
                             .batch_size = BATCH,
                             .validation_split = 0.1,
                             .random_shift = 1,
                             .schedule = "linear:warmup=0.2"};
}

/* What a fit told last, and where it is to stop. */
typedef struct told {
    cvy_progress last;
    int calls, stop_at; /* 0: never */
} told;

static bool note(const cvy_progress *progress, void *user) {
    told *t = user;
    t->last = *progress;
    return ++t->calls != t->stop_at;
}

static void run(cvy_model *model, cvy_fit_options *fit, told *t, cvy_status *status) {
    fit->on_epoch = fit->on_progress = note;
    fit->every_step = true;
    fit->user = t;
    cvy_fit(model, set, fit, status);
}

static void expect_same_weights(cvy_model *a, cvy_model *b) {
    cvy_status status = {0};
    cvy_array array;
    for (int i = 0; (array = cvy_weight(a, i, &status)).values; i++)
        assert_memory_equal(array.values, cvy_weight(b, i, &status).values, array.count * sizeof(float));
    for (int i = 0; (array = cvy_optimizer_variable(a, i, &status)).values; i++)
        assert_memory_equal(array.values, cvy_optimizer_variable(b, i, &status).values, array.count * sizeof(float));
    expect_ok(&status);
}

/* Stops at every progress in turn, and goes on in a new model on other threads and another instruction set. */
TEST(a_fit_goes_on_with_the_same_bits_from_any_step) {
    static const setting settings[] = {{"rmsprop:momentum=0.5,centered", NULL, 2},
                                       {"adam:amsgrad,learning_rate=0.01", NULL, 1},
                                       {"sgd:momentum=0.9,nesterov", "scalar", 2},
                                       {"adamw:use_ema", NULL, 2}};
    const char *path = path_of("fit.safetensors");
    for (size_t s = 0; s < COUNT(settings); s++) {
        cvy_status status = {0};
        told whole = {0};
        cvy_model *unbroken = compiled(&settings[s], &status);
        cvy_fit_options fit = options();
        run(unbroken, &fit, &whole, &status);
        expect_ok(&status);
        assert_int_equal(whole.calls, EPOCHS * (STEPS + 1));
        for (int stop = 1; stop < whole.calls; stop += s == 0 ? 1 : 5) {
            const setting other = {settings[s].optimizer, stop % 2 ? "scalar" : NULL, 1 + stop % 3};
            told first = {.stop_at = stop}, second = {0};
            cvy_status stopped = {0};
            cvy_model *broken = compiled(&settings[s], &status), *resumed = compiled(&other, &status);
            fit = options();
            fit.checkpoint = path;
            fit.checkpoint_epochs = 1000; /* only when it is stopped */
            run(broken, &fit, &first, &stopped);
            assert_int_equal(stopped.code, CVY_INTERRUPTED);
            cvy_checkpoint_load(resumed, path, &status);
            fit = options();
            run(resumed, &fit, &second, &status);
            expect_ok(&status);
            expect_same_weights(unbroken, resumed);
            assert_int_equal(first.calls + second.calls, whole.calls);
            assert_true(second.last.loss == whole.last.loss && second.last.accuracy == whole.last.accuracy);
            assert_true(second.last.val_loss == whole.last.val_loss);
            cvy_model_free(broken);
            cvy_model_free(resumed);
        }
        cvy_model_free(unbroken);
    }
}

/* A stop after the last step of an epoch comes before the epoch counts. */
TEST(a_fit_goes_on_after_the_last_step_of_an_epoch) {
    static const setting plain = {"adam", NULL, 2};
    const volatile sig_atomic_t stop = 1;
    static const struct {
        int batch_size;
        size_t images;
        int epochs;
    } cases[] = {{90, 270, 3}, {1000, 270, 3}, {64, 40, 1}};
    for (size_t b = 0; b < COUNT(cases); b++) {
        cvy_status status = {0}, stopped = {0};
        told whole = {0}, rest = {0};
        cvy_model *unbroken = compiled(&plain, &status), *broken = compiled(&plain, &status);
        cvy_model *resumed = compiled(&plain, &status);
        cvy_fit_options fit = options();
        fit.batch_size = cases[b].batch_size;
        fit.epochs = 0;
        fit.images = cases[b].images;
        run(unbroken, &fit, &whole, &status);
        fit.checkpoint = path_of("last.safetensors");
        fit.stop = &stop;
        cvy_fit(broken, set, &fit, &stopped);
        assert_int_equal(stopped.code, CVY_INTERRUPTED);
        cvy_checkpoint_load(resumed, fit.checkpoint, &status);
        fit.checkpoint = NULL;
        fit.stop = NULL;
        run(resumed, &fit, &rest, &status);
        expect_ok(&status);
        expect_same_weights(unbroken, resumed);
        assert_int_equal(whole.calls, cases[b].epochs);
        assert_int_equal(rest.calls, cases[b].epochs);
        assert_int_equal(remove(path_of("last.safetensors")), 0);
        cvy_model_free(unbroken);
        cvy_model_free(broken);
        cvy_model_free(resumed);
    }
}

TEST(writing_checkpoints_changes_no_bit) {
    static const setting plain = {"adam", NULL, 2};
    cvy_status status = {0};
    told whole = {0}, often = {0};
    cvy_model *unbroken = compiled(&plain, &status), *saved = compiled(&plain, &status);
    cvy_fit_options fit = options();
    run(unbroken, &fit, &whole, &status);
    fit = options();
    fit.checkpoint = path_of("often.safetensors");
    fit.checkpoint_steps = 1;
    fit.checkpoint_keep = 3;
    run(saved, &fit, &often, &status);
    expect_ok(&status);
    expect_same_weights(unbroken, saved);
    assert_int_equal(whole.calls, often.calls);
    assert_true(whole.last.loss == often.last.loss);
    assert_int_equal(entries_in_directory(), 4); /* the fit of the test before, this one's, .1 and .2 */
    cvy_model_free(unbroken);
    cvy_model_free(saved);
}

/* The older files are checkpoints of the steps before. */
TEST(older_checkpoints_are_kept) {
    static const setting plain = {"adam", NULL, 1};
    static const char *const names[] = {"kept", "kept.1", "kept.2"};
    cvy_status status = {0};
    told t = {.stop_at = 7}, fine = {0};
    cvy_model *model = compiled(&plain, &status);
    cvy_fit_options fit = options();
    fit.checkpoint = path_of("kept");
    fit.checkpoint_steps = 2;
    fit.checkpoint_keep = 3;
    run(model, &fit, &t, &status);
    assert_int_equal(status.code, CVY_INTERRUPTED);
    static const uint64_t iterations[] = {7, 6, 4};
    for (size_t i = 0; i < COUNT(names); i++) {
        status = (cvy_status){0};
        cvy_checkpoint_load(model, path_of(names[i]), &status);
        expect_ok(&status);
        assert_int_equal(cvy_iterations(model), iterations[i]);
    }
    fit = options();
    run(model, &fit, &fine, &status);
    expect_ok(&status);
    assert_int_equal(fine.calls, EPOCHS * (STEPS + 1) - 4);
    cvy_model_free(model);
}

/* Makes a checkpoint of a fit that was stopped in its second epoch. */
static const char *stopped_fit(const setting *s) {
    const char *path = path_of("stopped.safetensors");
    cvy_status status = {0};
    told t = {.stop_at = 16};
    cvy_model *model = compiled(s, &status);
    cvy_fit_options fit = options();
    fit.checkpoint = path;
    run(model, &fit, &t, &status);
    assert_int_equal(status.code, CVY_INTERRUPTED);
    cvy_model_free(model);
    return path;
}

static const setting plain = {"rmsprop", NULL, 1};

static void expect_refused_fit(cvy_fit_options fit, const cvy_dataset *data, const char *what) {
    cvy_status status = {0}, refused = {0};
    cvy_model *model = compiled(&plain, &status);
    cvy_checkpoint_load(model, path_of("stopped.safetensors"), &status);
    expect_ok(&status);
    cvy_fit(model, data, &fit, &refused);
    expect_error(&refused, CVY_USAGE, "checkpoint", what);
    /* The mistake costs nothing: with the right options it goes on. */
    told t = {0};
    fit = options();
    run(model, &fit, &t, &status);
    expect_ok(&status);
    assert_int_equal(t.calls, EPOCHS * (STEPS + 1) - 16);
    cvy_model_free(model);
}

TEST(another_fit_or_other_images_are_refused) {
    cvy_status status = {0};
    stopped_fit(&plain);
    cvy_fit_options fit = options();
    fit.batch_size = 16;
    expect_refused_fit(fit, set, "batch is 16, the checkpoint has 8");
    fit = options();
    fit.no_shuffle = true;
    expect_refused_fit(fit, set, "shuffle is false, the checkpoint has true");
    fit = options();
    fit.schedule = NULL;
    expect_refused_fit(fit, set, "schedule is not given, the checkpoint has \"linear:warmup=0.2\"");
    fit = options();
    fit.validation_split = 0.2;
    expect_refused_fit(fit, set, "validation_split is 0.2");
    cvy_dataset *fewer = cvy_dataset_from_u8(images, labels, IMAGES - 1, SIDE, SIDE, 1, &status);
    expect_refused_fit(options(), fewer, "count is 99, the checkpoint has 100");
    cvy_dataset_free(fewer);
    images[77] ^= 1;
    cvy_dataset *changed = cvy_dataset_from_u8(images, labels, IMAGES, SIDE, SIDE, 1, &status);
    cvy_model *model = compiled(&plain, &status);
    cvy_checkpoint_load(model, path_of("stopped.safetensors"), &status);
    expect_ok(&status);
    fit = options();
    cvy_fit(model, changed, &fit, &status);
    expect_error(&status, CVY_USAGE, "checkpoint", "crc32 is ");
    images[77] ^= 1;
    cvy_dataset_free(changed);
    cvy_model_free(model);
}

TEST(another_model_is_refused_and_stays_as_it_was) {
    const char *path = stopped_fit(&plain);
    static const setting adam = {"adam", NULL, 1};
    cvy_status status = {0}, refused = {0};
    cvy_model *model = compiled(&adam, &status), *same = compiled(&adam, &status);
    cvy_checkpoint_load(model, path, &refused);
    expect_error(&refused, CVY_FAILED, path, "has no tensor \"adam/conv2d_kernel_momentum\"");
    expect_same_weights(model, same);
    /* Weights alone are no checkpoint. */
    refused = (cvy_status){0};
    cvy_save(model, path_of("weights.safetensors"), &status);
    cvy_checkpoint_load(model, path_of("weights.safetensors"), &refused);
    expect_error(&refused, CVY_FAILED, "weights.safetensors", "is no checkpoint");
    expect_ok(&status);
    cvy_model_free(model);
    cvy_model_free(same);
}

/* Any bit that is wrong is noticed, or stands in what is not read. */
TEST(a_damaged_checkpoint_is_refused) {
    const char *path = stopped_fit(&plain);
    size_t length;
    uint8_t *bytes = read_whole(path, &length);
    cvy_status status = {0};
    cvy_model *good = compiled(&plain, &status);
    cvy_checkpoint_load(good, path, &status);
    expect_ok(&status);
    int noticed = 0, tried = 0;
    for (size_t i = 0; i < length; i += 1 + length / 700, tried++) {
        bytes[i] ^= 1 << i % 8;
        const char *damaged = write_file("damaged.safetensors", bytes, length);
        bytes[i] ^= 1 << i % 8;
        cvy_status refused = {0};
        cvy_model *model = compiled(&plain, &status);
        cvy_checkpoint_load(model, damaged, &refused);
        noticed += refused.code == CVY_FAILED;
        if (refused.code == CVY_OK)
            expect_same_weights(model, good);
        cvy_model_free(model);
    }
    assert_true(noticed > tried * 9 / 10);
    for (size_t cut = 0; cut < length; cut += 1 + length / 50) {
        const char *damaged = write_file("damaged.safetensors", bytes, cut);
        cvy_status refused = {0};
        cvy_model *model = compiled(&plain, &status);
        cvy_checkpoint_load(model, damaged, &refused);
        assert_int_equal(refused.code, CVY_FAILED);
        cvy_model_free(model);
    }
    expect_ok(&status);
    free(bytes);
    cvy_model_free(good);
}

TEST(a_state_between_fits_is_kept_too) {
    cvy_status status = {0};
    cvy_model *one = compiled(&plain, &status), *other = compiled(&plain, &status);
    const cvy_fit_options fit = options();
    const char *path = path_of("between.safetensors");
    cvy_fit(one, set, &fit, &status);
    cvy_checkpoint_save(one, path, &status);
    cvy_checkpoint_load(other, path, &status);
    cvy_fit(one, set, &fit, &status);
    cvy_fit(other, set, &fit, &status);
    expect_ok(&status);
    expect_same_weights(one, other);
    cvy_model_free(one);
    cvy_model_free(other);
}

/* A fit that ended goes on where it is to have more epochs. */
TEST(more_epochs_are_added) {
    cvy_status status = {0};
    cvy_model *model = compiled(&plain, &status), *more = compiled(&plain, &status);
    const char *path = path_of("more.safetensors");
    cvy_fit_options fit = options();
    fit.schedule = NULL;
    fit.checkpoint = path;
    cvy_fit(model, set, &fit, &status);
    cvy_checkpoint_load(more, path, &status);
    fit.checkpoint = NULL;
    told t = {0};
    run(more, &fit, &t, &status);
    expect_ok(&status);
    assert_int_equal(t.calls, 0);
    cvy_checkpoint_load(more, path, &status);
    fit.epochs = EPOCHS + 2;
    run(more, &fit, &t, &status);
    expect_ok(&status);
    assert_int_equal(t.calls, 2 * (STEPS + 1));
    cvy_model *at_once = compiled(&plain, &status);
    fit.on_progress = fit.on_epoch = NULL;
    cvy_fit(at_once, set, &fit, &status);
    expect_ok(&status);
    expect_same_weights(at_once, more);
    cvy_model_free(model);
    cvy_model_free(more);
    cvy_model_free(at_once);
}

TEST(a_checkpoint_that_cannot_be_written_ends_the_fit) {
    cvy_status status = {0};
    cvy_model *model = compiled(&plain, &status);
    cvy_fit_options fit = options();
    fit.checkpoint = "/nowhere/fit.safetensors";
    fit.checkpoint_steps = 2;
    cvy_fit(model, set, &fit, &status);
    expect_error(&status, CVY_FAILED, "/nowhere/fit.safetensors", "");
    assert_int_equal(cvy_iterations(model), 2);
    cvy_model_free(model);
}

RUN_TESTS("checkpoint", begin, end)
