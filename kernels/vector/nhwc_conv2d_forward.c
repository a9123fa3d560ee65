/* Convolution forward in NHWC: output columns in the lanes, whatever the number of channels and filters.
 *
 * A band of output rows (scratch.h) takes three passes. The first turns the band into planes, one for each element t =
 * kx
 * * channels + c of a kernel row. A plane holds that element's input for all output columns, row after row without a
 * gap, so the lanes are full even where rows are narrower than a vector. The second pass accumulates tiles of filters x
 * vectors of positions: each tap loads its vectors of the plane and broadcasts a weight a filter. The third takes the
 * results, which lie filter by filter, to NHWC: few filters by permuting lanes, more by transposing. */
#include "../scratch.h"
#include "tier.h"

/* ---- Planes ----------------------------------------------------------------------------------------------------- */

/* Rows of an image under the windows of a band, of one residue modulo stride_y. */
typedef struct plane_rows {
    const float *x; /* the first row */
    size_t row;     /* floats to the next */
    int rows, columns;
    size_t column; /* floats from an output's patch to the next one's */
} plane_rows;

/* Where patches lie one float apart, plane t is the rows from element t on. A vector that runs past a row's end is
 * overwritten by the next row, or by the next plane. */
static void copy_planes(const plane_rows *from, int elements, size_t plane, float *to) {
    for (int t = 0; t < elements; t++, to += plane) {
        float *position = to;
        for (int r = 0; r < from->rows; r++, position += from->columns) {
            const float *row = from->x + r * from->row + t;
            for (int ox = 0; ox < from->columns; ox += VL)
                v_storeu(position + ox, v_loadu(row + ox));
        }
    }
}

/* VL patches, elements t to t + VL - 1 or what is left of them, to as many planes. */
static inline void transpose_patches(const float *const patch[VL], int t, int elements, size_t plane, float *to) {
    V r[VL];
    UNROLL for (int i = 0; i < VL; i++) r[i] = v_loadu(patch[i] + t);
    v_transpose(r);
    if (elements - t >= VL)
        UNROLL for (int i = 0; i < VL; i++) v_storeu(to + (t + i) * plane, r[i]);
    else
        UNROLL for (int i = 0; i < VL; i++) if (t + i < elements) v_storeu(to + (t + i) * plane, r[i]);
}

/* Elsewhere patches are transposed, VL at a time, the last one standing in for those beyond it. */
static void transpose_planes(const plane_rows *from, int elements, size_t plane, float *to) {
    const float *patch[VL];
    int held = 0, oy = 0, ox = 0;
    const int positions = from->rows * from->columns;
    for (int p = 0; p < positions; p += VL, to += VL) {
        for (held = 0; held < VL; held++) {
            patch[held] = from->x + oy * from->row + ox * from->column;
            if (p + held + 1 < positions && ++ox == from->columns) {
                ox = 0;
                oy++;
            }
        }
        for (int t = 0; t < elements; t += VL)
            transpose_patches(patch, t, elements, plane, to);
    }
}

/* The planes of a band whose first window begins in row x. */
static void make_planes(const cvy_conv2d_shape *shape, const cvy_nhwc_band *band, int rows, const float *x,
                        float *planes) {
    const int elements = shape->kernel_width * shape->input.channels;
    for (int k = 0; k < band->residues; k++) {
        const plane_rows from = {
            .x = x + (size_t)k * shape->input.row,
            .row = (size_t)shape->stride_y * shape->input.row,
            .rows = rows - 1 + (shape->kernel_height - k + shape->stride_y - 1) / shape->stride_y,
            .columns = shape->output_width,
            .column = (size_t)shape->stride_x * shape->input.channels,
        };
        float *to = planes + (size_t)k * band->input_rows * shape->output_width;
        if (from.column == 1)
            copy_planes(&from, elements, band->plane, to);
        else
            transpose_planes(&from, elements, band->plane, to);
    }
}

/* ---- Tiles ------------------------------------------------------------------------------------------------------ */

typedef struct tile_strides {
    int kernel_height, stride_y, elements;
    int filters;    /* from a tap's weights to the next */
    size_t plane;   /* floats from a plane to the next */
    size_t row;     /* from an output row's positions to the next */
    size_t residue; /* from a residue's rows to the next */
    size_t result;  /* from a filter's results to the next */
} tile_strides;

