/* The public API: evaluation and prediction. */
#include "../base/float_environment.h"
#include "model.h"

cvy_evaluation cvy_evaluate(cvy_model *model, const cvy_dataset *dataset, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    cvy_metrics metrics = {0};
    if (!cvy_ready(model, status) || !cvy_given(dataset, "dataset", status))
        return (cvy_evaluation){0};
    const cvy_float_environment before = cvy_float_enter();
    cvy_evaluation means = {0};
    if (cvy_trainer_forward(model->trainer, dataset, 0, dataset->count, NULL, &metrics, status))
        means = cvy_metrics_means(&metrics);
    cvy_float_leave(before);
    return means;
}

void cvy_predict(cvy_model *model, const cvy_dataset *dataset, size_t first, size_t count, float *probabilities,
                 cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_ready(model, status) || !cvy_given(dataset, "dataset", status) ||
        !cvy_given(probabilities, "probabilities", status))
        return;
    const cvy_float_environment before = cvy_float_enter();
    cvy_trainer_forward(model->trainer, dataset, first, count, probabilities, NULL, status);
    cvy_float_leave(before);
}
