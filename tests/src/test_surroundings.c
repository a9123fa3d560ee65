/* What the process that uses the library has set must not change what the library does: the locale, the floating-point
 * environment, a limit on threads, and that it was forked. */
#include "files.h"

#include <errno.h>
#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <sys/wait.h>

#include "../../src/base/number.h"
#include "bars.h"

enum { IMAGES = 60 };

static uint8_t images[IMAGES * PIXELS], labels[IMAGES];

static int set_up(void **state) {
    fill_bars(IMAGES, 200, 40, images, labels);
    return make_directory(state);
}

/* ---- Locales ---------------------------------------------------------------------------------------------------- */

/* Takes a locale with that decimal point for all of the process; false, and a word, if localedef cannot make it. */
static bool take_locale(const char *decimal_point) {
    char command[3 * PATH_MAX], source[128];
    snprintf(source, sizeof source,
             "LC_NUMERIC\ndecimal_point \"%s\"\nthousands_sep \".\"\ngrouping 3\nEND LC_NUMERIC\n", decimal_point);
    snprintf(command, sizeof command, "localedef --no-archive -c %s -i '%s' '%s/%s' >'%s' 2>&1",
             *decimal_point == '<' ? "-f UTF-8" : "", write_file("locale.txt", source, strlen(source)), directory,
             decimal_point, path_of("localedef.log"));
    setenv("LOCPATH", directory, 1);
    if (system(command) < 0) /* exit code 1 warns of categories that are not there */
        fail();
    if (setlocale(LC_NUMERIC, decimal_point) && strcmp(localeconv()->decimal_point, ".") != 0)
        return true;
    print_message("# localedef cannot make a locale with a decimal %s\n", decimal_point);
    return false;
}

static void expect_number(const char *text, double expected, const char *rest) {
    double number;
    const char *end = cvy_number_read(text, &number);
    assert_non_null(end);
    assert_true(number == expected);
    assert_string_equal(end, rest);
}

/* Numbers as texts, in the present locale and rounding mode. */
static void check_numbers(void) {
    char text[CVY_NUMBER_MAX], local[CVY_NUMBER_MAX];
    double none;
    snprintf(local, sizeof local, "%g", 0.5); /* the process's own numbers are as they were */
    expect_number("0.1", 0.1, "");
    expect_number("-2.5e-3/4", -2.5e-3, "/4");
    expect_number("1,5", 1, ",5");
    expect_number(".00392156862745098,scale", .00392156862745098, ",scale");
    assert_null(cvy_number_read("", &none));
    assert_null(cvy_number_read(" 1", &none));
    assert_null(cvy_number_read("x", &none));
    assert_null(cvy_number_read("-", &none));
    assert_string_equal(cvy_number_write(0.1, 17, text), "0.10000000000000001");
    assert_string_equal(cvy_number_write(2.0 / 3, 3, text), "0.667");
    assert_string_equal(cvy_number_write(-1e300, 17, text), "-1.0000000000000001e+300");
    char after[CVY_NUMBER_MAX];
    snprintf(after, sizeof after, "%g", 0.5);
    assert_string_equal(after, local);
}

