/* The oracle: what each operation must give, from textbook formulas in double precision.
 *
 * Beside the value in double an element carries two more things. `bound` is how far a correct float kernel may be from
 * it: with u = 2^-24, gamma(n) = n u / (1 - n u), a chain of d terms and S = sum |a_i b_i| + |bias|,
 *
 *     |y' - y| <= gamma(d + 2) S          (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1)
 *
 * where the 2 leaves room for a factor and a rounding after the chain; and a trip-wire far below the worst case, at
 * 6 sqrt(d) u S, because rounding errors of random data do not conspire. `exact` is the float that the contract's
 * order of fused multiply-adds gives, rounding for rounding: the numbers contract promises these bits on every tier. */
#ifndef CVY_TESTS_ORACLE_H
#define CVY_TESTS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels.h"

typedef struct oracle_value {
    double value;
    double bound;
    float exact;
} oracle_value;

/* A running sum of products. */
typedef struct oracle_sum {
    double value;
    double magnitude; /* S */
    float chain;      /* the same in floats, one rounding a term */
    int32_t length;   /* d */
} oracle_sum;

/* fma in float; inline, since libm's costs a call and, without the instruction, far more. */
float oracle_fma(float a, float b, float c);

void oracle_add(oracle_sum *sum, float a, float b);
/* The sum as an element, times `factor` where it is not NULL. `integers`: the inputs are integers, so the bound is 0;
 * it is NaN, which nothing satisfies, if a partial sum may have left the integers that a float holds. */
oracle_value oracle_result(const oracle_sum *sum, const float *factor, bool integers);

/* The smallest bound a result may have: rounding to float, and underflow. */
double oracle_rounding(double value);

/* ---- Convolution; names, layouts and shapes as in kernels.h ---- */

void oracle_conv2d_forward(const cvy_conv2d_shape *s, const float *x, const float *weights, const float *bias,
                           bool integers, oracle_value *y);
void oracle_conv2d_backward_data(const cvy_conv2d_shape *s, const float *dy, const float *weights,
                                 const float *derivative, bool integers, oracle_value *dx);
void oracle_conv2d_backward_weights(const cvy_conv2d_shape *s, const float *images, const float *dy, bool integers,
                                    oracle_value *dweights);
void oracle_conv2d_maxpool2x2_backward_weights(const cvy_conv2d_shape *s, const float *x, const float *dy,
                                               const int32_t *argmax, bool integers, oracle_value *dweights);
/* dy: [positions][filters][16]. */
void oracle_backward_bias(size_t positions, int32_t filters, const float *dy, bool integers, oracle_value *dbias);

/* `sums`: room for as many as dx has elements. */
void oracle_conv2d_maxpool2x2_backward_data(const cvy_conv2d_shape *s, const float *dy, const int32_t *argmax,
                                            const float *weights, const float *derivative, bool integers,
                                            oracle_sum *sums, oracle_value *dx);

/* Convolution, activation and 2x2 max-pool. `z` is the convolution's result. The value of y is the largest activation
 * of a window's four; false if the argmax by the contract's rule is not within the bounds of it. */
bool oracle_maxpool2x2(const cvy_conv2d_shape *s, cvy_activation_kind activation, const oracle_value *z,
                       oracle_value *y, oracle_value *derivative, int32_t *argmax);

/* ---- Pooling ---- */

/* No sums: the values are the very floats of x. */
void oracle_maxpool_forward(const cvy_pool_shape *s, const float *x, float *y, int32_t *argmax);
/* `sums` is room for as many as there are inputs. */
void oracle_maxpool_backward(const cvy_pool_shape *s, const float *dy, const int32_t *argmax, const float *derivative,
                             bool integers, oracle_sum *sums, oracle_value *dx);
void oracle_avgpool_forward(const cvy_pool_shape *s, const float *x, bool integers, oracle_value *y);
void oracle_avgpool_backward(const cvy_pool_shape *s, const float *dy, const float *derivative, bool integers,
                             oracle_sum *sums, oracle_value *dx);

/* ---- Dense ---- */

void oracle_dense_forward(const cvy_dense_shape *s, const float *x, const float *weights, const float *bias,
                          bool integers, oracle_value *y);
void oracle_dense_backward_data(const cvy_dense_shape *s, const float *dy, const float *weights,
                                const float *derivative, bool integers, oracle_value *dx);
void oracle_dense_backward_weights(const cvy_dense_shape *s, const float *x, const float *dy, bool integers,
                                   oracle_value *dweights, oracle_value *dbias);

/* ---- Activations ---- */

/* One element whose input is `z.value` within `z.bound`, and `z.exact` in floats. */
void oracle_activation(cvy_activation_kind activation, oracle_value z, oracle_value *y, oracle_value *derivative);
const char *oracle_activation_name(cvy_activation_kind activation);

/* ---- Softmax; one lane of one position: channel c stands at 16 * c ---- */

void oracle_softmax(int32_t channels, const float *x, oracle_value *y);
void oracle_softmax_backward(int32_t channels, const float *y, const float *dy, const float *derivative, bool integers,
                             oracle_value *dx);
void oracle_cross_entropy(int32_t channels, int32_t label, float smoothing, float scale, const float *x,
                          oracle_value *loss, int32_t *predicted, oracle_value *dx);

/* ---- Elementary functions in double ---- */

double oracle_sigmoid(double x);

#endif
