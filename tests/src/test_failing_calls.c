/* Every allocation and every system call fails once: the first, then the second, and so on until all of them succeed.
 * Each time the reader or writer says so and leaves nothing behind: no memory (the sanitizers look), no temporary file,
 * no half of a file. The linker sends the calls of the code under test here (--wrap); jansson and libdeflate are given
 * allocators. */
#include "pictures.h"

#include "../../src/convoy.h"
#include "../../src/data/dataset.h"
#include "../../src/io/safetensors.h"

#include <errno.h>
#include <jansson.h>

static int countdown = -1;       /* calls until one fails; below zero none does */
static const char *failed;       /* which one did */
static ssize_t failed_read = -1; /* what a read that fails returns */

static bool fails(const char *call, int error) {
    if (countdown < 0 || countdown-- > 0)
        return false;
    failed = call;
    errno = error;
    return true;
}

#define WRAP(type, name, error, result, parameters, arguments)                                                         \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters {                                                                                    \
        return fails(#name, error) ? result : __real_##name arguments;                                                 \
    }

WRAP(void *, malloc, ENOMEM, NULL, (size_t size), (size))
WRAP(void *, realloc, ENOMEM, NULL, (void *block, size_t size), (block, size))
WRAP(void *, aligned_alloc, ENOMEM, NULL, (size_t alignment, size_t size), (alignment, size))
WRAP(char *, strdup, ENOMEM, NULL, (const char *text), (text))
WRAP(int, open64, EACCES, -1, (const char *path, int flags, mode_t mode), (path, flags, mode))
WRAP(int, openat64, EACCES, -1, (int at, const char *path, int flags, mode_t mode), (at, path, flags, mode))
WRAP(int, fstat64, EIO, -1, (int descriptor, void *entry), (descriptor, entry))
WRAP(ssize_t, pread64, EIO, failed_read, (int descriptor, void *bytes, size_t count, int64_t offset),
     (descriptor, bytes, count, offset))
WRAP(ssize_t, write, ENOSPC, -1, (int descriptor, const void *bytes, size_t count), (descriptor, bytes, count))
WRAP(int, fsync, EIO, -1, (int descriptor), (descriptor))
WRAP(int, renameat, EACCES, -1, (int from, const char *old, int to, const char *name), (from, old, to, name))

/* glibc's fclose() succeeds also if the last allocation of a stream in memory fails: there is no text then. */
static char **stream_text;

FILE *__real_open_memstream(char **text, size_t *length);
FILE *__wrap_open_memstream(char **text, size_t *length);
int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file);

FILE *__wrap_open_memstream(char **text, size_t *length) {
    stream_text = text;
    return fails("open_memstream", ENOMEM) ? NULL : __real_open_memstream(text, length);
}

int __wrap_fclose(FILE *file) {
    int result = __real_fclose(file);
    if (stream_text && fails("fclose", ENOMEM)) {
        free(*stream_text);
        *stream_text = NULL;
    }
    stream_text = NULL;
    return result;
}

static void *library_malloc(size_t size) {
    return fails("a library's malloc", ENOMEM) ? NULL : malloc(size);
}

typedef bool operation(cvy_status *status);

/* What must hold after a failure of that call. */
typedef void aftermath(const char *call);

/* Returns how many failures there were to try. */
static int fail_each_call(operation *run, aftermath *check) {
    for (int n = 0;; n++) {
        cvy_status status = {0};
        assert_true(n < 1000);
        failed = NULL;
        countdown = n;
        bool done = run(&status);
        countdown = -1;
        if (!failed) {
            expect_ok(&status);
            assert_true(done);
            return n;
        }
        if (done || status.code != CVY_FAILED || !status.where[0] || !status.what[0])
            fail_msg("call %d, %s: status %d '%s': '%s'", n, failed, status.code, status.where, status.what);
        if (check)
            check(failed);
    }
}

static bool load(const char *where, cvy_status *status) {
    cvy_dataset *dataset = cvy_dataset_load(where, CVY_TRAIN, status);
    bool done = dataset != NULL;
    cvy_dataset_free(dataset);
    return done;
}

static bool load_plain(cvy_status *status) {
    return load(path_of("plain"), status);
}

