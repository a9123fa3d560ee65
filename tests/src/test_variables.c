#include "files.h"
#include "networks.h"

#include <math.h>

#include "../../src/model/variables.h"

/* ---- Helpers ---------------------------------------------------------------------------------------------------- */

static cvy_variables lay_out(const cvy_network *network) {
    cvy_status status = {0};
    cvy_variables variables;
    assert_true(cvy_variables_layout(network, &variables, &status));
    return variables;
}

static float *initialize(const cvy_variables *variables, uint64_t seed) {
    float *parameters = malloc(variables->floats * sizeof *parameters);
    memset(parameters, 0xFF, variables->floats * sizeof *parameters); /* NaN wherever nothing is written */
    cvy_variables_initialize(variables, seed, parameters);
    return parameters;
}

/* A dense layer of inputs x units with both of its variables from one initialiser. */
static cvy_variables dense(int inputs, int units, cvy_initializer initializer) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new(NULL, false, &status);
    cvy_layer input = cvy_layer_default(CVY_LAYER_INPUT), layer = cvy_layer_default(CVY_LAYER_DENSE);
    input.output = (cvy_shape){.rank = 1, .channels = inputs};
    layer.units = units;
    layer.kernel_initializer = layer.bias_initializer = initializer;
    cvy_network_add(network, &input, &status);
    cvy_network_add(network, &layer, &status);
    expect_ok(&status);
    cvy_variables variables = lay_out(network);
    cvy_network_free(network);
    return variables;
}

/* ---- Layout ----------------------------------------------------------------------------------------------------- */

TEST(lesson_is_laid_out_as_keras_lists_it) {
    static const cvy_variable expected[] = {
        {.path = "conv2d/kernel",
         .layer = 1,
         .rank = 4,
         .shape = {5, 5, 1, 3},
         .count = 75,
         .fan_in = 25,
         .fan_out = 75},
        {.path = "conv2d/bias", .layer = 1, .rank = 1, .shape = {3}, .count = 3, .fan_in = 3, .fan_out = 3},
        {.path = "conv2d_1/kernel",
         .layer = 3,
         .rank = 4,
         .shape = {5, 5, 3, 6},
         .count = 450,
         .fan_in = 75,
         .fan_out = 150},
        {.path = "conv2d_1/bias", .layer = 3, .rank = 1, .shape = {6}, .count = 6, .fan_in = 6, .fan_out = 6},
        {.path = "dense/kernel", .layer = 6, .rank = 2, .shape = {96, 84}, .count = 8064, .fan_in = 96, .fan_out = 84},
        {.path = "dense/bias", .layer = 6, .rank = 1, .shape = {84}, .count = 84, .fan_in = 84, .fan_out = 84},
        {.path = "dense_1/kernel", .layer = 7, .rank = 2, .shape = {84, 10}, .count = 840, .fan_in = 84, .fan_out = 10},
        {.path = "dense_1/bias", .layer = 7, .rank = 1, .shape = {10}, .count = 10, .fan_in = 10, .fan_out = 10},
    };
    cvy_network *network = read_network("lesson");
    cvy_variables variables = lay_out(network);
    assert_int_equal(variables.count, 8);
    assert_int_equal(variables.parameters, 9532);
    size_t offset = 0;
    for (int i = 0; i < 8; i++) {
        const cvy_variable *found = &variables.list[i], *want = &expected[i];
        assert_string_equal(found->path, want->path);
        assert_int_equal(found->layer, want->layer);
        assert_int_equal(found->rank, want->rank);
        assert_memory_equal(found->shape, want->shape, sizeof found->shape);
        assert_int_equal(found->count, want->count);
        assert_int_equal(found->fan_in, want->fan_in);
        assert_int_equal(found->fan_out, want->fan_out);
        assert_int_equal(found->initializer, i % 2 ? CVY_ZEROS : CVY_GLOROT_UNIFORM);
        assert_int_equal(found->offset, offset);
        offset += (want->count + 15) / 16 * 16;
    }
    assert_int_equal(variables.floats, offset);
    cvy_variables_free(&variables);
    assert_null(variables.list);
    cvy_network_free(network);
}

