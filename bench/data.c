#include "data.h"

#include <math.h>
#include <stdlib.h>

#include "../src/base/memory.h"
#include "memory.h"

enum { DRAWN = 8192 };

/* Draws a ring with a pen as wide as MNIST's strokes. */
static void draw(bench_memory *random, cvy_shape shape, double radius, uint8_t *image) {
    float side = (float)(shape.height < shape.width ? shape.height : shape.width), pen = 0.07f * side;
    float cy = bench_uniform(random, 0.4f, 0.6f) * (float)shape.height;
    float cx = bench_uniform(random, 0.4f, 0.6f) * (float)shape.width;
    for (int y = 0; y < shape.height; y++)
        for (int x = 0; x < shape.width; x++)
            for (int c = 0; c < shape.channels; c++) {
                float distance = fabsf(hypotf((float)y - cy, (float)x - cx) - (float)radius * side);
                *image++ = distance < pen ? (uint8_t)bench_uniform(random, 150, 256) : 0;
            }
}

static bool draw_all(bench_data *data, const cvy_network *network, cvy_status *status) {
    cvy_shape shape = network->layers[0].output;
    int classes = network->layers[network->count - 1].output.channels;
    classes = classes < 256 ? classes : 256;
    size_t bytes = cvy_shape_count(shape);
    data->drawn = true;
    data->images = cvy_allocate(DRAWN, bytes, "images", status);
    data->labels = cvy_allocate(DRAWN, 1, "labels", status);
    if (!data->images || !data->labels)
        return false;
    bench_memory random = {.random = 1};
    for (size_t i = 0; i < DRAWN; i++) {
        data->labels[i] = (uint8_t)(i * 7 % (size_t)classes);
        draw(&random, shape, 0.1 + 0.25 * data->labels[i] / classes, data->images + i * bytes);
    }
    data->dataset =
        cvy_dataset_from_u8(data->images, data->labels, DRAWN, shape.height, shape.width, shape.channels, status);
    return data->dataset != NULL;
}

static bool fits(const cvy_dataset *dataset, const cvy_network *network) {
    cvy_shape input = network->layers[0].output;
    return dataset->height == input.height && dataset->width == input.width && dataset->channels == input.channels &&
           cvy_dataset_check_labels(dataset, network->layers[network->count - 1].output.channels, &(cvy_status){0});
}

bool bench_data_load(bench_data *data, const char *directory, const cvy_network *network, cvy_status *status) {
    cvy_status missing = {0};
    *data = (bench_data){.dataset = cvy_dataset_load(directory, CVY_TRAIN, directory ? status : &missing)};
    if (data->dataset && fits(data->dataset, network))
        return true;
    cvy_dataset_free(data->dataset);
    data->dataset = NULL;
    if (!cvy_ok(status))
        return false;
    if (directory)
        return cvy_fail(status, CVY_FAILED, directory, "its images are not what the network \"%s\" takes",
                        network->name);
    return draw_all(data, network, status);
}

void bench_data_free(bench_data *data) {
    cvy_dataset_free(data->dataset);
    free(data->images);
    free(data->labels);
    *data = (bench_data){0};
}
