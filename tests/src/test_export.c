/* Exports: C source is compiled and predicts what the library predicts; an ONNX model is a well-formed message whose
 * nodes fit together. */
#include "files.h"

#include <dlfcn.h>
#include <locale.h>
#include <math.h>
#include <sys/wait.h>

#include "../../src/convoy.h"

/* ---- Networks --------------------------------------------------------------------------------------------------- */

static const char *const padding[] = {"valid", "same"};

static void conv2d(cvy_model *m, int filters, int h, int w, int stride_y, int stride_x, bool same,
                   const char *activation, cvy_status *status) {
    cvy_conv2d(m,
               &(cvy_conv2d_options){.filters = filters,
                                     .kernel_size = {h, w},
                                     .strides = {stride_y, stride_x},
                                     .padding = padding[same],
                                     .activation = activation},
               status);
}

static cvy_pooling2d_options window(int h, int w, int stride_y, int stride_x, bool same) {
    return (cvy_pooling2d_options){.pool_size = {h, w}, .strides = {stride_y, stride_x}, .padding = padding[same]};
}

static void dense(cvy_model *m, int units, const char *activation, cvy_status *status) {
    cvy_dense(m, &(cvy_dense_options){.units = units, .activation = activation}, status);
}

/* What a network takes, its preprocessing, and the operators of its ONNX model; NULL: refused. */
typedef struct example {
    int height, width, channels;
    const char *preprocessing, *operators;
    void (*build)(cvy_model *m, cvy_status *status);
} example;

static void build_lesson(cvy_model *m, cvy_status *status) {
    const cvy_pooling2d_options halves = {0};
    cvy_input(m, 28, 28, 1, status);
    cvy_rescaling(m, 1.0 / 255, 0, status);
    conv2d(m, 3, 5, 5, 1, 1, false, "swish", status);
    cvy_max_pooling2d(m, &halves, status);
    conv2d(m, 6, 5, 5, 1, 1, false, "swish", status);
    cvy_max_pooling2d(m, &halves, status);
    cvy_flatten(m, status);
    dense(m, 84, "swish", status);
    dense(m, 10, "softmax", status);
}

static void build_same(cvy_model *m, cvy_status *status) {
    const cvy_pooling2d_options most = window(3, 2, 2, 3, true), mean = window(2, 3, 1, 2, true);
    cvy_input(m, 13, 11, 3, status);
    cvy_rescaling(m, 1.0 / 127.5, -1, status);
    conv2d(m, 5, 4, 3, 2, 1, true, "relu", status);
    cvy_max_pooling2d(m, &most, status);
    conv2d(m, 4, 2, 3, 1, 1, true, "tanh", status);
    cvy_average_pooling2d(m, &mean, status);
    cvy_dropout(m, 0.5, status);
    cvy_flatten(m, status);
    dense(m, 7, "softmax", status);
}

static void build_activations(cvy_model *m, cvy_status *status) {
    const cvy_pooling2d_options overlap = window(3, 3, 2, 2, false), apart = window(2, 2, 3, 3, false);
    cvy_input(m, 20, 17, 2, status);
    cvy_activation(m, "relu", status);
    cvy_rescaling(m, 0.01, 0, status);
    cvy_conv2d(m, &(cvy_conv2d_options){.filters = 6, .kernel_size = {3}, .no_bias = true}, status);
    cvy_activation(m, "softmax", status);
    cvy_max_pooling2d(m, &overlap, status);
    cvy_activation(m, "sigmoid", status);
    cvy_average_pooling2d(m, &apart, status);
    cvy_flatten(m, status);
    cvy_dense(m, &(cvy_dense_options){.units = 9, .activation = "sigmoid", .no_bias = true}, status);
    dense(m, 8, "tanh", status);
    dense(m, 8, "relu", status);
    dense(m, 5, NULL, status);
    cvy_activation(m, "linear", status);
    cvy_activation(m, "softmax", status);
    cvy_dropout(m, 0, status);
}

