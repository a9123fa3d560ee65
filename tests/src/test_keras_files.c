/* Keras's files, read and written: against what Keras itself wrote and computed (tests/golden/keras), and damaged. */
#include "files.h"

#include <math.h>
#include <zip.h>

#include "../../src/convoy.h"
#include "../../src/hdf5/hdf5_file.h"
#include "../../src/io/safetensors.h"

static const char *const names[] = {"sequential_rmsprop", "functional_adam", "sequential_sgd"};
static const char *const ends[] = {".keras", ".h5", ".weights.h5"};

static const char *golden_path(const char *name, const char *end) {
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/keras/%s%s", CVY_GOLDEN, name, end);
    return path;
}

/* The suite needs the module, which a build may leave out. */
static void need_module(void) {
    cvy_status status = {0};
    cvy_tree_free(cvy_hdf5_read("nothing", "", 0, 0, &status));
    if (strstr(status.what, "libhdf5-103-1")) {
        print_message("skipped: the module convoy-hdf5.so is not built\n");
        skip();
    }
}

/* A compiled model with what is in a file; the network of weights alone is that of the .keras file. */
static cvy_model *load(const char *network, const char *path, cvy_status *status) {
    cvy_model *model = cvy_model_from(network, status);
    cvy_compile(model, NULL, status);
    cvy_load(model, path, status);
    return model;
}

/* ---- What Keras wrote ------------------------------------------------------------------------------------------- */

/* The arrays PREFIX/0, PREFIX/1, ... are the model's. */
static void expect_arrays(const cvy_safetensors *numbers, const char *prefix, cvy_model *model,
                          cvy_array get(cvy_model *, int, cvy_status *), double tolerance) {
    char name[64];
    cvy_status status = {0};
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "%s/%d", prefix, i);
        const cvy_tensor *tensor = cvy_safetensors_find(numbers, name);
        cvy_array array = get(model, i, &status);
        expect_ok(&status);
        assert_int_equal(tensor != NULL, array.values != NULL);
        if (!tensor)
            break;
        assert_int_equal(tensor->rank, array.rank);
        assert_memory_equal(tensor->shape, array.shape, (size_t)array.rank * sizeof(size_t));
        const float *expected = tensor->data;
        for (size_t k = 0; k < array.count; k++)
            if (!(fabs((double)array.values[k] - (double)expected[k]) <= tolerance))
                fail_msg("%s, element %zu: %.9g, expected %.9g", name, k, (double)array.values[k], (double)expected[k]);
    }
}

static cvy_dataset *images_of(const cvy_safetensors *numbers, uint8_t labels[16]) {
    const int32_t *wide = cvy_safetensors_find(numbers, "labels")->data;
    for (int i = 0; i < 16; i++)
        labels[i] = (uint8_t)wide[i];
    return cvy_dataset_from_f32(cvy_safetensors_find(numbers, "images")->data, labels, 16, 8, 8, 1, NULL);
}

static void expect_probabilities(const cvy_safetensors *numbers, cvy_model *model, const cvy_dataset *set) {
    float found[16 * 4];
    cvy_status status = {0};
    const float *expected = cvy_safetensors_find(numbers, "probabilities")->data;
    cvy_predict(model, set, 0, 16, found, &status);
    expect_ok(&status);
    for (int i = 0; i < 64; i++)
        assert_true(fabsf(found[i] - expected[i]) <= 1e-6f);
}

/* The file predicts as Keras does, holds the state of the optimizer, and five more steps end where Keras's do. */
static void expect_keras_numbers(const char *network, const char *path, const char *name) {
    uint8_t labels[16];
    cvy_status status = {0};
    cvy_safetensors *numbers = cvy_safetensors_open(golden_path(name, ".safetensors"), &status);
    cvy_model *model = load(network, path, &status);
    expect_ok(&status);
    cvy_dataset *set = images_of(numbers, labels);
    expect_arrays(numbers, "weight", model, cvy_weight, 0);
    expect_arrays(numbers, "slot", model, cvy_optimizer_variable, 0);
    assert_int_equal(cvy_iterations(model), 4);
    expect_probabilities(numbers, model, set);
    cvy_fit(model, set, &(cvy_fit_options){.epochs = 5, .batch_size = 16, .no_shuffle = true}, &status);
    expect_ok(&status);
    /* Both round at each of five steps, and steps are as long as the learning rate, at most 0.05. */
    expect_arrays(numbers, "after", model, cvy_weight, 2e-6);
    assert_int_equal(cvy_iterations(model), 9);
    cvy_dataset_free(set);
    cvy_model_free(model);
    cvy_safetensors_close(numbers);
}

