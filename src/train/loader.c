#include "loader.h"

#include <math.h>
#include <string.h>

#include "../base/random.h"

/* ---- Shifts ----------------------------------------------------------------------------------------------------- */

cvy_shift cvy_shift_at(int most, int i) {
    for (int y = -most; y <= most; y++) {
        int reach = most - (y < 0 ? -y : y), wide = 2 * reach + 1;
        if (i < wide)
            return (cvy_shift){y, i - reach};
        i -= wide;
    }
    return (cvy_shift){0, 0};
}

cvy_shift cvy_shift_draw(int most, uint64_t seed, uint32_t step, uint64_t place) {
    if (most == 0)
        return (cvy_shift){0, 0};
    cvy_random draw = cvy_random_at(seed, CVY_RANDOM_SHIFT, step, place);
    return cvy_shift_at(most, (int)((uint64_t)draw.u[0] * (uint64_t)cvy_shift_count(most) >> 32));
}

/* ---- Planning --------------------------------------------------------------------------------------------------- */

/* No image is sheared by more than 45 degrees. */
static const double steepest = 1.0;

static bool check_fit(const cvy_dataset *dataset, int height, int width, const cvy_image_shape *input,
                      cvy_status *status) {
    bool changed = height != dataset->height || width != dataset->width;
    if ((size_t)height * (size_t)width * (size_t)dataset->channels ==
            (size_t)input->height * (size_t)input->width * (size_t)input->channels &&
        (input->height == 1 || (height == input->height && width == input->width)))
        return true;
    return cvy_fail(status, CVY_FAILED, dataset->origin, "images are %d x %d x %d%s, the network wants %d x %d x %d",
                    height, width, dataset->channels, changed ? " when preprocessed" : "", input->height, input->width,
                    input->channels);
}

static size_t reserve(cvy_loader *loader, size_t floats) {
    size_t offset = loader->floats;
    loader->floats += (floats + 31) / 16 * 16; /* vector loads may run up to 15 floats past the end */
    return offset;
}

static void place(cvy_loader *loader, const cvy_image_shape *input) {
    const int *pool = loader->preprocessing.average_pooling;
    const cvy_image_shape *cropped = &loader->cropped;
    int row = cropped->width * cropped->channels;
    bool pooled = pool[0] > 0;
    /* Images that are not pooled are sampled straight to the network's input. */
    loader->cropped.row = !pooled && input->height > 1 ? input->row : row;
    loader->cropped.image = !pooled ? input->image : cropped->height * row;
    loader->canvas_row = (loader->width + 2 * loader->border_x) * loader->channels;
    loader->canvas_floats = (size_t)(loader->height + 2 * loader->border_y) * (size_t)loader->canvas_row;
    reserve(loader, loader->canvas_floats);
    loader->moments = reserve(loader, 3 * (size_t)loader->width * (size_t)loader->channels);
    loader->starts = reserve(loader, (size_t)cropped->height);
    loader->fractions = reserve(loader, (size_t)cropped->height);
    loader->samples = reserve(loader, (size_t)loader->cropped.image * CVY_LANES);
    if (!pooled)
        return;
    loader->block = reserve(loader, (size_t)loader->cropped.image * CVY_LANES);
    loader->pool = (cvy_pool_shape){.height = cropped->height,
                                    .width = cropped->width,
                                    .channels = cropped->channels,
                                    .window_height = pool[0],
                                    .window_width = pool[1],
                                    .stride_y = pool[0],
                                    .stride_x = pool[1],
                                    .output_height = cropped->height / pool[0],
                                    .output_width = cropped->width / pool[1]};
}

