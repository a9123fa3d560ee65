#include "exports.h"

#include "../export/export.h"

static cvy_export export_of(const cvy_model *model) {
    return (cvy_export){.network = model->network,
                        .variables = cvy_trainer_variables(model->trainer),
                        .parameters = cvy_trainer_parameters(model->trainer),
                        .preprocessing = &model->preprocessing,
                        .version = CVY_VERSION};
}

bool cvy_save_onnx(const cvy_model *model, const char *path, cvy_status *status) {
    const cvy_export what = export_of(model);
    return cvy_export_onnx(&what, path, status);
}

bool cvy_save_c(const cvy_model *model, const char *path, cvy_status *status) {
    const cvy_export what = export_of(model);
    return cvy_export_c(&what, path, status);
}
