/* Dense layers on images one after another. All three operations are one: out[r][v] = start[v], then for k ascending
 * fma(a[r][k], b[k][v], ...) with a broadcast and b in the lanes.
 *
 *                       r         v       k        a    b
 *   forward             images    units   inputs   x    weights
 *   backward_data       images    inputs  units    dy   weights, transposed into the scratch, 16 inputs at a time
 *   backward_weights    inputs    units   images   x    dy
 *
 * A tile of rows x vectors stays in registers over the chain. */
#include <string.h>

#include "../scratch.h"
#include "tier.h"

/* A run of terms: a[r * a_row + k * a_step] and the vectors at b + k * b_step. */
typedef struct term_run {
    const float *a;
    size_t a_row, a_step;
    const float *b;
    size_t b_step;
    int count;
} term_run;

/* Where sums go: out[r * row + i] for i < lanes, times the factor there unless it is NULL. */
typedef struct sum_target {
    float *out;
    const float *factor;
    size_t row;
    int lanes;
} sum_target;

typedef void tile_fn(const float *start, const term_run *terms, const float *last_b, int last,
                     const sum_target *target);

TILE_BODY void accumulate(const int rows, const int vectors, int count, const float *a, size_t a_row, size_t a_step,
                          const float *b, size_t b_step, V sum[NHWC_DENSE_ROWS][NHWC_DENSE_VECTORS]) {
    for (int k = 0; k < count; k++, a += a_step, b += b_step) {
        V in[NHWC_DENSE_VECTORS];
        UNROLL for (int v = 0; v < vectors; v++) in[v] = v_keep(v_loadu(b + v * VL));
        UNROLL for (int r = 0; r < rows; r++) {
            const V factor = v_set1(a[r * a_row]);
            UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = v_fma(factor, in[v], sum[r][v]);
        }
    }
}

/* The first terms, then `last` more whose b lies dense at last_b. */
TILE_BODY void tile(const int rows, const int vectors, const float *start, const term_run *t, const float *last_b,
                    int last, const sum_target *to) {
    V sum[NHWC_DENSE_ROWS][NHWC_DENSE_VECTORS];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = v_load(start + v * VL);
    accumulate(rows, vectors, t->count, t->a, t->a_row, t->a_step, t->b, t->b_step, sum);
    accumulate(rows, vectors, last, t->a + t->count * t->a_step, t->a_row, t->a_step, last_b, vectors * VL, sum);
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) {
        const size_t at = r * to->row + v * VL;
        const V value = to->factor ? v_mul(sum[r][v], v_loadu(to->factor + at)) : sum[r][v];
        if (v < vectors - 1 || to->lanes >= vectors * VL)
            v_storeu(to->out + at, value);
        else
            v_store_first(to->out + at, value, to->lanes - v * VL);
    }
}

#define TILE(rows, vectors)                                                                                            \
    static void tile_##rows##x##vectors(const float *start, const term_run *terms, const float *last_b, int last,      \
                                        const sum_target *target) {                                                    \
        tile(rows, vectors, start, terms, last_b, last, target);                                                       \
    }
NHWC_DENSE_TILES(TILE)
#undef TILE

static tile_fn *const tiles[NHWC_DENSE_VECTORS + 1][NHWC_DENSE_ROWS + 1] = {
#define TILE(rows, vectors) [vectors][rows] = tile_##rows##x##vectors,
    NHWC_DENSE_TILES(TILE)
#undef TILE
};

/* So many vectors, all rows. */
static void run_tiles(int rows, int vectors, const float *start, term_run t, const float *last_b, int last,
                      sum_target to) {
    for (int r = 0, some; r < rows; r += some) {
        some = NHWC_DENSE_ROWS;
        while (some > rows - r || !tiles[vectors][some])
            some /= 2;
        tiles[vectors][some](start, &t, last_b, last, &to);
        t.a += some * t.a_row;
        to.out += some * to.row;
        to.factor = to.factor ? to.factor + some * to.row : NULL;
    }
}

/* Room for the last rows of a tile: one row of all its vectors, or fewer than VL rows of one vector. */
enum { LAST_FLOATS = NHWC_DENSE_VECTORS * VL + VL * VL };

/* How many vectors hold the lanes from one on, at most NHWC_DENSE_VECTORS. */
static inline int tile_vectors(int lanes) {
    return tile_extent((lanes + VL - 1) / VL, NHWC_DENSE_VECTORS);
}

/* +0 behind the `used` floats of each of `count` rows. */
static void clear_rests(int count, int used, int row, float *to) {
    for (int n = 0; n < count && used < row; n++, to += row)
        memset(to + used, 0, (row - used) * sizeof *to);
}

