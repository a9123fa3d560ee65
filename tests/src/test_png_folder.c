/* Folders of PNG images: what becomes of each kind of pixel, in which order images and classes come, and what is
 * refused. */
#include "pictures.h"

#include "../../src/convoy.h"
#include "../../src/data/dataset.h"
#include "../../src/data/png_image.h"

enum { WIDTH = 5, HEIGHT = 3, SIZE = WIDTH * HEIGHT };

static const picture grey = {.type = PNG_COLOR_TYPE_GRAY, .depth = 8, .width = WIDTH, .height = HEIGHT};
static const picture rgb = {.type = PNG_COLOR_TYPE_RGB, .depth = 8, .width = WIDTH, .height = HEIGHT};

/* Rows of any kind of picture. */
static const uint8_t *noise(void) {
    static uint8_t bytes[SIZE * 8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 % 251);
    return bytes;
}

/* ---- Pixels ----------------------------------------------------------------------------------------------------- */

/* The file has these pixels, with that many channels. */
static void expect_pixels(const sample *s, size_t channels, const uint8_t *expected) {
    uint8_t pixels[SIZE * 3], scratch[SIZE * 4];
    cvy_png image;
    cvy_status status = {0};
    const char *path = write_file("pixels.png", s->bytes, s->count);
    cvy_png_read_header(path, &image, &status);
    expect_ok(&status);
    assert_int_equal(image.height, HEIGHT);
    assert_int_equal(image.width, WIDTH);
    assert_int_equal(image.colour, channels == 3);
    assert_int_equal(cvy_png_scratch_bytes(&image), sizeof scratch);
    cvy_png_read(path, &image, pixels, scratch, &status);
    expect_ok(&status);
    assert_memory_equal(pixels, expected, SIZE * channels);
}

static void expect_wrong(const sample *s, const char *what) {
    uint8_t pixels[SIZE * 3], scratch[SIZE * 4];
    cvy_png image;
    cvy_status status = {0};
    const char *path = write_file("wrong.png", s->bytes, s->count);
    assert_false(cvy_png_read_header(path, &image, &status) && image.height == HEIGHT && image.width == WIDTH &&
                 cvy_png_read(path, &image, pixels, scratch, &status));
    expect_error(&status, CVY_FAILED, path, what);
}

TEST(bytes_as_they_are) {
    for (int interlaced = 0; interlaced < 2; interlaced++)
        for (int gamma = 0; gamma < 2; gamma++) {
            picture p = grey;
            p.interlaced = interlaced;
            p.gamma = gamma;
            sample s = make_png(&p, noise());
            expect_pixels(&s, 1, noise());
            p.type = PNG_COLOR_TYPE_RGB;
            s = make_png(&p, noise());
            expect_pixels(&s, 3, noise());
        }
}

TEST(sixteen_bits_are_rounded) {
    uint8_t expected[SIZE * 3];
    for (int i = 0; i < SIZE * 3; i++)
        expected[i] = (uint8_t)(((noise()[2 * i] << 8 | noise()[2 * i + 1]) + 128) / 257);
    picture p = grey;
    p.depth = 16;
    sample s = make_png(&p, noise());
    expect_pixels(&s, 1, expected);
    p.type = PNG_COLOR_TYPE_RGB;
    s = make_png(&p, noise());
    expect_pixels(&s, 3, expected);
}

TEST(fewer_bits_are_scaled) {
    for (int depth = 1; depth <= 4; depth *= 2) {
        uint8_t expected[SIZE];
        const int row = (WIDTH * depth + 7) / 8;
        for (int i = 0; i < SIZE; i++) {
            int bit = i % WIDTH * depth, value = noise()[i / WIDTH * row + bit / 8] >> (8 - depth - bit % 8);
            expected[i] = (uint8_t)((value & ((1 << depth) - 1)) * 255 / ((1 << depth) - 1));
        }
        picture p = grey;
        p.depth = depth;
        sample s = make_png(&p, noise());
        expect_pixels(&s, 1, expected);
    }
}

TEST(palettes_are_colours) {
    static const png_color palette[4] = {{1, 2, 3}, {0, 0, 0}, {255, 254, 0}, {9, 9, 9}};
    static const uint8_t opaque[4] = {255, 255, 255, 255};
    uint8_t expected[SIZE * 3];
    for (int i = 0; i < SIZE; i++) {
        int bit = i % WIDTH * 2, value = noise()[i / WIDTH * 2 + bit / 8] >> (6 - bit % 8) & 3;
        memcpy(expected + 3 * i, (const uint8_t[]){palette[value].red, palette[value].green, palette[value].blue}, 3);
    }
    picture p = grey;
    p.type = PNG_COLOR_TYPE_PALETTE;
    p.depth = 2;
    p.palette = palette;
    sample s = make_png(&p, noise());
    expect_pixels(&s, 3, expected);
    p.alpha = opaque;
    s = make_png(&p, noise());
    expect_pixels(&s, 3, expected);
    p.alpha = (const uint8_t[]){255, 254, 255, 255};
    s = make_png(&p, noise());
    expect_wrong(&s, "pixel 0 of row 1 is transparent, expected opaque pixels");
}

