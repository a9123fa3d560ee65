/* AVX-512: convolution backward to the weights from winners, for narrow fields (a first layer on gray images).
 *
 * Where the fields of a pooling window, a kernel row and one column's step together, fit into 8 floats, a zmm register
 * holds two of the window's rows, and the whole window lies in (kernel height + 1) / 2 registers. Each filter's winner
 * begins dx columns and dy rows into it: a permutation over two neighbouring registers yields two of its kernel rows,
 * so that one multiply-add does the work of two, and one load serves all filters, or even the windows of two columns.
 *
 * Loading each kernel row of each winner instead (the general body) takes 15 loads a window of three filters, of which
 * nearly half cross a cache line and count twice: 12 cycles. This takes 6 loads for two windows, and for each 9
 * multiply-adds and 9 permutations, which on Zen 5 share two pipes for the most part: 8.5 cycles. */
#ifndef CVY_AVX512_NARROW_WINNERS_H
#define CVY_AVX512_NARROW_WINNERS_H

enum {
    NARROW_FLOATS = 8,    /* of a row in half a register */
    NARROW_FILTERS = 6,   /* the most in a tile, at most 3 accumulators each */
    NARROW_CODE = 5,      /* bits for a winner's lane: 6 filters in 32 bits */
    NARROW_WINDOWS = 256, /* whose codes fit on the stack, 64 bytes each */
};

typedef struct narrow_walk {
    int rows, columns;                                  /* of windows */
    int filters;                                        /* of the layer: the stride in dy */
    int together;                                       /* window columns that the same 8 floats hold */
    int window_lanes;                                   /* lanes from a window's first column to the next one's */
    size_t image, input_row, window_row, window_column; /* floats */
    const int32_t *codes; /* [window][image]: for each filter the lane of a pair of rows at which its winner begins */
} narrow_walk;

/* 8 floats from each of two places. */
static inline V v_load_halves(const float *low, const float *high) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(low)), _mm256_loadu_ps(high), 1);
}

/* Lane i is lane at[i] of the 32 lanes of a and b. */
static inline V v_permute2(V a, VI at, V b) {
    return _mm512_permutex2var_ps(a, at, b);
}

/* Lane i is lane at[i] mod 16 of a. */
static inline V v_permute(V a, VI at) {
    return _mm512_permutexvar_ps(at, a);
}

/* One window: a winner's rows begin at its lane of the pairs. `lane` is 0..15 plus the window's place in the pairs; of
 * an index the permutations look at the low 5 and 4 bits only, which the other filters' codes do not reach. */
TILE_BODY void narrow_window(const int filters, const int pairs, const V *pair, VI lane, VI code, const float *gradient,
                             V sum[NARROW_FILTERS][3]) {
    UNROLL for (int f = 0; f < filters; f++) {
        const V g = v_set1(gradient[f * CVY_LANES]);
        const VI at = vi_add(lane, vi_shr(code, NARROW_CODE * f));
        UNROLL for (int p = 0; p < pairs - 1; p++) sum[f][p] =
            v_fma(g, v_permute2(pair[p], at, pair[p + 1]), sum[f][p]);
        sum[f][pairs - 1] = v_fma(g, v_permute(pair[pairs - 1], at), sum[f][pairs - 1]);
    }
}

/* The pairs of rows from a window's first column on. */
TILE_BODY void narrow_load(const int pairs, const float *window, size_t input_row, V *pair) {
    UNROLL for (int p = 0; p < pairs; p++) pair[p] =
        v_load_halves(window + 2 * p * input_row, window + (2 * p + 1) * input_row);
}

/* All 16 images; `together` is 1, or 2 where the same pairs hold two windows. sum[f][p] receives kernel rows 2p and
 * 2p + 1 of filter f. */
TILE_BODY void narrow_tile(const int filters, const int pairs, const int together, const narrow_walk *walk,
                           const float *images, const float *dy, V sum[NARROW_FILTERS][3]) {
    const size_t input_row = walk->input_row, step = (size_t)walk->filters * CVY_LANES;
    const size_t window_column = walk->window_column;
    const VI first = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const VI second = vi_add(first, vi_set1((int32_t)window_column));
    for (int l = 0; l < CVY_LANES; l++) {
        const float *gradient = dy + l, *window_row = images + l * walk->image;
        const int32_t *code = walk->codes + l;
        for (int py = 0; py < walk->rows; py++, window_row += walk->window_row) {
            const float *window = window_row;
            V pair[3];
            int px = walk->columns;
            for (; px >= together; px -= together, window += together * window_column) {
                narrow_load(pairs, window, input_row, pair);
                narrow_window(filters, pairs, pair, first, vi_set1(*code), gradient, sum);
                if (together == 2)
                    narrow_window(filters, pairs, pair, second, vi_set1(code[CVY_LANES]), gradient + step, sum);
                gradient += together * step;
                code += together * CVY_LANES;
            }
            if (px > 0) {
                narrow_load(pairs, window, input_row, pair);
                narrow_window(filters, pairs, pair, first, vi_set1(*code), gradient, sum);
                gradient += step;
                code += CVY_LANES;
            }
        }
    }
}

/* dweights[ky][i][f] of the tile's filters; `row` floats i a kernel row. */
TILE_BODY void narrow_store(const int filters, const int pairs, int row, int filter_count, V sum[NARROW_FILTERS][3],
                            float *dweights) {
    float lanes[NARROW_FILTERS][3][2][NARROW_FLOATS];
    UNROLL for (int f = 0; f < filters; f++) UNROLL for (int p = 0; p < pairs; p++) v_storeu(lanes[f][p][0], sum[f][p]);
    for (int ky = 0; ky < 2 * pairs - 1; ky++)
        for (int i = 0; i < row; i++, dweights += filter_count)
            for (int f = 0; f < filters; f++)
                dweights[f] = lanes[f][ky / 2][ky % 2][i];
}