static bool load_zipped(cvy_status *status) {
    return load(path_of("zipped"), status);
}

static bool load_npz(cvy_status *status) {
    return load(path_of("mnist.npz"), status);
}

static bool load_npy(cvy_status *status) {
    return load(path_of("npy"), status);
}

static bool load_emnist(cvy_status *status) {
    return load(path_of("emnist/emnist-letters"), status);
}

static bool load_cifar(cvy_status *status) {
    return load(path_of("cifar"), status);
}

static bool load_png(cvy_status *status) {
    return load(path_of("png"), status);
}

/* Files of the other formats. */
TEST(more_data_sets) {
    sample x = make_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3, 2, 1), }", 96);
    sample y = make_npy(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", 16);
    memset(x.bytes + x.count - 96, 0, 96); /* not every byte pattern is a finite number */
    memset(y.bytes + y.count - 16, 0, 16);
    put("npy", "x_train.npy", &x);
    put("npy", "y_train.npy", &y);
    assert_int_equal(fail_each_call(load_npy, NULL), 2 * 5 + 3); /* float64 images are halved in place */

    sample images = make_images(9), labels = make_labels(9);
    memset(labels.bytes + 8, 1, 9);
    put("emnist", "emnist-letters-train-images-idx3-ubyte", &images);
    put("emnist", "emnist-letters-train-labels-idx1-ubyte", &labels);
    assert_int_equal(fail_each_call(load_emnist, NULL), 2 * 5 + 1 + 2); /* and an image's memory */

    sample batch = {.count = 3073};
    char name[32];
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        put("cifar", name, &batch);
    }
    assert_int_equal(fail_each_call(load_cifar, NULL), 5 * 3 + 2 + 2);

    static const picture grey = {.type = PNG_COLOR_TYPE_GRAY, .depth = 8, .width = 6, .height = 5};
    sample file = make_png(&grey, images.bytes);
    put("png/train/0", "0.png", &file);
    put("png/train/1", "0.png", &file);
    assert_true(fail_each_call(load_png, NULL) > 2 * 2 * 5);
}

TEST(data_sets) {
    sample images = make_images(9), labels = make_labels(9), members = {.count = 0};
    assert_int_equal(mkdir(path_of("plain"), 0700), 0);
    write_file("plain/train-images-idx3-ubyte", images.bytes, images.count);
    write_file("plain/train-labels-idx1-ubyte", labels.bytes, labels.count);
    append_gzip(&members, images.bytes, 200); /* two members: the buffer must grow */
    append_gzip(&members, images.bytes + 200, images.count - 200);
    labels = gzip(&labels);
    assert_int_equal(mkdir(path_of("zipped"), 0700), 0);
    write_file("zipped/train-images-idx3-ubyte.gz", members.bytes, members.count);
    write_file("zipped/train-labels-idx1-ubyte.gz", labels.bytes, labels.count);
    sample x = make_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5), }", 90);
    sample y = make_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", 3);
    add_member(path_of("mnist.npz"), "x_train.npy", &x, ZIP_CM_DEFLATE);
    add_member(path_of("mnist.npz"), "y_train.npy", &y, ZIP_CM_STORE);
    /* A file that is cut after it was opened: its fifth call, which reads the elements, finds nothing more. */
    cvy_status status = {0};
    failed_read = 0;
    countdown = 4;
    assert_false(load_plain(&status));
    assert_string_equal(failed, "pread64");
    expect_error(&status, CVY_FAILED, "train-labels-idx1-ubyte", "ends at byte 8, but had 17 bytes when it was opened");
    failed_read = countdown = -1;
    libdeflate_set_memory_allocator(library_malloc, free);
    /* Of each file: open, fstat, read the header, allocate, read; then the data set and its origin. */
    assert_int_equal(fail_each_call(load_plain, NULL), 2 * 5 + 2);
    assert_true(fail_each_call(load_zipped, NULL) > 2 * 7 + 2);
    assert_true(fail_each_call(load_npz, NULL) > 2 * 3 + 2);
    libdeflate_set_memory_allocator(malloc, free);
}