static void build_images_of_one_pixel(cvy_model *m, cvy_status *status) {
    cvy_input(m, 4, 4, 1, status);
    cvy_rescaling(m, 0.01, 0.5, status);
    conv2d(m, 5, 4, 4, 1, 1, false, "softmax", status);
    cvy_flatten(m, status);
}

static void build_halved(cvy_model *m, cvy_status *status) {
    const cvy_pooling2d_options halves = {0};
    cvy_input(m, 12, 12, 1, status);
    conv2d(m, 8, 5, 5, 1, 1, false, "silu", status);
    cvy_max_pooling2d(m, &halves, status);
    cvy_flatten(m, status);
    dense(m, 32, "silu", status);
    dense(m, 10, "softmax", status);
}

static void build_small(cvy_model *m, cvy_status *status) {
    cvy_input(m, 9, 10, 2, status);
    cvy_flatten(m, status);
    dense(m, 6, "softmax", status);
}

static const example examples[] = {
    {28, 28, 1, NULL,
     "Mul Transpose Conv Sigmoid Mul MaxPool Conv Sigmoid Mul MaxPool Transpose Flatten Gemm Sigmoid Mul Gemm Softmax ",
     build_lesson},
    {13, 11, 3, NULL, "Mul Add Transpose Conv Relu MaxPool Conv Tanh AveragePool Transpose Flatten Gemm Softmax ",
     build_same},
    {20, 17, 2, NULL,
     "Relu Mul Transpose Conv Softmax MaxPool Sigmoid AveragePool Transpose Flatten Gemm Sigmoid Gemm Tanh Gemm Relu "
     "Gemm Softmax ",
     build_activations},
    {9, 10, 2, "scale=1/255,offset=1", "Mul Add Flatten Gemm Softmax ", build_small},
    {4, 4, 1, NULL, "Mul Add Transpose Conv Transpose Flatten Softmax ", build_images_of_one_pixel},
    {28, 28, 1, "center_crop=24,average_pooling=2,scale=1/255,mean=0.1307,variance=0.0949",
     "Slice Mul Add Transpose AveragePool Conv Sigmoid Mul MaxPool Transpose Flatten Gemm Sigmoid Mul Gemm Softmax ",
     build_halved},
    {28, 28, 1, "deskew,center_crop=24,average_pooling=2,scale=1/255,mean=0.1307,variance=0.0949", NULL, build_halved},
    {12, 12, 1, "deskew", NULL, build_halved},
    {20, 23, 2, "average_pooling=2x2,center_crop=19x21,mean=128",
     "Slice Add Transpose AveragePool Transpose Flatten Gemm Softmax ", build_small},
    {18, 30, 2, "average_pooling=2x3", "Transpose AveragePool Transpose Flatten Gemm Softmax ", build_small},
    {15, 14, 2, "deskew,center_crop=9x10,scale=1/16", NULL, build_small},
};

enum { IMAGES = 19, MAX_FLOATS = 18 * 30 * 2, MAX_CLASSES = 10 };

static uint32_t noise(void) {
    static uint32_t state = 1;
    return (state = state * 1664525u + 1013904223u) >> 8;
}

/* Strokes of ink that lean, on paper that is blank or not; the first image is blank. */
static void draw(uint8_t *images, int height, int width, int channels) {
    memset(images, 0, (size_t)IMAGES * (size_t)height * (size_t)width * (size_t)channels);
    for (int n = 1; n < IMAGES; n++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width * channels; x++) {
                const int stroke = x / channels - width / 2 - (y - height / 2) * (n % 5 - 2) / 2;
                const bool ink = stroke >= -1 && stroke <= 1 && y > n % 3;
                images[(n * height + y) * width * channels + x] = (uint8_t)(ink || n % 4 == 3 ? noise() : 0);
            }
}