typedef void narrow_fn(const narrow_walk *walk, int row, const float *images, const float *dy, float *dweights);

#define NARROW(FILTERS, PAIRS, TOGETHER)                                                                               \
    static void narrow_##FILTERS##x##PAIRS##x##TOGETHER(const narrow_walk *walk, int row, const float *images,         \
                                                        const float *dy, float *dweights) {                            \
        V sum[NARROW_FILTERS][3];                                                                                      \
        UNROLL for (int f = 0; f < FILTERS; f++) UNROLL for (int p = 0; p < PAIRS; p++) sum[f][p] = v_zero();          \
        narrow_tile(FILTERS, PAIRS, TOGETHER, walk, images, dy, sum);                                                  \
        narrow_store(FILTERS, PAIRS, row, walk->filters, sum, dweights);                                               \
    }
#define NARROW_FILTERS_OF(PAIRS, TOGETHER)                                                                             \
    NARROW(1, PAIRS, TOGETHER)                                                                                         \
    NARROW(2, PAIRS, TOGETHER)                                                                                         \
    NARROW(3, PAIRS, TOGETHER) NARROW(4, PAIRS, TOGETHER) NARROW(5, PAIRS, TOGETHER) NARROW(6, PAIRS, TOGETHER)
NARROW_FILTERS_OF(2, 1)
NARROW_FILTERS_OF(2, 2)
NARROW_FILTERS_OF(3, 1)
NARROW_FILTERS_OF(3, 2)
#undef NARROW
#undef NARROW_FILTERS_OF

/* By pairs, windows together, filters. */
static narrow_fn *const narrow_tiles[4][3][NARROW_FILTERS + 1] = {
#define NARROW_FILTERS_OF(PAIRS, TOGETHER)                                                                             \
    [PAIRS][TOGETHER] = {NULL,                                                                                         \
                         narrow_1x##PAIRS##x##TOGETHER,                                                                \
                         narrow_2x##PAIRS##x##TOGETHER,                                                                \
                         narrow_3x##PAIRS##x##TOGETHER,                                                                \
                         narrow_4x##PAIRS##x##TOGETHER,                                                                \
                         narrow_5x##PAIRS##x##TOGETHER,                                                                \
                         narrow_6x##PAIRS##x##TOGETHER},
    NARROW_FILTERS_OF(2, 1) NARROW_FILTERS_OF(2, 2) NARROW_FILTERS_OF(3, 1) NARROW_FILTERS_OF(3, 2)
#undef NARROW_FILTERS_OF
};

/* A winner lies 0 or one column, and 0 or one row, after its window's first field; in a pair of rows, a column's step
 * and 8 lanes. */
static void encode_winners(const narrow_walk *walk, int filters, const int32_t *winner, int32_t *codes) {
    const VI below = vi_set1((int32_t)walk->input_row), fold = vi_set1((int32_t)walk->input_row - NARROW_FLOATS);
    for (int py = 0; py < walk->rows; py++)
        for (int px = 0; px < walk->columns; px++) {
            const VI first = vi_set1((int32_t)(py * walk->window_row + px * walk->window_column));
            VI code = vi_set1(0);
            for (int f = filters - 1; f >= 0; f--) {
                const VI offset = vi_sub(vi_load(winner + f * CVY_LANES), first);
                const VI lane = _mm512_mask_sub_epi32(offset, _mm512_cmpge_epi32_mask(offset, below), offset, fold);
                code = vi_or(vi_shl(code, NARROW_CODE), lane);
            }
            vi_store(codes, code);
            winner += (size_t)walk->filters * CVY_LANES;
            codes += CVY_LANES;
        }
}

/* Computes dweights and returns true, if the shape is one for this body. */
static bool narrow_winners(const cvy_conv2d_shape *shape, const float *images, const float *dy, const int32_t *winner,
                           float *dweights) {
    const int row = shape->kernel_width * shape->input.channels, step = shape->stride_x * shape->input.channels;
    const int pairs = (shape->kernel_height + 1) / 2, windows = (shape->output_height / 2) * (shape->output_width / 2);
    if (row + step > NARROW_FLOATS || shape->stride_y != 1 || shape->kernel_height != 2 * pairs - 1 || pairs < 2 ||
        pairs > 3 || windows > NARROW_WINDOWS)
        return false;
    const int together = row + 3 * step <= NARROW_FLOATS ? 2 : 1; /* windows that the same 8 floats hold */
    _Alignas(64) int32_t codes[NARROW_WINDOWS * CVY_LANES];
    const narrow_walk walk = {
        .rows = shape->output_height / 2,
        .columns = shape->output_width / 2,
        .filters = shape->filters,
        .image = shape->input.image,
        .input_row = shape->input.row,
        .window_row = 2 * (size_t)shape->input.row,
        .window_column = 2 * (size_t)step,
        .codes = codes,
    };
    for (int f = 0, filters; f < shape->filters; f += filters) {
        filters = tile_extent(shape->filters - f, NARROW_FILTERS);
        encode_winners(&walk, filters, winner + (size_t)f * CVY_LANES, codes);
        narrow_tiles[pairs][together][filters](&walk, row, images, dy + (size_t)f * CVY_LANES, dweights + f);
    }
    return true;
}

#endif
