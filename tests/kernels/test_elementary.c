/* exp, log, tanh and sigmoid on a sample of all floats: within 2 ULP of libm in double, and the same bits on every
 * tier. sweep.c does the same for every float there is. */
#include <math.h>
#include <string.h>

#include "elementary.h"

/* ---- Values ---- */

enum { BATCH = 4096 };

/* The inputs of a batch are `bits`; results against the truth, element by element. */
static void compare_batch(check *c, const elementary *f, size_t number, const char *what, const uint32_t *bits) {
    check_case(c, number, CHECK_SPECIAL, "%s, %s", f->name, what);
    float *x = check_input_raw(c, "x", BATCH * sizeof *x, sizeof *x);
    memcpy(x, bits, BATCH * sizeof *x);
    float *y = check_output_unaligned(c, "y", BATCH);
    CHECK_EACH_TIER(c) {
        f->kernel[c->tier](BATCH, x, y);
        for (size_t i = 0; i < BATCH; i++)
            if (!elementary_close(f, x[i], y[i])) {
                check_fail(c, "%s(%a = %.9g): expected %.9g, got %.9g, off by %.2f ULP with a bound of 2", f->name,
                           x[i], x[i], f->truth(x[i]), y[i], check_ulps(y[i], f->truth(x[i])));
                break;
            }
    }
}

/* Every sign and exponent, with the mantissas at the ends of each binade and random ones. */
static void all_exponents(check *c, const elementary *f, uint32_t *bits) {
    enum { MANTISSAS = 64 };
    for (uint32_t first = 0; first < 512; first += BATCH / MANTISSAS) {
        for (uint32_t i = 0; i < BATCH; i++) {
            const uint32_t k = i % MANTISSAS;
            const uint32_t mantissa = k < 8 ? k : k < 16 ? 0x7fffffu - (k - 8) : check_below(c, 1u << 23);
            bits[i] = (first + i / MANTISSAS) << 23 | mantissa;
        }
        compare_batch(c, f, first, "every exponent", bits);
    }
}

/* Around the points where a function saturates, overflows, underflows, or where an implementation may change its
 * formula: every float for a while. */
static void boundaries(check *c, const elementary *f, uint32_t *bits) {
    static const float points[] = {0x1p-126f,  0x1p-24f,   0x1p-12f,   0.25f,          0.5f,       0.5493061f,
                                   0.55f,      0.625f,     0.6931472f, 0.70710678f,    1.0f,       1.4142136f,
                                   2.0f,       8.66434f,   9.0f,       15.0f,          16.635532f, 17.3f,
                                   30.0f,      87.336544f, 88.0f,      88.72284f,      89.0f,      103.27893f,
                                   103.97208f, 104.0f,     128.0f,     0x1.fffffep127f};
    for (size_t p = 0; p < 2 * sizeof points / sizeof *points; p++) {
        const float point = p % 2 ? -points[p / 2] : points[p / 2];
        uint32_t centre;
        memcpy(&centre, &point, sizeof centre);
        for (uint32_t i = 0; i < BATCH; i++)
            bits[i] = centre + i - BATCH / 2;
        compare_batch(c, f, 1000 + p, "boundaries", bits);
    }
}

/* A stride through all 2^32, from a random start. */
static void spread(check *c, const elementary *f, uint32_t *bits) {
    const uint32_t batches = c->set == CASES_LONG ? 4096 : 128, stride = (uint32_t)(0x100000000u / batches / BATCH);
    check_case(c, 2000, CHECK_SPECIAL, "start of the stride");
    uint32_t at = check_below(c, stride);
    for (uint32_t b = 0; b < batches; b++) {
        for (uint32_t i = 0; i < BATCH; i++, at += stride)
            bits[i] = at;
        compare_batch(c, f, 3000 + b, "spread over all floats", bits);
    }
}

/* ---- Exact values ---- */

typedef struct exact_value {
    float x, y;
} exact_value;

static void exact_values(check *c, const elementary *f, const exact_value *values, size_t count) {
    check_case(c, 900, CHECK_SPECIAL, "%s, values that are exact", f->name);
    float *x = check_input_raw(c, "x", count * sizeof *x, sizeof *x);
    float *expected = check_memory(c, count * sizeof *expected);
    for (size_t i = 0; i < count; i++) {
        x[i] = values[i].x;
        expected[i] = values[i].y;
    }
    float *y = check_output_unaligned(c, "y", count);
    CHECK_EACH_TIER(c) {
        f->kernel[c->tier](count, x, y);
        check_floats(c, "y", y, expected, CHECK_AXES(count));
    }
}

