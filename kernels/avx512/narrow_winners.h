/* AVX-512: convolution backward to the weights from winners, for narrow fields (a first layer on gray images).
 *
 * Where the fields of a pooling window, a kernel row and one column's step together, fit into 8 floats, a zmm register
 * holds two of the window's rows, and the whole window lies in (kernel height + 1) / 2 registers. Each filter's winner
 * begins dx columns and dy rows into it: a permutation over two neighbouring registers yields two of its kernel rows,
 * so that one multiply-add does the work of two, and one load serves all filters.
 *
 * Loading each kernel row of each winner instead (the general body) takes 15 loads a window of three filters, of which
 * nearly half cross a cache line and count twice: 12 cycles. This takes 6 loads, 9 multiply-adds and 9 permutations,
 * which on Zen 5 share two pipes for the most part: 9 cycles.
 *
 * A window over nothing but zeros, a third of them on digits, adds zeros and is left out: the windows to visit are
 * listed first, as a branch at each would be foreseen badly. */
#ifndef CVY_AVX512_NARROW_WINNERS_H
#define CVY_AVX512_NARROW_WINNERS_H

enum {
    NARROW_FLOATS = 8,   /* of a row in half a register */
    NARROW_FILTERS = 6,  /* the most in a tile, at most 3 accumulators each */
    NARROW_CODE = 5,     /* bits for a winner's lane: 6 filters in 32 bits */
    NARROW_ROW = 32,     /* the most floats of an image row, a bit each */
    NARROW_COLUMNS = VL, /* the most windows in a row and in a column */
    NARROW_WINDOWS = NARROW_COLUMNS * NARROW_COLUMNS,
    NARROW_NUMBER = 8, /* bits for the number of one */
};

typedef struct narrow_walk {
    int rows, columns;                                  /* of windows */
    int filters;                                        /* of the layer: the stride in dy */
    int field_floats;                                   /* of a row of a window's fields */
    size_t image, input_row, window_row, window_column; /* floats */
    bool skip;                                          /* windows over zeros */
    const int32_t *codes; /* [window][image]: for each filter the lane of a pair of rows at which its winner begins */
} narrow_walk;

/* Windows to visit, in order: each one's number in the low 8 bits, above them where it begins in an image. Room for the
 * vector that appends. */
typedef struct narrow_list {
    int count;
    uint32_t windows[NARROW_WINDOWS + VL];
} narrow_list;

/* 8 floats from each of two places. The 8 before `high` are masked off, and not read. */
static inline V v_load_halves(const float *low, const float *high) {
    return _mm512_mask_loadu_ps(_mm512_castps256_ps512(_mm256_loadu_ps(low)), 0xff00, high - 8);
}

/* Lane i is lane at[i] of the 32 lanes of a and b. */
static inline V v_permute2(V a, VI at, V b) {
    return _mm512_permutex2var_ps(a, at, b);
}

/* Lane i is lane at[i] mod 16 of a. */
static inline V v_permute(V a, VI at) {
    return _mm512_permutexvar_ps(at, a);
}

/* Which columns of two image rows, one below the other, hold anything but +0: a bit each. */
static inline uint32_t ink_of(const narrow_walk *walk, const float *rows) {
    const uint32_t present = 0xffffffffu >> (NARROW_ROW - walk->input_row);
    const __mmask16 low = (__mmask16)present, high = (__mmask16)(present >> 16);
    const float *below = rows + walk->input_row;
    const VI left = vi_or(_mm512_maskz_loadu_epi32(low, rows), _mm512_maskz_loadu_epi32(low, below));
    const VI right = vi_or(_mm512_maskz_loadu_epi32(high, rows + 16), _mm512_maskz_loadu_epi32(high, below + 16));
    return _mm512_test_epi32_mask(left, left) | (uint32_t)_mm512_test_epi32_mask(right, right) << 16;
}

/* Bit i of each lane becomes whether any of its bits i .. i + width - 1, at most 8, is set. */
static inline VI spread(VI bits, int width) {
    int done = 1;
    for (; 2 * done <= width; done *= 2)
        bits = vi_or(bits, _mm512_srli_epi32(bits, (unsigned)done));
    return vi_or(bits, _mm512_srli_epi32(bits, (unsigned)(width - done)));
}

