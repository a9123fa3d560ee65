/* The harness of the kernel tests: TAP on standard output, random inputs that a printed seed reproduces, buffers
 * between guard pages, and comparisons that name the element, what was expected, what came, and the bound.
 *
 * A test checks one operation on all tiers at once, so that the oracle computes a case only once:
 *
 *   void test_add(check *c) {
 *       for each case, for each step {
 *           check_case(c, number, step, "count %zu", count);
 *           float *a = check_input_unaligned(c, "a", count), ...;        filled as the step asks
 *           float *sum = check_output_unaligned(c, "sum", count);
 *           oracle_value *expected = ...;                      computed from the inputs
 *           CHECK_EACH_TIER(c) {
 *               rows.add[c->tier](count, a, b, sum);
 *               check_values(c, "sum", sum, expected, ...);
 *           }
 *       }
 *   }
 *
 * CHECK_EACH_TIER restores the outputs before a tier runs; after it, the harness verifies the bytes around every buffer
 * and compares every output with the first tier's (the scalar one) bit by bit, all NaNs being one.
 *
 * Callee-saved registers and the stack pointer are not checked: kernels are C with intrinsics, so keeping them is the
 * compiler's work. A kernel in assembly would need that check first. */
#ifndef CVY_TESTS_CHECK_H
#define CVY_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cases.h"
#include "kernels.h"
#include "oracle.h"

/* What the inputs of a case are, and so what its outputs prove. */
typedef enum check_step {
    CHECK_INTEGER, /* small integers: sums are exact in any order, results must be equal */
    CHECK_RANDOM,  /* uniform in [-1, 1): the derived bound holds, and the contract's order gives these very bits */
    CHECK_SPECIAL, /* zeros of both signs, subnormals, infinities, NaN: the contract's order gives these very bits */
    CHECK_STEPS
} check_step;

enum { CHECK_BUFFERS = 16, CHECK_CHUNKS = 32 };

/* A buffer between two guard pages. It lies flush against the one behind it, or the one before it. */
typedef struct check_buffer {
    const char *name;
    unsigned char *pages; /* the mapping without its guard pages */
    size_t capacity;      /* its bytes */
    unsigned char *data;  /* the buffer within it */
    size_t bytes;
    size_t allowance; /* bytes behind the buffer that may be read */
    enum { CHECK_IN, CHECK_OUT, CHECK_INOUT, CHECK_SCRATCH } role;
    unsigned char *pristine;  /* contents before a tier runs (outputs) */
    unsigned char *reference; /* contents after the first tier ran (outputs) */
    bool integers;            /* contents are int32_t: no NaN to look for */
} check_buffer;

typedef struct check {
    /* The run. */
    uint64_t seed;
    case_set set; /* how many shapes: the short suite or the long one */
    /* The operation. */
    const char *operation;
    unsigned tiers;            /* to run: bit t */
    unsigned failed;           /* bit t */
    int failures[CVY_TIERS];   /* each */
    size_t compared, finite;   /* elements of the special step */
    size_t calls[CVY_TIERS];   /* kernel calls made */
    cvy_tier tier, first_tier; /* running; the one whose outputs the others must equal */
    bool running;              /* a kernel is */
    sigjmp_buf crash;
    /* The case. */
    check_step step;
    uint64_t random;
    size_t number;
    int misalignment; /* floats that an NHWC buffer lies off a 64-byte boundary where it cannot touch a guard page */
    bool at_end;      /* buffers touch the guard page behind them, not the one before */
    char shape[200];
    int buffers, chunks;
    check_buffer buffer[CHECK_BUFFERS];
    void *chunk[CHECK_CHUNKS];
} check;

/* ---- Cases ---- */

