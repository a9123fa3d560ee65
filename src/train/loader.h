/* Images on their way from a data set into a block: deskewed, moved, cropped, rescaled, pooled.
 *
 * It is done by the thread that takes the block, each time it takes it, and not once for the data set: the fast recipes
 * see few images twice, and what was never written needs no memory and no reading back. Nanoseconds an image of 28 x
 * 28, on a core of a Zen 5 with AVX-512, least of 20,000 calls on cached images: gathered as it is 27; rescaled and
 * moved 151; deskewed as well 244; deskewed, cropped and pooled to 12 x 12 260. */
#ifndef CVY_LOADER_H
#define CVY_LOADER_H

#include "../data/dataset.h"
#include "../data/preprocess.h"
#include "../model/block.h"

/* Where an image is moved to, in pixels; zeros come in from the edge. */
typedef struct cvy_shift {
    int y, x;
} cvy_shift;

/* Shifts of at most `most` pixels, counted along both axes together: 1, 5, 13, 25, ... of them. */
static inline int cvy_shift_count(int most) {
    return 2 * most * (most + 1) + 1;
}

/* Shift i of them, 0 <= i < count. */
cvy_shift cvy_shift_at(int most, int i);

/* A shift drawn uniformly for an image in training, a pure function of its arguments. `place`: in the batch. */
cvy_shift cvy_shift_draw(int most, uint64_t seed, uint32_t step, uint64_t place);

/* The way for images of one shape. Offsets are in floats, into the scratch memory that a thread brings. */
typedef struct cvy_loader {
    cvy_preprocessing preprocessing;
    bool plain; /* images enter the block as they are */
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

/* Plans the way of a data set's images into a network's input, moved by up to `shift` pixels. Images that do not fit
 * are an error that names the data set. */
bool cvy_loader_make(const cvy_preprocessing *preprocessing, const cvy_dataset *dataset, const cvy_image_shape *input,
                     int shift, cvy_loader *loader, cvy_status *status);

/* Before the first block of a run: scratch is loader->floats floats, 64-byte aligned. */
void cvy_loader_begin(const cvy_loader *loader, float *scratch);

/* Brings the images index[0 .. block->count), moved by shifts[0 .. block->count), into the part's own workspace; for
 * training also as NHWC images, if the plan has a place for them. */
void cvy_loader_load(const cvy_loader *loader, const cvy_block *block, const cvy_dataset *dataset,
                     const uint32_t *index, const cvy_shift *shifts, bool training, float *scratch);

#endif
