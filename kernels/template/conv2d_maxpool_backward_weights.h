/* Gradient of a convolution's weights from the winners of the 2x2 max-pool behind it.
 *
 * Of a window only one of four outputs has a gradient, in each lane another. For one filter and channel, what a tap
 * sees through the winner is chosen of four neighbouring inputs lane by lane: first of two columns, then of two rows,
 * where the row chosen for one tap serves the tap above it too. So a tap takes little more than two selections for its
 * multiply-add, instead of four multiply-adds. A tile of kernel rows x columns of accumulators stays in registers over
 * all windows; then the sums are folded across lanes, VL of them at a time.
 *
 * The including file has defined KERNEL(operation), and TILE_ROWS and TILE_COLUMNS, the most that a tile has, up to 5
 * and 3. */
#include "../contract.h"
#include "bias_gradient.h"
#include "tile.h"

/* ---- Sums across lanes ------------------------------------------------------------------------------------------ */

/* Sums that wait to be folded, and where each then goes. */
enum { PENDING = 64 };

typedef struct pending {
    _Alignas(64) float sum[PENDING][CVY_LANES];
    float *to[PENDING];
    int count;
} pending;

/* The fold of VL sums of 16 lanes. */
TILE_BODY V fold(const float *sum) {
    V lane[VL];
    UNROLL for (int i = 0; i < VL; i++) {
        V part[CVY_LANES / VL];
        UNROLL for (int k = 0; k < CVY_LANES / VL; k++) part[k] = v_load(sum + i * CVY_LANES + k * VL);
        UNROLL for (int half = CVY_LANES / VL / 2; half > 0; half /= 2) UNROLL for (int k = 0; k < half; k++) part[k] =
            v_add(part[k], part[k + half]);
        lane[i] = part[0];
    }
    v_transpose(lane);
    UNROLL for (int half = VL / 2; half > 0; half /= 2) UNROLL for (int i = 0; i < half; i++) lane[i] =
        v_add(lane[i], lane[i + half]);
    return v_add(lane[0], v_zero());
}

static void settle(pending *waiting) {
    for (int first = 0; first < waiting->count; first += VL) {
        float folded[VL];
        v_storeu(folded, fold(waiting->sum[first]));
        for (int i = 0; i < least(VL, waiting->count - first); i++)
            *waiting->to[first + i] = folded[i];
    }
    waiting->count = 0;
}

/* ---- Tiles ------------------------------------------------------------------------------------------------------ */

/* Strides in floats, for one filter and channel, from the tile's first tap on. */
typedef struct winner_walk {
    const float *x, *dy; /* of the first window */
    const int32_t *winner;
    int rows, columns;              /* of windows */
    size_t pixel, row;              /* in x, from a tap to the next */
    size_t field_column, field_row; /* and from an output's field to the next */
    size_t window;                  /* in dy and winner */
} winner_walk;

/* What VL lanes of tap `at` see: `right` and `below` say where the winner is. */
TILE_BODY V seen(const winner_walk *walk, const float *at, VM right, VM below) {
    const V above = v_select(right, v_load(at + walk->field_column), v_load(at));
    at += walk->field_row;
    return v_select(below, v_select(right, v_load(at + walk->field_column), v_load(at)), above);
}

/* The taps of one window with stride 1, where they share rows and columns. */
TILE_BODY void accumulate_dense(const int rows, const int columns, const winner_walk *walk, const float *field, V g,
                                VM right, VM below, V sum[TILE_ROWS][TILE_COLUMNS]) {
    V above[TILE_COLUMNS];
    UNROLL for (int i = 0; i <= rows; i++) {
        const float *at = field + i * walk->row;
        V left = v_load(at);
        UNROLL for (int j = 0; j < columns; j++) {
            const V next = v_keep(v_load(at + (j + 1) * walk->pixel));
            const V chosen = v_select(right, next, left);
            if (i > 0)
                sum[i - 1][j] = v_fma(g, v_select(below, chosen, above[j]), sum[i - 1][j]);
            above[j] = chosen;
            left = next;
        }
    }
}

TILE_BODY void accumulate_strided(const int rows, const int columns, const winner_walk *walk, const float *field, V g,
                                  VM right, VM below, V sum[TILE_ROWS][TILE_COLUMNS]) {
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) sum[i][j] =
        v_fma(g, seen(walk, field + i * walk->row + j * walk->pixel, right, below), sum[i][j]);
}