/* Appends the windows of row py at whose first column `ink` has a bit set. */
static inline void list_row(const narrow_walk *walk, uint32_t ink, int py, narrow_list *list) {
    const VI lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const VI column = _mm512_mullo_epi32(lane, vi_set1((int32_t)walk->window_column));
    const VI bits = _mm512_srlv_epi32(vi_set1((int32_t)ink), column); /* 0 where beyond the row */
    const __mmask16 visit = _mm512_test_epi32_mask(bits, vi_set1(1)) & (__mmask16)((1u << walk->columns) - 1);
    const VI first = vi_set1(py * walk->columns + (py * (int32_t)walk->window_row << NARROW_NUMBER));
    const VI window = vi_add(vi_add(lane, vi_shl(column, NARROW_NUMBER)), first);
    _mm512_storeu_si512(list->windows + list->count, _mm512_maskz_compress_epi32(visit, window));
    list->count += __builtin_popcount(visit);
}

/* The windows over anything but +0, or all. A window's fields span `pairs` pairs of rows. */
TILE_BODY void list_windows(const int pairs, const narrow_walk *walk, const float *image, narrow_list *list) {
    uint32_t ink[2 + VL] = {0}; /* a vector of rows, and two rows on */
    for (int py = 0; py < walk->rows + pairs - 1; py++)
        ink[py] = walk->skip ? ink_of(walk, image + py * walk->window_row) : ~UINT32_C(0);
    VI any = vi_or(_mm512_loadu_si512(ink), _mm512_loadu_si512(ink + 1));
    if (pairs == 3)
        any = vi_or(any, _mm512_loadu_si512(ink + 2));
    _mm512_storeu_si512(ink, spread(any, walk->field_floats));
    list->count = 0;
    for (int py = 0; py < walk->rows; py++)
        list_row(walk, ink[py], py, list);
}

/* One window: a winner's rows begin at its lane of the pairs. Of an index the permutations look at the low 5 and 4 bits
 * only, which the other filters' codes do not reach. */
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

/* All 16 images. sum[f][p] receives kernel rows 2p and 2p + 1 of filter f. */
TILE_BODY void narrow_tile(const int filters, const int pairs, const narrow_walk *walk, const float *images,
                           const float *dy, V sum[NARROW_FILTERS][3]) {
    const size_t input_row = walk->input_row, step = (size_t)walk->filters * CVY_LANES;
    const VI lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    narrow_list list;
    for (int l = 0; l < CVY_LANES; l++, images += walk->image) {
        list_windows(pairs, walk, images, &list);
        for (int i = 0; i < list.count; i++) {
            const float *window = images + (list.windows[i] >> NARROW_NUMBER);
            const size_t number = list.windows[i] % NARROW_WINDOWS;
            V pair[3];
            UNROLL for (int p = 0; p < pairs; p++) pair[p] =
                v_load_halves(window + 2 * p * input_row, window + (2 * p + 1) * input_row);
            narrow_window(filters, pairs, pair, lane, vi_set1(walk->codes[number * CVY_LANES + l]),
                          dy + number * step + l, sum);
        }
    }
}

/* dweights[ky][i][f] of the tile's filters; `row` floats i a kernel row. */
TILE_BODY void narrow_store(const int filters, const int pairs, int row, int filter_count, V sum[NARROW_FILTERS][3],
                            float *dweights) {
    float lanes[NARROW_FILTERS][3][2][NARROW_FLOATS];
    UNROLL for (int f = 0; f < filters; f++) UNROLL for (int p = 0; p < pairs; p++)
        v_storeu(lanes[f][p][0], v_add(sum[f][p], v_zero()));
    for (int ky = 0; ky < 2 * pairs - 1; ky++)
        for (int i = 0; i < row; i++, dweights += filter_count)
            for (int f = 0; f < filters; f++)
                dweights[f] = lanes[f][ky / 2][ky % 2][i];
}

typedef void narrow_fn(const narrow_walk *walk, int row, const float *images, const float *dy, float *dweights);

