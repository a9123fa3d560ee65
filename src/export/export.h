/* A trained network in the formats of other programs, to predict with: ONNX, and C source. */
#ifndef CVY_EXPORT_H
#define CVY_EXPORT_H

#include "../data/preprocess.h"
#include "../model/variables.h"

typedef struct cvy_export {
    const cvy_network *network; /* ends in a softmax over a vector */
    const cvy_variables *variables;
    const float *parameters; /* [variables->floats] */
    const cvy_preprocessing *preprocessing;
    const char *version; /* of Convoy, for the file to name */
} cvy_export;

/* Writes an ONNX model, opset 17, of raw images: preprocessing becomes part of the graph. The input has the name of the
 * input layer and the shape [batch][height][width][channels] ([batch][features] of a network on vectors), the output
 * that of the last layer and [batch][classes]; both are float. `deskew` and `test_shift` are errors. The file appears
 * whole or not at all. */
bool cvy_export_onnx(const cvy_export *what, const char *path, cvy_status *status);

/* Writes one freestanding file of C99 with the function
 *
 *     void predict(const float *image, float *probabilities);
 *
 * which takes a raw image: preprocessing is part of it. It needs no library and no allocation. `test_shift` is an
 * error. The file does not depend on the locale, and appears whole or not at all. */
bool cvy_export_c(const cvy_export *what, const char *path, cvy_status *status);

#endif
