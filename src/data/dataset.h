/* A data set in memory. */
#ifndef CVY_DATASET_H
#define CVY_DATASET_H

#include "ndarray.h"

struct cvy_dataset {
    size_t count;                /* number of images, 1 to UINT32_MAX */
    int height, width, channels; /* of an image; at most INT32_MAX elements */
    cvy_element element;         /* CVY_ELEMENT_U8 or CVY_ELEMENT_F32 */
    const void *images;          /* NHWC [count][height][width][channels] */
    const uint8_t *labels;       /* [count]; NULL: there are none */
    char *origin;                /* its directory or file, for messages; owned */
    void *owned[2];              /* memory of images and labels to free with the data set; NULL: the caller's */
};

/* What convoy.h says of cvy_dataset_load. */
cvy_dataset *cvy_dataset_read(const char *place, cvy_split split, cvy_status *status);

/* A data set over the caller's memory: images NHWC of that element, labels [count] or NULL. */
cvy_dataset *cvy_dataset_over(cvy_element element, const void *images, const uint8_t *labels, size_t count, int height,
                              int width, int channels, cvy_status *status);

void cvy_dataset_destroy(cvy_dataset *dataset);

/* Whether there are labels and each is below `classes`. The error names the data set's origin and the first image whose
 * label is not. */
bool cvy_dataset_check_labels(const cvy_dataset *dataset, int classes, cvy_status *status);

/* The size of an image in bytes. */
static inline size_t cvy_dataset_image_bytes(const cvy_dataset *dataset) {
    size_t elements = (size_t)dataset->height * (size_t)dataset->width * (size_t)dataset->channels;
    return dataset->element == CVY_ELEMENT_U8 ? elements : elements * sizeof(float);
}

#endif
