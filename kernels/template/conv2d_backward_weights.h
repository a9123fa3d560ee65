/* Convolution backward to the weights, from all outputs or from the winners of a 2x2 max-pool.
 *
 * In NHWC a kernel row of a field, kernel width * channels floats, lies contiguous: it is loaded as vectors, unaligned,
 * and multiplied with the output's gradient, which is broadcast. A tile of filters x kernel rows x vectors of
 * accumulators stays in registers over all 16 images and all their outputs; the last vector of a row may reach past
 * the row, its surplus lanes are never stored.
 *
 * The including file has defined KERNEL(operation); TILE_FILTERS, TILE_KERNEL_ROWS = 5 and TILE_VECTORS, the most that
 * a tile has; ALIGN_FROM (see worth_aligning); WEIGHT_TILES(TILE) as a list of TILE(source, filters, vectors), in which
 * every source has filters 1 with each of its vectors; and OWN_WINNERS(shape, images, dy, winner, dweights), which may
 * compute dweights by a plan of the tier's own and says whether it has. */
#include "../contract.h"
#include "tile.h"

/* The outputs of one image, in order. */
typedef struct field_walk {
    int rows, columns; /* of outputs, or of windows */
    int filters;
    size_t image;                   /* floats from an image to the next */
    size_t kernel_row;              /* and from a field's row to the next */
    size_t field_row, field_column; /* to the field of the next output row, column */
    const int32_t *winner;          /* where each output's field begins (winners only) */
} field_walk;

typedef V tile_sums[TILE_FILTERS][TILE_KERNEL_ROWS][TILE_VECTORS];

/* All outputs: the filters of an output share its field. */
TILE_BODY void accumulate_all(const int filters, const int rows, const int vectors, const field_walk *walk,
                              const float *images, const float *dy, tile_sums sum) {
    const size_t kernel_row = walk->kernel_row, step = (size_t)walk->filters * CVY_LANES;
    for (int l = 0; l < CVY_LANES; l++, images += walk->image) {
        const float *gradient = dy + l, *field_row = images;
        for (int oy = 0; oy < walk->rows; oy++, field_row += walk->field_row) {
            const float *field = field_row;
            for (int ox = 0; ox < walk->columns; ox++, field += walk->field_column, gradient += step) {
                V g[TILE_FILTERS];
                UNROLL for (int f = 0; f < filters; f++) g[f] = v_set1(gradient[f * CVY_LANES]);
                UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) {
                    const V input = v_keep(v_loadu(field + k * kernel_row + v * VL));
                    UNROLL for (int f = 0; f < filters; f++) sum[f][k][v] = v_fma(g[f], input, sum[f][k][v]);
                }
            }
        }
    }
}

/* Winners only: each filter of a window has a field of its own. One image; the field of winner w begins at
 * fields + w * scale. */
TILE_BODY void accumulate_fields(const int filters, const int rows, const int vectors, const field_walk *walk, int l,
                                 const float *fields, const size_t scale, const float *dy, tile_sums sum) {
    const size_t kernel_row = walk->kernel_row * scale, step = (size_t)walk->filters * CVY_LANES;
    const float *gradient = dy + l;
    const int32_t *winner = walk->winner + l;
    for (int p = walk->rows * walk->columns; p > 0; p--, gradient += step, winner += step) {
        UNROLL for (int f = 0; f < filters; f++) {
            const V g = v_set1(gradient[f * CVY_LANES]);
            const float *field = fields + (ptrdiff_t)winner[f * CVY_LANES] * (ptrdiff_t)scale;
            UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) sum[f][k][v] =
                v_fma(g, v_loadu(field + k * kernel_row + v * VL), sum[f][k][v]);
        }
    }
}

TILE_BODY void accumulate_winners(const int filters, const int rows, const int vectors, const field_walk *walk,
                                  const float *images, const float *dy, tile_sums sum) {
    for (int l = 0; l < CVY_LANES; l++, images += walk->image)
        accumulate_fields(filters, rows, vectors, walk, l, images, 1, dy, sum);
}

/* A vector load that crosses a cache line costs two, and nearly every load of a long kernel row does. Where each row
 * is loaded often enough, the vectors at which fields begin are first copied to places of their own: that of offset w
 * in the image stands at w * VL, aligned. Offsets between the fields' leave gaps that are never touched. */
