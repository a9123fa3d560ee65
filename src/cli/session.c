#include "session.h"

cvy_model *cli_model_ready(const char *name_or_file, const cvy_compile_options *compile, const char *weights,
                           cvy_status *status) {
    cvy_model *model = cvy_model_from(name_or_file, status);
    cvy_compile(model, compile, status);
    if (weights)
        cvy_load(model, weights, status);
    if (cvy_ok(status))
        return model;
    cvy_model_free(model);
    return NULL;
}
