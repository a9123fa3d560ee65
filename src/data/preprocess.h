/* What becomes of an image before a network sees it, as a recipe or a saved model states it. (train/loader does it.) */
#ifndef CVY_PREPROCESS_H
#define CVY_PREPROCESS_H

#include "../base/status.h"

/* In this order; each may be absent. Names are Keras's where Keras has the step as a layer. */
typedef struct cvy_preprocessing {
    bool deskew;            /* sheared upright by its second moments */
    int center_crop[2];     /* height, width; 0: none */
    double scale, offset;   /* Rescaling: x * scale + offset */
    double mean, variance;  /* Normalization: (x - mean) / sqrt(variance) */
    int average_pooling[2]; /* height, width of windows that lie side by side; 0: none */
    int test_shift; /* inference: the mean softmax of the image moved by up to so many pixels, each way it can be */
} cvy_preprocessing;

/* Nothing is done. */
extern const cvy_preprocessing cvy_preprocessing_none;

/* Parses KEY[=VALUE],...: deskew, center_crop=H[xW], scale=S, offset=O, mean=M, variance=V, average_pooling=H[xW],
 * test_shift=N, each at most once; a number may be a quotient, as in scale=1/255. "none" or "" is no preprocessing.
 * Errors name the key and say what is allowed. */
bool cvy_preprocessing_parse(const char *text, cvy_preprocessing *preprocessing, cvy_status *status);

enum { CVY_PREPROCESSING_MAX = 256, CVY_SHIFT_MAX = 8 };

/* The text that parses to the same; "none" where nothing is done. */
void cvy_preprocessing_text(const cvy_preprocessing *preprocessing, char text[static CVY_PREPROCESSING_MAX]);

/* Extents of images of height x width after it. An image too small for a step is an error that names `where`. */
bool cvy_preprocessing_extents(const cvy_preprocessing *preprocessing, const char *where, int *height, int *width,
                               cvy_status *status);

#endif
