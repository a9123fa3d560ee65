/* Images on their way into a block, against the same done pixel by pixel in double precision; shifts. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "../../kernels/cpu.h"
#include "../../src/base/memory.h"
#include "../../src/base/random.h"
#include "../../src/convoy.h"
#include "../../src/train/loader.h"

/* ---- Images ----------------------------------------------------------------------------------------------------- */

enum { IMAGES = 19, LARGEST = 30 * 30 * 3 };

static uint8_t bytes[IMAGES * LARGEST], labels[IMAGES];
static float floats[IMAGES * LARGEST];

/* Slanted strokes on an empty ground; the first image is blank, the second has one row of ink. */
static void draw_images(int height, int width, int channels) {
    memset(bytes, 0, sizeof bytes);
    for (int n = 0; n < IMAGES; n++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int c = 0; c < channels; c++) {
                    size_t at = (size_t)(((n * height + y) * width + x) * channels + c);
                    double stroke = width / 2.0 + (n - 9) * 0.12 * (y - height / 2.0);
                    bool ink = n > 1 ? fabs(x - stroke) < 2.5 && y > 2 && y < height - 3 : n == 1 && y == height / 3;
                    bytes[at] = ink ? (uint8_t)(55 + cvy_random_at(3, CVY_RANDOM_INIT, 0, at).u[0] % 200) : 0;
                }
    for (size_t i = 0; i < sizeof bytes; i++)
        floats[i] = (float)bytes[i];
}

static cvy_dataset *dataset(int height, int width, int channels, bool as_floats) {
    cvy_status status = {0};
    draw_images(height, width, channels);
    cvy_dataset *set = as_floats ? cvy_dataset_from_f32(floats, labels, IMAGES, height, width, channels, &status)
                                 : cvy_dataset_from_u8(bytes, labels, IMAGES, height, width, channels, &status);
    assert_non_null(set);
    return set;
}

/* ---- Reference -------------------------------------------------------------------------------------------------- */

typedef struct picture {
    int height, width, channels;
    double pixels[LARGEST];
} picture;

/* Zero outside. */
static double pixel(const picture *p, int y, int x, int c) {
    return y < 0 || y >= p->height || x < 0 || x >= p->width ? 0 : p->pixels[(y * p->width + x) * p->channels + c];
}

/* Columns that a line leans a row, and the row of the centre of gravity. */
static double reference_lean(const picture *p, double *centre) {
    double mass = 0, xc = 0, yc = 0, xy = 0, yy = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < p->height; y++)
            for (int x = 0; x < p->width; x++)
                for (int c = 0; c < p->channels; c++) {
                    double v = pixel(p, y, x, c);
                    if (pass == 0) {
                        mass += v;
                        xc += v * x;
                        yc += v * y;
                    } else {
                        xy += v * (x - xc) * (y - yc);
                        yy += v * (y - yc) * (y - yc);
                    }
                }
        if (mass == 0)
            return *centre = 0;
        if (pass == 0) {
            xc /= mass;
            yc /= mass;
        }
    }
    *centre = yc;
    return yy / mass < 0.25 ? 0 : fmax(-1, fmin(1, xy / yy));
}

static double sample(const picture *p, double slope, double centre, int y, int x, int c) {
    double column = x + slope * (y - centre), left = floor(column);
    double fraction = column - left;
    return (1 - fraction) * pixel(p, y, (int)left, c) + fraction * pixel(p, y, (int)left + 1, c);
}

static picture reference(const cvy_preprocessing *pre, const cvy_dataset *set, size_t index, cvy_shift shift) {
    picture source = {set->height, set->width, set->channels, {0}}, cropped = source, pooled = source;
    size_t size = (size_t)(set->height * set->width * set->channels);
    for (size_t i = 0; i < size; i++)
        source.pixels[i] = bytes[index * size + i];
    double centre = 0, slope = pre->deskew ? reference_lean(&source, &centre) : 0;
    if (pre->center_crop[0]) {
        cropped.height = pre->center_crop[0];
        cropped.width = pre->center_crop[1];
    }
    int top = (source.height - cropped.height) / 2, left = (source.width - cropped.width) / 2;
    double *to = cropped.pixels;
    for (int y = 0; y < cropped.height; y++)
        for (int x = 0; x < cropped.width; x++)
            for (int c = 0; c < cropped.channels; c++)
                *to++ = (sample(&source, slope, centre, top + y - shift.y, left + x - shift.x, c) * pre->scale +
                         pre->offset - pre->mean) /
                        sqrt(pre->variance);
    if (!pre->average_pooling[0])
        return cropped;
    const int *window = pre->average_pooling;
    pooled.height = cropped.height / window[0];
    pooled.width = cropped.width / window[1];
    to = pooled.pixels;
    for (int y = 0; y < pooled.height; y++)
        for (int x = 0; x < pooled.width; x++)
            for (int c = 0; c < pooled.channels; c++) {
                double sum = 0;
                for (int i = 0; i < window[0] * window[1]; i++)
                    sum += pixel(&cropped, y * window[0] + i / window[1], x * window[1] + i % window[1], c);
                *to++ = sum / (window[0] * window[1]);
            }
    return pooled;
}

