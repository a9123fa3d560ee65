/* AVX-512: convolution backward to the weights from winners, for narrow fields (a first layer on gray images).
 *
 * Where the fields of a pooling window, kernel width and one column's step together, fit into 8 floats, a zmm register
 * holds two of the window's rows, and the whole window lies in (kernel height + 1) / 2 registers. Each filter's winner
 * begins dx columns and dy rows into it: a permutation over two neighbouring registers yields two of its kernel rows,
 * so that one multiply-add does the work of two, and one load serves all filters, or even the windows of two columns.
 * Loading each kernel row of each winner instead (the general body) takes 15 loads a window of three filters, of which
 * nearly half cross a cache line; this takes 6 for two windows. */
#ifndef CVY_AVX512_NARROW_WINNERS_H
#define CVY_AVX512_NARROW_WINNERS_H

enum {
    NARROW_FLOATS = 8,        /* of a row in half a register */
    NARROW_FILTERS = 4,       /* the most in a tile: 3 accumulators each for a kernel of 5 rows */
    NARROW_CODES = 16 * 1024, /* bytes on the stack for the codes of a tile's winners */
};

typedef struct narrow_walk {
    int rows, columns;                                  /* of windows */
    int filters;                                        /* of the layer: the stride in dy */
    int together;                                       /* window columns that the same 8 floats hold */
    size_t image, input_row, window_row, window_column; /* floats */
    const uint8_t *codes; /* [window][filter of the tile][image]: 8 * which of the four index vectors */
    const int32_t *index; /* [together][dy][dx][16]: where the kernel rows' lanes stand in a pair of registers */
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

static inline void vi_store_u8(uint8_t *p, VI a) {
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(a));
}

