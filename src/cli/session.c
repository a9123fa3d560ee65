#include "session.h"

cvy_model *cli_model_ready(const char *name_or_file, const cvy_compile_options *compile, const char *weights,
                           const char *preprocessing, cvy_status *status) {
    cvy_model *model = name_or_file ? cvy_model_from(name_or_file, status) : cvy_model_from_weights(weights, status);
    cvy_compile(model, compile, status);
    cvy_load(model, weights, status);
    if (preprocessing)
        cvy_preprocess(model, preprocessing, status);
    if (cvy_ok(status))
        return model;
    cvy_model_free(model);
    return NULL;
}