/* A compiled model with weights and biases that are none of them 0. */
static cvy_model *make_model(const example *e, cvy_status *status) {
    cvy_model *model = cvy_model_new(NULL, status);
    e->build(model, status);
    cvy_preprocess(model, e->preprocessing, status);
    cvy_compile(model, &(cvy_compile_options){.seed = 3, .threads = 1}, status);
    for (int i = 0; cvy_weight(model, i, status).values; i++) {
        const cvy_array weight = cvy_weight(model, i, status);
        for (size_t k = 0; weight.rank == 1 && k < weight.count; k++)
            weight.values[k] = (float)(noise() % 1000) / 1000 - 0.5f;
    }
    return model;
}

/* A fit of one image, after which the model knows the size of the images. */
static void note_size(cvy_model *model, const cvy_dataset *dataset, cvy_status *status) {
    cvy_fit(model, dataset, &(cvy_fit_options){.images = 1}, status);
}

/* ---- C source --------------------------------------------------------------------------------------------------- */

static int run(const char *command) {
    const int code = system(command);
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static void compile(const char *c, const char *library) {
    char command[3 * PATH_MAX];
    snprintf(command, sizeof command,
             CVY_CC " -std=c99 -O1 -Wall -Wextra -pedantic -Werror -shared -fPIC -o '%s' '%s' >&2", library, c);
    if (run(command))
        fail_msg("%s", command);
}

typedef void predict_function(const float *image, float *probabilities);

/* A model of the example and its images; then the source that it saves, compiled. */
static void check_c(const example *e, int number) {
    static uint8_t images[IMAGES * MAX_FLOATS];
    static float expected[IMAGES * MAX_CLASSES];
    static const uint8_t labels[IMAGES];
    cvy_status status = {0};
    const size_t floats = (size_t)e->height * (size_t)e->width * (size_t)e->channels;
    assert_true(floats <= MAX_FLOATS);
    draw(images, e->height, e->width, e->channels);
    cvy_dataset *dataset = cvy_dataset_from_u8(images, labels, IMAGES, e->height, e->width, e->channels, &status);
    cvy_model *model = make_model(e, &status);
    note_size(model, dataset, &status);
    char name[64];
    snprintf(name, sizeof name, "example_%d.c", number);
    const char *c = path_of(name);
    cvy_save(model, c, &status);
    expect_ok(&status);
    snprintf(name, sizeof name, "example_%d.so", number); /* dlopen knows a library by its name */
    const char *library = path_of(name);
    compile(c, library);
    void *handle = dlopen(library, RTLD_NOW);
    assert_non_null(handle);
    predict_function *predict;
    *(void **)&predict = dlsym(handle, "predict");
    assert_non_null(predict);

    const size_t classes = (size_t)cvy_classes(model);
    assert_true(classes <= MAX_CLASSES);
    cvy_predict(model, dataset, 0, IMAGES, expected, &status);
    expect_ok(&status);
    for (size_t n = 0; n < IMAGES; n++) {
        float image[MAX_FLOATS], probabilities[MAX_CLASSES];
        for (size_t i = 0; i < floats; i++)
            image[i] = images[n * floats + i];
        predict(image, probabilities);
        for (size_t k = 0; k < classes; k++)
            if (!(fabsf(probabilities[k] - expected[n * classes + k]) <= 1e-6f))
                fail_msg("example %d, image %zu, class %zu: %.9g, expected %.9g", number, n, k,
                         (double)probabilities[k], (double)expected[n * classes + k]);
        for (size_t i = 0; i < floats; i++)
            assert_true(image[i] == images[n * floats + i]);
    }
    dlclose(handle);
    cvy_model_free(model);
    cvy_dataset_free(dataset);
}

TEST(c_predicts_what_the_library_predicts) {
    for (size_t i = 0; i < COUNT(examples); i++)
        check_c(&examples[i], (int)i);
}

/* A file that was saved, as text; the caller frees it. */
static char *saved_text(const char *path) {
    size_t count;
    char *text = (char *)read_whole(path, &count);
    text[count] = 0;
    assert_int_equal(strlen(text), count);
    return text;
}

static char *save_lesson(const char *path) {
    cvy_status status = {0};
    cvy_model *model = cvy_model_from("lesson", &status);
    cvy_compile(model, &(cvy_compile_options){.seed = 1}, &status);
    cvy_save(model, path, &status);
    expect_ok(&status);
    cvy_model_free(model);
    return saved_text(path);
}

TEST(c_says_what_it_needs) {
    char *text = save_lesson(path_of("lesson.c"));
    static const char *const said[] = {"Convoy " CVY_VERSION,
                                       "Image           28 x 28 x 1 floats",
                                       "Preprocessing   none\n",
                                       "Probabilities   10 floats",
                                       "Flash           38128 bytes of weights",
                                       "RAM             2112 bytes of buffers",
                                       "/* conv2d_1, max_pooling2d_1: 12 x 12 x 3 to 4 x 4 x 6 */",
                                       "static float buffer_a[432];",
                                       "static float buffer_b[96];"};
    for (size_t i = 0; i < COUNT(said); i++)
        if (!strstr(text, said[i]))
            fail_msg("lesson.c does not say: %s", said[i]);
    assert_null(strstr(text, "deskew"));
    assert_null(strstr(text, "tanh"));
    free(text);
}

/* ---- ONNX ------------------------------------------------------------------------------------------------------- */

/* A part of a message, and a field of it. */
typedef struct span {
    const uint8_t *at, *end;
} span;

typedef struct field {
    int number;
    uint64_t value;
    span bytes;
} field;

static uint64_t take_varint(span *message) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        assert_true(message->at < message->end);
        value |= (uint64_t)(*message->at & 127) << shift;
        if (!(*message->at++ & 128))
            return value;
    }
    fail_msg("a varint of more than 64 bits");
    return 0;
}