void KERNEL(dense_forward_nhwc)(const cvy_dense_shape *shape, int32_t count, const float *x, const float *weights,
                                const float *bias, float *y) {
    assert(cvy_is_strided_dense(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias));
    assert(cvy_is_float_aligned(y));
    const int inputs = shape->inputs, units = shape->units;
    const size_t end = (size_t)inputs * units;
    for (int u = 0, vectors; u < units; u += vectors * VL) {
        vectors = tile_vectors(units - u);
        const int width = vectors * VL, lanes = least(width, units - u);
        _Alignas(64) float start[NHWC_DENSE_VECTORS * VL] = {0};
        if (bias)
            memcpy(start, bias + u, lanes * sizeof *start);
        /* A row's vectors may run into the next row, but not past the last: so the last rows are read from a copy. They
         * are one, or as many as it takes rows to fill a vector. */
        _Alignas(64) float last_rows[LAST_FLOATS] = {0};
        int first = inputs;
        while (first > 0 && (size_t)(first - 1) * units + u + width > end)
            first--;
        for (int i = first; i < inputs; i++)
            memcpy(last_rows + (i - first) * width, weights + (size_t)i * units + u, lanes * sizeof *last_rows);
        run_tiles(count, vectors, start, (term_run){x, shape->input_row, 1, weights + u, units, first}, last_rows,
                  inputs - first, (sum_target){y + u, NULL, shape->unit_row, lanes});
    }
    clear_rests(count, units, shape->unit_row, y);
}

/* transposed[u][0..15] = weights[i + 0..15][u]; the last input stands in for those beyond it. */
static void transpose_weights(int inputs, int i, int units, const float *weights, float *transposed) {
    const int whole = units / VL * VL;
    for (int lane = 0; lane < CVY_LANES; lane += VL) {
        const float *row[VL];
        for (int k = 0; k < VL; k++)
            row[k] = weights + (size_t)least(i + lane + k, inputs - 1) * units;
        for (int u = 0; u < whole; u += VL) {
            V r[VL];
            UNROLL for (int k = 0; k < VL; k++) r[k] = v_loadu(row[k] + u);
            v_transpose(r);
            UNROLL for (int k = 0; k < VL; k++) v_store(transposed + (size_t)(u + k) * CVY_LANES + lane, r[k]);
        }
        for (int u = whole; u < units; u++)
            for (int k = 0; k < VL; k++)
                transposed[(size_t)u * CVY_LANES + lane + k] = row[k][u];
    }
}

void KERNEL(dense_backward_data_nhwc)(const cvy_dense_shape *shape, int32_t count, const float *dy,
                                      const float *weights, const float *derivative, float *dx, float *scratch) {
    assert(cvy_is_strided_dense(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(dy) && cvy_is_aligned(weights) && cvy_is_float_aligned_or_null(derivative));
    assert(cvy_is_float_aligned(dx) && cvy_is_aligned(scratch));
    static const _Alignas(64) float start[CVY_LANES];
    const int inputs = shape->inputs, units = shape->units;
    for (int i = 0; i < inputs; i += CVY_LANES) {
        transpose_weights(inputs, i, units, weights, scratch);
        for (int lane = 0, vectors; lane < least(CVY_LANES, inputs - i); lane += vectors * VL) {
            vectors = least(tile_vectors(inputs - i - lane), tile_vectors(CVY_LANES - lane));
            run_tiles(count, vectors, start, (term_run){dy, shape->unit_row, 1, scratch + lane, CVY_LANES, units}, NULL,
                      0,
                      (sum_target){dx + i + lane, derivative ? derivative + i + lane : NULL, shape->input_row,
                                   least(vectors * VL, inputs - i - lane)});
        }
    }
    clear_rests(count, inputs, shape->input_row, dx);
}

void KERNEL(dense_backward_weights_nhwc)(const cvy_dense_shape *shape, int32_t count, const float *x, const float *dy,
                                         float *dweights, float *dbias) {
    assert(cvy_is_strided_dense(shape) && cvy_is_lane_count(count));
    assert(cvy_is_float_aligned(x) && cvy_is_float_aligned(dy));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    static const _Alignas(64) float start[NHWC_DENSE_VECTORS * VL];
    const int inputs = shape->inputs, units = shape->units;
    const size_t unit_row = shape->unit_row;
    for (int u = 0, vectors; u < units; u += vectors * VL) {
        vectors = tile_vectors(units - u);
        run_tiles(inputs, vectors, start, (term_run){x, 1, shape->input_row, dy + u, unit_row, count}, NULL, 0,
                  (sum_target){dweights + u, NULL, units, least(vectors * VL, units - u)});
    }
    for (int u = 0; dbias && u < units; u += VL) {
        V sum = v_zero();
        for (int n = 0; n < count; n++)
            sum = v_add(sum, v_loadu(dy + n * unit_row + u));
        v_store_first(dbias + u, sum, least(VL, units - u));
    }
}
