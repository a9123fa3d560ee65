/* A PNG image as bytes, by libpng. */
#ifndef CVY_PNG_IMAGE_H
#define CVY_PNG_IMAGE_H

#include "../base/status.h"

typedef struct cvy_png {
    size_t height, width; /* at most CVY_PNG_EXTENT_MAX */
    bool colour;          /* RGB or a palette, not grey */
} cvy_png;

enum { CVY_PNG_EXTENT_MAX = 4096 };

/* Reads the header of a file. Errors name the path: not a PNG file, a damaged one, larger extents, or more pixels than
 * a file of that length can hold. */
bool cvy_png_read_header(const char *path, cvy_png *header, cvy_status *status);

/* The size of the memory that cvy_png_read needs. */
static inline size_t cvy_png_scratch_bytes(const cvy_png *image) {
    return image->height * image->width * 4;
}

/* Reads an image of the height and width of `image` to pixels [height][width][channels], 3 channels if image->colour,
 * else 1. Grey becomes RGB where 3 channels are asked for. Values of 16 bits are rounded to 8, those of 1 to 4 bits
 * scaled to 8. Gamma and colour profiles are ignored. An opaque alpha channel is dropped; a pixel that is not opaque is
 * an error. */
bool cvy_png_read(const char *path, const cvy_png *image, uint8_t *pixels, uint8_t *scratch, cvy_status *status);

#endif
