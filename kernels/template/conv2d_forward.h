/* Convolution forward, plain and fused with activation and 2x2 max-pool, in tiles of outputs.
 *
 * A tile of 1 or 2 rows x columns x filters is accumulated in registers over all taps: for a kernel row, the taps (kx,
 * c) lie one after another in x and in the weights alike, so one loop walks both. Each tap loads an input vector per
 * output position and broadcasts a weight per filter. The fused kernel leaves the tile's z in a buffer on the stack and
 * takes the windows from there: the few stores and loads run beside the next tile's multiply-adds.
 *
 * The including file has defined KERNEL(operation), ACTIVATE_VECTORS, the windows to pool side by side, and
 * CONV2D_TILES(TILE) as a list of TILE(columns, filters): columns a power of two, each filters from 1 to TILE_FILTERS
 * with columns 1, 2, ... as far as registers allow. */
#include "../contract.h"
#include "activation.h"
#include "tile.h"

enum { TILE_COLUMNS = 8 }; /* the most that any tile has */

/* Strides in floats, and counts. */
typedef struct tile_walk {
    int kernel_height;
    int taps;          /* of a kernel row: kernel width * channels */
    int filters;       /* to compute */
    size_t weight_tap; /* from a tap's weights to the next: all filters of the layer */
    size_t input_row;
    size_t x_row, x_column; /* in x, from an output's field to that of the next row, of the next column */
    size_t y_row, y_column, y_filter;
} tile_walk;

/* ---- Activation and pooling ------------------------------------------------------------------------------------- */

/* The windows of a tile of z that wait to be pooled, and where they go. */
typedef struct pool_queue {
    int left;              /* windows */
    int filter, filters;   /* the next window's, of the tile's */
    const float *z;        /* the next window's first, in the tile, which lies dense */
    size_t column, row;    /* from a z to that of the next output column, row */
    float *y, *derivative; /* of the next window; derivative and winner: both NULL or neither */
    int32_t *winner;
    size_t window;                     /* floats from the last filter of a window to the first of the next */
    int32_t offset;                    /* of the next window's first field in an NHWC image */
    int32_t offset_row, offset_column; /* from a field to that of the next output row, column */
} pool_queue;

/* The z of a window at which the activation is largest. Only silu needs to compute it for that, and only where the
 * largest z lies between the minimum of silu and 0 and the smallest z below that minimum: rarely. */
TILE_BODY V choose(const bool silu, const V z[4]) {
    const V a = v_max(v_max(z[0], z[1]), v_max(z[2], z[3]));
    if (!silu)
        return a;
    const V b = v_min(v_min(z[0], z[1]), v_min(z[2], z[3])), low = v_set1(CVY_SILU_LOW);
    VM take_b = v_lt(a, low);
    const VM either = m_andnot(take_b, m_and(v_lt(a, v_zero()), v_lt(b, low)));
    if (__builtin_expect(m_any(either), 0)) {
        const V both[2] = {a, b};
        V y[2], s[2];
        v_silu_each(2, both, y, s);
        take_b = m_or(take_b, m_and(either, v_gt(y[1], y[0])));
    }
    return v_select(take_b, b, a);
}

/* The offset, from the first field of the window, to the first of its fields whose z is the chosen one. */
TILE_BODY VI winner_of(const V z[4], V chosen, const pool_queue *queue) {
    VI winner = vi_set1(queue->offset_row + queue->offset_column);
    winner = vi_select(v_eq(z[2], chosen), vi_set1(queue->offset_row), winner);
    winner = vi_select(v_eq(z[1], chosen), vi_set1(queue->offset_column), winner);
    return vi_select(v_eq(z[0], chosen), vi_set1(0), winner);
}