static const float values[6] = {1, 2, 3, 4, 5, 6};
static const cvy_tensor tensors[] = {
    {.name = "a", .dtype = CVY_F32, .rank = 2, .shape = {2, 3}, .data = values},
    {.name = "b", .dtype = CVY_F32, .rank = 4, .shape = {1, 1, 1, 2}, .data = values},
};

static bool open_tensors(cvy_status *status) {
    cvy_safetensors *file = cvy_safetensors_open(path_of("read.safetensors"), status);
    bool done = file != NULL;
    cvy_safetensors_close(file);
    return done;
}

static bool write_tensors(cvy_status *status) {
    return cvy_safetensors_write(path_of("written.safetensors"), tensors, 2, (const char *[]){"k", "v", NULL}, status);
}

static int entries;

/* The old file is there, alone; or after the last call, which syncs the directory, the new one. */
static void expect_old(const char *name, const char *call) {
    size_t count;
    uint8_t *bytes = read_whole(path_of(name), &count);
    if (count != 3)
        assert_string_equal(call, "fsync");
    free(bytes);
    assert_int_equal(entries_in_directory(), entries);
}

static void expect_old_or_synced(const char *call) {
    expect_old("written.safetensors", call);
}

TEST(tensor_files) {
    cvy_status status = {0};
    cvy_safetensors_write(path_of("read.safetensors"), tensors, 2, (const char *[]){"k", "v", NULL}, &status);
    expect_ok(&status);
    write_file("written.safetensors", "old", 3);
    entries = entries_in_directory();
    json_set_alloc_funcs(library_malloc, free);
    assert_true(fail_each_call(open_tensors, NULL) > 20);
    assert_true(fail_each_call(write_tensors, expect_old_or_synced) > 20);
    json_set_alloc_funcs(malloc, free);
}

static bool write_summaries(cvy_status *status) {
    cvy_model *model = cvy_model_from("lesson", status);
    char *summary = cvy_summary(model, 0, status), *plan = cvy_plan_summary(model, "nhwc", status);
    bool done = summary && plan;
    free(summary);
    free(plan);
    cvy_model_free(model);
    return done;
}

TEST(summaries) {
    assert_true(fail_each_call(write_summaries, NULL) > 5);
}

#define LONG_NAME "a name of more than sixteen bytes, so that jansson's buffer for it grows twice"
static const char recipe_text[] = "{\"name\": \"" LONG_NAME "\", \"network\": \"lesson\", \"epochs\": 3}";

/* A text that lost a character is no success. */
static bool read_recipe(cvy_status *status) {
    cvy_recipe *recipe = cvy_recipe_from(path_of("recipe.json"), status);
    bool done = recipe && !strcmp(recipe->name, LONG_NAME) && !strcmp(recipe->network, "lesson");
    cvy_recipe_free(recipe);
    return done;
}

TEST(recipes) {
    write_file("recipe.json", recipe_text, strlen(recipe_text));
    json_set_alloc_funcs(library_malloc, free);
    assert_true(fail_each_call(read_recipe, NULL) > 10);
    json_set_alloc_funcs(malloc, free);
}

static const cvy_model *model;

static bool save_onnx(cvy_status *status) {
    cvy_save(model, path_of("written.onnx"), status);
    return status->code == CVY_OK;
}

static bool save_c(cvy_status *status) {
    cvy_save(model, path_of("written.c"), status);
    return status->code == CVY_OK;
}

static void expect_old_onnx(const char *call) {
    expect_old("written.onnx", call);
}

static void expect_old_c(const char *call) {
    expect_old("written.c", call);
}

TEST(exports) {
    cvy_status status = {0};
    cvy_model *lesson = cvy_model_from("lesson", &status);
    cvy_compile(lesson, NULL, &status);
    expect_ok(&status);
    model = lesson;
    write_file("written.onnx", "old", 3);
    write_file("written.c", "old", 3);
    entries = entries_in_directory();
    json_set_alloc_funcs(library_malloc, free);
    /* The names, the plan, the growing message; then directory, file, write, sync, rename, and sync again. */
    assert_true(fail_each_call(save_onnx, expect_old_onnx) > 10);
    assert_true(fail_each_call(save_c, expect_old_c) >= 8);
    json_set_alloc_funcs(malloc, free);
    cvy_model_free(lesson);
}

RUN_TESTS("failing calls", make_directory, remove_directory)