static bool next_field(span *message, field *f) {
    if (message->at == message->end)
        return false;
    const uint64_t tag = take_varint(message);
    *f = (field){.number = (int)(tag >> 3), .value = take_varint(message)};
    assert_true((tag & 7) == 0 || (tag & 7) == 2);
    if ((tag & 7) == 0)
        return true;
    assert_true(f->value <= (uint64_t)(message->end - message->at));
    f->bytes = (span){message->at, message->at + f->value};
    message->at += f->value;
    return true;
}

/* The first field of that number; bytes is empty where there is none. */
static field find(span message, int number) {
    for (field f; next_field(&message, &f);)
        if (f.number == number)
            return f;
    return (field){0};
}

static bool is_text(span bytes, const char *text) {
    return (size_t)(bytes.end - bytes.at) == strlen(text) && !memcmp(bytes.at, text, strlen(text));
}

static bool are_same(span a, span b) {
    return a.end - a.at == b.end - b.at && !memcmp(a.at, b.at, (size_t)(a.end - a.at));
}

enum { VALUES_MAX = 64 };

typedef struct graph_check {
    int count;
    span values[VALUES_MAX]; /* the names of what a node may take */
    char operators[1024];
} graph_check;

static void add_value(graph_check *check, span name) {
    assert_true(check->count < VALUES_MAX && name.at < name.end);
    for (int i = 0; i < check->count; i++)
        assert_false(are_same(check->values[i], name));
    check->values[check->count++] = name;
}

static void check_initializer(graph_check *check, span tensor) {
    uint64_t elements = 1, size = 0;
    add_value(check, find(tensor, 8).bytes);
    const uint64_t type = find(tensor, 2).value;
    assert_true(type == 1 || type == 7);
    for (field f; next_field(&tensor, &f);) {
        if (f.number == 1)
            elements *= f.value;
        else if (f.number == 9)
            size = f.value;
    }
    assert_int_equal(size, elements * (type == 1 ? 4 : 8));
}