/* The paths that Keras 3.15 gives the variables of tests/networks/everything.json. */
TEST(sequential_paths_begin_with_the_network) {
    static const char *const expected[] = {
        "everything/conv2d/kernel", "everything/conv2d_1/kernel", "everything/conv2d_1/bias",
        "everything/dense/kernel",  "everything/dense/bias",      "everything/dense_1/kernel",
        "everything/dense_1/bias",  "everything/dense_2/kernel",
    };
    cvy_network *network = read_network("everything");
    cvy_variables variables = lay_out(network);
    assert_int_equal(variables.count, 8);
    for (int i = 0; i < 8; i++)
        assert_string_equal(variables.list[i].path, expected[i]);
    assert_int_equal(variables.list[0].initializer, CVY_HE_NORMAL);
    assert_int_equal(variables.list[2].initializer, CVY_GLOROT_NORMAL);
    cvy_variables_free(&variables);
    cvy_network_free(network);
}

TEST(a_network_may_have_no_variables) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new(NULL, false, &status);
    cvy_variables variables = lay_out(network);
    assert_int_equal(variables.count, 0);
    assert_int_equal(variables.floats, 0);
    cvy_variables_free(&variables);
    cvy_network_free(network);
}

TEST(longest_names_fit_their_path) {
    char name[CVY_NAME_MAX];
    memset(name, 'n', CVY_NAME_MAX - 1);
    name[CVY_NAME_MAX - 1] = '\0';
    cvy_status status = {0};
    cvy_network *network = cvy_network_new(name, true, &status);
    cvy_layer input = cvy_layer_default(CVY_LAYER_INPUT), layer = cvy_layer_default(CVY_LAYER_DENSE);
    input.output = (cvy_shape){.rank = 1, .channels = 1};
    layer.units = 1;
    strcpy(layer.name, name);
    cvy_network_add(network, &input, &status);
    cvy_network_add(network, &layer, &status);
    expect_ok(&status);
    cvy_variables variables = lay_out(network);
    assert_int_equal(strlen(variables.list[0].path), 2 * strlen(name) + strlen("//kernel"));
    assert_string_equal(variables.list[0].path + 2 * strlen(name) + 2, "kernel");
    cvy_variables_free(&variables);
    cvy_network_free(network);
}

/* ---- Values ----------------------------------------------------------------------------------------------------- */

TEST(padding_and_zeros_are_zero) {
    cvy_network *network = read_network("lesson");
    cvy_variables variables = lay_out(network);
    float *parameters = initialize(&variables, 1);
    for (int i = 0; i < variables.count; i++) {
        const cvy_variable *v = &variables.list[i];
        size_t end = i + 1 < variables.count ? variables.list[i + 1].offset : variables.floats;
        for (size_t j = v->initializer == CVY_ZEROS ? 0 : v->count; j < end - v->offset; j++) {
            static const float zero = 0; /* +0: memcmp tells it from -0 */
            assert_memory_equal(&parameters[v->offset + j], &zero, sizeof zero);
        }
    }
    free(parameters);
    cvy_variables_free(&variables);
    cvy_network_free(network);
}

TEST(values_follow_from_the_seed_alone) {
    static const cvy_initializer initializers[] = {CVY_GLOROT_UNIFORM, CVY_HE_NORMAL};
    for (int k = 0; k < 2; k++) {
        cvy_variables variables = dense(50, 30, initializers[k]);
        float *a = initialize(&variables, 7), *b = initialize(&variables, 7), *c = initialize(&variables, 8);
        assert_memory_equal(a, b, variables.floats * sizeof *a);
        int equal = 0;
        for (size_t i = 0; i < 1500; i++)
            equal += a[i] == c[i];
        assert_true(equal < 3); /* 24 bits: two of 1,500 meet by chance once in 10,000 runs */
        /* The bias is a variable of its own, with numbers of its own. */
        const cvy_variable *bias = &variables.list[1];
        double ratio = (double)a[bias->offset] / (double)a[0];
        assert_true(fabs((double)a[bias->offset + 1] / (double)a[1] - ratio) > 1e-3);
        free(a);
        free(b);
        free(c);
        cvy_variables_free(&variables);
    }
}

struct moments {
    double mean, variance, kurtosis, least, greatest;
};

static struct moments moments_of(const float *x, size_t count) {
    struct moments m = {0, 0, 0, INFINITY, -INFINITY};
    for (size_t i = 0; i < count; i++) {
        m.mean += (double)x[i] / (double)count;
        m.least = fmin(m.least, (double)x[i]);
        m.greatest = fmax(m.greatest, (double)x[i]);
    }
    for (size_t i = 0; i < count; i++) {
        double square = ((double)x[i] - m.mean) * ((double)x[i] - m.mean);
        m.variance += square / (double)count;
        m.kurtosis += square * square / (double)count;
    }
    m.kurtosis /= m.variance * m.variance;
    return m;
}

