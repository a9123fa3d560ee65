/* The public API: a model in words. */
#include "../model/summary.h"

#include "model.h"

char *cvy_summary(const cvy_model *model, int columns, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_given(model, "model", status))
        return NULL;
    long optimizer = -1;
    if (cvy_iterations(model) > 0)
        optimizer = cvy_optimizer_parameters(&cvy_trainer_optimizer(model->trainer)->settings,
                                             cvy_trainer_variables(model->trainer)->parameters);
    return cvy_summary_text(model->network, columns, optimizer, false, status);
}

char *cvy_plan_summary(const cvy_model *model, const char *layout, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_given(model, "model", status) || !cvy_given(layout, "layout", status))
        return NULL;
    cvy_layout wanted;
    if (!cvy_layout_from_name(layout, &wanted) || wanted == CVY_LAYOUT_AUTO) {
        cvy_fail(status, CVY_USAGE, "layout", "\"%s\" has no plan; expected hwc16n or nhwc", layout);
        return NULL;
    }
    cvy_variables variables;
    cvy_plan plan;
    if (!cvy_variables_layout(model->network, &variables, status))
        return NULL;
    bool made = cvy_plan_make(model->network, &variables, wanted, &plan, status);
    char *text = made ? cvy_plan_text(&plan, model->network, status) : NULL;
    cvy_plan_free(&plan);
    cvy_variables_free(&variables);
    return text;
}