static const char network[] = "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": ["
                              "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 12, 12, 1]}},"
                              "{\"class_name\": \"Rescaling\", \"config\": {\"scale\": 0.0125, \"offset\": 0.5}},"
                              "{\"class_name\": \"Flatten\", \"config\": {}},"
                              "{\"class_name\": \"Dropout\", \"config\": {\"rate\": 0.25}},"
                              "{\"class_name\": \"Dense\", \"config\": {\"units\": 3, \"activation\": \"softmax\"}}]}}";

/* Trains, saves to a file, and loads it again. */
static void train_and_save(const char *path, cvy_status *status) {
    cvy_dataset *set = cvy_dataset_from_u8(images, labels, IMAGES, SIDE, SIDE, 1, status);
    cvy_model *model = cvy_model_from_json(network, status);
    cvy_preprocess(model, "scale=1/255,mean=0.25,variance=0.0625", status);
    cvy_compile(model, &(cvy_compile_options){.optimizer = "sgd:lr=0.05,momentum=0.9", .threads = 2}, status);
    cvy_fit(model, set, &(cvy_fit_options){.schedule = "piecewise:0.5=0.1"}, status);
    cvy_save(model, path, status);
    cvy_load(model, path, status);
    cvy_model_free(model);
    cvy_dataset_free(set);
}

static void expect_same_files(const char *a, const char *b) {
    size_t sizes[2];
    uint8_t *bytes[2] = {read_whole(a, &sizes[0]), read_whole(b, &sizes[1])};
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    free(bytes[0]);
    free(bytes[1]);
}

/* The lesson's plan, or its summary. */
static char *describe(bool plan) {
    cvy_status status = {0};
    cvy_model *model = cvy_model_from("lesson", &status);
    char *text = plan ? cvy_plan_summary(model, "hwc16n", &status) : cvy_summary(model, 0, &status);
    cvy_model_free(model);
    expect_ok(&status);
    return text;
}

TEST(numbers_in_the_c_locale) {
    check_numbers();
}

TEST(every_locale_gives_the_same) {
    cvy_status status = {0};
    char *plan = describe(true), *summary = describe(false);
    train_and_save(path_of("plain"), &status);
    expect_ok(&status);
    size_t taken = 0;
    /* The second has two bytes; its characters are in Debian's package locales. */
    static const char *const decimal_points[] = {",", "<U066B>"};
    for (size_t i = 0; i < COUNT(decimal_points); i++) {
        if (!take_locale(decimal_points[i]))
            continue;
        taken++;
        check_numbers();
        for (int r = 0; cvy_recipe_name(r); r++) {
            cvy_recipe_free(cvy_recipe_from(cvy_recipe_name(r), &status));
            expect_ok(&status);
        }
        train_and_save(path_of("local"), &status);
        expect_ok(&status);
        expect_same_files(path_of("plain"), path_of("local"));
        char *local_plan = describe(true), *local_summary = describe(false);
        assert_string_equal(local_plan, plan);
        assert_string_equal(local_summary, summary);
        free(local_plan);
        free(local_summary);
        cvy_model *model = cvy_model_new(NULL, &status);
        cvy_input(model, 8, 8, 1, &status);
        cvy_dropout(model, 1.5, &status);
        assert_non_null(strstr(status.what, "1.5"));
        cvy_model_free(model);
        status = (cvy_status){0};
    }
    setlocale(LC_NUMERIC, "C");
    free(plan);
    free(summary);
    if (!taken)
        skip();
}

/* ---- The floating-point environment ----------------------------------------------------------------------------- */

/* What a process may have set: rounding, subnormals flushed to zero, and signals for exceptions. */
static void set_environment(int rounding) {
    fesetenv(FE_DFL_ENV);
    fesetround(rounding);
    feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW);
#if defined(__SSE2__)
    cvy_float_set(cvy_float_get() | 0x8040); /* FTZ, DAZ */
#elif defined(__aarch64__)
    cvy_float_set(cvy_float_get() | 1 << 24); /* FZ */
#endif
}

typedef struct outcome {
    cvy_evaluation evaluation;
    float probabilities[IMAGES * CLASSES], one[CLASSES];
} outcome;

static cvy_float_environment expected;
static int callbacks;

static bool note_environment(const cvy_progress *now, void *user) {
    (void)now;
    (void)user;
    callbacks++;
    /* The sticky flags of exceptions apart, which x86 keeps in the same register. */
    assert_int_equal(cvy_float_get() & ~0x3full, expected & ~0x3full);
    return true;
}

static void run_all(int rounding, int threads, int batch, outcome *out) {
    cvy_status status = {0};
    *out = (outcome){0};
    set_environment(rounding);
    expected = cvy_float_get();
    cvy_dataset *set = cvy_dataset_from_u8(images, labels, IMAGES, SIDE, SIDE, 1, &status);
    cvy_model *model = cvy_model_new(NULL, &status);
    cvy_input(model, SIDE, SIDE, 1, &status);
    cvy_conv2d(model, &(cvy_conv2d_options){.filters = 3, .kernel_size = {3}, .activation = "swish"}, &status);
    cvy_max_pooling2d(model, NULL, &status);
    cvy_flatten(model, &status);
    cvy_dense(model, &(cvy_dense_options){.units = CLASSES, .activation = "softmax"}, &status);
    cvy_preprocess(model, "deskew,scale=1/255", &status);
    cvy_compile(model, &(cvy_compile_options){.optimizer = "adam:lr=0.01", .seed = 4, .threads = threads}, &status);
    cvy_fit(model, set,
            &(cvy_fit_options){.epochs = 3,
                               .batch_size = batch,
                               .schedule = "cosine",
                               .every_step = true,
                               .validation_split = 0.3,
                               .on_progress = note_environment,
                               .on_epoch = note_environment},
            &status);
    out->evaluation = cvy_evaluate(model, set, &status);
    cvy_predict(model, set, 0, IMAGES, out->probabilities, &status);
    cvy_predict(model, set, 1, 1, out->one, &status);
    cvy_model_free(model);
    cvy_dataset_free(set);
    assert_int_equal(cvy_float_get() & ~0x3full, expected & ~0x3full);
    assert_int_equal(fegetround(), rounding);
    fesetenv(FE_DFL_ENV);
    cvy_float_enter();
    expect_ok(&status);
}