/* ---- The way itself --------------------------------------------------------------------------------------------- */

/* A plan whose input is an image, or the same as a vector, and what a block needs. */
typedef struct setting {
    cvy_network *network;
    cvy_variables variables;
    cvy_plan plan;
    cvy_kernels kernels;
    float *workspace, *scratch;
} setting;

/* With `rows`, the network begins with a convolution whose weights' gradient reads the images in NHWC. */
static void set_up(setting *s, cvy_shape input, bool rows, cvy_tier tier, size_t scratch) {
    cvy_status status = {0};
    s->network = cvy_network_new(NULL, false, &status);
    cvy_layer layer = cvy_layer_default(CVY_LAYER_INPUT);
    layer.output = input;
    cvy_network_add(s->network, &layer, &status);
    layer = cvy_layer_default(CVY_LAYER_CONV2D);
    layer.units = 1;
    layer.kernel_size[0] = layer.kernel_size[1] = 3;
    if (rows)
        cvy_network_add(s->network, &layer, &status);
    layer = cvy_layer_default(CVY_LAYER_FLATTEN);
    if (input.rank == 3)
        cvy_network_add(s->network, &layer, &status);
    layer = cvy_layer_default(CVY_LAYER_DENSE);
    layer.units = 2;
    layer.activation = CVY_SOFTMAX;
    cvy_network_add(s->network, &layer, &status);
    assert_true(cvy_variables_layout(s->network, &s->variables, &status));
    assert_true(cvy_plan_make(s->network, &s->variables, CVY_LAYOUT_HWC16N, &s->plan, &status));
    cvy_kernels_fill(&s->kernels, tier);
    s->workspace = cvy_allocate(s->plan.workspace, sizeof(float), "workspace", &status);
    s->scratch = cvy_allocate(scratch, sizeof(float), "scratch", &status);
    assert_non_null(s->scratch);
}

static void tear_down(setting *s) {
    cvy_plan_free(&s->plan);
    cvy_variables_free(&s->variables);
    cvy_network_free(s->network);
    free(s->workspace);
    free(s->scratch);
}

typedef struct arrangement {
    const char *text;
    int height, width, channels, shift, count;
    bool floats, vector, rows;
} arrangement;

static const arrangement arrangements[] = {
    {"none", 28, 28, 1, 0, 16, false, false, true},
    {"none", 28, 28, 1, 1, 16, false, false, false},
    {"none", 11, 7, 2, 3, 5, true, true, false},
    {"scale=1/255,mean=0.1307,variance=0.095", 28, 28, 1, 0, 16, false, false, true},
    {"scale=1/255,offset=-0.5", 9, 30, 3, 2, 7, true, false, true},
    {"center_crop=24", 28, 28, 1, 1, 16, false, false, false},
    {"center_crop=5x20", 28, 28, 1, 0, 13, false, true, false},
    {"average_pooling=2", 28, 28, 1, 0, 16, false, false, true},
    {"average_pooling=3x2,scale=2", 29, 27, 3, 1, 16, true, false, false},
    {"deskew", 28, 28, 1, 0, 16, false, false, false},
    {"deskew", 21, 30, 3, 2, 16, true, false, true},
    {"deskew,center_crop=24,average_pooling=2,scale=1/255,mean=0.1307,variance=0.095", 28, 28, 1, 1, 16, false, false,
     true},
    {"deskew,center_crop=24,average_pooling=2,scale=1/255,mean=0.1307,variance=0.095", 28, 28, 1, 8, 3, false, true,
     false},
};
enum { ARRANGEMENTS = COUNT(arrangements) };

