/* Gradient of the bias: dbias[f] is per lane the sum of dy over the positions, then the fold across lanes. */
#ifndef CVY_VECTOR_BIAS_GRADIENT_H
#define CVY_VECTOR_BIAS_GRADIENT_H

#include "tier.h"

/* The chains of up to so many filters run side by side. */
enum { BIAS_FILTERS = 4 };

TILE_BODY void bias_tile(const int filters, int positions, size_t step, const float *dy, float *dbias) {
    _Alignas(64) float lanes[BIAS_FILTERS][CVY_LANES];
    for (int lane = 0; lane < CVY_LANES; lane += VL) {
        V sum[BIAS_FILTERS];
        UNROLL for (int f = 0; f < filters; f++) sum[f] = v_zero();
        for (int p = 0; p < positions; p++)
            UNROLL for (int f = 0; f < filters; f++) sum[f] =
                v_add(sum[f], v_load(dy + p * step + f * CVY_LANES + lane));
        UNROLL for (int f = 0; f < filters; f++) v_store(&lanes[f][lane], sum[f]);
    }
    for (int f = 0; f < filters; f++) {
        for (int half = CVY_LANES / 2; half >= 1; half /= 2)
            for (int i = 0; i < half; i++)
                lanes[f][i] += lanes[f][i + half];
        dbias[f] = lanes[f][0];
    }
}

static void bias_gradient(int positions, int filters, const float *dy, float *dbias) {
    const size_t step = (size_t)filters * CVY_LANES;
    for (int f = 0, tile; f < filters; f += tile) {
        const float *from = dy + (size_t)f * CVY_LANES;
        tile = tile_extent(filters - f, BIAS_FILTERS);
        switch (tile) {
        case 1:
            bias_tile(1, positions, step, from, dbias + f);
            break;
        case 2:
            bias_tile(2, positions, step, from, dbias + f);
            break;
        case 3:
            bias_tile(3, positions, step, from, dbias + f);
            break;
        default:
            bias_tile(BIAS_FILTERS, positions, step, from, dbias + f);
        }
    }
}

#endif
