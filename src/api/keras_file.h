/* Keras's files. */
#ifndef CVY_KERAS_FILE_H
#define CVY_KERAS_FILE_H

#include "formats.h"
#include "model.h"

/* The network of a file, as the text of Keras's model.to_json() with its compile_config, which the caller frees. NULL
 * on an error: a file of weights alone has none. */
char *cvy_keras_network(const char *path, cvy_file_kind kind, cvy_status *status);

/* Reads weights and optimizer state into a compiled model. */
bool cvy_keras_load(cvy_model *model, const char *path, cvy_file_kind kind, cvy_status *status);

/* Write a compiled model: the whole of it, its weights and optimizer state alone, and the whole as Keras 2 did. */
bool cvy_keras_save(const cvy_model *model, const char *path, cvy_status *status);
bool cvy_keras_save_weights(const cvy_model *model, const char *path, cvy_status *status);
bool cvy_keras_save_legacy(const cvy_model *model, const char *path, cvy_status *status);

#endif
