/* The public API: data sets. */
#include "../data/dataset.h"

#include "arguments.h"

cvy_dataset *cvy_dataset_load(const char *place, cvy_split split, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    return cvy_ok(status) ? cvy_dataset_read(place, split, status) : NULL;
}

cvy_dataset *cvy_dataset_from_u8(const uint8_t *images, const uint8_t *labels, size_t count, int height, int width,
                                 int channels, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    return cvy_given(images, "images", status)
               ? cvy_dataset_over(CVY_ELEMENT_U8, images, labels, count, height, width, channels, status)
               : NULL;
}

cvy_dataset *cvy_dataset_from_f32(const float *images, const uint8_t *labels, size_t count, int height, int width,
                                  int channels, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    return cvy_given(images, "images", status)
               ? cvy_dataset_over(CVY_ELEMENT_F32, images, labels, count, height, width, channels, status)
               : NULL;
}

size_t cvy_dataset_count(const cvy_dataset *dataset) {
    return dataset ? dataset->count : 0;
}

cvy_images cvy_dataset_images(const cvy_dataset *dataset) {
    if (!dataset)
        return (cvy_images){0};
    bool bytes = dataset->element == CVY_ELEMENT_U8;
    return (cvy_images){.u8 = bytes ? dataset->images : NULL,
                        .f32 = bytes ? NULL : dataset->images,
                        .count = dataset->count,
                        .height = dataset->height,
                        .width = dataset->width,
                        .channels = dataset->channels};
}

const uint8_t *cvy_dataset_labels(const cvy_dataset *dataset) {
    return dataset ? dataset->labels : NULL;
}

const char *cvy_dataset_origin(const cvy_dataset *dataset) {
    return dataset ? dataset->origin : NULL;
}

void cvy_dataset_free(cvy_dataset *dataset) {
    cvy_dataset_destroy(dataset);
}
