/* Small PNG images, made in memory. */
#ifndef TESTS_PICTURES_H
#define TESTS_PICTURES_H

#include "samples.h"

#include <png.h>

typedef struct picture {
    int type, depth; /* PNG_COLOR_TYPE_GRAY, ...; bits of a sample */
    unsigned width, height;
    bool interlaced;
    const png_color *palette; /* [2^depth], if the type has one */
    const uint8_t *alpha;     /* [2^depth] of the palette; NULL: opaque */
    const uint16_t *clear;    /* the grey value, or red, green and blue, that is transparent; NULL: none */
    bool gamma;               /* a gAMA chunk that would change every pixel */
} picture;

static inline void append_bytes(png_structp png, png_bytep bytes, size_t count) {
    sample *s = png_get_io_ptr(png);
    assert_true(s->count + count <= sizeof s->bytes);
    memcpy(s->bytes + s->count, bytes, count);
    s->count += count;
}

/* The rows lie one behind the other, packed as the file has them. */
static inline sample make_png(const picture *p, const uint8_t *rows) {
    sample s = {.count = 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_non_null(info);
    png_set_write_fn(png, &s, append_bytes, NULL);
    png_set_IHDR(png, info, p->width, p->height, p->depth, p->type, p->interlaced ? PNG_INTERLACE_ADAM7 : 0, 0, 0);
    if (p->palette)
        png_set_PLTE(png, info, p->palette, 1 << p->depth);
    if (p->alpha)
        png_set_tRNS(png, info, p->alpha, 1 << p->depth, NULL);
    if (p->clear) {
        png_color_16 clear = {.gray = p->clear[0]};
        if (p->type == PNG_COLOR_TYPE_RGB)
            clear = (png_color_16){.red = p->clear[0], .green = p->clear[1], .blue = p->clear[2]};
        png_set_tRNS(png, info, NULL, 0, &clear);
    }
    if (p->gamma)
        png_set_gAMA(png, info, 1);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    size_t bytes = png_get_rowbytes(png, info);
    for (int pass = 0; pass < passes; pass++)
        for (unsigned y = 0; y < p->height; y++)
            png_write_row(png, rows + y * bytes);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return s;
}

/* The first chunk of that name; NULL if there is none. */
static inline uint8_t *chunk_of(sample *s, const char *name) {
    uint8_t *found = memmem(s->bytes, s->count, name, 4);
    return found ? found - 4 : NULL;
}

/* Makes the checksums of all chunks right again, as far as the chunks' lengths are. */
static inline void mend_checksums(sample *s) {
    for (size_t at = 8; at + 12 <= s->count;) {
        size_t length = (size_t)s->bytes[at] << 24 | (size_t)s->bytes[at + 1] << 16 | (size_t)s->bytes[at + 2] << 8 |
                        s->bytes[at + 3];
        if (length > s->count - at - 12)
            return;
        uint32_t sum = libdeflate_crc32(0, s->bytes + at + 4, length + 4);
        for (int i = 0; i < 4; i++)
            s->bytes[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
}

#endif