TEST(reads_what_keras_wrote) {
    need_module();
    for (size_t n = 0; n < COUNT(names); n++)
        for (size_t e = 0; e < COUNT(ends); e++)
            expect_keras_numbers(golden_path(names[n], e == 1 ? ".h5" : ".keras"), golden_path(names[n], ends[e]),
                                 names[n]);
}

/* With texts of fixed length, another JSON, and compressed arrays; it has no state of an optimizer. */
TEST(reads_a_file_of_keras_2) {
    need_module();
    uint8_t labels[16];
    cvy_status status = {0};
    cvy_safetensors *numbers = cvy_safetensors_open(golden_path(names[0], ".safetensors"), &status);
    cvy_model *model = load(golden_path("keras2", ".h5"), golden_path("keras2", ".h5"), &status);
    expect_ok(&status);
    cvy_dataset *set = images_of(numbers, labels);
    expect_arrays(numbers, "weight", model, cvy_weight, 0);
    expect_probabilities(numbers, model, set);
    assert_int_equal(cvy_iterations(model), 0);
    cvy_dataset_free(set);
    cvy_model_free(model);
    cvy_safetensors_close(numbers);
}

/* An optimizer of another kind, or with other slots, begins anew. */
TEST(another_optimizer_takes_the_weights_alone) {
    need_module();
    cvy_status status = {0};
    static const char *const optimizers[] = {"adam", "adamw:amsgrad", "rmsprop", "sgd:momentum=0.9"};
    for (size_t i = 0; i < COUNT(optimizers); i++)
        for (size_t e = 0; e < COUNT(ends); e++) {
            cvy_model *model = cvy_model_from(golden_path(names[1], ".keras"), &status);
            cvy_compile(model, &(cvy_compile_options){.optimizer = optimizers[i]}, &status);
            cvy_load(model, golden_path(names[1], ends[e]), &status);
            expect_ok(&status);
            assert_int_equal(cvy_iterations(model), 0);
            assert_true(cvy_weight(model, 1, &status).values[0] != 0);
            cvy_model_free(model);
        }
}

/* ---- What Convoy writes ----------------------------------------------------------------------------------------- */

TEST(written_files_read_back) {
    need_module();
    for (size_t n = 0; n < COUNT(names); n++)
        for (size_t e = 0; e < COUNT(ends); e++) {
            cvy_status status = {0};
            char name[64];
            snprintf(name, sizeof name, "written%s", ends[e]);
            const char *network = golden_path(names[n], ".keras"), *path = path_of(name);
            cvy_model *model = load(network, network, &status);
            cvy_save(model, path, &status);
            cvy_model_free(model);
            expect_ok(&status);
            expect_keras_numbers(e == 2 ? network : path, path, names[n]);
        }
}

TEST(equal_models_give_equal_bytes) {
    need_module();
    for (size_t e = 0; e < COUNT(ends); e++) {
        cvy_status status = {0};
        uint8_t *bytes[2];
        size_t counts[2];
        for (int i = 0; i < 2; i++) {
            char name[64];
            snprintf(name, sizeof name, "%d%s", i, ends[e]);
            cvy_model *model = load(golden_path(names[1], ".keras"), golden_path(names[1], ends[e]), &status);
            cvy_save(model, path_of(name), &status);
            cvy_model_free(model);
            expect_ok(&status);
            bytes[i] = read_whole(path_of(name), &counts[i]);
        }
        assert_int_equal(counts[0], counts[1]);
        assert_memory_equal(bytes[0], bytes[1], counts[0]);
        free(bytes[0]);
        free(bytes[1]);
    }
}

static cvy_model *preprocessed(const char *preprocessing, cvy_status *status) {
    cvy_model *model = cvy_model_new(NULL, status);
    cvy_input(model, 4, 4, 1, status);
    cvy_average_pooling2d(model, NULL, status);
    cvy_flatten(model, status);
    cvy_dense(model, &(cvy_dense_options){.units = 4, .activation = "softmax"}, status);
    cvy_compile(model, NULL, status);
    cvy_preprocess(model, preprocessing, status);
    return model;
}

