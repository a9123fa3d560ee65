/* Pooling windows, clipped to the image. */
#ifndef CVY_VECTOR_WINDOW_H
#define CVY_VECTOR_WINDOW_H

#include "tier.h"

/* The part of a window that lies within the image: rows [top, bottom), columns [left, right). */
typedef struct window {
    int top, bottom, left, right;
} window;

static inline window window_at(const cvy_pool_shape *shape, int oy, int ox) {
    const int y = oy * shape->stride_y - shape->pad_top, x = ox * shape->stride_x - shape->pad_left;
    return (window){.top = greatest(y, 0),
                    .bottom = least(y + shape->window_height, shape->height),
                    .left = greatest(x, 0),
                    .right = least(x + shape->window_width, shape->width)};
}

/* 1 / elements of the window. */
static inline float share_of(const window *w) {
    return 1.0f / (float)((w->bottom - w->top) * (w->right - w->left));
}

/* Windows of 2x2 that neither overlap nor are clipped, so that no element has two of them. */
static inline bool is_plain_2x2(const cvy_pool_shape *shape) {
    return shape->window_height == 2 && shape->window_width == 2 && shape->stride_y == 2 && shape->stride_x == 2 &&
           shape->pad_top == 0 && shape->pad_left == 0 && shape->height >= 2 * shape->output_height &&
           shape->width >= 2 * shape->output_width;
}

#endif
