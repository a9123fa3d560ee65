/* fma_peak: each element goes towards 2, half of the way a round. */
#include <math.h>

#include "check.h"

void test_fma_peak(check *c) {
    for (int rounds = 0; rounds < 15; rounds++) {
        check_case(c, (size_t)rounds, CHECK_INTEGER, "%d rounds", rounds);
        float *result = check_output(c, "result", CVY_PEAK_FLOATS);
        float *expected = check_memory(c, CVY_PEAK_FLOATS * sizeof *expected);
        for (int i = 0; i < CVY_PEAK_FLOATS; i++)
            expected[i] = (float)(2 + ldexp(i - 2, -rounds)); /* at most 8 + 15 bits: exact */
        CHECK_EACH_TIER(c) {
            rows.fma_peak[c->tier]((size_t)rounds, result);
            check_floats(c, "result", result, expected, CHECK_AXES(CVY_PEAK_FLOATS));
        }
    }
}
