/* Valid files with bytes changed, cut off or repeated: whatever comes out, a reader either says what is wrong or
 * returns a whole array. What it reads beyond its buffers, or does with a size that overflows, is for the sanitizers to
 * see. */
#include "pictures.h"

#include "../../src/base/random.h"
#include "../../src/data/idx.h"
#include "../../src/data/npy.h"
#include "../../src/data/npz.h"
#include "../../src/data/png_image.h"
#include "../../src/io/safetensors.h"

#include <sys/mman.h>

enum { SEEDS = 4000 };

typedef struct words {
    uint32_t seed, index;
} words;

static uint32_t next(words *w) {
    return cvy_random_at(w->seed, (cvy_purpose)0, 0, w->index++).u[0];
}

/* A copy of `s` with one to four changes; small, so that many get past the first checks. */
static sample corrupt(const sample *s, uint32_t seed) {
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    sample bad = *s;
    words w = {seed, 0};
    for (uint32_t changes = 1 + next(&w) % 4; changes > 0 && bad.count > 0; changes--) {
        size_t at = next(&w) % bad.count;
        switch (next(&w) % 8) {
        case 0:
            bad.count = at;
            break;
        case 1:
            bad.bytes[at] = values[next(&w) % sizeof values];
            break;
        case 2:
            bad.bytes[at]++;
            break;
        case 3: { /* a part again, over another */
            size_t from = next(&w) % bad.count, most = bad.count - (at > from ? at : from);
            memmove(bad.bytes + at, bad.bytes + from, next(&w) % (most < 16 ? most + 1 : 16));
            break;
        }
        case 4:
            if (bad.count < sizeof bad.bytes)
                bad.bytes[bad.count++] = (uint8_t)next(&w);
            break;
        default:
            bad.bytes[at] ^= (uint8_t)(1u << next(&w) % 8);
        }
    }
    return bad;
}

/* A file in memory alone, found under /proc. */
static int open_memory(char path[static 64]) {
    int descriptor = memfd_create("corrupt", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    snprintf(path, 64, "/proc/self/fd/%d", descriptor);
    return descriptor;
}

static void fill_memory(int descriptor, const sample *s) {
    assert_int_equal(ftruncate(descriptor, 0), 0);
    assert_int_equal(pwrite(descriptor, s->bytes, s->count, 0), s->count);
}

typedef bool reader(const char *path, uint32_t *sum, cvy_status *status);

/* Reads every byte that the array claims to have. */
static bool sum_array(cvy_ndarray *array, uint32_t *sum) {
    size_t bytes;
    cvy_status status = {0};
    assert_true(array->rank >= 1 && array->rank <= 4);
    assert_true(cvy_ndarray_bytes(array, &bytes, &status));
    for (size_t i = 0; i < bytes; i++)
        *sum += ((uint8_t *)array->data)[i];
    free(array->owned);
    return true;
}

static bool read_idx(const char *path, uint32_t *sum, cvy_status *status) {
    cvy_ndarray array;
    return cvy_idx_read(path, &array, status) && sum_array(&array, sum);
}

static bool read_npz(const char *path, uint32_t *sum, cvy_status *status) {
    cvy_ndarray array;
    return cvy_npz_read(path, "x", &array, status) && sum_array(&array, sum);
}

static bool read_png(const char *path, uint32_t *sum, cvy_status *status) {
    cvy_png image;
    if (!cvy_png_read_header(path, &image, status))
        return false;
    size_t bytes = image.height * image.width * (image.colour ? 3 : 1);
    uint8_t *pixels = malloc(bytes), *scratch = malloc(cvy_png_scratch_bytes(&image)); /* so that ASan sees its end */
    assert_true(pixels && scratch);
    bool done = cvy_png_read(path, &image, pixels, scratch, status);
    for (size_t i = 0; done && i < bytes; i++)
        *sum += pixels[i];
    free(pixels);
    free(scratch);
    return done;
}

static bool read_safetensors(const char *path, uint32_t *sum, cvy_status *status) {
    cvy_safetensors *file = cvy_safetensors_open(path, status);
    if (!file)
        return false;
    for (size_t i = 0; i < cvy_safetensors_count(file); i++) {
        const cvy_tensor *t = cvy_safetensors_at(file, i);
        for (size_t k = 0; k < cvy_tensor_elements(t) * (t->dtype == CVY_F64 ? 8 : 4); k++)
            *sum += ((const uint8_t *)t->data)[k];
    }
    cvy_safetensors_close(file);
    return true;
}

static void expect_error_or_valid(const sample *good, reader *read, void (*mend)(sample *)) {
    char path[64];
    uint32_t sum = 0;
    int valid = 0, descriptor = open_memory(path);
    cvy_status status = {0};
    fill_memory(descriptor, good);
    assert_true(read(path, &sum, &status));
    expect_ok(&status);
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        sample bad = corrupt(good, seed);
        if (mend)
            mend(&bad);
        status = (cvy_status){0};
        fill_memory(descriptor, &bad);
        if (read(path, &sum, &status)) {
            expect_ok(&status);
            valid++;
        } else if (status.code != CVY_FAILED || !strstr(status.where, path) || !status.what[0]) {
            fail_msg("seed %u: status %d '%s': '%s'", seed, status.code, status.where, status.what);
        }
    }
    close(descriptor);
    assert_true(valid < SEEDS); /* or the changes change nothing */
}