/* Begins a case: releases the buffers of the last one, seeds the random numbers, and describes the shape (printf). */
void check_case(check *c, size_t number, check_step step, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* 64 random bits; a number from 0 to bound - 1; uniform in [-1, 1). */
uint64_t check_random(check *c);
uint32_t check_below(check *c, uint32_t bound);
float check_uniform(check *c);

/* Memory until the next case, zeroed. */
void *check_memory(check *c, size_t bytes);

/* ---- Buffers, of floats unless said otherwise ---- */

/* 64-byte aligned; filled as the step asks. Inputs are write-protected while tiers run. */
float *check_input(check *c, const char *name, size_t count);
/* The same with random numbers in [-amplitude, amplitude). */
float *check_input_within(check *c, const char *name, size_t count, float amplitude);
/* NHWC: 4-byte aligned, 15 floats behind it may be read. */
float *check_input_nhwc(check *c, const char *name, size_t count);
/* 4-byte aligned, nothing behind it may be read. Contents unspecified until the test writes them; no write protection.
 */
void *check_input_raw(check *c, const char *name, size_t bytes, size_t alignment);

float *check_output(check *c, const char *name, size_t count);
int32_t *check_output_int32(check *c, const char *name, size_t count);
float *check_output_nhwc(check *c, const char *name, size_t count);
/* Both read and written: the contents are a copy of `contents`, restored before each tier. */
float *check_inout(check *c, const char *name, size_t count, const float *contents);
/* Any of these on a 4-byte boundary: `misalignment` floats off a 64-byte one, unless it touches a guard page. */
float *check_output_unaligned(check *c, const char *name, size_t count);
int32_t *check_output_int32_unaligned(check *c, const char *name, size_t count);
float *check_input_unaligned(check *c, const char *name, size_t count);
float *check_inout_unaligned(check *c, const char *name, size_t count, const float *contents);
float *check_scratch(check *c, const char *name, size_t count);

/* What an output holds before a kernel writes it. */
float check_untouched(void);

/* Fills an array as the step asks. */
void check_fill(check *c, float *data, size_t count, float amplitude);

/* In every other special case: fills two arrays so that all products underflow to -0. A chain of them from +0 ends in
 * -0. */
void check_fill_underflow(size_t i, check_step step, float *a, size_t a_count, float *b, size_t b_count);

/* ---- Tiers ---- */

#define CHECK_EACH_TIER(c) for (bool more_ = check_first_tier(c); more_; more_ = check_next_tier(c))

bool check_first_tier(check *c);
bool check_next_tier(check *c);

/* ---- Comparisons ---- */

/* Where an element stands, for the report: row-major extents. */
typedef struct check_axes {
    int rank;
    size_t extent[5];
} check_axes;

#define CHECK_AXES(...) ((check_axes){sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), {__VA_ARGS__}})

size_t check_count(check_axes axes);

/* Every element: the bits of `exact`; and but for the special step within `bound` of `value`. Fails also when fewer
 * than `share` of the elements are other than zero in the integer and random steps: such a test proves nothing. */
void check_values(check *c, const char *name, const float *got, const oracle_value *expected, check_axes axes,
                  double share);
/* Bits only, all NaNs being one. */
void check_floats(check *c, const char *name, const float *got, const float *expected, check_axes axes);
void check_integers(check *c, const char *name, const int32_t *got, const int32_t *expected, check_axes axes);

/* The tier has failed: operation, tier, shape and seed are printed with the message. */
void check_fail(check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Distance from the true value in units of the last place of the float nearest it. */
double check_ulps(float got, double expected);

/* All NaNs become one. */
uint32_t check_bits(float value);

/* ---- The kernels that kernels.def lists ---- */

/* The kernels by operation and tier; NULL where a tier has none, or is not for this processor family. */
struct check_rows {
#define CVY_OPERATION(tiers, result, name, parameters) cvy_##name##_fn *name[CVY_TIERS];
#include "kernels.def"
};

extern const struct check_rows rows;

/* ---- Tests of an operation over its cases, in each step ---- */

typedef void check_conv2d_test(check *c, size_t number, check_step step, const conv2d_case *cc);
typedef void check_pool_test(check *c, size_t number, check_step step, const pool_case *pc);
typedef void check_dense_test(check *c, size_t number, check_step step, const dense_case *dc);

void check_each_conv2d(check *c, check_conv2d_test *run);
void check_each_pool(check *c, check_pool_test *run);
void check_each_dense(check *c, check_dense_test *run);

/* The special step of a convolution runs on every fourth shape: its paths are those of the other steps. */
bool check_conv2d_step(size_t number, check_step step);

/* Defines the test of an operation: `run` on each case. */
#define CHECK_TEST(operation, each, run)                                                                               \
    void test_##operation(check *c) {                                                                                  \
        each(c, run);                                                                                                  \
    }

/* ---- The tests: test_<operation> for each operation of kernels.def, and those of several operations ---- */

#define CVY_OPERATION(tiers, result, name, parameters) void test_##name(check *c);
#include "kernels.def"

void test_elementary_digests(check *c);
void test_conv2d_adjoint(check *c);
void test_conv2d_maxpool2x2_adjoint(check *c);
void test_dense_adjoint(check *c);
void test_pool_adjoint(check *c);
void test_pad_adjoint(check *c);
void test_lanes_beyond(check *c);
void test_dispatch(check *c);

#endif
