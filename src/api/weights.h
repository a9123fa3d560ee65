/* Weights in safetensors files. */
#ifndef CVY_WEIGHTS_H
#define CVY_WEIGHTS_H

#include "model.h"

/* cvy_save and cvy_load of a compiled model for this format. */
bool cvy_weights_save(const cvy_model *model, const char *path, cvy_status *status);
bool cvy_weights_load(cvy_model *model, const char *path, cvy_status *status);

#endif