TEST(idx) {
    sample s = make_images(2);
    expect_error_or_valid(&s, read_idx, NULL);
}

TEST(idx_gz) {
    sample s = make_images(9), z = gzip(&s);
    append_gzip(&z, NULL, 0);
    expect_error_or_valid(&z, read_idx, NULL);
}

static sample archive(zip_int32_t method) {
    size_t count;
    sample s = make_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5), }", 90);
    const char *path = path_of("x.npz");
    unlink(path);
    add_member(path, "x.npy", &s, method);
    uint8_t *bytes = read_whole(path, &count);
    s.count = count;
    assert_true(count <= sizeof s.bytes);
    memcpy(s.bytes, bytes, count);
    free(bytes);
    return s;
}

TEST(npz_stored) {
    sample s = archive(ZIP_CM_STORE);
    expect_error_or_valid(&s, read_npz, NULL);
}

TEST(npz_deflated) {
    sample s = archive(ZIP_CM_DEFLATE);
    expect_error_or_valid(&s, read_npz, NULL);
}

/* The .npy by itself: inside an archive, few changes get past the checksum. */
TEST(npy_header) {
    sample good = make_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 6, 5), }", 90);
    int valid = 0;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        sample bad = corrupt(&good, seed);
        uint8_t *exact = malloc(bad.count + 1); /* so that a sanitizer sees one byte too far */
        assert_non_null(exact);
        memcpy(exact, bad.bytes, bad.count);
        cvy_status status = {0};
        cvy_ndarray array = cvy_ndarray_of("x.npy");
        size_t bytes, begin = cvy_npy_parse(exact, bad.count, bad.count, &array, &status);
        if (begin) {
            assert_true(cvy_ndarray_bytes(&array, &bytes, &status));
            assert_int_equal(bytes, bad.count - begin);
            valid++;
        } else {
            expect_error(&status, CVY_FAILED, "x.npy", "");
        }
        free(exact);
    }
    assert_true(valid > 0 && valid < SEEDS);
}

/* Palettes, alpha, interlacing and more bits: libpng's transformations. Checksums are right again, or few changes would
 * get past them. */
TEST(png) {
    static const png_color palette[16] = {{1, 2, 3}, {4, 5, 6}};
    static uint8_t opaque[16];
    uint8_t rows[512];
    memset(opaque, 0xff, sizeof opaque);
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = i % 4 == 3 ? 0xff : (uint8_t)(i * 37 % 251);
    static const picture pictures[] = {
        {.type = PNG_COLOR_TYPE_GRAY, .depth = 1, .width = 9, .height = 5},
        {.type = PNG_COLOR_TYPE_RGB, .depth = 16, .width = 9, .height = 5, .interlaced = true},
        {.type = PNG_COLOR_TYPE_PALETTE, .depth = 4, .width = 9, .height = 5, .palette = palette, .alpha = opaque},
        {.type = PNG_COLOR_TYPE_RGBA, .depth = 8, .width = 9, .height = 5},
    };
    for (size_t i = 0; i < COUNT(pictures); i++) {
        sample s = make_png(&pictures[i], rows);
        expect_error_or_valid(&s, read_png, mend_checksums);
    }
}

TEST(safetensors) {
    static const float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const cvy_tensor tensors[] = {
        {.name = "a", .dtype = CVY_F32, .rank = 2, .shape = {2, 4}, .data = values},
        {.name = "b", .dtype = CVY_F64, .rank = 1, .shape = {2}, .data = values},
        {.name = "c", .dtype = CVY_I32, .rank = 0, .data = values},
    };
    cvy_status status = {0};
    const char *path = path_of("x.safetensors");
    cvy_safetensors_write(path, tensors, 3, (const char *[]){"key", "value", NULL}, &status);
    expect_ok(&status);
    sample s;
    uint8_t *bytes = read_whole(path, &s.count);
    memcpy(s.bytes, bytes, s.count);
    free(bytes);
    expect_error_or_valid(&s, read_safetensors, NULL);
}

RUN_TESTS("corrupt files", make_directory, remove_directory)