/* Pools the next window of the queue. `activation` is a constant where this is inlined. */
TILE_BODY void pool_next(cvy_activation_kind activation, pool_queue *queue) {
    const float *z = queue->z;
    const V window[4] = {v_load(z), v_load(z + queue->column), v_load(z + queue->row),
                         v_load(z + queue->row + queue->column)};
    const V chosen = choose(activation == CVY_ACT_SILU, window);
    V y, derivative;
    v_activate_each(activation, 1, &chosen, &y, &derivative);
    v_store(queue->y, y);
    queue->y += CVY_LANES;
    if (queue->winner) {
        v_store(queue->derivative, derivative);
        vi_store(queue->winner, vi_add(vi_set1(queue->offset), winner_of(window, chosen, queue)));
        queue->derivative += CVY_LANES;
        queue->winner += CVY_LANES;
    }
    queue->z += VL;
    queue->left--;
    if (++queue->filter == queue->filters) {
        queue->filter = 0;
        queue->z += queue->column;
        queue->y += queue->window;
        queue->offset += 2 * queue->offset_column;
        if (queue->winner) {
            queue->derivative += queue->window;
            queue->winner += queue->window;
        }
    }
}

/* Pools all windows of the queue, on a copy that no store of a vector can reach. */
TILE_BODY void pool_rest(cvy_activation_kind activation, const pool_queue *waiting) {
    pool_queue queue = *waiting;
    while (queue.left)
        pool_next(activation, &queue);
}

static void pool_all(cvy_activation_kind activation, const pool_queue *waiting) {
    switch (activation) {
    case CVY_ACT_LINEAR:
        pool_rest(CVY_ACT_LINEAR, waiting);
        break;
    case CVY_ACT_RELU:
        pool_rest(CVY_ACT_RELU, waiting);
        break;
    case CVY_ACT_SILU:
        pool_rest(CVY_ACT_SILU, waiting);
        break;
    case CVY_ACT_SIGMOID:
        pool_rest(CVY_ACT_SIGMOID, waiting);
        break;
    case CVY_ACT_TANH:
        pool_rest(CVY_ACT_TANH, waiting);
        break;
    }
}

/* ---- Tiles ------------------------------------------------------------------------------------------------------ */

typedef void tile_fn(const tile_walk *walk, const float *x, const float *weights, const float *bias, float *y,
                     const pool_queue *queue);

/* With a queue, which is a constant NULL otherwise, each kernel row is followed by the silu of a few waiting windows.
 */
TILE_BODY void tile(const int rows, const int columns, const int filters, const tile_walk *walk, const float *x,
                    const float *weights, const float *bias, float *y, const pool_queue *waiting) {
    V z[2][TILE_COLUMNS][TILE_FILTERS];
    UNROLL for (int f = 0; f < filters; f++) {
        const V start = bias ? v_set1(bias[f]) : v_zero();
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < columns; j++)
                z[i][j][f] = start;
    }
    const size_t input_row = walk->input_row, x_row = walk->x_row, x_column = walk->x_column;
    const size_t weight_tap = walk->weight_tap;
    const int kernel_height = walk->kernel_height, taps = walk->taps;
    pool_queue queue = {.left = 0}; /* again a copy */
    if (waiting)
        queue = *waiting;
    for (int ky = 0; ky < kernel_height; ky++, x += input_row) {
        const float *tap = x;
        for (int t = taps; t > 0; t--, tap += CVY_LANES, weights += weight_tap) {
            V weight[TILE_FILTERS];
            UNROLL for (int f = 0; f < filters; f++)
                weight[f] = v_set1(weights[f]);
            UNROLL for (int i = 0; i < rows; i++)
                UNROLL for (int j = 0; j < columns; j++) {
                    const V input = v_keep(v_load(tap + i * x_row + j * x_column));
                    UNROLL for (int f = 0; f < filters; f++)
                        z[i][j][f] = v_fma(input, weight[f], z[i][j][f]);
                }
        }
        if (waiting)
            for (int left = queue.left * (kernel_height - 1 - ky) / (kernel_height - ky); queue.left > left;)
                pool_next(CVY_ACT_SILU, &queue);
    }
    const size_t y_row = walk->y_row, y_column = walk->y_column, y_filter = walk->y_filter;
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < columns; j++)
            UNROLL for (int f = 0; f < filters; f++)
                v_store(y + i * y_row + j * y_column + f * y_filter, z[i][j][f]);
}