bool cvy_loader_make(const cvy_preprocessing *preprocessing, const cvy_dataset *dataset, const cvy_image_shape *input,
                     int shift, cvy_loader *loader, cvy_status *status) {
    const cvy_preprocessing *p = preprocessing;
    int height = dataset->height, width = dataset->width;
    if (!cvy_preprocessing_extents(p, dataset->origin, &height, &width, status) ||
        !check_fit(dataset, height, width, input, status))
        return false;
    double deviation = sqrt(p->variance);
    *loader = (cvy_loader){.preprocessing = *p,
                           .height = dataset->height,
                           .width = dataset->width,
                           .channels = dataset->channels,
                           .border_y = shift,
                           .border_x = shift,
                           .scale = (float)(p->scale / deviation),
                           .offset = (float)((p->offset - p->mean) / deviation)};
    loader->plain = !p->deskew && !p->center_crop[0] && !p->average_pooling[0] && loader->scale == 1.0f &&
                    loader->offset == 0.0f && shift == 0;
    if (loader->plain)
        return true;
    if (p->deskew)
        loader->border_x += (int)ceil(steepest * (dataset->height + shift)) + 1;
    bool crops = p->center_crop[0] > 0;
    loader->cropped = (cvy_image_shape){.height = crops ? p->center_crop[0] : dataset->height,
                                        .width = crops ? p->center_crop[1] : dataset->width,
                                        .channels = dataset->channels};
    loader->top = (dataset->height - loader->cropped.height) / 2;
    loader->left = (dataset->width - loader->cropped.width) / 2;
    place(loader, input);
    return loader->floats <= INT32_MAX ||
           cvy_fail(status, CVY_FAILED, dataset->origin, "images of %d x %d x %d are too large to be preprocessed",
                    dataset->height, dataset->width, dataset->channels);
}

void cvy_loader_begin(const cvy_loader *loader, float *scratch) {
    if (!loader->plain)
        memset(scratch, 0, loader->canvas_floats * sizeof *scratch);
}

/* ---- An image --------------------------------------------------------------------------------------------------- */

/* Copies an image to the canvas, as floats; the border stays zero. */
static float *copy_to_canvas(const cvy_loader *loader, const cvy_kernels *kernels, const cvy_dataset *dataset,
                             uint32_t index, float *canvas) {
    const int floats = loader->width * loader->channels;
    float *inner = canvas + (size_t)loader->border_y * (size_t)loader->canvas_row +
                   (size_t)loader->border_x * (size_t)loader->channels;
    const char *image = (const char *)dataset->images + index * cvy_dataset_image_bytes(dataset);
    if (dataset->element == CVY_ELEMENT_U8) {
        kernels->widen_u8(loader->height, floats, (const uint8_t *)image, loader->canvas_row, inner);
        return inner;
    }
    const size_t bytes = (size_t)floats * sizeof(float);
    for (int y = 0; y < loader->height; y++)
        memcpy(inner + (size_t)y * (size_t)loader->canvas_row, image + (size_t)y * bytes, bytes);
    return inner;
}

/* The slope of the ink, in columns a row, and the row that stays where it is: the regression of x on y through the
 * centre of gravity, where a pixel's value is its weight. An image without ink or without height has slope 0. LeCun et
 * al., "Gradient-based learning applied to document recognition", 1998, section III.A ("deslanted"). */
static double find_slope(const cvy_loader *loader, const cvy_kernels *kernels, const float *inner, float *moments,
                         double *centre) {
    const int floats = loader->width * loader->channels;
    kernels->column_moments(loader->height, floats, loader->canvas_row, inner, moments);
    double mass = 0, x_sum = 0, y_sum = 0, xy_sum = 0, yy_sum = 0;
    const float *column = moments;
    for (int x = 0; x < loader->width; x++)
        for (int c = 0; c < loader->channels; c++, column++) {
            double ink = (double)column[0], rows = (double)column[floats];
            mass += ink;
            x_sum += x * ink;
            y_sum += rows;
            xy_sum += x * rows;
            yy_sum += (double)column[2 * floats];
        }
    *centre = 0;
    if (!(mass > 0))
        return 0;
    double x_mean = x_sum / mass, y_mean = y_sum / mass, y_variance = yy_sum / mass - y_mean * y_mean;
    if (!(y_variance >= 0.25 && y_mean >= 0 && y_mean <= loader->height))
        return 0; /* less than a row high, or negative pixels, or NaN */
    *centre = y_mean;
    double slope = (xy_sum / mass - x_mean * y_mean) / y_variance;
    return slope > -steepest ? (slope < steepest ? slope : steepest) : -steepest;
}

/* Where each row of the sample begins on the canvas: a position, and the fraction up to the next column. */
static void find_rows(const cvy_loader *loader, cvy_shift shift, double slope, double centre, int32_t *starts,
                      float *fractions) {
    /* Conversion to int rounds towards zero, so columns are made positive first. */
    const int positive = loader->border_x;
    const int first = (loader->border_x + loader->left - shift.x) * loader->channels;
    for (int i = 0; i < loader->cropped.height; i++) {
        int y = loader->top + i - shift.y;
        double column = slope * (y - centre) + positive;
        int whole = (int)column;
        starts[i] = (loader->border_y + y) * loader->canvas_row + first + (whole - positive) * loader->channels;
        fractions[i] = (float)(column - whole);
    }
}

