/* Loads images from a data set into a block: deskewed, moved, cropped, rescaled, pooled.
 *
 * The thread that takes a block loads it, each time anew. The fast recipes see few images twice, so results that were
 * kept would take memory and save nothing. Nanoseconds an image of 28 x 28 (Zen 5, AVX-512, least of 20,000 calls on
 * cached images): without preprocessing 27; rescaled and moved 151; deskewed as well 244; deskewed, cropped and pooled
 * to 12 x 12 260. */
#ifndef CVY_LOADER_H
#define CVY_LOADER_H

#include "../data/dataset.h"
#include "../data/preprocess.h"
#include "../model/block.h"

/* How far an image moves, in pixels; zeros come in at the edge. */
typedef struct cvy_shift {
    int y, x;
} cvy_shift;

/* The number of shifts with |y| + |x| <= most: 1, 5, 13, 25, ... */
static inline int cvy_shift_count(int most) {
    return 2 * most * (most + 1) + 1;
}

/* Shift i of them, 0 <= i < count. */
cvy_shift cvy_shift_at(int most, int i);

/* A shift drawn uniformly for an image in training, a pure function of its arguments. `place`: in the batch. */
cvy_shift cvy_shift_draw(int most, uint64_t seed, uint32_t step, uint64_t place);

/* How images of one shape are loaded. Offsets are in floats, into the scratch memory of a thread. */
typedef struct cvy_loader {
    cvy_preprocessing preprocessing;
    bool plain; /* no preprocessing */
    int height, width, channels;
    int border_y, border_x;  /* zeros around an image on the canvas, in pixels */
    int canvas_row;          /* floats from a row of the canvas to the next */
    cvy_image_shape cropped; /* what is sampled from the canvas */
    cvy_pool_shape pool;     /* of average pooling, if there is any */
    int top, left;           /* of the crop */
    float scale, offset;     /* rescaling and normalization in one */
    size_t moments, starts, fractions, samples, block;
    size_t canvas_floats; /* the canvas is at 0 */
    size_t floats;        /* of scratch */
} cvy_loader;

/* Makes the loader of a data set's images for a network's input; images move by up to `shift` pixels. Images that do
 * not fit are an error that names the data set. */
bool cvy_loader_make(const cvy_preprocessing *preprocessing, const cvy_dataset *dataset, const cvy_image_shape *input,
                     int shift, cvy_loader *loader, cvy_status *status);

/* Prepares a thread's scratch memory before the first block of a run: loader->floats floats, 64-byte aligned. */
void cvy_loader_begin(const cvy_loader *loader, float *scratch);

/* Loads the images index[0 .. block->count), moved by shifts[0 .. block->count), into the block's workspace. For
 * training also as NHWC images, if the plan has a place for them. */
void cvy_loader_load(const cvy_loader *loader, const cvy_block *block, const cvy_dataset *dataset,
                     const uint32_t *index, const cvy_shift *shifts, bool training, float *scratch);

#endif
