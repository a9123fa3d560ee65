/* Benchmarks of single kernels: one for every row of kernels.def, on the layers of real networks in the tests' cases
 * (tests/kernels/cases.h, CASES_NAMED).
 *
 * Each operation has a line with its arguments,
 *
 *     BENCH_ROW(add, vector, 3 * d->count, d->count, d->a, d->b, d->y)
 *               operation, family, floats it reads and writes, arguments...
 *
 * and rows.c expands kernels.def: an operation without such a line does not link. A family makes the data of its
 * operations, `d` above. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include <stdio.h>

#include "cases.h"
#include "kernels.h"
#include "memory.h"

enum { BENCH_NAME_MAX = 80 };

/* A case of a family, while its data are made. */
typedef struct bench_case {
    bench_memory *memory;
    const cvy_kernels *kernels; /* of the best tier */
    size_t index;
    int32_t images; /* where the layout leaves their number open */
    double flop;    /* result: multiplications and additions of a call, counted densely; 0: measured in bytes */
} bench_case;

typedef struct bench_family {
    /* The name of a case; false past the last one. */
    bool (*name)(size_t index, char name[static BENCH_NAME_MAX]);
    void *(*make)(bench_case *b);
    bool few; /* the layout is for few images: each case is measured on 16 images and on one */
} bench_family;

/* Defines the name function of a kind of case (tests/kernels/cases.h): conv2d, pool, dense, image. */
#define BENCH_CASE_NAME(kind)                                                                                          \
    static bool kind##_name(size_t index, char name[static BENCH_NAME_MAX]) {                                          \
        kind##_case c;                                                                                                 \
        if (!kind##_case_at(CASES_NAMED, index, &c))                                                                   \
            return false;                                                                                              \
        snprintf(name, BENCH_NAME_MAX, "%s", c.name);                                                                  \
        return true;                                                                                                   \
    }

typedef struct bench_row {
    const bench_family *family;
    void (*call)(const cvy_kernels *kernels, const void *data);
    double (*floats)(const void *data); /* read and written */
} bench_row;

#define BENCH_ROW(operation, family_name, floats_of, ...)                                                              \
    static void call_##operation(const cvy_kernels *kernels, const void *data) {                                       \
        const family_name *d = data;                                                                                   \
        kernels->operation(__VA_ARGS__);                                                                               \
    }                                                                                                                  \
    static double floats_##operation(const void *data) {                                                               \
        const family_name *d = data;                                                                                   \
        (void)d;                                                                                                       \
        return (double)(floats_of);                                                                                    \
    }                                                                                                                  \
    const bench_row bench_##operation = {&family_name##_family, call_##operation, floats_##operation};

#define CVY_OPERATION(tiers, result, name, parameters) extern const bench_row bench_##name;
#include "kernels.def"

/* Registers the benchmarks of all rows whose tier is in the set. */
void bench_register_rows(unsigned tiers);
void bench_rows_free(void);

/* Draws rings of ink on an empty ground, a different one in each lane. They resemble digits: the time of some kernels
 * depends on where the maxima of the windows lie. `x` is a block in HWC16N. */
void bench_draw(bench_memory *memory, int32_t height, int32_t width, int32_t channels, float *x);

#endif