/* Takes the arrangement's images in; the block is at workspace + plan.input_block. */
static void take_in(const arrangement *a, cvy_tier tier, setting *s, uint32_t index[CVY_LANES],
                    cvy_shift shifts[CVY_LANES], cvy_preprocessing *pre) {
    cvy_status status = {0};
    assert_true(cvy_preprocessing_parse(a->text, pre, &status));
    cvy_dataset *set = dataset(a->height, a->width, a->channels, a->floats);
    int height = a->height, width = a->width;
    assert_true(cvy_preprocessing_extents(pre, "images", &height, &width, &status));
    cvy_shape shape = {3, height, width, a->channels};
    if (a->vector)
        shape = (cvy_shape){1, 1, 1, height * width * a->channels};
    cvy_loader loader;
    set_up(s, shape, a->rows, tier, 1 << 20);
    assert_true(cvy_loader_make(pre, set, &s->plan.input, a->shift, &loader, &status));
    assert_true(loader.floats <= 1 << 20);
    for (size_t i = 0; i < loader.floats; i++)
        s->scratch[i] = 1e30f; /* of an earlier run */
    cvy_loader_begin(&loader, s->scratch);
    for (int l = 0; l < a->count; l++) {
        index[l] = (uint32_t)((l * 7 + 1) % IMAGES);
        shifts[l] = cvy_shift_at(a->shift, (l * 11 + 3) % cvy_shift_count(a->shift));
    }
    cvy_block block = {&s->plan, &s->kernels, s->workspace, a->count};
    cvy_loader_load(&loader, &block, set, index, shifts, true, s->scratch);
    cvy_dataset_free(set);
}

/* u = 2^-24 times a dozen roundings of numbers as large as the pixels, and the slope's error times an image's width. */
static double bound(const cvy_preprocessing *pre) {
    return 40 * 0x1p-24 * (255 * fabs(pre->scale) + fabs(pre->offset - pre->mean) + 1) / sqrt(pre->variance);
}

TEST(images_are_what_the_text_says) {
    for (int i = 0; i < ARRANGEMENTS; i++) {
        const arrangement *a = &arrangements[i];
        setting s;
        uint32_t index[CVY_LANES];
        cvy_shift shifts[CVY_LANES];
        cvy_preprocessing pre;
        take_in(a, cvy_cpu_best(cvy_cpu_tiers()), &s, index, shifts, &pre);
        cvy_dataset *set = dataset(a->height, a->width, a->channels, a->floats);
        const float *block = s.workspace + s.plan.input_block, *images = s.workspace + s.plan.input_images;
        assert_int_equal(s.plan.input_images != CVY_NONE, a->rows);
        double inked = 0;
        for (int l = 0; l < CVY_LANES; l++) {
            picture wanted = {.height = s.plan.input.height};
            if (l < a->count)
                wanted = reference(&pre, set, index[l], shifts[l]);
            int size = s.plan.input.height * s.plan.input.width * s.plan.input.channels;
            for (int e = 0; e < size; e++) {
                float got = block[e * CVY_LANES + l];
                inked += got != 0;
                if (!(fabs((double)got - wanted.pixels[e]) <= (l < a->count ? bound(&pre) : 0)))
                    fail_msg("%s, lane %d, element %d: %.9g, expected %.9g", a->text, l, e, (double)got,
                             wanted.pixels[e]);
                if (a->rows && l < a->count)
                    assert_true(images[l * s.plan.input.image + e] == got); /* the rows lie dense */
            }
        }
        assert_true(inked > 100);
        cvy_dataset_free(set);
        tear_down(&s);
    }
}

TEST(every_tier_has_the_same_bits) {
    unsigned tiers = cvy_cpu_tiers();
    for (int i = 0; i < ARRANGEMENTS; i++)
        for (int tier = CVY_TIER_scalar + 1; tier < CVY_TIERS; tier++) {
            if (!(tiers >> tier & 1))
                continue;
            setting s, t;
            uint32_t index[CVY_LANES];
            cvy_shift shifts[CVY_LANES];
            cvy_preprocessing pre;
            take_in(&arrangements[i], CVY_TIER_scalar, &s, index, shifts, &pre);
            take_in(&arrangements[i], (cvy_tier)tier, &t, index, shifts, &pre);
            size_t size = (size_t)(s.plan.input.height * s.plan.input.width * s.plan.input.channels) * CVY_LANES;
            assert_memory_equal(s.workspace + s.plan.input_block, t.workspace + t.plan.input_block, size * 4);
            tear_down(&t);
            tear_down(&s);
        }
}