typedef void tile_fn(const tile_strides *strides, const float *planes, const float *weights, const float *bias,
                     float *z);

TILE_BODY void tile(const int filters, const int vectors, const tile_strides *strides, const float *planes,
                    const float *weights, const float *bias, float *z) {
    V sum[NHWC_CONV2D_FORWARD_FILTERS][NHWC_CONV2D_FORWARD_VECTORS];
    UNROLL for (int f = 0; f < filters; f++) {
        const V start = bias ? v_set1(bias[f]) : v_zero();
        UNROLL for (int v = 0; v < vectors; v++) sum[f][v] = start;
    }
    const size_t plane = strides->plane, step = strides->filters;
    for (int ky = 0; ky < strides->kernel_height; ky++) {
        const float *from = planes + ky % strides->stride_y * strides->residue + ky / strides->stride_y * strides->row;
        for (int t = strides->elements; t > 0; t--, from += plane, weights += step) {
            V weight[NHWC_CONV2D_FORWARD_FILTERS];
            UNROLL for (int f = 0; f < filters; f++) weight[f] = v_set1(weights[f]);
            UNROLL for (int v = 0; v < vectors; v++) {
                const V input = v_keep(v_loadu(from + v * VL));
                UNROLL for (int f = 0; f < filters; f++) sum[f][v] = v_fma(input, weight[f], sum[f][v]);
            }
        }
    }
    UNROLL for (int f = 0; f < filters; f++) UNROLL for (int v = 0; v < vectors; v++)
        v_store(z + f * strides->result + v * VL, sum[f][v]);
}

#define TILE(vectors, filters)                                                                                         \
    static void tile_##filters##x##vectors(const tile_strides *strides, const float *planes, const float *weights,     \
                                           const float *bias, float *z) {                                              \
        tile(filters, vectors, strides, planes, weights, bias, z);                                                     \
    }
NHWC_CONV2D_FORWARD_TILES(TILE)
#undef TILE

static tile_fn *const tiles[NHWC_CONV2D_FORWARD_FILTERS + 1][NHWC_CONV2D_FORWARD_VECTORS + 1] = {
#define TILE(vectors, filters) [filters][vectors] = tile_##filters##x##vectors,
    NHWC_CONV2D_FORWARD_TILES(TILE)
#undef TILE
};

/* The results of `positions` outputs, all filters. */
static void accumulate(const tile_strides *strides, int positions, const float *planes, const float *weights,
                       const float *bias, float *z) {
    for (int f = 0, filters; f < strides->filters; f += filters) {
        filters = tile_extent(strides->filters - f, NHWC_CONV2D_FORWARD_FILTERS);
        for (int p = 0, vectors; p < positions; p += vectors * VL) {
            vectors = NHWC_CONV2D_FORWARD_VECTORS;
            while (!tiles[filters][vectors] || (vectors - 1) * VL >= positions - p)
                vectors /= 2;
            tiles[filters][vectors](strides, planes + p, weights + f, bias ? bias + f : NULL,
                                    z + f * strides->result + p);
        }
    }
}

/* ---- Results to NHWC -------------------------------------------------------------------------------------------- */

static inline void store_upto(float *to, V a, ptrdiff_t left) {
    if (left >= VL)
        v_storeu(to, a);
    else if (left > 0)
        v_store_first(to, a, (int)left);
}

/* Few filters: a vector of y takes each of its lanes from the vector of one filter. */
typedef struct weave {
    _Alignas(64) int32_t filter[NHWC_CONV2D_FORWARD_WOVEN][VL], position[NHWC_CONV2D_FORWARD_WOVEN][VL];
} weave;

static inline weave weave_of(int filters) {
    weave w;
    int filter = 0, position = 0;
    for (int v = 0; v < filters; v++)
        for (int i = 0; i < VL; i++) {
            w.filter[v][i] = filter;
            w.position[v][i] = position;
            if (++filter == filters) {
                filter = 0;
                position++;
            }
        }
    return w; /* cppcheck-suppress uninitvar ; there is at least one filter */
}