static void check_node(graph_check *check, span node) {
    for (field f; next_field(&node, &f);) {
        bool known = f.number != 1;
        for (int i = 0; i < check->count && !known; i++)
            known = are_same(check->values[i], f.bytes);
        if (!known)
            fail_msg("no value %.*s", (int)f.value, (const char *)f.bytes.at);
        if (f.number == 2)
            add_value(check, f.bytes);
        const size_t length = strlen(check->operators);
        if (f.number == 4)
            snprintf(check->operators + length, sizeof check->operators - length, "%.*s ", (int)f.value,
                     (const char *)f.bytes.at);
    }
}

/* The model's nodes take what is there before them; the message ends where it says. Operators, each with a space. */
static void check_onnx(const char *path, const char *input, const char *output, char operators[1024]) {
    size_t count;
    uint8_t *bytes = read_whole(path, &count);
    const span model = {bytes, bytes + count};
    graph_check check = {0};
    assert_int_equal(find(model, 1).value, 8);
    assert_true(is_text(find(model, 2).bytes, "convoy") && is_text(find(model, 3).bytes, CVY_VERSION));
    assert_int_equal(find(find(model, 8).bytes, 2).value, 17);
    const span graph = find(model, 7).bytes;
    assert_true(is_text(find(find(graph, 11).bytes, 1).bytes, input));
    add_value(&check, find(find(graph, 11).bytes, 1).bytes);
    span rest = graph;
    for (field f; next_field(&rest, &f);)
        if (f.number == 5)
            check_initializer(&check, f.bytes);
        else if (f.number == 1)
            check_node(&check, f.bytes);
    assert_true(is_text(find(find(graph, 12).bytes, 1).bytes, output));
    assert_true(are_same(check.values[check.count - 1], find(find(graph, 12).bytes, 1).bytes));
    memcpy(operators, check.operators, sizeof check.operators);
    free(bytes);
}

TEST(onnx_is_a_graph_of_known_operators) {
    static const uint8_t images[IMAGES * MAX_FLOATS], labels[IMAGES];
    static const char *const outputs[] = {"dense_1", "dense", "dropout", "dense", "flatten", "dense_1",
                                          NULL,      NULL,    "dense",   "dense", NULL};
    for (size_t i = 0; i < COUNT(examples); i++) {
        const example *e = &examples[i];
        cvy_status status = {0};
        char operators[1024];
        const char *path = path_of("model.onnx");
        cvy_dataset *dataset = cvy_dataset_from_u8(images, labels, IMAGES, e->height, e->width, e->channels, &status);
        cvy_model *model = make_model(e, &status);
        note_size(model, dataset, &status);
        expect_ok(&status);
        cvy_save(model, path, &status);
        if (e->operators) {
            expect_ok(&status);
            check_onnx(path, "input_layer", outputs[i], operators);
            assert_string_equal(operators, e->operators);
        } else {
            expect_error(&status, CVY_FAILED, path, "deskew has no operator in ONNX");
        }
        cvy_model_free(model);
        cvy_dataset_free(dataset);
    }
}

/* ---- Names, locales, errors ------------------------------------------------------------------------------------- */

static cvy_model *make_named(const char *network, const char *convolution, const char *last, cvy_status *status) {
    cvy_model *model = cvy_model_new(network, status);
    cvy_input(model, 6, 6, 1, status);
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 2, .kernel_size = {3}, .name = convolution}, status);
    cvy_flatten(model, status);
    cvy_dense(model, &(cvy_dense_options){.units = 3, .activation = "softmax", .name = last}, status);
    cvy_compile(model, NULL, status);
    return model;
}