TEST(opaque_alpha_is_dropped) {
    for (int depth = 8; depth <= 16; depth *= 2)
        for (size_t channels = 1; channels <= 3; channels += 2) {
            uint8_t rows[SIZE * 8], expected[SIZE * 3];
            size_t bytes = (size_t)depth / 8;
            memset(rows, 0xff, sizeof rows);
            for (size_t i = 0; i < SIZE; i++)
                for (size_t c = 0; c < channels; c++) {
                    expected[i * channels + c] = noise()[i * channels + c];
                    memset(rows + (i * (channels + 1) + c) * bytes, expected[i * channels + c], bytes);
                }
            picture p = {.type = channels == 3 ? PNG_COLOR_TYPE_RGBA : PNG_COLOR_TYPE_GRAY_ALPHA,
                         .depth = depth,
                         .width = WIDTH,
                         .height = HEIGHT};
            sample s = make_png(&p, rows);
            expect_pixels(&s, channels, expected);
            rows[((WIDTH + 2) * (channels + 1) + channels) * bytes] = 0;
            s = make_png(&p, rows);
            expect_wrong(&s, "pixel 2 of row 1 is transparent, expected opaque pixels: lay the image on a background");
        }
}

TEST(a_transparent_value) {
    picture p = grey;
    p.clear = (const uint16_t[]){254}; /* no pixel has it */
    sample s = make_png(&p, noise());
    expect_pixels(&s, 1, noise());
    p.clear = (const uint16_t[]){7 * 37 % 251};
    s = make_png(&p, noise());
    expect_wrong(&s, "pixel 2 of row 1 is transparent");
    p.type = PNG_COLOR_TYPE_RGB;
    p.clear = (const uint16_t[]){noise()[21], noise()[22], noise()[23]};
    s = make_png(&p, noise());
    expect_wrong(&s, "pixel 2 of row 1 is transparent");
}

TEST(damaged_files) {
    picture p = rgb;
    p.interlaced = true;
    const sample good = make_png(&p, noise());
    sample s = good;
    for (s.count = 0; s.count < good.count; s.count++)
        expect_wrong(&s, s.count < 8 ? "" : "cannot read as a PNG image: ");
    for (size_t at = 0; at < good.count; at++) {
        s = good;
        s.bytes[at] ^= 0x10;
        expect_wrong(&s, "");
    }
    s = good;
    memcpy(s.bytes, "\xff\xd8\xff\xe0", 4);
    expect_wrong(&s, "cannot read as a PNG image: Not a PNG file");
    expect_wrong(&(sample){.count = 0}, "cannot read as a PNG image: the file ends too early");
}

