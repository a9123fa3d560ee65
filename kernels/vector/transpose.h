/* A block's elements, 16 lanes each, from and to 16 rows, one a lane. */
#ifndef CVY_VECTOR_TRANSPOSE_H
#define CVY_VECTOR_TRANSPOSE_H

#include "tier.h"

/* rows[l * stride + i] = lanes[i * 16 + l] for VL elements i and the 16 lanes. */
TILE_BODY void lanes_to_rows_tile(const float *lanes, size_t stride, float *rows) {
    for (int lane = 0; lane < CVY_LANES; lane += VL, rows += VL * stride) {
        V r[VL];
        UNROLL for (int i = 0; i < VL; i++) r[i] = v_load(lanes + i * CVY_LANES + lane);
        v_transpose(r);
        UNROLL for (int i = 0; i < VL; i++) v_storeu(rows + i * stride, r[i]);
    }
}

/* The same for `count` elements. The last tile overlaps the one before it; fewer than VL elements go one by one. */
static inline void lanes_to_rows(int count, const float *lanes, size_t stride, float *rows) {
    if (count < VL) {
        for (int i = 0; i < count; i++)
            for (int l = 0; l < CVY_LANES; l++)
                rows[l * stride + i] = lanes[i * CVY_LANES + l];
        return;
    }
    for (int i = 0; i < count; i += VL) {
        const int first = least(i, count - VL);
        lanes_to_rows_tile(lanes + (size_t)first * CVY_LANES, stride, rows + first);
    }
}

#endif
