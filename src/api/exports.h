/* Saving in formats that are written and not read: export/ writes them. */
#ifndef CVY_EXPORTS_H
#define CVY_EXPORTS_H

#include "../base/status.h"
#include "model.h"

bool cvy_save_onnx(const cvy_model *model, const char *path, cvy_status *status);
bool cvy_save_c(const cvy_model *model, const char *path, cvy_status *status);

#endif
