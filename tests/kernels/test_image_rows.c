/* Rows of images on their way to a block: every width around the vectors' lengths, and images of real data sets. */
#include <math.h>
#include <string.h>

#include "check.h"

#define U 0x1p-24

static int32_t width_at(size_t i) {
    static const int32_t real[] = {28, 32, 96, 84, 100};
    return i % 41 < 36 ? 1 + (int32_t)(i % 41) : real[i % 41 - 36];
}

static size_t cases(const check *c) {
    return c->set == CASES_LONG ? 41 * 40 : 41 * 3;
}

void test_widen_u8(check *c) {
    for (size_t i = 0; i < cases(c); i++) {
        const int32_t floats = width_at(i), count = 1 + (int32_t)(i * 7 % 30), row = floats + (int32_t)(i % 3) * 9;
        check_case(c, i, CHECK_RANDOM, "%d rows of %d, %d apart", count, floats, row);
        const size_t bytes = (size_t)(count * floats), extent = (size_t)((count - 1) * row + floats);
        uint8_t *x = check_input_raw(c, "x", bytes, 1);
        for (size_t b = 0; b < bytes; b++)
            x[b] = (uint8_t)check_below(c, 256);
        float *y = check_output_nhwc(c, "y", extent);
        float *expected = check_memory(c, extent * sizeof *expected);
        for (size_t k = 0; k < extent; k++) {
            const size_t line = k / (size_t)row, place = k % (size_t)row;
            expected[k] = place < (size_t)floats ? (float)x[line * (size_t)floats + place] : check_untouched();
        }
        CHECK_EACH_TIER(c) {
            rows.widen_u8[c->tier](count, floats, x, row, y);
            check_floats(c, "y", y, expected, CHECK_AXES(extent));
        }
    }
}

/* sum x[i] i^k by the contract's chain. */
static void add_row(oracle_sum *sum, float value, int32_t row, int power) {
    oracle_add(sum, value, power == 0 ? 1.0f : power == 1 ? (float)row : (float)row * (float)row);
}

void test_column_moments(check *c) {
    for (size_t i = 0; i < cases(c); i++)
        for (check_step step = 0; step < CHECK_STEPS; step++) {
            const int32_t floats = width_at(i), count = 1 + (int32_t)(i * 7 % 30), row = floats + (int32_t)(i % 3) * 9;
            check_case(c, i, step, "%d rows of %d, %d apart", count, floats, row);
            const float *x = check_input_nhwc(c, "x", (size_t)((count - 1) * row + floats));
            float *moments = check_output_nhwc(c, "moments", 3 * (size_t)floats);
            oracle_value *expected = check_memory(c, 3 * (size_t)floats * sizeof *expected);
            for (int power = 0; power < 3; power++)
                for (int32_t j = 0; j < floats; j++) {
                    oracle_sum sum = {0};
                    for (int32_t k = 0; k < count; k++)
                        add_row(&sum, x[k * row + j], k, power);
                    expected[power * floats + j] = oracle_result(&sum, NULL, step == CHECK_INTEGER);
                }
            CHECK_EACH_TIER(c) {
                rows.column_moments[c->tier](count, floats, row, x, moments);
                check_values(c, "moments", moments, expected, CHECK_AXES(3, (size_t)floats), count > 4 ? 0.4 : 0);
            }
        }
}

static oracle_value sample(const float *from, int32_t step, float fraction, float scale, float offset) {
    double value = from[0];
    float exact = from[0];
    if (fraction != 0) {
        value += ((double)from[step] - from[0]) * fraction;
        exact = oracle_fma(from[step] - from[0], fraction, from[0]);
    }
    const double size = fabs((double)from[0]) + fabs((double)from[fraction != 0 ? step : 0]);
    return (oracle_value){.value = value * scale + offset,
                          .bound =
                              1.001 * U * (4 * size * fabs((double)scale) + fabs(value * scale + offset)) + 0x1p-140,
                          .exact = oracle_fma(exact, scale, offset)};
}

void test_sample_rows(check *c) {
    for (size_t i = 0; i < cases(c); i++)
        for (check_step step = CHECK_RANDOM; step < CHECK_STEPS; step++) {
            const int32_t floats = width_at(i), count = 1 + (int32_t)(i * 7 % 30), row = floats + (int32_t)(i % 3) * 9;
            const int32_t neighbour = 1 + (int32_t)(i % 4), source = 3 * floats * 8 + neighbour;
            const float scale = i % 2 ? 1.0f : 1.0f / 255, offset = i % 3 ? -0.4f : 0.0f;
            check_case(c, i, step, "%d rows of %d, %d apart, neighbour %d on", count, floats, row, neighbour);
            const float *x = check_input_nhwc(c, "x", (size_t)source);
            int32_t *start = check_input_raw(c, "start", (size_t)count * sizeof *start, sizeof *start);
            float *fraction = check_input_raw(c, "fraction", (size_t)count * sizeof *fraction, sizeof *fraction);
            for (int32_t k = 0; k < count; k++) {
                start[k] = (int32_t)check_below(c, (uint32_t)(source - neighbour - floats + 1));
                fraction[k] = check_below(c, 3) ? 0.5f + 0.5f * check_uniform(c) : 0.0f;
            }
            const size_t extent = (size_t)((count - 1) * row + floats);
            float *y = check_output_nhwc(c, "y", extent);
            oracle_value *expected = check_memory(c, extent * sizeof *expected);
            for (size_t k = 0; k < extent; k++) {
                const size_t line = k / (size_t)row, place = k % (size_t)row;
                expected[k] = place < (size_t)floats
                                  ? sample(x + start[line] + place, neighbour, fraction[line], scale, offset)
                                  : (oracle_value){check_untouched(), 0, check_untouched()};
            }
            CHECK_EACH_TIER(c) {
                rows.sample_rows[c->tier](count, floats, start, fraction, neighbour, scale, offset, x, row, y);
                check_values(c, "y", y, expected, CHECK_AXES(extent), 0);
            }
        }
}
