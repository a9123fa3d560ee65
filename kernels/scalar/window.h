/* Pooling windows, clipped to the image. */
#ifndef CVY_SCALAR_WINDOW_H
#define CVY_SCALAR_WINDOW_H

#include "../kernels.h"

/* The part of a window that lies within the image: rows [top, bottom), columns [left, right). */
typedef struct window {
    int top, bottom, left, right;
} window;

static inline int clip(int position, int extent) {
    return position < 0 ? 0 : position < extent ? position : extent;
}

static inline window window_at(const cvy_pool_shape *shape, int oy, int ox) {
    const int y = oy * shape->stride_y - shape->pad_top, x = ox * shape->stride_x - shape->pad_left;
    return (window){.top = clip(y, shape->height),
                    .bottom = clip(y + shape->window_height, shape->height),
                    .left = clip(x, shape->width),
                    .right = clip(x + shape->window_width, shape->width)};
}

/* 1 / elements of the window. */
static inline float share_of(const window *w) {
    return 1.0f / (float)((w->bottom - w->top) * (w->right - w->left));
}

#endif