enum { ALIGNED_FLOATS = 8192 };

TILE_BODY void accumulate_aligned(const int filters, const int rows, const int vectors, const field_walk *walk,
                                  const float *images, const float *dy, tile_sums sum) {
    _Alignas(64) float fields[ALIGNED_FLOATS];
    const size_t height = (2 * walk->rows - 1) * walk->field_row / walk->kernel_row + rows;
    for (int l = 0; l < CVY_LANES; l++, images += walk->image) {
        for (size_t y = 0; y < height; y++)
            for (int x = 0; x < 2 * walk->columns; x++) {
                const size_t at = y * walk->kernel_row + x * walk->field_column;
                v_store(fields + at * VL, v_loadu(images + at));
            }
        accumulate_fields(filters, rows, vectors, walk, l, fields, VL, dy, sum);
    }
}

/* Whether that pays, and fits. Only for kernel rows of one vector. */
static inline bool worth_aligning(const cvy_conv2d_shape *shape, const field_walk *walk) {
    const size_t loads = (size_t)walk->rows * walk->columns * walk->filters * shape->kernel_height;
    const size_t height = (2 * walk->rows - 1) * shape->stride_y + shape->kernel_height, width = 2 * walk->columns;
    return ALIGN_FROM > 0 && loads >= ALIGN_FROM * height * width && height * walk->kernel_row * VL <= ALIGNED_FLOATS &&
           shape->kernel_width * shape->input.channels <= VL;
}

/* Where a tile's sums go: dweights[k][i][f] for kernel rows k and the `row` floats i of each. */
typedef struct weight_target {
    float *dweights;
    int row, filters;  /* extents: i < row, and the stride of i */
    size_t kernel_row; /* stride of k */
} weight_target;

TILE_BODY void store_sums(const int filters, const int rows, const int vectors, const weight_target *target,
                          tile_sums sum) {
    float lanes[TILE_FILTERS][VL];
    UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) {
        UNROLL for (int f = 0; f < filters; f++) v_storeu(lanes[f], v_add(sum[f][k][v], v_zero()));
        float *to = target->dweights + k * target->kernel_row + (size_t)v * VL * target->filters;
        for (int i = 0; i < least(VL, target->row - v * VL); i++, to += target->filters)
            UNROLL for (int f = 0; f < filters; f++) to[f] = lanes[f][i];
    }
}

typedef void tile_fn(const field_walk *walk, const float *images, const float *dy, const weight_target *target);

#define TILE(source, filters, rows, vectors)                                                                           \
    static void source##_##filters##x##rows##x##vectors(const field_walk *walk, const float *images, const float *dy,  \
                                                        const weight_target *target) {                                 \
        tile_sums sum;                                                                                                 \
        UNROLL for (int f = 0; f < filters; f++) UNROLL for (int k = 0; k < rows; k++)                                 \
            UNROLL for (int v = 0; v < vectors; v++) sum[f][k][v] = v_zero();                                          \
        accumulate_##source(filters, rows, vectors, walk, images, dy, sum);                                            \
        store_sums(filters, rows, vectors, target, sum);                                                               \
    }
#define TILE_ROWS_OF(source, filters, vectors)                                                                         \
    TILE(source, filters, 1, vectors)                                                                                  \
    TILE(source, filters, 2, vectors)                                                                                  \
    TILE(source, filters, 3, vectors)                                                                                  \
    TILE(source, filters, 4, vectors)                                                                                  \
    TILE(source, filters, 5, vectors)
WEIGHT_TILES(TILE_ROWS_OF)
#undef TILE
#undef TILE_ROWS_OF

enum { SOURCE_all, SOURCE_winners, SOURCE_aligned };

