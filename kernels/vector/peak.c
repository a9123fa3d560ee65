/* As many fused multiply-adds as the processor can start: eight independent chains in registers at a time cover a
 * latency of four cycles on two pipes. Nothing is loaded or stored within a chain. */
#include "tier.h"

TILE_BODY void peak_chains(size_t rounds, float *result) {
    const V factor = v_set1(CVY_PEAK_FACTOR), addend = v_set1(CVY_PEAK_ADDEND);
    V chain[PEAK_CHAINS];
    UNROLL for (int i = 0; i < PEAK_CHAINS; i++) chain[i] = v_keep(v_loadu(result + i * VL));
    for (size_t round = 0; round < rounds; round++)
        UNROLL for (int i = 0; i < PEAK_CHAINS; i++) chain[i] = v_keep(v_fma(chain[i], factor, addend));
    UNROLL for (int i = 0; i < PEAK_CHAINS; i++) v_storeu(result + i * VL, chain[i]);
}

void KERNEL(fma_peak)(size_t rounds, float *result) {
    assert(cvy_is_aligned(result));
    for (int i = 0; i < CVY_PEAK_FLOATS; i++)
        result[i] = (float)i;
    for (int first = 0; first < CVY_PEAK_FLOATS; first += PEAK_CHAINS * VL)
        peak_chains(rounds, result + first);
}