/* `count` values of that variance: mean and variance within five standard deviations of theirs, the extremes within
 * `limit` and close to it, and the distribution's shape by its kurtosis. */
static void expect_distribution(const float *x, size_t count, double variance, double limit, double kurtosis) {
    struct moments m = moments_of(x, count);
    double n = (double)count;
    assert_true(fabs(m.mean) < 5 * sqrt(variance / n));
    assert_true(fabs(m.variance / variance - 1) < 5 * sqrt((kurtosis - 1) / n));
    assert_true(fabs(m.kurtosis - kurtosis) < 0.05);
    assert_true(m.least >= -limit && m.least < -0.99 * limit);
    assert_true(m.greatest <= limit && m.greatest > 0.99 * limit);
}

/* Variances as Keras documents them. A uniform distribution's kurtosis is 1.8; that of a normal one cut at two
 * deviations follows from its moments: with d = 2 phi(2) / (2 Phi(2) - 1) = 0.113132, the variance is 1 - 2d = 0.773737
 * and the fourth moment 3 (1 - 2d) - 8d = 1.416153. */
TEST(initializers_have_their_distribution) {
    enum { INPUTS = 300, UNITS = 1000, COUNT = INPUTS * UNITS };
    static const struct {
        cvy_initializer initializer;
        double variance;
        bool normal;
    } cases[] = {
        {CVY_GLOROT_UNIFORM, 2.0 / (INPUTS + UNITS), false},
        {CVY_GLOROT_NORMAL, 2.0 / (INPUTS + UNITS), true},
        {CVY_HE_UNIFORM, 2.0 / INPUTS, false},
        {CVY_HE_NORMAL, 2.0 / INPUTS, true},
    };
    for (int i = 0; i < 4; i++) {
        cvy_variables variables = dense(INPUTS, UNITS, cases[i].initializer);
        float *parameters = initialize(&variables, 11);
        double deviation = sqrt(cases[i].variance);
        if (cases[i].normal)
            expect_distribution(parameters, COUNT, cases[i].variance, 2 * deviation / sqrt(0.773737),
                                1.416153 / (0.773737 * 0.773737));
        else
            expect_distribution(parameters, COUNT, cases[i].variance, sqrt(3) * deviation, 1.8);
        free(parameters);
        cvy_variables_free(&variables);
    }
}

/* Neighbours share a draw of the generator: they must not share more. */
TEST(neighbours_are_uncorrelated) {
    static const cvy_initializer initializers[] = {CVY_GLOROT_UNIFORM, CVY_GLOROT_NORMAL};
    for (int k = 0; k < 2; k++) {
        cvy_variables variables = dense(300, 1000, initializers[k]);
        float *x = initialize(&variables, 5);
        double variance = moments_of(x, 300000).variance;
        for (int lag = 1; lag <= 8; lag++) {
            double product = 0;
            for (int i = 0; i + lag < 300000; i++)
                product += (double)x[i] * (double)x[i + lag];
            assert_true(fabs(product / 300000 / variance) < 5 / sqrt(300000));
        }
        free(x);
        cvy_variables_free(&variables);
    }
}

/* The first values, as a few lines of Python with double-precision exp compute them too: a change here changes every
 * run of every user. */
TEST(first_values_are_frozen) {
    static const float uniform[] = {-0x1.28a07cp-1f, 0x1.29d38ep-3f,  -0x1.10077cp-2f,
                                    0x1.c43a4ep-2f,  -0x1.2aed5ap-1f, -0x1.cfd134p-3f};
    static const float normal[] = {-0x1.cd02dcp-2f, -0x1.299856p-2f, -0x1.7ee6e2p-2f,
                                   -0x1.a9b072p-2f, -0x1.51c398p-3f, -0x1.8694c8p-1f};
    static const float *const expected[] = {uniform, normal};
    static const cvy_initializer initializers[] = {CVY_GLOROT_UNIFORM, CVY_HE_NORMAL};
    for (int k = 0; k < 2; k++) {
        cvy_variables variables = dense(6, 4, initializers[k]);
        float *parameters = initialize(&variables, 42);
        for (int i = 0; i < 6; i++)
            if (memcmp(&parameters[i], &expected[k][i], sizeof(float)))
                fail_msg("value %d of %s: %a", i, k ? "he_normal" : "glorot_uniform", (double)parameters[i]);
        free(parameters);
        cvy_variables_free(&variables);
    }
}

RUN_TESTS("variables", NULL, NULL)