/* ---- Extents ---- */

/* Counts 0 to 70 at every alignment of x and y, which need not be the same; then in place. */
static void extents(check *c, const elementary *f) {
    for (size_t i = 0; i < 71 * 32; i++) {
        const size_t count = i % 71;
        const bool in_place = i % 5 == 4;
        check_case(c, 10000 + i, CHECK_RANDOM, "%s, %zu elements%s", f->name, count, in_place ? ", in place" : "");
        c->misalignment = (int)(i / 71 % 16);
        float *contents = check_memory(c, count * sizeof *contents);
        check_fill(c, contents, count, 5);
        float *y = in_place ? check_inout_unaligned(c, "y", count, contents) : check_output_unaligned(c, "y", count);
        c->misalignment = (int)check_below(c, 16);
        float *x = in_place ? y : check_input_unaligned(c, "x", count);
        if (!in_place)
            memcpy(x, contents, count * sizeof *x);
        CHECK_EACH_TIER(c) {
            f->kernel[c->tier](count, x, y);
            for (size_t k = 0; k < count; k++)
                if (!elementary_close(f, contents[k], y[k])) {
                    check_fail(c, "y[%zu]: %s(%a) expected %.9g, got %.9g", k, f->name, contents[k],
                               f->truth(contents[k]), y[k]);
                    break;
                }
        }
    }
}

static void test_function(check *c, const exact_value *values, size_t count) {
    const elementary *f = elementary_named(c->operation);
    static uint32_t bits[BATCH];
    exact_values(c, f, values, count);
    extents(c, f);
    all_exponents(c, f, bits);
    boundaries(c, f, bits);
    spread(c, f, bits);
}

#define TEST_FUNCTION(c, ...)                                                                                          \
    test_function(c, (const exact_value[]){__VA_ARGS__},                                                               \
                  sizeof((const exact_value[]){__VA_ARGS__}) / sizeof(exact_value))

void test_exp_f32(check *c) {
    TEST_FUNCTION(c, {0.0f, 1.0f}, {-0.0f, 1.0f}, {0x1p-149f, 1.0f}, {-0x1p-149f, 1.0f}, {INFINITY, INFINITY},
                  {-INFINITY, 0.0f}, {NAN, NAN}, {89.0f, INFINITY}, {0x1.fffffep127f, INFINITY}, {-104.0f, 0.0f},
                  {-0x1.fffffep127f, 0.0f});
}

void test_log_f32(check *c) {
    TEST_FUNCTION(c, {1.0f, 0.0f}, {0.0f, -INFINITY}, {-0.0f, -INFINITY}, {INFINITY, INFINITY}, {NAN, NAN},
                  {-INFINITY, NAN}, {-1.0f, NAN}, {-0x1p-149f, NAN});
}

/* An odd function, zeros and all; tiny arguments are their own tanh. */
void test_tanh_f32(check *c) {
    TEST_FUNCTION(c, {0.0f, 0.0f}, {-0.0f, -0.0f}, {0x1p-149f, 0x1p-149f}, {-0x1p-149f, -0x1p-149f},
                  {0x1p-127f, 0x1p-127f}, {INFINITY, 1.0f}, {-INFINITY, -1.0f}, {NAN, NAN}, {100.0f, 1.0f},
                  {-100.0f, -1.0f});
}

void test_sigmoid_f32(check *c) {
    TEST_FUNCTION(c, {0.0f, 0.5f}, {-0.0f, 0.5f}, {INFINITY, 1.0f}, {-INFINITY, 0.0f}, {NAN, NAN}, {100.0f, 1.0f},
                  {-105.0f, 0.0f}, {-0x1.fffffep127f, 0.0f}, {0x1.fffffep127f, 1.0f});
}

/* The same bits on every machine, with every compiler. */
void test_elementary_digests(check *c) {
    for (size_t i = 0; i < 4; i++) {
        const elementary *f = &elementary_functions[i];
        check_case(c, i, CHECK_SPECIAL, "%s", f->name);
        CHECK_EACH_TIER(c) {
            if (!f->kernel[c->tier])
                continue;
            const uint64_t digest = elementary_digest(f->kernel[c->tier]);
            if (digest != f->digest)
                check_fail(c, "%s: the digest is 0x%016llx, recorded is 0x%016llx", f->name, (unsigned long long)digest,
                           (unsigned long long)f->digest);
        }
    }
}
