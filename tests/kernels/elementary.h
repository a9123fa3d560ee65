/* The elementary functions under test: their kernels, and their truth in double. */
#ifndef CVY_TESTS_ELEMENTARY_H
#define CVY_TESTS_ELEMENTARY_H

#include "check.h"

typedef void elementary_kernel(size_t count, const float *x, float *y);

typedef struct elementary {
    const char *name;
    elementary_kernel *const *kernel; /* by tier, as in rows */
    double (*truth)(double x);
    uint64_t digest; /* of its results for elementary_digest's inputs */
} elementary;

extern const elementary elementary_functions[4];

/* NULL if there is none of that name. */
const elementary *elementary_named(const char *name);

/* A number that stands for the bits of a function's results on a million inputs. */
uint64_t elementary_digest(elementary_kernel *kernel);

/* Whether a result is within 2 ULP of the truth. */
bool elementary_close(const elementary *f, float x, float y);

float elementary_float(uint32_t bits);

#endif