/* By source, filters, vectors, kernel rows. */
static tile_fn *const tiles[3][TILE_FILTERS + 1][TILE_VECTORS + 1][TILE_KERNEL_ROWS + 1] = {
#define TILE_ROWS_OF(source, filters, vectors)                                                                         \
    [SOURCE_##source][filters][vectors] = {NULL,                                                                       \
                                           source##_##filters##x1x##vectors,                                           \
                                           source##_##filters##x2x##vectors,                                           \
                                           source##_##filters##x3x##vectors,                                           \
                                           source##_##filters##x4x##vectors,                                           \
                                           source##_##filters##x5x##vectors},
    WEIGHT_TILES(TILE_ROWS_OF)
#undef TILE_ROWS_OF
};

/* The most filters, up to `left`, that a tile with so many vectors holds. */
static inline int tile_filters(int source, int vectors, int left) {
    int filters = least(left, TILE_FILTERS);
    while (!tiles[source][filters][vectors][1])
        filters--;
    return filters;
}

static void backward_weights(const cvy_conv2d_shape *shape, const field_walk *walk, const float *images,
                             const float *dy, float *dweights) {
    const int source = !walk->winner ? SOURCE_all : worth_aligning(shape, walk) ? SOURCE_aligned : SOURCE_winners;
    const int row = shape->kernel_width * shape->input.channels;
    weight_target target = {.filters = shape->filters, .kernel_row = (size_t)row * shape->filters};
    for (int i = 0, vectors; i < row; i += vectors * VL) {
        vectors = least(TILE_VECTORS, (row - i + VL - 1) / VL);
        target.row = row - i;
        for (int ky = 0, rows; ky < shape->kernel_height; ky += rows) {
            rows = tile_extent(shape->kernel_height - ky, TILE_KERNEL_ROWS);
            for (int f = 0, filters; f < shape->filters; f += filters) {
                filters = tile_filters(source, vectors, shape->filters - f);
                field_walk part = *walk;
                if (part.winner)
                    part.winner += (size_t)f * CVY_LANES;
                target.dweights = dweights + ky * target.kernel_row + (size_t)i * shape->filters + f;
                tiles[source][filters][vectors][rows](&part, images + ky * walk->kernel_row + i,
                                                      dy + (size_t)f * CVY_LANES, &target);
            }
        }
    }
}

/* dbias[f]: per lane over the positions, then the fold across lanes. The chains of up to BIAS_FILTERS filters run side
 * by side. */
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
    for (int f = 0, tile; f < filters; f += tile, dy += tile * CVY_LANES, dbias += tile) {
        tile = tile_extent(filters - f, BIAS_FILTERS);
        switch (tile) {
        case 1:
            bias_tile(1, positions, step, dy, dbias);
            break;
        case 2:
            bias_tile(2, positions, step, dy, dbias);
            break;
        case 3:
            bias_tile(3, positions, step, dy, dbias);
            break;
        default:
            bias_tile(BIAS_FILTERS, positions, step, dy, dbias);
        }
    }
}

void KERNEL(conv2d_backward_weights_hwc16n)(const cvy_conv2d_shape *shape, const float *images, const float *dy,
                                            float *dweights, float *dbias) {
    assert(cvy_is_conv2d(shape) && cvy_is_strided_image(&shape->input));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(dy));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    const field_walk walk = {
        .rows = shape->output_height,
        .columns = shape->output_width,
        .filters = shape->filters,
        .image = shape->input.image,
        .kernel_row = shape->input.row,
        .field_row = (size_t)shape->stride_y * shape->input.row,
        .field_column = (size_t)shape->stride_x * shape->input.channels,
    };
    backward_weights(shape, &walk, images, dy, dweights);
    if (dbias)
        bias_gradient(walk.rows * walk.columns, shape->filters, dy, dbias);
}

void KERNEL(conv2d_maxpool2x2_backward_weights_hwc16n)(const cvy_conv2d_shape *shape, const float *images,
                                                       const float *dy, const int32_t *winner, float *dweights,
                                                       float *dbias) {
    assert(cvy_is_conv2d_maxpool2x2(shape));
    assert(cvy_is_float_aligned(images) && cvy_is_aligned(dy) && cvy_is_aligned(winner));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    const field_walk walk = {
        .rows = shape->output_height / 2,
        .columns = shape->output_width / 2,
        .filters = shape->filters,
        .image = shape->input.image,
        .kernel_row = shape->input.row,
        .field_row = (size_t)shape->stride_y * shape->input.row,
        .field_column = (size_t)shape->stride_x * shape->input.channels,
        .winner = winner,
    };
    if (!OWN_WINNERS(shape, images, dy, winner, dweights))
        backward_weights(shape, &walk, images, dy, dweights);
    if (dbias)
        bias_gradient(walk.rows * walk.columns, shape->filters, dy, dbias);
}