/* A slanted bar stands upright afterwards: its lean is next to nothing. */
TEST(deskewed_strokes_stand_upright) {
    const arrangement a = {"deskew", 28, 28, 1, 0, 16, false, false, false};
    setting s;
    uint32_t index[CVY_LANES];
    cvy_shift shifts[CVY_LANES];
    cvy_preprocessing pre;
    take_in(&a, CVY_TIER_scalar, &s, index, shifts, &pre);
    double most = 0;
    for (int l = 0; l < CVY_LANES; l++) {
        picture before = {28, 28, 1, {0}}, after = before;
        double centre;
        for (int e = 0; e < 784; e++) {
            before.pixels[e] = bytes[index[l] * 784 + (uint32_t)e];
            after.pixels[e] = s.workspace[s.plan.input_block + e * CVY_LANES + l];
        }
        most = fmax(most, fabs(reference_lean(&before, &centre)));
        assert_true(fabs(reference_lean(&after, &centre)) < 0.02);
    }
    assert_true(most > 0.5);
    tear_down(&s);
}

TEST(what_does_not_fit_is_an_error) {
    static const struct {
        const char *text, *what;
    } cases[] = {
        {"none", "images are 28 x 28 x 1, the network wants 12 x 12 x 1"},
        {"center_crop=24", "images are 24 x 24 x 1 when preprocessed, the network wants 12 x 12 x 1"},
        {"center_crop=30", "images of 28 x 28 are smaller than the crop, 30 x 30"},
    };
    cvy_dataset *set = dataset(28, 28, 1, false);
    for (size_t i = 0; i < COUNT(cases); i++) {
        cvy_status status = {0};
        cvy_preprocessing pre;
        cvy_loader loader;
        assert_true(cvy_preprocessing_parse(cases[i].text, &pre, &status));
        assert_false(cvy_loader_make(&pre, set, &(cvy_image_shape){12, 12, 1, 12, 144}, 0, &loader, &status));
        assert_string_equal(status.where, "images in memory");
        assert_string_equal(status.what, cases[i].what);
    }
    cvy_dataset_free(set);
}

/* ---- Shifts ----------------------------------------------------------------------------------------------------- */

TEST(shifts_are_all_within_reach_and_each_once) {
    for (int most = 0; most <= CVY_SHIFT_MAX; most++) {
        bool seen[2 * CVY_SHIFT_MAX + 1][2 * CVY_SHIFT_MAX + 1] = {{false}};
        for (int i = 0; i < cvy_shift_count(most); i++) {
            cvy_shift shift = cvy_shift_at(most, i);
            assert_true(abs(shift.y) + abs(shift.x) <= most);
            assert_false(seen[shift.y + CVY_SHIFT_MAX][shift.x + CVY_SHIFT_MAX]);
            seen[shift.y + CVY_SHIFT_MAX][shift.x + CVY_SHIFT_MAX] = true;
        }
    }
    assert_int_equal(cvy_shift_count(0), 1);
    assert_int_equal(cvy_shift_count(1), 5);
    assert_int_equal(cvy_shift_count(2), 13);
}

/* Five standard deviations of a binomial count. */
TEST(shifts_are_drawn_uniformly) {
    enum { DRAWS = 50000 };
    int count[5] = {0};
    for (int i = 0; i < DRAWS; i++) {
        cvy_shift shift = cvy_shift_draw(1, 42, (uint32_t)(i / 32), (uint64_t)(i % 32));
        for (int k = 0; k < 5; k++) {
            cvy_shift one = cvy_shift_at(1, k);
            count[k] += one.y == shift.y && one.x == shift.x;
        }
    }
    for (int k = 0; k < 5; k++)
        assert_true(fabs(count[k] - DRAWS / 5.0) < 5 * sqrt(DRAWS * 0.2 * 0.8));
    cvy_shift none = cvy_shift_draw(0, 42, 1, 1);
    assert_true(none.y == 0 && none.x == 0);
}

RUN_TESTS("loader", NULL, NULL)
