/* Weights in safetensors files. */
#ifndef CVY_WEIGHTS_H
#define CVY_WEIGHTS_H

#include "../io/tensor.h"
#include "model.h"

/* cvy_save and cvy_load of a compiled model for this format. */
bool cvy_weights_save(const cvy_model *model, const char *path, cvy_status *status);
bool cvy_weights_load(cvy_model *model, const char *path, cvy_status *status);

/* Writes tensors and, as metadata, the model's network and preprocessing and, unless NULL, the text of a checkpoint
 * with a checksum of all three. */
bool cvy_weights_write(const cvy_model *model, const char *path, const cvy_tensor *tensors, size_t count,
                       const char *checkpoint, cvy_status *status);

/* The checksum of a file's metadata in hexadecimal; NULL is what the file does not hold. */
void cvy_metadata_crc32(const char *network, const char *preprocessing, const char *checkpoint, char text[static 9]);

/* Whether no value of a variable is NaN or infinite. The error names the file, the variable and the element. */
bool cvy_weights_finite(const cvy_variable *variable, const float *values, const char *path, cvy_status *status);

#endif
