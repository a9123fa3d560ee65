/* The kernel table: every compute operation of Convoy, its contract, and the tiers that implement it.
 *
 * A kernel computes. It never allocates, starts a thread, prints, or keeps state between calls; everything it needs
 * comes in as an argument. The operations are listed once, in kernels.def; this header expands that list into the
 * prototypes and into the table type, and states each operation's contract.
 *
 * Layouts
 *   HWC16N  [y][x][channel][image 0..15]: one block of 16 images, the image index innermost. 64-byte aligned.
 *           A vector (dense layers) has height = width = 1, in any layout.
 *   NHWC    [image][y][x][channel]: images one after another; a row may be longer than width * channels, an image
 *           longer than height rows (cvy_image_shape.row and .image say by how much).
 *   NCHW16C [image][channel / 16][y][x][16 channels]: `count` images, 1 to 16, one after another; dense, 64-byte
 *           aligned. The channels are filled up to a multiple of 16: kernels write +0 there and ignore what an input
 *           holds there, except pooling and elementwise operations, which treat it as channels. A vector is NHWC with
 *           rows filled up, so dense layers and softmax have no other form in this layout.
 *
 * Weights are as in Keras: convolution kernels HWIO [ky][kx][input channel][filter], dense kernels [input][unit].
 *
 * Numbers contract (what makes all tiers give the same bits)
 *   - An output element is one chain of fused multiply-adds in the order its contract states; a chain that starts with
 *     no bias starts with +0.
 *   - A sum across the 16 lanes folds 16 -> 8 -> 4 -> 2 -> 1: lane i += lane i + half.
 *   - max(a, b) is (a > b ? a : b) and min(a, b) is (a < b ? a : b): with a NaN the second operand wins.
 *   - exp, log, tanh and sigmoid are the project's own (see "Elementary functions"): same bits on every tier.
 *   - Which NaN (sign, payload) is not part of the contract; that it is a NaN is.
 *   - Subnormals are kept, except where an optimizer's contract says that its state flushes.
 *
 * Alignment and extents, unless an operation says otherwise: HWC16N buffers, weights, biases, gradients and scratch are
 * 64-byte aligned; NHWC buffers are 4-byte aligned. A kernel reads and writes exactly the elements its shapes name,
 * with two exceptions: reads of an NHWC buffer may run up to 15 floats past its last element, and past the end of a
 * row within it (not so the images that a gather reads: they are a data set in the caller's memory). Buffers that a
 * kernel writes overlap nothing it reads or else writes, unless "may alias" says so: then they start at the same
 * address. Every extent, stride and window is at least 1. Preconditions are asserted on entry in debug builds
 * (contract.h).
 */
#ifndef CVY_KERNELS_H
#define CVY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { CVY_LANES = 16 }; /* images in a block, on every tier */

/* ---- Tiers ---------------------------------------------------------------------------------------------------- */

typedef enum cvy_tier {
    CVY_TIER_scalar, /* plain C, no vector extension: the reference */
    CVY_TIER_avx2,   /* AVX2 + FMA */
    CVY_TIER_avx512, /* AVX-512 F, BW, DQ, VL */
    CVY_TIER_neon,   /* AArch64 Advanced SIMD */
    CVY_TIERS
} cvy_tier;

/* The sets of tiers that kernels.def names. CVY_TIERS_<set>(KERNEL, name) is KERNEL(name, tier) for each tier of the
 * set that is compiled for this processor family, from scalar upward. */
#define CVY_TIERS_scalar(KERNEL, name) KERNEL(name, scalar)
#if defined(__x86_64__)
#define CVY_TIERS_all(KERNEL, name) KERNEL(name, scalar) KERNEL(name, avx2) KERNEL(name, avx512)
#elif defined(__aarch64__)
#define CVY_TIERS_all(KERNEL, name) KERNEL(name, scalar) KERNEL(name, neon)
#else
#define CVY_TIERS_all(KERNEL, name) KERNEL(name, scalar)
#endif

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