TEST(preprocessing_becomes_layers) {
    need_module();
    static float images[16 * 64];
    for (size_t i = 0; i < COUNT(images); i++)
        images[i] = (float)(i * 37 % 256);
    for (size_t e = 0; e < 2; e++) {
        cvy_status status = {0};
        char name[64];
        float expected[64], found[64];
        snprintf(name, sizeof name, "preprocessed%s", ends[e]);
        cvy_dataset *set = cvy_dataset_from_f32(images, NULL, 16, 8, 8, 1, &status);
        cvy_model *model = preprocessed("scale=1/255,offset=0.25,mean=0.5,variance=0.04,average_pooling=2", &status);
        cvy_predict(model, set, 0, 16, expected, &status);
        cvy_save(model, path_of(name), &status);
        cvy_model_free(model);
        model = load(path_of(name), path_of(name), &status);
        cvy_predict(model, set, 0, 16, found, &status);
        expect_ok(&status);
        for (int i = 0; i < 64; i++)
            assert_true(fabsf(found[i] - expected[i]) <= 1e-6f);
        cvy_model_free(model);
        cvy_dataset_free(set);
    }
}

TEST(preprocessing_without_a_layer_is_refused) {
    need_module();
    static const char *const steps[] = {"deskew", "center_crop=4", "test_shift=1"};
    for (size_t i = 0; i < COUNT(steps); i++) {
        cvy_status status = {0};
        cvy_model *model = preprocessed(steps[i], &status);
        expect_ok(&status);
        cvy_save(model, path_of("refused.keras"), &status);
        expect_error(&status, CVY_FAILED, "refused.keras", "safetensors");
        assert_int_not_equal(access(path_of("refused.keras"), F_OK), 0);
        cvy_model_free(model);
    }
}

/* ---- Other files ------------------------------------------------------------------------------------------------ */

/* Both readers say what a file is. */
static void expect_foreign(const char *path, const char *what) {
    cvy_status status = {0};
    cvy_model *model = cvy_model_from("lesson", &status);
    cvy_compile(model, NULL, &status);
    cvy_load(model, path, &status);
    expect_error(&status, CVY_FAILED, path, what);
    cvy_model_free(model);
    status = (cvy_status){0};
    assert_null(cvy_model_from_weights(path, &status));
    expect_error(&status, CVY_FAILED, path, what);
    status = (cvy_status){0};
    assert_null(cvy_model_from(path, &status));
    expect_error(&status, CVY_FAILED, path, what);
}

static const char *make_zip(const char *name, const char *const *members, const char *text) {
    const char *path = path_of(name);
    unlink(path);
    zip_t *archive = zip_open(path, ZIP_CREATE, NULL);
    assert_non_null(archive);
    for (; *members; members++)
        assert_true(zip_file_add(archive, *members, zip_source_buffer(archive, text, strlen(text), 0), 0) >= 0);
    assert_int_equal(zip_close(archive), 0);
    return path;
}

TEST(foreign_files_are_named) {
    static const struct {
        const char *bytes;
        size_t count;
        const char *what;
    } files[] = {
        {"\x1f\x8b\x08\0\0\0\0\0\0\0\0\0", 12, "is a gzipped file"},
        {"\x89PNG\r\n\x1a\n\0\0\0\0", 12, "is a PNG image"},
        {"\x93NUMPY\1\0v\0", 10, "is a NumPy array"},
        {"\x08\x08\x12\x07pytorch", 11, "is an ONNX model"},
        {"\x80\x02\x8a\nl\xfc\x9c\x46\xf9\x20", 10, "is a PyTorch file"},
    };
    for (size_t i = 0; i < COUNT(files); i++)
        expect_foreign(write_file("foreign", files[i].bytes, files[i].count), files[i].what);
    expect_foreign(make_zip("x.pt", (const char *const[]){"x/data.pkl", NULL}, "x"), "is a PyTorch file");
    expect_foreign(make_zip("x.npz", (const char *const[]){"a.npy", NULL}, "x"), "(.npz)");
    expect_foreign(make_zip("x.zip", (const char *const[]){"a", NULL}, "x"), "without config.json");
}

TEST(weights_alone_hold_no_network) {
    need_module();
    cvy_status status = {0};
    const char *path = golden_path(names[0], ".weights.h5");
    assert_null(cvy_model_from_weights(path, &status));
    expect_error(&status, CVY_FAILED, path, "holds weights, but no network");
}

