/* The preprocessing of images, as recipes and saved models state it. train/loader performs it. */
#ifndef CVY_PREPROCESS_H
#define CVY_PREPROCESS_H

#include "../base/status.h"

/* The steps in their order; each may be absent. A step that Keras has as a layer has Keras's name. */
typedef struct cvy_preprocessing {
    bool deskew;            /* sheared upright by its second moments */
    int center_crop[2];     /* height, width; 0: none */
    double scale, offset;   /* Rescaling: x * scale + offset */
    double mean, variance;  /* Normalization: (x - mean) / sqrt(variance) */
    int average_pooling[2]; /* height, width of windows that lie side by side; 0: none */
    int test_shift;    /* inference: the mean of the softmax over all shifts of the image by up to so many pixels */
    int image_size[2]; /* height, width of the images before all steps, for exports; 0: not known. Changes nothing */
} cvy_preprocessing;

/* No preprocessing. */
extern const cvy_preprocessing cvy_preprocessing_none;

/* Parses KEY[=VALUE],... as base/settings.h says: deskew, center_crop=H[xW], scale=S, offset=O, mean=M, variance=V,
 * average_pooling=H[xW], test_shift=N, image_size=H[xW]. "none" or "" is no preprocessing. Errors leave *preprocessing
 * as it was. */
bool cvy_preprocessing_parse(const char *text, cvy_preprocessing *preprocessing, cvy_status *status);

enum { CVY_PREPROCESSING_MAX = 320, CVY_SHIFT_MAX = 8 };

/* Writes the text that parses to the same preprocessing; "none" if there is none. */
void cvy_preprocessing_text(const cvy_preprocessing *preprocessing, char text[static CVY_PREPROCESSING_MAX]);

/* Replaces the extents of an image by those after preprocessing. An image that is too small is an error at `where`. */
bool cvy_preprocessing_extents(const cvy_preprocessing *preprocessing, const char *where, int *height, int *width,
                               cvy_status *status);

#endif