TEST(any_name_will_do) {
    static const char *const names[] = {"\"quoted\" \\",
                                        "*",
                                        "?\?=",
                                        "%s%n",
                                        "gr\xc3\xb6\xc3\x9f"
                                        "e",
                                        "\xe2\x80\xae right to left",
                                        "predict",
                                        "a b"};
    for (size_t i = 0; i < COUNT(names); i++) {
        cvy_status status = {0};
        char operators[1024];
        cvy_model *model = make_named(names[i], names[i], "last", &status);
        cvy_save(model, path_of("names.c"), &status);
        cvy_save(model, path_of("names.onnx"), &status);
        expect_ok(&status);
        compile(path_of("names.c"), path_of("names.so"));
        check_onnx(path_of("names.onnx"), "input_layer", "last", operators);
        assert_string_equal(operators, "Transpose Conv Transpose Flatten Gemm Softmax ");
        cvy_model_free(model);
    }
}

/* A locale with a decimal comma, made by glibc's localedef. */
TEST(numbers_do_not_depend_on_the_locale) {
    static const char source[] = "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3\nEND LC_NUMERIC\n";
    char command[3 * PATH_MAX], text[32];
    const char *file = write_file("comma.txt", source, strlen(source));
    snprintf(command, sizeof command, "localedef --no-archive -c -i '%s' '%s' >'%s' 2>&1", file, path_of("comma"),
             path_of("localedef.log"));
    run(command); /* which warns of the categories that are not there, with exit code 1 */
    setenv("LOCPATH", directory, 1);
    char *before = save_lesson(path_of("lesson.c"));
    if (!setlocale(LC_NUMERIC, "comma")) {
        print_message("localedef is missing\n");
        free(before);
        skip();
        return;
    }
    char *after = save_lesson(path_of("lesson.c"));
    snprintf(text, sizeof text, "%g", 1.5);
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(text, "1,5");
    assert_true(strcmp(before, after) == 0);
    free(before);
    free(after);
}

static void expect_refused(cvy_model *model, const char *name, const char *what) {
    cvy_status status = {0};
    const int entries = entries_in_directory();
    cvy_save(model, path_of(name), &status);
    expect_error(&status, CVY_FAILED, name, what);
    assert_int_equal(entries_in_directory(), entries);
}

TEST(refusals_say_why) {
    static const char *const names[] = {"refused.c", "refused.onnx"};
    static const struct {
        const char *preprocessing, *what;
    } wrong[] = {
        {"test_shift=1", "test_shift=1 is a mean over several predictions"},
        {"center_crop=12", "the size of the images is not known: add image_size=HxW"},
        {"center_crop=12,image_size=11", "images of 11 x 11 are smaller than the crop, 12 x 12"},
        {"center_crop=13,image_size=28", "images of 28 x 28 are 13 x 13 when preprocessed, the network wants 12 x 12"},
        {"average_pooling=2147483647", "images of 25769803764 x 25769803764, expected at most 4096 x 4096"},
    };
    cvy_status status = {0};
    const example halved = {.build = build_halved};
    cvy_model *model = make_model(&halved, &status);
    for (size_t i = 0; i < COUNT(wrong); i++)
        for (size_t k = 0; k < COUNT(names); k++) {
            cvy_preprocess(model, wrong[i].preprocessing, &status);
            expect_ok(&status);
            expect_refused(model, names[k], wrong[i].what);
        }
    cvy_preprocess(model, NULL, &status);
    cvy_weight(model, 1, &status).values[3] = NAN;
    for (size_t k = 0; k < COUNT(names); k++) {
        expect_refused(model, names[k], "element [3] is NaN, expected a finite number");
    }
    cvy_weight(model, 1, &status).values[3] = 0;
    expect_refused(model, "no/such/place.c", "cannot open its directory");
    expect_refused(model, "no/such/place.onnx", "cannot open its directory");
    expect_ok(&status);
    cvy_model_free(model);
}

RUN_TESTS("export", make_directory, remove_directory)
