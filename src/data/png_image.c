#include "png_image.h"

#include "../base/archive.h"
#include "../base/file.h"

#include <png.h>

typedef struct reader {
    cvy_file file;
    size_t at;
    png_structp png;
    png_infop info;
    cvy_status *status;
} reader;

/* ---- What libpng calls ------------------------------------------------------------------------------------------ */

static void stop(png_structp png, png_const_charp what) {
    const reader *r = png_get_error_ptr(png);
    cvy_fail(r->status, CVY_FAILED, r->file.path, "cannot read as a PNG image: %s", what);
    png_longjmp(png, 1);
}

/* Warnings are about chunks that are no part of the pixels. */
static void ignore(png_structp png, png_const_charp what) {
    (void)png;
    (void)what;
}

static void read_bytes(png_structp png, png_bytep bytes, size_t count) {
    reader *r = png_get_io_ptr(png);
    if (count > r->file.length - r->at)
        png_error(png, "the file ends too early");
    if (!cvy_file_read(&r->file, r->at, bytes, count, r->status))
        png_error(png, "cannot read"); /* the first error stays */
    r->at += count;
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static bool open_reader(const char *path, reader *r, cvy_status *status) {
    *r = (reader){.status = status};
    if (!cvy_file_open(path, &r->file, status))
        return false;
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, stop, ignore);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (r->info)
        return true;
    png_destroy_read_struct(&r->png, NULL, NULL);
    cvy_file_close(&r->file);
    return cvy_fail(status, CVY_FAILED, path, "out of memory for the PNG decoder");
}

static void close_reader(reader *r) {
    png_destroy_read_struct(&r->png, &r->info, NULL);
    cvy_file_close(&r->file);
}

static bool check_size(const reader *r, cvy_png *header) {
    header->height = png_get_image_height(r->png, r->info);
    header->width = png_get_image_width(r->png, r->info);
    header->colour = png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_COLOR;
    if (header->height > CVY_PNG_EXTENT_MAX || header->width > CVY_PNG_EXTENT_MAX)
        return cvy_fail(r->status, CVY_FAILED, r->file.path, "an image of %zu x %zu, expected at most %d x %d",
                        header->height, header->width, CVY_PNG_EXTENT_MAX, CVY_PNG_EXTENT_MAX);
    size_t bytes = header->height * png_get_rowbytes(r->png, r->info);
    if (bytes / CVY_DEFLATE_EXPANSION_MAX > r->file.length)
        return cvy_fail(r->status, CVY_FAILED, r->file.path,
                        "an image of %zu x %zu is not possible in a file of %zu bytes", header->height, header->width,
                        r->file.length);
    return true;
}

static bool read_header(reader *r, cvy_png *header) {
    if (setjmp(png_jmpbuf(r->png)))
        return false;
    png_set_read_fn(r->png, r, read_bytes);
    /* Comments, profiles and the like: they may inflate to far more memory than the image. */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(r->png, r->info);
    return check_size(r, header);
}

/* Reads the pixels, each of `channels` bytes and an alpha byte, to the scratch. */
static bool read_pixels(reader *r, const cvy_png *image, size_t channels, uint8_t *scratch) {
    const size_t row = image->width * (channels + 1);
    if (setjmp(png_jmpbuf(r->png)))
        return false;
    png_set_expand(r->png);
    png_set_scale_16(r->png);
    if (channels == 3)
        png_set_gray_to_rgb(r->png);
    png_set_add_alpha(r->png, 0xff, PNG_FILLER_AFTER);
    const int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != row)
        png_error(r->png, "unexpected size of a row");
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < image->height; y++)
            png_read_row(r->png, scratch + y * row, NULL);
    png_read_end(r->png, NULL);
    return true;
}

static bool drop_alpha(const reader *r, const cvy_png *image, size_t channels, const uint8_t *scratch,
                       uint8_t *pixels) {
    for (size_t i = 0; i < image->height * image->width; i++, scratch += channels + 1, pixels += channels) {
        if (scratch[channels] != 0xff)
            return cvy_fail(
                r->status, CVY_FAILED, r->file.path,
                "pixel %zu of row %zu is transparent, expected opaque pixels: lay the image on a background",
                i % image->width, i / image->width);
        for (size_t c = 0; c < channels; c++)
            pixels[c] = scratch[c];
    }
    return true;
}

bool cvy_png_read_header(const char *path, cvy_png *header, cvy_status *status) {
    reader r;
    if (!open_reader(path, &r, status))
        return false;
    bool done = read_header(&r, header);
    close_reader(&r);
    return done;
}

bool cvy_png_read(const char *path, const cvy_png *image, uint8_t *pixels, uint8_t *scratch, cvy_status *status) {
    reader r;
    cvy_png header;
    size_t channels = image->colour ? 3 : 1;
    if (!open_reader(path, &r, status))
        return false;
    bool done = read_header(&r, &header);
    if (done && (header.height != image->height || header.width != image->width || header.colour > image->colour))
        done = cvy_fail(status, CVY_FAILED, path, "has changed since it was looked at");
    done = done && read_pixels(&r, image, channels, scratch) && drop_alpha(&r, image, channels, scratch, pixels);
    close_reader(&r);
    return done;
}