/* All 16 images. sum[f][p] holds kernel rows 2p and 2p + 1 of filter f. */
TILE_BODY void narrow_tile(const int filters, const int pairs, const narrow_walk *walk, const float *images,
                           const float *dy, V sum[NARROW_FILTERS][3]) {
    const size_t input_row = walk->input_row;
    for (int l = 0; l < CVY_LANES; l++, images += walk->image) {
        const float *gradient = dy + l;
        const uint8_t *code = walk->codes + l;
        for (int py = 0; py < walk->rows; py++) {
            for (int px = 0; px < walk->columns; px += walk->together) {
                const float *window = images + py * walk->window_row + px * walk->window_column;
                const int32_t *index = walk->index;
                V pair[3];
                UNROLL for (int p = 0; p < pairs; p++) pair[p] =
                    v_load_halves(window + 2 * p * input_row, window + (2 * p + 1) * input_row);
                for (int i = least(walk->together, walk->columns - px); i > 0; i--) {
                    UNROLL for (int f = 0; f < filters; f++) {
                        const V g = v_set1(gradient[f * CVY_LANES]);
                        const VI at = vi_load(index + (size_t)code[f * CVY_LANES] * 2);
                        UNROLL for (int p = 0; p < pairs - 1; p++) sum[f][p] =
                            v_fma(g, v_permute2(pair[p], at, pair[p + 1]), sum[f][p]);
                        sum[f][pairs - 1] = v_fma(g, v_permute(pair[pairs - 1], at), sum[f][pairs - 1]);
                    }
                    gradient += (size_t)walk->filters * CVY_LANES;
                    code += (size_t)filters * CVY_LANES;
                    index += 4 * CVY_LANES;
                }
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

#define NARROW(FILTERS, PAIRS)                                                                                         \
    static void narrow_##FILTERS##x##PAIRS(const narrow_walk *walk, int row, const float *images, const float *dy,     \
                                           float *dweights) {                                                          \
        V sum[NARROW_FILTERS][3];                                                                                      \
        UNROLL for (int f = 0; f < FILTERS; f++) UNROLL for (int p = 0; p < PAIRS; p++) sum[f][p] = v_zero();          \
        narrow_tile(FILTERS, PAIRS, walk, images, dy, sum);                                                            \
        narrow_store(FILTERS, PAIRS, row, walk->filters, sum, dweights);                                               \
    }
NARROW(1, 2)
NARROW(2, 2)
NARROW(3, 2) NARROW(4, 2) NARROW(1, 3) NARROW(2, 3) NARROW(3, 3) NARROW(4, 3)
#undef NARROW

    static narrow_fn *const narrow_tiles[NARROW_FILTERS + 1][4] = {
        [1] = {[2] = narrow_1x2, [3] = narrow_1x3},
        [2] = {[2] = narrow_2x2, [3] = narrow_2x3},
        [3] = {[2] = narrow_3x2, [3] = narrow_3x3},
        [4] = {[2] = narrow_4x2, [3] = narrow_4x3},
};

/* The codes of a tile's winners: 0, 8, 16, 24 for the window's fields in order. */
static void encode_winners(const narrow_walk *walk, int filters, int32_t offset_column, const int32_t *winner,
                           uint8_t *codes) {
    const VI right = vi_set1(offset_column), below = vi_set1((int32_t)walk->input_row);
    for (int py = 0; py < walk->rows; py++)
        for (int px = 0; px < walk->columns; px++, winner += (size_t)walk->filters * CVY_LANES) {
            const VI first = vi_set1((int32_t)(py * walk->window_row + px * walk->window_column));
            for (int f = 0; f < filters; f++, codes += CVY_LANES) {
                const VI offset = vi_sub(vi_load(winner + f * CVY_LANES), first);
                VI code = vi_select(vi_eq(offset, below), vi_set1(16), vi_set1(24));
                code = vi_select(vi_eq(offset, right), vi_set1(8), code);
                vi_store_u8(codes, vi_select(vi_eq(offset, vi_set1(0)), vi_set1(0), code));
            }
        }
}

/* Computes dweights and returns true, if the shape is one for this body. */
static bool narrow_winners(const cvy_conv2d_shape *shape, const float *images, const float *dy, const int32_t *winner,
                           float *dweights) {
    const int row = shape->kernel_width * shape->input.channels, step = shape->stride_x * shape->input.channels;
    const int pairs = (shape->kernel_height + 1) / 2, windows = (shape->output_height / 2) * (shape->output_width / 2);
    if (row + step > NARROW_FLOATS || shape->stride_y != 1 || shape->kernel_height != 2 * pairs - 1 || pairs < 2 ||
        pairs > 3 || windows * NARROW_FILTERS * CVY_LANES > NARROW_CODES)
        return false;
    _Alignas(64) int32_t index[4 * 4 * CVY_LANES]; /* rows of 8 floats hold at most 4 windows of 2 columns */
    uint8_t codes[NARROW_CODES];
    const narrow_walk walk = {
        .rows = shape->output_height / 2,
        .columns = shape->output_width / 2,
        .filters = shape->filters,
        .together = (NARROW_FLOATS - row - step) / (2 * step) + 1,
        .image = shape->input.image,
        .input_row = shape->input.row,
        .window_row = 2 * (size_t)shape->input.row,
        .window_column = 2 * (size_t)step,
        .codes = codes,
        .index = index,
    };
    for (int i = 0; i < walk.together * 4 * CVY_LANES; i++) {
        const int window = i / (4 * CVY_LANES), below = i / (2 * CVY_LANES) % 2, right = i / CVY_LANES % 2;
        index[i] = 2 * step * window + NARROW_FLOATS * below + step * right + i % CVY_LANES;
    }
    for (int f = 0, filters; f < shape->filters; f += filters) {
        filters = tile_extent(shape->filters - f, NARROW_FILTERS);
        encode_winners(&walk, filters, step, winner + (size_t)f * CVY_LANES, codes);
        narrow_tiles[filters][pairs](&walk, row, images, dy + (size_t)f * CVY_LANES, dweights + f);
    }
    return true;
}

#endif
