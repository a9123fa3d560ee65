#include "files.h"
#include "networks.h"

#include "../../src/model/summary.h"

/* ---- Helpers ---------------------------------------------------------------------------------------------------- */

static char *summarize(const cvy_network *network, int columns, long optimizer_parameters, bool bold) {
    cvy_status status = {0};
    char *text = cvy_summary_text(network, columns, optimizer_parameters, bold, &status);
    expect_ok(&status);
    return text;
}

/* Byte for byte what Keras printed. */
static void expect_keras(const char *name, int columns, bool colours) {
    char path[PATH_MAX];
    size_t count;
    snprintf(path, sizeof path, "%s/%s_%d%s.txt", CVY_NETWORKS, name, columns, colours ? "c" : "");
    cvy_network *network = read_network(name);
    char *found = summarize(network, columns, -1, colours), *expected = (char *)read_whole(path, &count);
    expected[count] = '\0';
    assert_string_equal(found, expected);
    free(found);
    free(expected);
    cvy_network_free(network);
}

static cvy_network *dense_network(int inputs, int units) {
    cvy_status status = {0};
    cvy_network *network = cvy_network_new("n", false, &status);
    cvy_layer input = cvy_layer_default(CVY_LAYER_INPUT), layer = cvy_layer_default(CVY_LAYER_DENSE);
    input.output = (cvy_shape){.rank = 1, .channels = inputs};
    layer.units = units;
    layer.use_bias = false;
    cvy_network_add(network, &input, &status);
    cvy_network_add(network, &layer, &status);
    expect_ok(&status);
    return network;
}

/* The text holds the line. */
static void expect_line(const char *text, const char *line) {
    if (!text || !strstr(text, line))
        fail_msg("no line '%s' in:\n%s", line, text ? text : "nothing");
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

static const int widths[] = {24, 40, 65, 80, 100};

TEST(table_is_keras_own_at_every_width) {
    for (int i = 0; i < 5; i++)
        expect_keras("lesson", widths[i], false);
}

TEST(awkward_names_wrap_as_keras_wraps_them) {
    for (int i = 0; i < 5; i++)
        expect_keras("names", widths[i], false);
}

TEST(colours_are_keras_own) {
    for (int i = 0; i < 5; i++) {
        expect_keras("lesson", widths[i], true);
        expect_keras("names", widths[i], true);
    }
}

TEST(sequential_leaves_out_its_input) {
    expect_keras("everything", 80, false);
    expect_keras("mlp", 80, false);
}

TEST(width_0_is_wide_enough) {
    cvy_network *network = read_network("names");
    char *unbounded = summarize(network, 0, -1, false), *wide = summarize(network, 100, -1, false);
    assert_string_equal(unbounded, wide);
    free(unbounded);
    free(wide);
    cvy_network_free(network);
}

TEST(narrowest_table_is_that_of_24_columns) {
    cvy_network *network = read_network("names");
    char *expected = summarize(network, 24, -1, true);
    for (int columns = 1; columns < 24; columns++) {
        char *narrow = summarize(network, columns, -1, true);
        assert_string_equal(narrow, expected);
        free(narrow);
    }
    free(expected);
    cvy_network_free(network);
}

/* The lesson after a fit with RMSprop, and after one with plain SGD, whose only variables are its step and rate. */
TEST(optimizer_is_counted_after_a_fit) {
    cvy_network *network = read_network("lesson");
    char *text = summarize(network, 100, 9534, false);
    expect_line(text, "\n Total params: 19,066 (74.48 KB)\n Trainable params: 9,532 (37.23 KB)\n"
                      " Non-trainable params: 0 (0.00 B)\n Optimizer params: 9,534 (37.25 KB)\n");
    free(text);
    text = summarize(network, 100, 2, false);
    expect_line(text, "\n Total params: 9,534 (37.25 KB)\n");
    expect_line(text, "\n Optimizer params: 2 (12.00 B)\n");
    free(text);
    text = summarize(network, 100, -1, false);
    assert_null(strstr(text, "Optimizer"));
    free(text);
    cvy_network_free(network);
}

/* Sizes as Python formats them, halves to even among them. */
TEST(sizes_are_rounded_as_python_rounds_them) {
    static const struct {
        int inputs, units;
        const char *line;
    } cases[] = {
        {1, 1, " Total params: 1 (4.00 B)\n"},
        {255, 1, " Total params: 255 (1020.00 B)\n"},
        {256, 1, " Total params: 256 (1.00 KB)\n"},
        {288, 1, " Total params: 288 (1.12 KB)\n"}, /* 1.125 */
        {352, 1, " Total params: 352 (1.38 KB)\n"}, /* 1.375 */
        {999, 1, " Total params: 999 (3.90 KB)\n"},
        {1000, 1, " Total params: 1,000 (3.91 KB)\n"},
        {262143, 1, " Total params: 262,143 (1024.00 KB)\n"},
        {262144, 1, " Total params: 262,144 (1.00 MB)\n"},
        {16777216, 16, " Total params: 268,435,456 (1.00 GB)\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cvy_network *network = dense_network(cases[i].inputs, cases[i].units);
        char *text = summarize(network, 0, -1, false);
        expect_line(text, cases[i].line);
        free(text);
        cvy_network_free(network);
    }
}

TEST(an_error_before_stops_it) {
    cvy_status status = {.code = CVY_FAILED};
    cvy_network *network = read_network("mlp");
    assert_null(cvy_summary_text(network, 80, -1, false, &status));
    cvy_network_free(network);
}

RUN_TESTS("summary", NULL, NULL)