TEST(weights_of_another_network_are_listed) {
    need_module();
    for (size_t e = 0; e < COUNT(ends); e++) {
        cvy_status status = {0};
        const char *path = golden_path(names[0], ends[e]);
        cvy_model *model = cvy_model_from("lesson", &status);
        cvy_compile(model, NULL, &status);
        float before = cvy_weight(model, 0, &status).values[0];
        cvy_load(model, path, &status);
        expect_error(&status, CVY_FAILED, path, "it holds 6 arrays: (3, 3, 1, 2), (2), (2, 2, 2, 3)");
        expect_error(&status, CVY_FAILED, path, "the network has 8 arrays: (5, 5, 1, 3)");
        assert_true(cvy_weight(model, 0, NULL).values[0] == before);
        cvy_model_free(model);
    }
}

/* ---- Archives --------------------------------------------------------------------------------------------------- */

TEST(members_are_needed_once) {
    need_module();
    const char *path = make_zip("x.keras", (const char *const[]){"config.json", NULL}, "{}");
    cvy_status status = {0};
    cvy_model *model = cvy_model_from("lesson", &status);
    cvy_compile(model, NULL, &status);
    cvy_load(model, path, &status);
    expect_error(&status, CVY_FAILED, path, "has 0 members model.weights.h5");
    status = (cvy_status){0};
    /* libzip adds no member twice, so the second name is changed in the file. */
    size_t count;
    path = make_zip("x.keras", (const char *const[]){"config.json", "config.jsom", NULL}, "{}");
    uint8_t *bytes = read_whole(path, &count), *at;
    while ((at = memmem(bytes, count, "config.jsom", 11)))
        at[10] = 'n';
    write_file("x.keras", bytes, count);
    free(bytes);
    assert_null(cvy_model_from(path, &status));
    expect_error(&status, CVY_FAILED, path, "has 2 members config.json");
    cvy_model_free(model);
}

TEST(bombs_are_refused_by_their_stated_size) {
    need_module();
    const size_t size = (size_t)64 << 20;
    char *zeros = malloc(size + 1);
    assert_non_null(zeros);
    memset(zeros, ' ', size);
    zeros[size] = 0;
    const char *path = make_zip("bomb.keras", (const char *const[]){"config.json", "model.weights.h5", NULL}, zeros);
    free(zeros);
    cvy_status status = {0};
    assert_null(cvy_model_from(path, &status));
    expect_error(&status, CVY_FAILED, path, "67108864 bytes, expected at most");
    status = (cvy_status){0};
    cvy_model *model = load("lesson", path, &status);
    expect_error(&status, CVY_FAILED, path, "67108864 bytes, expected at most");
    cvy_model_free(model);
}

/* ---- Damaged files ---------------------------------------------------------------------------------------------- */

static void expect_error_or_none(const cvy_status *status, const char *path) {
    if (status->code && (status->code != CVY_FAILED || !*status->what || !strstr(status->where, path)))
        fail_msg("status %d '%s': '%s'", status->code, status->where, status->what);
}

/* An error that names the file, or a network; and an error, or all weights. */
static void read_damaged(cvy_model *model, const char *path, bool has_network) {
    cvy_status status = {0};
    if (has_network)
        cvy_model_free(cvy_model_from_weights(path, &status));
    expect_error_or_none(&status, path);
    status = (cvy_status){0};
    cvy_load(model, path, &status);
    expect_error_or_none(&status, path);
}

/* Cut short, or with a byte changed. */
static void damage(const char *network, const char *golden, bool has_network, size_t seed) {
    size_t count;
    cvy_status status = {0};
    uint8_t *good = read_whole(golden, &count), *bad = malloc(count);
    assert_non_null(bad);
    cvy_model *model = cvy_model_from(network, &status);
    cvy_compile(model, NULL, &status);
    expect_ok(&status);
    for (size_t i = 0; i < 400; i++) {
        size_t at = (i * 7919 + seed) % count;
        memcpy(bad, good, count);
        bad[at] = i % 3 ? bad[at] ^ (uint8_t)(1u << i % 8) : i % 2 ? 0xff : 0;
        read_damaged(model, write_file("damaged", bad, i % 10 ? count : at), has_network);
    }
    cvy_model_free(model);
    free(bad);
    free(good);
}

TEST(damaged_files) {
    need_module();
    for (size_t n = 0; n < COUNT(names); n++)
        for (size_t e = 0; e < COUNT(ends); e++)
            damage(golden_path(names[n], ".keras"), golden_path(names[n], ends[e]), e < 2, 13 * e + 257 * n);
    damage(golden_path(names[0], ".keras"), golden_path("keras2", ".h5"), true, 5);
}

RUN_TESTS("Keras's files", make_directory, remove_directory)