/* One image: extents, and the strides of its NHWC form. */
typedef struct cvy_image_shape {
    int32_t height, width, channels;
    int32_t row;   /* NHWC: floats from a row to the next, >= width * channels */
    int32_t image; /* NHWC: floats from an image to the next, >= height * row */
} cvy_image_shape;

/* A convolution with "valid" padding over an input that already holds its border. */
typedef struct cvy_conv2d_shape {
    cvy_image_shape input;
    int32_t kernel_height, kernel_width;
    int32_t stride_y, stride_x;
    int32_t filters;
    int32_t output_height, output_width; /* (input.height - kernel_height) / stride_y + 1, and likewise */
} cvy_conv2d_shape;

/* A pooling window; (pad_top, pad_left), >= 0, is how far above and left of the image the first window begins. Windows
 * are clipped to the image: the border is never a maximum and is not counted in an average. Every window holds at
 * least one element of the image. */
typedef struct cvy_pool_shape {
    int32_t height, width, channels; /* input */
    int32_t window_height, window_width;
    int32_t stride_y, stride_x;
    int32_t pad_top, pad_left;
    int32_t output_height, output_width;
} cvy_pool_shape;

typedef struct cvy_dense_shape {
    int32_t inputs, units;
    int32_t input_row, unit_row; /* NHWC: floats from an image's inputs to the next's, >= inputs; likewise of units */
} cvy_dense_shape;

/* Activations that work on one element at a time (softmax looks at all channels and has operations of its own). */
typedef enum cvy_activation_kind {
    CVY_ACT_LINEAR,
    CVY_ACT_RELU,    /* max(+0, z), so that a NaN passes; derivative 1 where z > 0, else +0 */
    CVY_ACT_SILU,    /* v = z * s, s = sigmoid(z), but +0 where z < CVY_SILU_ZERO; derivative fma(v, 1 - s, s) */
    CVY_ACT_SIGMOID, /* s = sigmoid(z); derivative s * (1 - s) */
    CVY_ACT_TANH,    /* t = tanh(z); derivative fma(-t, t, 1) */
} cvy_activation_kind;

/* Below it |silu(z)| < 2^-119, and sigmoid(z) soon becomes subnormal. With inputs as large as pixels a fifth of all z
 * lie there, and processors take several times as long for subnormal numbers. */
#define CVY_SILU_ZERO (-87.25f)
/* The minimum of silu: the root of 1 + z * (1 - sigmoid(z)). */
#define CVY_SILU_LOW (-1.2784645f)
/* From here up to 0 silu(z) is 0 for all purposes. */
#define CVY_SILU_TINY (-0x1p-100f)

/* ---- Optimizer hyperparameters, as Keras names them ------------------------------------------------------------- */

typedef struct cvy_sgd {
    float learning_rate, momentum;
    float decay; /* learning_rate * weight_decay */
    int32_t nesterov;
} cvy_sgd;

typedef struct cvy_rmsprop {
    float learning_rate, rho, one_minus_rho, momentum, epsilon;
    float decay; /* learning_rate * weight_decay */
    int32_t centered;
} cvy_rmsprop;

typedef struct cvy_adam {
    float alpha; /* learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) for step t = 1, 2, ... */
    float one_minus_beta_1, one_minus_beta_2, epsilon;
    float decay; /* learning_rate * weight_decay */
    int32_t amsgrad;
} cvy_adam;