static void set_size(sample *s, uint32_t width, uint32_t height) {
    uint8_t *header = chunk_of(s, "IHDR") + 8;
    for (int i = 0; i < 4; i++) {
        header[i] = (uint8_t)(width >> (24 - 8 * i));
        header[4 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    mend_checksums(s);
}

TEST(sizes_that_lie) {
    sample s = make_png(&rgb, noise());
    set_size(&s, 4097, 3);
    expect_wrong(&s, "an image of 3 x 4097, expected at most 4096 x 4096");
    set_size(&s, 3, INT32_MAX);
    expect_wrong(&s, "");
    set_size(&s, 4096, 4096);
    expect_wrong(&s, "an image of 4096 x 4096 is not possible in a file of");
    set_size(&s, 0, 3);
    expect_wrong(&s, "cannot read as a PNG image: ");
    /* The rows end before the image does. */
    write_file("wrong.png", s.bytes, s.count);
    set_size(&s, WIDTH, HEIGHT + 1);
    const char *path = write_file("wrong.png", s.bytes, s.count);
    uint8_t pixels[(HEIGHT + 1) * WIDTH * 3], scratch[(HEIGHT + 1) * WIDTH * 4];
    cvy_png image;
    cvy_status status = {0};
    assert_true(cvy_png_read_header(path, &image, &status));
    assert_false(cvy_png_read(path, &image, pixels, scratch, &status));
    expect_error(&status, CVY_FAILED, path, "cannot read as a PNG image: ");
}

/* ---- Folders ---------------------------------------------------------------------------------------------------- */

/* A grey image of one value. */
static void put_grey(const char *below, const char *name, uint8_t value) {
    uint8_t rows[SIZE];
    memset(rows, value, sizeof rows);
    sample s = make_png(&grey, rows);
    put(below, name, &s);
}

/* The first bytes of the images, and their labels. */
static void expect_images(const char *place, cvy_split split, int channels, size_t count, const uint8_t *values,
                          const uint8_t *labels) {
    cvy_status status = {0};
    cvy_dataset *d = cvy_dataset_load(place, split, &status);
    expect_ok(&status);
    assert_string_equal(cvy_dataset_origin(d), place);
    assert_int_equal(d->element, CVY_ELEMENT_U8);
    assert_int_equal(d->count, count);
    assert_int_equal(d->height, HEIGHT);
    assert_int_equal(d->width, WIDTH);
    assert_int_equal(d->channels, channels);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(((const uint8_t *)d->images)[i * SIZE * (size_t)channels], values[i]);
    assert_memory_equal(d->labels, labels, count);
    cvy_dataset_free(d);
}

static void expect_failure(const char *place, cvy_split split, const char *where, const char *what) {
    cvy_status status = {0};
    assert_null(cvy_dataset_load(place, split, &status));
    expect_error(&status, CVY_FAILED, where, what);
}

/* Classes of both splits count: "1" and "b" have no test images. */
TEST(the_order_of_classes_and_files) {
    put_grey("order/train/10", "b.png", 4);
    put_grey("order/train/10", "a.PNG", 3);
    put_grey("order/train/9", "10.png", 2);
    put_grey("order/train/9", "2.png", 1);
    put_grey("order/train/b", "1.png", 6);
    put_grey("order/train/a", "x.png", 5);
    put_grey("order/train/1", "x.png", 0);
    put_grey("order/test/9", "x.png", 7);
    put_grey("order/test/c", "x.png", 8);
    put_grey("order/train/.cache", "x.png", 9);
    put_grey("order/train/9", "._2.png", 9);
    /* Classes: 1, 9, 10, a, b, c. */
    expect_images(path_of("order"), CVY_TRAIN, 1, 7, (const uint8_t[]){0, 2, 1, 3, 4, 5, 6},
                  (const uint8_t[]){0, 1, 1, 2, 2, 3, 4});
    expect_images(path_of("order"), CVY_TEST, 1, 2, (const uint8_t[]){7, 8}, (const uint8_t[]){1, 5});
}

TEST(a_split_by_itself) {
    put_grey("alone/test/b", "x.png", 1);
    put_grey("alone/test/a", "x.png", 2);
    expect_images(path_of("alone"), CVY_TEST, 1, 2, (const uint8_t[]){2, 1}, (const uint8_t[]){0, 1});
    expect_failure(path_of("alone"), CVY_TRAIN, path_of("alone"), "holds no training images, but test. Convoy reads");
}

TEST(grey_among_colours) {
    sample s = make_png(&rgb, noise());
    put_grey("mixed/train/a", "1.png", 77);
    put("mixed/train/a", "2.png", &s);
    cvy_status status = {0};
    cvy_dataset *d = cvy_dataset_load(path_of("mixed"), CVY_TRAIN, &status);
    expect_ok(&status);
    assert_int_equal(d->channels, 3);
    for (int i = 0; i < SIZE * 3; i++)
        assert_int_equal(((const uint8_t *)d->images)[i], 77);
    assert_memory_equal((const uint8_t *)d->images + SIZE * 3, noise(), SIZE * 3);
    cvy_dataset_free(d);
}

TEST(sizes_that_differ) {
    picture p = grey;
    p.width++;
    sample s = make_png(&p, noise());
    put_grey("sizes/train/a", "1.png", 1);
    put_grey("sizes/train/a", "2.png", 1);
    put("sizes/train/b", "1.png", &s);
    put("sizes/train/b", "2.png", &s);
    expect_failure(path_of("sizes"), CVY_TRAIN, "sizes/train/b/1.png", "an image of 3 x 6, expected 3 x 5 as in");
}

TEST(entries_that_do_not_belong) {
    sample s = make_png(&grey, noise());
    put_grey("entries/train/a", "1.png", 1);
    put("entries/train/a", "2.jpg", &s);
    expect_failure(path_of("entries"), CVY_TRAIN, "entries/train/a/2.jpg", "is no .png; only PNG images are read");
    unlink(path_of("entries/train/a/2.jpg"));
    put("entries/train", "loose.png", &s);
    expect_failure(path_of("entries"), CVY_TRAIN, "entries/train/loose.png",
                   "is no folder; expected a folder of PNG files for each class");
    make_path("none/train/a");
    expect_failure(path_of("none"), CVY_TRAIN, path_of("none/train"), "holds no images; expected CLASS/NAME.png");
    make_path("folder/train/a/x.png");
    expect_failure(path_of("folder"), CVY_TRAIN, "folder/train/a/x.png", "is a directory, expected a file");
    put_grey("damaged/train/a", "1.png", 1);
    s.count -= 20;
    put("damaged/train/a", "2.png", &s);
    expect_failure(path_of("damaged"), CVY_TRAIN, "damaged/train/a/2.png", "cannot read as a PNG image");
}

TEST(too_many_classes) {
    char name[32];
    for (int i = 0; i < 256; i++) {
        snprintf(name, sizeof name, "classes/train/%d", i);
        put_grey(name, "1.png", (uint8_t)i);
    }
    cvy_status status = {0};
    cvy_dataset *d = cvy_dataset_load(path_of("classes"), CVY_TRAIN, &status);
    expect_ok(&status);
    for (int i = 0; i < 256; i++)
        assert_true(d->labels[i] == i && ((const uint8_t *)d->images)[i * SIZE] == i);
    cvy_dataset_free(d);
    make_path("classes/test/x");
    expect_failure(path_of("classes"), CVY_TRAIN, path_of("classes"), "holds more than 256 classes");
}

RUN_TESTS("png folder", make_directory, remove_directory)