#define NARROW(FILTERS, PAIRS)                                                                                         \
    static void narrow_##FILTERS##x##PAIRS(const narrow_walk *walk, int row, const float *images, const float *dy,     \
                                           float *dweights) {                                                          \
        V sum[NARROW_FILTERS][3];                                                                                      \
        UNROLL for (int f = 0; f < FILTERS; f++) UNROLL for (int p = 0; p < PAIRS; p++) sum[f][p] = v_zero();          \
        narrow_tile(FILTERS, PAIRS, walk, images, dy, sum);                                                            \
        narrow_store(FILTERS, PAIRS, row, walk->filters, sum, dweights);                                               \
    }
#define NARROW_FILTERS_OF(PAIRS)                                                                                       \
    NARROW(1, PAIRS) NARROW(2, PAIRS) NARROW(3, PAIRS) NARROW(4, PAIRS) NARROW(5, PAIRS) NARROW(6, PAIRS)
NARROW_FILTERS_OF(2)
NARROW_FILTERS_OF(3)
#undef NARROW
#undef NARROW_FILTERS_OF

/* By pairs, filters. */
static narrow_fn *const narrow_tiles[4][NARROW_FILTERS + 1] = {
    [2] = {NULL, narrow_1x2, narrow_2x2, narrow_3x2, narrow_4x2, narrow_5x2, narrow_6x2},
    [3] = {NULL, narrow_1x3, narrow_2x3, narrow_3x3, narrow_4x3, narrow_5x3, narrow_6x3},
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

/* Whether all gradients are finite: only then is what they are multiplied with allowed to be left out where it is 0. */
static bool finite_gradients(int windows, int filters, int step, const float *dy) {
    V zero[NARROW_FILTERS] = {v_zero(), v_zero(), v_zero(), v_zero(), v_zero(), v_zero()};
    for (int p = 0; p < windows; p++, dy += step)
        UNROLL for (int f = 0; f < NARROW_FILTERS; f++) if (f < filters) zero[f] =
            v_fma(v_load(dy + f * CVY_LANES), v_zero(), zero[f]);
    for (int f = 1; f < filters; f++)
        zero[0] = v_add(zero[0], zero[f]);
    return v_eq(zero[0], v_zero()) == 0xffff;
}

/* Computes dweights and returns true, if the shape is one for this body. */
static bool narrow_winners(const cvy_conv2d_shape *shape, const float *images, const float *dy, const int32_t *winner,
                           float *dweights) {
    const int row = shape->kernel_width * shape->input.channels, step = shape->stride_x * shape->input.channels;
    const int pairs = (shape->kernel_height + 1) / 2, windows = (shape->output_height / 2) * (shape->output_width / 2);
    if (row + step > NARROW_FLOATS || shape->stride_y != 1 || shape->kernel_height != 2 * pairs - 1 || pairs < 2 ||
        pairs > 3 || shape->output_height > 2 * NARROW_COLUMNS + 1 || shape->output_width > 2 * NARROW_COLUMNS + 1 ||
        shape->input.row > NARROW_ROW)
        return false;
    _Alignas(64) int32_t codes[NARROW_WINDOWS * CVY_LANES];
    narrow_walk walk = {
        .rows = shape->output_height / 2,
        .columns = shape->output_width / 2,
        .filters = shape->filters,
        .field_floats = row + step,
        .image = shape->input.image,
        .input_row = shape->input.row,
        .window_row = 2 * (size_t)shape->input.row,
        .window_column = 2 * (size_t)step,
        .codes = codes,
    };
    for (int f = 0, filters; f < shape->filters; f += filters) {
        filters = tile_extent(shape->filters - f, NARROW_FILTERS);
        const float *gradient = dy + (size_t)f * CVY_LANES;
        walk.skip = finite_gradients(windows, filters, shape->filters * CVY_LANES, gradient);
        encode_winners(&walk, filters, winner + (size_t)f * CVY_LANES, codes);
        narrow_tiles[pairs][filters](&walk, row, images, gradient, dweights + f);
    }
    return true;
}

#endif
