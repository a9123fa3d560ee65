/* The peak of fused multiply-adds: what the vector tiers compute, one after another. */
#include "../contract.h"

#include <math.h>

void cvy_fma_peak_scalar(size_t rounds, float *result) {
    assert(cvy_is_aligned(result));
    for (int i = 0; i < CVY_PEAK_FLOATS; i++) {
        float chain = (float)i;
        for (size_t round = 0; round < rounds; round++)
            chain = fmaf(chain, CVY_PEAK_FACTOR, CVY_PEAK_ADDEND);
        result[i] = chain;
    }
}