TILE_BODY void weave_filters(const int filters, int positions, size_t result, const float *z, float *y) {
    const weave w = weave_of(filters);
    for (int p = 0; p < positions; p += VL, z += VL, y += filters * VL) {
        V from[NHWC_CONV2D_FORWARD_WOVEN];
        UNROLL for (int f = 0; f < filters; f++) from[f] = v_load(z + f * result);
        UNROLL for (int v = 0; v < filters; v++) {
            const VI position = vi_load(w.position[v]), filter = vi_load(w.filter[v]);
            V to = v_permute(from[0], position);
            UNROLL for (int f = 1; f < filters; f++) to =
                v_select(vi_eq(filter, vi_set1(f)), v_permute(from[f], position), to);
            store_upto(y + v * VL, to, (ptrdiff_t)(positions - p) * filters - v * VL);
        }
    }
}

/* VL positions of up to VL filters. What a vector holds beyond its filters is overwritten: from the last block of
 * filters to the first, and in each from position to position; unless it would reach beyond the last there is. */
static inline void transpose_results(int filters, int f, int positions, size_t result, const float *z, float *y) {
    V r[VL];
    UNROLL for (int i = 0; i < VL; i++) r[i] = v_load(z + (f + i) * result);
    v_transpose(r);
    float *to = y + f;
    if ((positions - VL + 1) * filters >= f + VL)
        UNROLL for (int i = 0; i < VL; i++) v_storeu(to + (size_t)i * filters, r[i]);
    else
        UNROLL for (int i = 0; i < VL; i++) if (i < positions)
            store_upto(to + (size_t)i * filters, r[i], least(VL, filters - f));
}

static void store_results(int filters, int positions, size_t result, const float *z, float *y) {
    switch (filters <= NHWC_CONV2D_FORWARD_WOVEN ? filters : 0) {
#define WEAVE(filters)                                                                                                 \
    case filters:                                                                                                      \
        weave_filters(filters, positions, result, z, y);                                                               \
        break;
        NHWC_CONV2D_FORWARD_WEAVES(WEAVE)
#undef WEAVE
    default:
        for (int p = 0; p < positions; p += VL)
            for (int f = (filters - 1) / VL * VL; f >= 0; f -= VL)
                transpose_results(filters, f, positions - p, result, z + p, y + (size_t)p * filters);
    }
}

/* ---- The operation ---------------------------------------------------------------------------------------------- */

static void forward_band(const cvy_conv2d_shape *shape, const cvy_nhwc_band *band, int rows, const float *x,
                         const float *weights, const float *bias, float *y, float *scratch) {
    const int elements = shape->kernel_width * shape->input.channels, positions = rows * shape->output_width;
    const tile_strides strides = {
        .kernel_height = shape->kernel_height,
        .stride_y = shape->stride_y,
        .elements = elements,
        .filters = shape->filters,
        .plane = band->plane,
        .row = shape->output_width,
        .residue = (size_t)band->input_rows * shape->output_width,
        .result = band->result,
    };
    float *z = scratch + elements * band->plane;
    make_planes(shape, band, rows, x, scratch);
    accumulate(&strides, positions, scratch, weights, bias, z);
    store_results(shape->filters, positions, band->result, z, y);
}

void KERNEL(conv2d_forward_nhwc)(const cvy_conv2d_shape *shape, int32_t count, const float *x, const float *weights,
                                 const float *bias, float *y, float *scratch) {
    assert(cvy_is_dense_conv2d(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias));
    assert(cvy_is_float_aligned(y) && cvy_is_aligned(scratch));
    const cvy_nhwc_band band = cvy_nhwc_band_for(shape);
    const size_t y_row = (size_t)shape->output_width * shape->filters;
    for (int n = 0; n < count; n++, x += shape->input.image, y += shape->output_height * y_row)
        for (int oy = 0, rows; oy < shape->output_height; oy += rows) {
            rows = least(band.rows, shape->output_height - oy);
            forward_band(shape, &band, rows, x + (size_t)oy * shape->stride_y * shape->input.row, weights, bias,
                         y + oy * y_row, scratch);
        }
}