/* ---- A block ---------------------------------------------------------------------------------------------------- */

/* Images without preprocessing, in NHWC. Kernels that read NHWC may read beyond an image's end, which may be the end of
 * the caller's memory, so float images are copied too. */
static void load_plain_nhwc(const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index) {
    const size_t bytes = cvy_dataset_image_bytes(dataset);
    const int32_t elements = block->plan->input.image;
    float *to = block->workspace + block->plan->input_block;
    for (int l = 0; l < block->count; l++, to += elements) {
        const uint8_t *image = (const uint8_t *)dataset->images + index[l] * bytes;
        if (dataset->element == CVY_ELEMENT_U8)
            block->kernels->widen_u8(1, elements, image, elements, to);
        else
            memcpy(to, image, bytes);
    }
}

static void load_plain(const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index, float *images) {
    const cvy_plan *plan = block->plan;
    if (dataset->element == CVY_ELEMENT_U8)
        block->kernels->gather_u8_hwc16n(&plan->input, dataset->images, index, block->count,
                                         block->workspace + plan->input_block, images);
    else
        block->kernels->gather_f32_hwc16n(&plan->input, dataset->images, index, block->count,
                                          block->workspace + plan->input_block, images);
}

/* Samples the block's images from the canvas: samples [count][loader->cropped]. */
static void sample(const cvy_loader *loader, const cvy_block *block, const cvy_dataset *dataset, const uint32_t *index,
                   const cvy_shift *shifts, float *samples, float *scratch) {
    int32_t *starts = (int32_t *)(scratch + loader->starts);
    float *fractions = scratch + loader->fractions;
    for (int l = 0; l < block->count; l++) {
        const float *inner = copy_to_canvas(loader, block->kernels, dataset, index[l], scratch);
        double centre = 0, slope = 0;
        if (loader->preprocessing.deskew)
            slope = find_slope(loader, block->kernels, inner, scratch + loader->moments, &centre);
        find_rows(loader, shifts[l], slope, centre, starts, fractions);
        block->kernels->sample_rows(loader->cropped.height, loader->cropped.width * loader->channels, starts, fractions,
                                    loader->channels, loader->scale, loader->offset, scratch, loader->cropped.row,
                                    samples + (size_t)l * (size_t)loader->cropped.image);
    }
}

static void load_nhwc(const cvy_loader *loader, const cvy_block *block, const cvy_dataset *dataset,
                      const uint32_t *index, const cvy_shift *shifts, float *scratch) {
    float *input = block->workspace + block->plan->input_block;
    if (loader->plain) {
        load_plain_nhwc(block, dataset, index);
    } else if (!loader->preprocessing.average_pooling[0]) {
        sample(loader, block, dataset, index, shifts, input, scratch);
    } else {
        sample(loader, block, dataset, index, shifts, scratch + loader->samples, scratch);
        block->kernels->avgpool_forward_nhwc(&loader->pool, block->count, scratch + loader->samples, input);
    }
}

void cvy_loader_load(const cvy_loader *loader, const cvy_block *block, const cvy_dataset *dataset,
                     const uint32_t *index, const cvy_shift *shifts, bool training, float *scratch) {
    const cvy_plan *plan = block->plan;
    const cvy_kernels *k = block->kernels;
    float *input = block->workspace + plan->input_block;
    float *images = training && plan->input_images != CVY_NONE ? block->workspace + plan->input_images : NULL;
    if (plan->layout == CVY_LAYOUT_NHWC) {
        load_nhwc(loader, block, dataset, index, shifts, scratch);
        return;
    }
    if (loader->plain) {
        load_plain(block, dataset, index, images);
        return;
    }
    if (!loader->preprocessing.average_pooling[0]) {
        float *samples = images ? images : scratch + loader->samples;
        sample(loader, block, dataset, index, shifts, samples, scratch);
        k->reorder_nhwc_hwc16n(&plan->input, samples, block->count, input);
        return;
    }
    sample(loader, block, dataset, index, shifts, scratch + loader->samples, scratch);
    k->reorder_nhwc_hwc16n(&loader->cropped, scratch + loader->samples, block->count, scratch + loader->block);
    k->avgpool_forward_hwc16n(&loader->pool, scratch + loader->block, input);
    if (images)
        k->reorder_hwc16n_nhwc(&plan->input, input, images);
}