/* With two threads and a batch of 32 each thread updates a replica of the parameters; with three or a batch of 48, a
 * slice. */
TEST(every_floating_point_environment_gives_the_same) {
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    static outcome plain, other;
    for (int batch = 32; batch <= 48; batch += 16) {
        run_all(FE_TONEAREST, 1, batch, &plain);
        assert_true(isfinite(plain.evaluation.loss));
        for (size_t m = 0; m < COUNT(modes); m++)
            for (int threads = 1; threads <= 3; threads++) {
                run_all(modes[m], threads, batch, &other);
                assert_memory_equal(&plain, &other, sizeof plain);
            }
    }
    assert_true(callbacks > 0);
}

TEST(numbers_in_every_rounding_mode) {
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t m = 0; m < COUNT(modes); m++) {
        fesetround(modes[m]);
        check_numbers();
        assert_int_equal(fegetround(), modes[m]);
    }
    fesetround(FE_TONEAREST);
}

/* ---- Processes and threads -------------------------------------------------------------------------------------- */

static int refused_after = -1; /* threads that the system still starts; -1: no limit */

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*begin)(void *), void *argument);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*begin)(void *), void *argument) {
    if (refused_after == 0)
        return EAGAIN;
    refused_after -= refused_after > 0;
    return __real_pthread_create(id, attributes, begin, argument);
}

typedef struct trained {
    cvy_model *model;
    cvy_dataset *set;
} trained;

/* Two fits; the second goes on where the first ended. */
static trained train_once(int threads) {
    cvy_status status = {0};
    trained t = {cvy_model_from_json(network, &status),
                 cvy_dataset_from_u8(images, labels, IMAGES, SIDE, SIDE, 1, &status)};
    cvy_compile(t.model, &(cvy_compile_options){.optimizer = "adam", .threads = threads}, &status);
    cvy_fit(t.model, t.set, &(cvy_fit_options){.batch_size = 60}, &status);
    expect_ok(&status);
    return t;
}

static void train_again(trained t, float probabilities[IMAGES * CLASSES]) {
    cvy_status status = {0};
    cvy_fit(t.model, t.set, &(cvy_fit_options){.batch_size = 60}, &status);
    cvy_predict(t.model, t.set, 0, IMAGES, probabilities, &status);
    expect_ok(&status);
}

static void release(trained t) {
    cvy_model_free(t.model);
    cvy_dataset_free(t.set);
}

TEST(fewer_threads_give_the_same) {
    float whole[IMAGES * CLASSES], fewer[IMAGES * CLASSES];
    trained t = train_once(4);
    train_again(t, whole);
    assert_int_equal(cvy_threads_refused(t.model), 0);
    release(t);
    for (int limit = 0; limit < 3; limit++) {
        refused_after = limit;
        t = train_once(4);
        train_again(t, fewer);
        refused_after = -1;
        assert_int_equal(cvy_threads(t.model), 1 + limit);
        assert_int_equal(cvy_threads_refused(t.model), 3 - limit);
        assert_non_null(strstr(cvy_threads_text(t.model, 60), "the system started no more of 4"));
        release(t);
        assert_memory_equal(whole, fewer, sizeof whole);
    }
}

/* Python's multiprocessing forks: a model trains on in the child, on as many threads as in its parent. */
TEST(training_goes_on_in_a_forked_process) {
    if (UNDER_THREAD_SANITIZER)
        skip();
    float expected_there[IMAGES * CLASSES], here[IMAGES * CLASSES];
    trained t = train_once(4);
    int channel[2], code;
    assert_int_equal(pipe(channel), 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(20); /* a hang */
        train_again(t, here);
        bool good = write(channel[1], here, sizeof here) == sizeof here && cvy_threads(t.model) == 4;
        release(t);
        _exit(!good);
    }
    close(channel[1]);
    const ssize_t got = read(channel[0], here, sizeof here);
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
    assert_int_equal(got, sizeof here);
    close(channel[0]);
    train_again(t, expected_there);
    assert_memory_equal(expected_there, here, sizeof here);
    release(t);
}

RUN_TESTS("surroundings", set_up, remove_directory)