/* ---- Contracts --------------------------------------------------------------------------------------------------
 *
 * Block: images in and out
 *
 *   gather_u8_hwc16n    block[y][x][c][l] = float(images[index[l]][y][x][c]) for l < count, +0 for the lanes beyond.
 *   gather_f32_hwc16n   `images` is dense NHWC (no row padding), count is 1..16. When `rows` is not NULL the same
 *                       16 images, those beyond count +0 as well, are also left in NHWC there, with shape's row and
 *                       image strides (padding untouched).
 *   reorder_hwc16n_nhwc images[l][y][x][c] = block[y][x][c][l] for all 16 lanes; row and image padding untouched.
 *   reorder_nhwc_hwc16n block[y][x][c][l] = images[l][y][x][c] for l < count, +0 beyond; count is 1..16.
 *   pad_hwc16n          copies an image into a larger one: y has `top` rows and `left` columns before it and is
 *                       padded_height x padded_width in all; the border is +0.
 *   crop_hwc16n         the inverse for gradients: dx = interior of dy (padded_height x padded_width), times derivative
 *                       (may be NULL: times nothing). `shape` is the interior's in both; row and image play no part.
 *
 * Images on their way to a block.  Dense rows of `floats` = width * channels elements; x and y are 4-byte aligned,
 * their rows x_row and y_row floats apart.
 *
 *   widen_u8            y[i][j] = float(x[i][j]) for i < rows; x is dense, and nothing beside it is read.
 *   column_moments      moments[k][j] = +0, then for i ascending over the rows fma(x[i][j], i^k, ...), for k = 0, 1, 2;
 *                       [3][floats], rows of it `floats` apart. Sums of integers below 2^24 are exact.
 *   sample_rows         y[i][j] = fma(v, scale, offset), where v is x[start[i] + j] (start counts floats from x) if
 *                       fraction[i] is 0, else the point that far on the way to the neighbour `step` floats on:
 *                       fma(x[start[i] + step + j] - x[start[i] + j], fraction[i], x[start[i] + j]). Reads may run up
 *                       to 15 floats past the end of what a row names, writes may not.
 *
 * Convolution.  x: [input.height][input.width][channels][16], y: [output_height][output_width][filters][16]
 *
 *   conv2d_forward_hwc16n
 *       y[oy][ox][f] = bias[f] (+0 if bias is NULL), then for ky, kx, c ascending
 *                      fma(x[oy*stride_y + ky][ox*stride_x + kx][c], weights[ky][kx][c][f], ...)
 *   conv2d_backward_data_hwc16n
 *       dx[y][x][c] = +0, then for oy, ox, f ascending over the outputs whose window covers (y, x)
 *                     fma(dy[oy][ox][f], weights[y - oy*stride_y][x - ox*stride_x][c][f], ...),
 *                     then times derivative[y][x][c] unless derivative is NULL.
 *   conv2d_backward_weights_hwc16n
 *       dweights[ky][kx][c][f] = +0, then for image l = 0..15, oy, ox ascending
 *                     fma(dy[oy][ox][f][l], images[l][oy*stride_y + ky][ox*stride_x + kx][c], ...)
 *       and at last + 0, so that no -0 is left. (Lanes beyond the batch hold +0 in dy and finite numbers in images, and
 *       so add nothing.)
 *       dbias[f] = per lane the sum of dy[oy][ox][f] from +0 in order of oy, ox, then the fold across lanes; dbias may
 *                  be NULL. `images` is x in NHWC.
 *
 * Convolution + activation + 2x2 max-pool, fused.  The pooled extents are output_height / 2 and output_width / 2: an
 * odd last row or column of outputs is dropped, as Keras does; both output extents are at least 2.
 *
 *   conv2d_maxpool2x2_forward_hwc16n
 *       z = the conv2d_forward of a window's four outputs (y, x), (y, x+1), (y+1, x), (y+1, x+1).
 *       a = max(max(z0, z1), max(z2, z3)), b = min(min(z0, z1), min(z2, z3)).
 *       The chosen z is a for every activation but silu; silu falls, then rises, so its maximum is at a or at b:
 *         a < CVY_SILU_LOW                                -> b
 *         CVY_SILU_LOW <= a < CVY_SILU_TINY
 *         and b < CVY_SILU_LOW                            -> b if silu(b) > silu(a) or b = -inf, else a
 *         otherwise                                       -> a
 *       y = activation(chosen z), derivative = its derivative there, argmax = where the first of the four z's equal to
 *       the chosen one stands: 0 to 3 (3 if none compares equal: NaN).
 *       derivative and argmax are both NULL (inference) or neither.
 *       Both backward kernels take dy, the pooled gradient times the derivative that the forward kernel left, and its
 *       argmax. They multiply a quarter of what the plain ones do.
 *       scratch: cvy_conv2d_maxpool2x2_scratch(shape) floats (scratch.h), contents in and out unspecified.
 *   conv2d_maxpool2x2_backward_data_hwc16n
 *       dx[y][x][c] = +0, then for py, px, f ascending over the windows that overlap (y, x)'s tile
 *                     fma(dy[py][px][f], weights[y - oy*stride_y][x - ox*stride_x][c][f], ...), where (oy, ox) is the
 *                     argmax; where its receptive field does not cover (y, x), times +0 instead;
 *                     then times derivative[y][x][c] unless derivative is NULL.
 *       The inputs are tiled in 2 x 2 from (0, 0). A window overlaps a tile if the tile holds a row and a column
 *       that are neither before the first nor after the last of the receptive fields of its four outputs.
 *   conv2d_maxpool2x2_backward_weights_hwc16n
 *       dweights[ky][kx][c][f] = per lane +0, then for py, px ascending, where (oy, ox) is the argmax,
 *                     fma(dy[py][px][f], x[oy*stride_y + ky][ox*stride_x + kx][c], ...),
 *                     then the fold across lanes, and at last + 0, so that no -0 is left.
 *       dbias[f] = per lane the sum of dy[py][px][f] from +0 in order of py, px, then the fold across lanes; dbias may
 *                  be NULL.
 *
 * Pooling.  x: [height][width][channels][16], y: [output_height][output_width][channels][16]
 *
 *   maxpool_forward_hwc16n   y = maximum of the window in row-major order, where a later element wins only if it is
 *                            greater (a NaN wins where it comes first, and only there); argmax = its position
 *                            y * width + x in the input (may be NULL).
 *   maxpool_backward_hwc16n  dx = +0, then every window in row-major order adds its dy to dx at its argmax; then times
 *                            derivative unless NULL.
 *   avgpool_forward_hwc16n   y = (sum from +0 in row-major order) * (1 / elements in the clipped window).
 *   avgpool_backward_hwc16n  dx = +0, then every window in row-major order adds dy * (1 / elements); then times
 *                            derivative unless NULL.
 *                            In both the quotient is rounded to a float, then the product, then the sum.
 *
 * Dense.  x: [inputs][16], y: [units][16]
 *
 *   dense_forward_hwc16n           y[u] = bias[u] (+0 if NULL), then for i ascending fma(x[i], weights[i][u], ...)
 *   dense_backward_data_hwc16n     dx[i] = +0, then for u ascending fma(dy[u], weights[i][u], ...), then times
 *                                  derivative[i] unless NULL.
 *   dense_backward_weights_hwc16n  dweights[i][u] = +0, then for image l = 0..15 fma(x[i][l], dy[u][l], ...)
 *                                  dbias[u] = +0, then for image l = 0..15 + dy[u][l]; may be NULL.
 *                                  scratch: 16 * (units rounded up to 16) floats.
 *
 * Elementwise.  Arrays of any layout: count is any number >= 0, and every array is 4-byte aligned. y and sum may alias
 * any input. Padding is elements like any other: in NCHW16C that of a sigmoid becomes 0.5, which no other kernel minds.
 *
 *   activation_forward  y = activation(x), derivative = its derivative at x (may be NULL; aliases nothing).
 *   multiply            y = a * b. An activation's backward operation is this: dx = dy * the derivative that
 *                       activation_forward left, which most backward operations take in themselves.
 *   scale               y = fma(x, scale, offset)
 *   add                 sum = a + b
 *
 * Softmax.  positions x channels x 16 lanes.  m = maximum over the channels (row order, later wins only if greater),
 * e_c = exp(z_c - m), s = sum of e_c from +0 in order of c, r = 1 / s.
 *
 *   softmax_forward_hwc16n        y_c = e_c * r. y may alias x.
 *   softmax_backward_hwc16n       t = +0, then for c ascending fma(dy_c, y_c, t); dx_c = y_c * (dy_c - t), then times
 *                                 derivative unless NULL. dx may alias dy.
 *   softmax_cross_entropy_hwc16n  The target of channel c is p_c = off = smoothing / channels, and that of the label
 *                                 p_label = (1 - smoothing) + off. For lane l < count: loss[l] = log(s) + d, where
 *                                 d = +0, then for c ascending fma(p_c, m - z_c, d), or without smoothing
 *                                 d = m - z_label; predicted[l] = the channel that m was taken from;
 *                                 dx_c = ((e_c * r) - p_c) * scale. smoothing is from 0 to 1.
 *                                 Lanes beyond: loss +0, predicted -1, dx +0. dx may be NULL or alias x.
 *                                 count is 1..16; loss and predicted are [16], 64-byte aligned; labels is [count], of
 *                                 any alignment, labels[l] < channels.
 *
 * NCHW16C.  The layout changes no bits: an element of image l < count is, to the bit, what the operation of the same
 * name in HWC16N gives in lane l, with the lanes from count on as its contract wants them (+0). Weights, dweights and
 * bias are Keras's, as ever.
 *
 *   conv2d_forward_nchw16c, conv2d_backward_data_nchw16c, conv2d_backward_weights_nchw16c
 *       x, dx, derivative: channels; y, dy: filters. Also the weight gradient takes x in NCHW16C. shape's row and image
 *       strides play no part.
 *       scratch: kernel_height * kernel_width * C * F floats, where C and F are the channels and filters rounded up to
 *       16; contents in and out unspecified. conv2d_forward and conv2d_backward_weights do not touch it, and it may be
 *       NULL, if filters is a multiple of 16.
 *   maxpool_forward_nchw16c, maxpool_backward_nchw16c, avgpool_forward_nchw16c, avgpool_backward_nchw16c
 *       Channels beyond the last are pooled like the others, and so stay +0 where they are.
 *       argmax = y * width + x, in the layout of y; beyond the last channel, the window's first position.
 *   reorder_nhwc_nchw16c    y[l][c / 16][y][x][c % 16] = images[l][y][x][c], with shape's row and image strides.
 *   reorder_nchw16c_nhwc    the inverse; row and image padding untouched.
 *   reorder_hwc16n_nchw16c  from lanes l < count of a block.
 *   reorder_nchw16c_hwc16n  the inverse; lanes from count on are +0.
 *
 * NHWC.  The same operations on `count` images, 1 to 16, one after another: an element of image l is, to the bit, what
 * the operation of the same name in HWC16N gives in lane l. Images are dense (row = width * channels, image = height *
 * row). `argmax` is an NHWC buffer as any other. scratch.h tells the size of the scratch in floats; its contents in and
 * out are unspecified.
 *
 *   conv2d_forward_nhwc, conv2d_backward_data_nhwc
 *   conv2d_backward_weights_nhwc   the fold of dbias is over 16 images, those from count on being +0.
 *   activation_maxpool2x2_forward_nhwc
 *       what conv2d_maxpool2x2_forward does behind its convolution, for inference: y = activation(the chosen z) of each
 *       window. shape is z's, at least 2 x 2; y: [height / 2][width / 2][channels]. Images in NCHW16C are images of 16
 *       channels to it, as many as there are blocks of channels.
 *   maxpool_forward_nhwc, maxpool_backward_nhwc      backward takes the argmax that forward has left.
 *   avgpool_forward_nhwc, avgpool_backward_nhwc
 *
 * Of vectors the rows may be longer than they need be: kernels write +0 to the rest of a row of y or dx, and do not use
 * that of an input. Rounded up to 16, a row is a vector in NCHW16C, or one position of an image of up to 16 channels.
 *
 *   dense_forward_nhwc, dense_backward_data_nhwc     x, dx, derivative: [count][input_row]; y, dy: [count][unit_row]
 *   dense_backward_weights_nhwc    the chains over the images end at image count - 1.
 *   softmax_forward_nhwc, softmax_backward_nhwc
 *       [rows][stride], stride >= channels, a row being a position of an image; aliases as in HWC16N.
 *   softmax_cross_entropy_nhwc     x, dx: [count][stride]; loss and predicted are [count], 4-byte aligned.
 *
 * Optimizers.  One flat array of parameters; count is a multiple of 16. `state` is the optimizer's slots, each a
 * pointer to count floats. The formula uses the new state as computed; what is below the smallest normal in magnitude
 * is then stored as +0. The result is 1 if any gradient or new parameter is not finite, else 0 (everything is written
 * in either case). In each, decay > 0 begins with w = fma(-decay, w, w): weight decay that the gradient does not see.
 *
 *   sgd_update      momentum = 0: w = fma(-lr, g, w).   else m = fma(momentum, m, -(lr * g)), and w = w + m, or with
 *                   nesterov w = w + fma(momentum, m, -(lr * g)).             state: m (none without momentum)
 *   rmsprop_update  v = fma(g * g, 1 - rho, rho * v);  centered: a = fma(g, 1 - rho, rho * a), d = fma(-a, a, v),
 *                   else d = v;  i = (lr * g) / sqrt(d + epsilon);
 *                   momentum > 0: m = fma(momentum, m, i), w = w - m, else w = w - i.
 *                   state: v, then m if momentum > 0, then a if centered
 *   adam_update     m = fma(g - m, 1 - beta_1, m);  v = fma(fma(g, g, -v), 1 - beta_2, v);
 *                   amsgrad: h = max(h, v), else h = v;  w = w - (m * alpha) / (sqrt(h) + epsilon).
 *                   state: m, v, then h
 *   ema_update      a moving average of the parameters: average = fma(w - average, 1 - momentum, average)
 *
 * Elementary functions.  count is any number >= 0; x and y are 4-byte aligned and may alias. Within 2 ULP over all
 * floats.
 *
 *   exp_f32, log_f32, tanh_f32, sigmoid_f32
 *
 * The machine.  What the other kernels' speed is measured against.
 *
 *   fma_peak  result[i] = i, then `rounds` times fma(result[i], CVY_PEAK_FACTOR, CVY_PEAK_ADDEND), for
 *             i < CVY_PEAK_FLOATS: 2 * rounds * CVY_PEAK_FLOATS floating-point operations, as many at once as the
 *             processor starts.
 */

enum { CVY_PEAK_FLOATS = 256 };
#define CVY_PEAK_FACTOR 0.5f
#define CVY_PEAK_ADDEND 1.0f

/* ---- Expansion of kernels.def ----------------------------------------------------------------------------------- */

#define CVY_OPERATION(tiers, result, name, parameters) typedef result cvy_##name##_fn parameters;
#include "kernels.def"

/* cvy_<operation>_<tier> */
#define CVY_PROTOTYPE(name, tier) cvy_##name##_fn cvy_##name##_##tier;
#define CVY_OPERATION(tiers, result, name, parameters) CVY_TIERS_##tiers(CVY_PROTOTYPE, name)
#include "kernels.def"
#undef CVY_PROTOTYPE

/* The table: one pointer an operation, none of them NULL. */
typedef struct cvy_kernels {
#define CVY_OPERATION(tiers, result, name, parameters) cvy_##name##_fn *name;
#include "kernels.def"
} cvy_kernels;

/* Fills the table: scalar first, then each tier up to and including `tier` overrides what it implements. The caller has
 * made sure (cpu.h) that this machine runs `tier`. */
void cvy_kernels_fill(cvy_kernels *table, cvy_tier tier);

#endif