/* All windows, into `sum`, which holds taps row by row. */
TILE_BODY void tile(const bool dense, const int rows, const int columns, const winner_walk *walk,
                    float (*to)[CVY_LANES]) {
    for (int lane = 0; lane < CVY_LANES; lane += VL) {
        const float *dy = walk->dy + lane, *field_row = walk->x + lane;
        const int32_t *winner = walk->winner + lane;
        V sum[TILE_ROWS][TILE_COLUMNS];
        UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++) sum[i][j] = v_zero();
        for (int py = 0; py < walk->rows; py++, field_row += 2 * walk->field_row) {
            const float *field = field_row;
            for (int px = 0; px < walk->columns; px++, field += 2 * walk->field_column) {
                const V g = v_load(dy);
                const VI choice = vi_load(winner);
                const VM right = m_bit(choice, 0), below = m_bit(choice, 1);
                if (dense)
                    accumulate_dense(rows, columns, walk, field, g, right, below, sum);
                else
                    accumulate_strided(rows, columns, walk, field, g, right, below, sum);
                dy += walk->window;
                winner += walk->window;
            }
        }
        UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < columns; j++)
            v_store(to[i * columns + j] + lane, sum[i][j]);
    }
}

typedef void tile_fn(const winner_walk *walk, float (*to)[CVY_LANES]);

#define TILE(rows, columns)                                                                                            \
    static void dense_##rows##x##columns(const winner_walk *walk, float(*to)[CVY_LANES]) {                             \
        tile(true, rows, columns, walk, to);                                                                           \
    }                                                                                                                  \
    static void strided_##rows##x##columns(const winner_walk *walk, float(*to)[CVY_LANES]) {                           \
        tile(false, rows, columns, walk, to);                                                                          \
    }
WINNER_TILES(TILE)
#undef TILE

/* By strided or not, rows, columns. */
static tile_fn *const tile_bodies[2][TILE_ROWS + 1][TILE_COLUMNS + 1] = {
#define TILE(rows, columns)                                                                                            \
    [0][rows][columns] = dense_##rows##x##columns, [1][rows][columns] = strided_##rows##x##columns,
    WINNER_TILES(TILE)
#undef TILE
};

/* All taps of one channel and filter; `walk` is at tap (0, 0). */
static void gradient_of(const cvy_conv2d_shape *shape, const winner_walk *walk, float *dweights, pending *waiting) {
    const bool strided = shape->stride_y > 1 || shape->stride_x > 1;
    const size_t tap = (size_t)shape->input.channels * shape->filters;
    for (int ky = 0, rows; ky < shape->kernel_height; ky += rows) {
        rows = tile_extent(shape->kernel_height - ky, TILE_ROWS);
        for (int kx = 0, columns; kx < shape->kernel_width; kx += columns) {
            columns = tile_extent(shape->kernel_width - kx, TILE_COLUMNS);
            winner_walk part = *walk;
            part.x += ky * walk->row + kx * walk->pixel;
            if (waiting->count + rows * columns > PENDING)
                settle(waiting);
            tile_bodies[strided][rows][columns](&part, waiting->sum + waiting->count);
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++)
                    waiting->to[waiting->count++] = dweights + ((ky + i) * shape->kernel_width + kx + j) * tap;
        }
    }
}

void KERNEL(conv2d_maxpool2x2_backward_weights_hwc16n)(const cvy_conv2d_shape *shape, const float *x, const float *dy,
                                                       const int32_t *winner, float *dweights, float *dbias) {
    assert(cvy_is_conv2d_maxpool2x2(shape) && cvy_is_slice(shape->slice, shape->filters));
    assert(cvy_is_aligned(x) && cvy_is_aligned(dy) && cvy_is_aligned(winner));
    assert(cvy_is_aligned(dweights) && cvy_is_aligned_or_null(dbias));
    const size_t pixel = (size_t)shape->input.channels * CVY_LANES, row = shape->input.width * pixel;
    const cvy_slice slice = cvy_slice_of(shape->slice, shape->filters);
    pending waiting;
    waiting.count = 0;
    for (int c = 0; c < shape->input.channels; c++)
        for (int f = slice.first; f < slice.end; f++) {
            const winner_walk walk = {
                .x = x + (size_t)c * CVY_LANES,
                .dy = dy + (size_t)f * CVY_LANES,
                .winner = winner + (size_t)f * CVY_LANES,
                .rows = shape->output_height / 2,
                .columns = shape->output_width / 2,
                .pixel = pixel,
                .row = row,
                .field_column = shape->stride_x * pixel,
                .field_row = shape->stride_y * row,
                .window = (size_t)shape->filters * CVY_LANES,
            };
            gradient_of(shape, &walk, dweights + (size_t)c * shape->filters + f, &waiting);
        }
    settle(&waiting);
    if (dbias)
        bias_gradient((shape->output_height / 2) * (shape->output_width / 2), shape->filters, slice, dy, dbias);
}