#define TILE(COLUMNS, FILTERS)                                                                                         \
    static void tile_1x##COLUMNS##x##FILTERS(const tile_walk *walk, const float *x, const float *weights,              \
                                             const float *bias, float *y, const pool_queue *queue) {                         \
        (void)queue;                                                                                                   \
        tile(1, COLUMNS, FILTERS, walk, x, weights, bias, y, NULL);                                                    \
    }                                                                                                                  \
    static void tile_2x##COLUMNS##x##FILTERS(const tile_walk *walk, const float *x, const float *weights,              \
                                             const float *bias, float *y, const pool_queue *queue) {                         \
        (void)queue;                                                                                                   \
        tile(2, COLUMNS, FILTERS, walk, x, weights, bias, y, NULL);                                                    \
    }                                                                                                                  \
    static void pooling_2x##COLUMNS##x##FILTERS(const tile_walk *walk, const float *x, const float *weights,           \
                                                const float *bias, float *y, const pool_queue *queue) {                      \
        tile(2, COLUMNS, FILTERS, walk, x, weights, bias, y, queue);                                                   \
    }
CONV2D_TILES(TILE)
#undef TILE

/* By filters, columns, and rows; POOLING: 2 rows, and the silu of waiting windows. */
enum { POOLING = 3 };
static tile_fn *const tiles[TILE_FILTERS + 1][TILE_COLUMNS + 1][4] = {
#define TILE(COLUMNS, FILTERS)                                                                                         \
    [FILTERS][COLUMNS] = {NULL, tile_1x##COLUMNS##x##FILTERS, tile_2x##COLUMNS##x##FILTERS,                            \
                          pooling_2x##COLUMNS##x##FILTERS},
    CONV2D_TILES(TILE)
#undef TILE
};

/* The widest tile for so many filters that fits into the columns left. */
static inline int tile_columns(int filters, int left) {
    int columns = TILE_COLUMNS;
    while (columns > left || !tiles[filters][columns][1])
        columns /= 2;
    return columns;
}

static inline tile_walk walk_of(const cvy_conv2d_shape *shape) {
    const size_t pixel = (size_t)shape->input.channels * CVY_LANES, row = shape->input.width * pixel;
    return (tile_walk){
        .kernel_height = shape->kernel_height,
        .taps = shape->kernel_width * shape->input.channels,
        .filters = shape->filters,
        .weight_tap = shape->filters,
        .input_row = row,
        .x_row = shape->stride_y * row,
        .x_column = shape->stride_x * pixel,
    };
}

/* rows x width outputs of the walk's filters, VL lanes. */
static void forward_rows(const tile_walk *walk, int rows, int width, const float *x, const float *weights,
                         const float *bias, float *y) {
    for (int f = 0, filters; f < walk->filters; f += filters) {
        filters = tile_extent(walk->filters - f, TILE_FILTERS);
        for (int ox = 0, columns; ox < width; ox += columns) {
            columns = tile_columns(filters, width - ox);
            tiles[filters][columns][rows](walk, x + ox * walk->x_column, weights + f, bias ? bias + f : NULL,
                                          y + ox * walk->y_column + f * walk->y_filter, NULL);
        }
    }
}

void KERNEL(conv2d_forward_hwc16n)(const cvy_conv2d_shape *shape, const float *x, const float *weights,
                                   const float *bias, float *y) {
    assert(cvy_is_conv2d(shape));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    tile_walk walk = walk_of(shape);
    walk.y_filter = CVY_LANES;
    walk.y_column = (size_t)shape->filters * CVY_LANES;
    walk.y_row = shape->output_width * walk.y_column;
    for (int lane = 0; lane < CVY_LANES; lane += VL)
        for (int oy = 0, rows; oy < shape->output_height; oy += rows) {
            rows = least(2, shape->output_height - oy);
            forward_rows(&walk, rows, shape->output_width, x + oy * walk.x_row + lane, weights, bias,
                         y + oy * walk.y_row + lane);
        }
}

/* ---- Fused ------------------------------------------------------------------------------------------------------ */

typedef struct fused_layer {
    const cvy_conv2d_shape *shape;
    cvy_activation_kind activation;
    const float *x, *weights, *bias;
    float *y, *derivative;
    int32_t *winner;
} fused_layer;

/* The queue of a whole tile at z, whose first window is (py, px), first filter f. */
static pool_queue queue_of(const fused_layer *layer, int py, int px, int f, int windows, int filters, const float *z) {
    const cvy_conv2d_shape *shape = layer->shape;
    const size_t window = (size_t)shape->filters * CVY_LANES;
    const size_t at = ((size_t)py * (shape->output_width / 2) + px) * window + (size_t)f * CVY_LANES;
    const int32_t offset_row = shape->stride_y * shape->input.row;
    const int32_t offset_column = shape->stride_x * shape->input.channels;
    return (pool_queue){
        .left = windows * filters,
        .filters = filters,
        .z = z,
        .column = (size_t)filters * VL,
        .row = 2 * (size_t)windows * filters * VL,
        .y = layer->y + at,
        .derivative = layer->winner ? layer->derivative + at : NULL,
        .winner = layer->winner ? layer->winner + at : NULL,
        .window = window - (size_t)filters * CVY_LANES,
        .offset = 2 * py * offset_row + 2 * px * offset_column,
        .offset_row = offset_row,
        .offset_column = offset_column,
    };
}

/* VL lanes of all windows. A tile's windows wait while the next tile is computed: silu is taken there, between its
 * kernel rows, where its long chain of operations runs beside the multiply-adds; the other activations before it. */
static void fused_lanes(const fused_layer *layer) {
    _Alignas(64) float z[2][2 * TILE_COLUMNS * TILE_FILTERS * VL];
    const cvy_conv2d_shape *shape = layer->shape;
    const int width = shape->output_width / 2;
    const int rows = layer->activation == CVY_ACT_SILU ? POOLING : 2;
    tile_walk walk = walk_of(shape);
    walk.y_filter = VL;
    pool_queue queue = {.left = 0};
    int turn = 0;
    for (int py = 0; py < shape->output_height / 2; py++)
        for (int f = 0, filters; f < shape->filters; f += filters) {
            filters = tile_extent(shape->filters - f, TILE_FILTERS);
            for (int px = 0, windows; px < width; px += windows, turn = !turn) {
                windows = tile_columns(filters, 2 * (width - px)) / 2;
                walk.y_column = (size_t)filters * VL;
                walk.y_row = 2 * windows * walk.y_column;
                tiles[filters][2 * windows][rows](&walk, layer->x + 2 * py * walk.x_row + 2 * px * walk.x_column,
                                                  layer->weights + f, layer->bias ? layer->bias + f : NULL, z[turn],
                                                  &queue);
                if (layer->activation != CVY_ACT_SILU)
                    pool_all(layer->activation, &queue);
                queue = queue_of(layer, py, px, f, windows, filters, z[turn]);
            }
        }
    pool_all(layer->activation, &queue);
}

void KERNEL(conv2d_maxpool2x2_forward_hwc16n)(const cvy_conv2d_shape *shape, cvy_activation_kind activation,
                                              const float *x, const float *weights, const float *bias, float *y,
                                              float *derivative, int32_t *winner) {
    assert(cvy_is_conv2d_maxpool2x2(shape) && cvy_is_activation(activation));
    assert(cvy_is_aligned(x) && cvy_is_aligned(weights) && cvy_is_aligned_or_null(bias) && cvy_is_aligned(y));
    assert(cvy_is_aligned_or_null(derivative) && cvy_is_aligned_or_null(winner) && !derivative == !winner);
    for (int lane = 0; lane < CVY_LANES; lane += VL) {
        const fused_layer layer = {
            .shape = shape,
            .activation = activation,
            .x = x + lane,
            .weights = weights,
            .bias = bias,
            .y = y + lane,
            .derivative = winner ? derivative + lane : NULL,
            .winner = winner ? winner + lane : NULL,
        };
        fused_lanes(&layer);
    }
}
