#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char suffix_f64[] = "@f64";

/* ---- Finding tensors -------------------------------------------------------------------------------------------- */

/* A tensor's name, or the part of it before the variable's. */
typedef struct label {
    char text[sizeof((cvy_variable){0}.path) + 64];
} label;

static label name_tensor(const char *prefix, const cvy_variable *variable, bool f64) {
    label name;
    snprintf(name.text, sizeof name.text, "%.48s/%s%s", prefix, variable->path, f64 ? suffix_f64 : "");
    return name;
}

static label stage_prefix(const golden *run, int stage) {
    label prefix;
    snprintf(prefix.text, sizeof prefix.text, "after_%zu", run->stage[stage]);
    return prefix;
}

static const cvy_tensor *find(const golden *run, const char *prefix, const cvy_variable *variable, bool f64) {
    return cvy_safetensors_find(run->file, name_tensor(prefix, variable, f64).text);
}

const cvy_tensor *golden_initial(const golden *run, const cvy_variable *variable) {
    return find(run, "init", variable, false);
}

const cvy_tensor *golden_gradient(const golden *run, const cvy_variable *variable, bool f64) {
    return find(run, "grad_step0", variable, f64);
}

const cvy_tensor *golden_weights(const golden *run, int stage, const cvy_variable *variable, bool f64) {
    return find(run, stage_prefix(run, stage).text, variable, f64);
}

/* ---- Checking --------------------------------------------------------------------------------------------------- */

/* "F32 [5, 5, 1, 3]"; `zero` stands for an extent of 0. */
static const char *describe(cvy_dtype dtype, int rank, const size_t *shape, const char *zero, char *text, size_t size) {
    int used = snprintf(text, size, "%s [", cvy_dtype_name(dtype));
    for (int i = 0; i < rank && (size_t)used < size; i++) {
        char extent[24];
        snprintf(extent, sizeof extent, "%zu", shape[i]);
        used += snprintf(text + used, size - (size_t)used, "%s%s", i ? ", " : "", shape[i] ? extent : zero);
    }
    if ((size_t)used < size)
        snprintf(text + used, size - (size_t)used, "]");
    return text;
}

/* Finds a tensor of this type and shape; NULL and an error if there is none. An extent of 0 stands for any but 0. */
static const cvy_tensor *need(const golden *run, const char *name, cvy_dtype dtype, int rank, const size_t *shape,
                              cvy_status *status) {
    const char *path = cvy_safetensors_path(run->file);
    const cvy_tensor *tensor = cvy_safetensors_find(run->file, name);
    if (!tensor) {
        cvy_fail(status, CVY_FAILED, path, "no tensor \"%s\"", name);
        return NULL;
    }
    bool fits = tensor->dtype == dtype && tensor->rank == rank;
    for (int i = 0; fits && i < rank; i++)
        fits = shape[i] ? tensor->shape[i] == shape[i] : tensor->shape[i] > 0;
    if (fits)
        return tensor;
    char found[96], expected[96];
    cvy_fail(status, CVY_FAILED, path, "tensor \"%s\" is %s, expected %s", name,
             describe(tensor->dtype, tensor->rank, tensor->shape, "0", found, sizeof found),
             describe(dtype, rank, shape, "any", expected, sizeof expected));
    return NULL;
}

static bool need_variable(const golden *run, const char *prefix, const cvy_variable *variable, bool f64,
                          cvy_status *status) {
    return need(run, name_tensor(prefix, variable, f64).text, f64 ? CVY_F64 : CVY_F32, variable->rank, variable->shape,
                status);
}

static bool need_variables(const golden *run, const cvy_variables *variables, cvy_status *status) {
    for (int v = 0; v < variables->count; v++) {
        const cvy_variable *variable = &variables->list[v];
        if (!need_variable(run, "init", variable, false, status) ||
            !need_variable(run, "grad_step0", variable, false, status) ||
            !need_variable(run, "grad_step0", variable, true, status))
            return false;
        for (int s = 0; s < run->stages; s++) {
            label prefix = stage_prefix(run, s);
            if (!need_variable(run, prefix.text, variable, false, status) ||
                !need_variable(run, prefix.text, variable, true, status))
                return false;
        }
    }
    return true;
}

static bool need_run(golden *run, int classes, cvy_status *status) {
    const cvy_tensor *batches = need(run, "batches", CVY_I32, 2, (size_t[]){0, 0}, status);
    if (!batches)
        return false;
    run->batches = batches->data;
    run->steps = batches->shape[0];
    run->batch = batches->shape[1];
    size_t outputs[2] = {run->batch, (size_t)classes};
    const cvy_tensor *loss_f32 = need(run, "loss_f32", CVY_F64, 1, &run->steps, status);
    const cvy_tensor *loss_f64 = need(run, "loss_f64", CVY_F64, 1, &run->steps, status);
    run->probabilities = need(run, "probs_step0", CVY_F32, 2, outputs, status);
    run->probabilities_f64 = need(run, "probs_step0@f64", CVY_F64, 2, outputs, status);
    run->predictions = need(run, "predict_first64_after_training", CVY_F32, 2, (size_t[]){0, outputs[1]}, status);
    if (!cvy_ok(status))
        return false;
    run->loss_f32 = loss_f32->data;
    run->loss_f64 = loss_f64->data;
    return true;
}

/* The N of "after_N/..."; 0 for any other name. */
static size_t stage_of(const char *name) {
    char *end;
    if (strncmp(name, "after_", 6) || name[6] < '1' || name[6] > '9')
        return 0;
    size_t steps = strtoull(name + 6, &end, 10);
    return *end == '/' ? steps : 0;
}

static bool add_stage(golden *run, size_t steps, cvy_status *status) {
    const char *path = cvy_safetensors_path(run->file);
    int place = 0;
    while (place < run->stages && run->stage[place] < steps)
        place++;
    if (place < run->stages && run->stage[place] == steps)
        return true;
    if (steps > run->steps)
        return cvy_fail(status, CVY_FAILED, path, "weights after %zu steps, but only %zu batches", steps, run->steps);
    if (run->stages == GOLDEN_STAGES_MAX)
        return cvy_fail(status, CVY_FAILED, path, "weights after more than %d different numbers of steps",
                        GOLDEN_STAGES_MAX);
    memmove(&run->stage[place + 1], &run->stage[place], (size_t)(run->stages++ - place) * sizeof run->stage[0]);
    run->stage[place] = steps;
    return true;
}

static bool find_stages(golden *run, cvy_status *status) {
    for (size_t i = 0; i < cvy_safetensors_count(run->file); i++) {
        size_t steps = stage_of(cvy_safetensors_at(run->file, i)->name);
        if (steps && !add_stage(run, steps, status))
            return false;
    }
    if (run->stages && run->stage[run->stages - 1] == run->steps)
        return true;
    return cvy_fail(status, CVY_FAILED, cvy_safetensors_path(run->file),
                    "no tensors \"after_%zu/...\": the last weights", run->steps);
}

/* Whether the name is init/, grad_step0/ or after_N/ and one of the network's variables. */
static bool names_variable(const char *name, const cvy_variables *variables) {
    const char *slash = strchr(name, '/');
    if (!slash || (!stage_of(name) && strncmp(name, "init/", 5) && strncmp(name, "grad_step0/", 11)))
        return false;
    size_t length = strlen(slash + 1), suffix = strlen(suffix_f64);
    if (length > suffix && !strcmp(slash + 1 + length - suffix, suffix_f64) && strncmp(name, "init/", 5))
        length -= suffix;
    for (int v = 0; v < variables->count; v++)
        if (strlen(variables->list[v].path) == length && !strncmp(variables->list[v].path, slash + 1, length))
            return true;
    return false;
}

static bool refuse_not_finite(const golden *run, cvy_status *status) {
    for (size_t i = 0; i < cvy_safetensors_count(run->file); i++)
        if (!cvy_tensor_check_finite(cvy_safetensors_at(run->file, i), cvy_safetensors_path(run->file), status))
            return false;
    return true;
}

/* A tensor that nothing reads means that file and network do not belong together. */
static bool refuse_unknown(const golden *run, const cvy_variables *variables, cvy_status *status) {
    static const char *const known[] = {"batches",     "loss_f32",        "loss_f64",
                                        "probs_step0", "probs_step0@f64", "predict_first64_after_training"};
    for (size_t i = 0; i < cvy_safetensors_count(run->file); i++) {
        const char *name = cvy_safetensors_at(run->file, i)->name;
        bool found = names_variable(name, variables);
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            found |= !strcmp(name, known[k]);
        if (!found)
            return cvy_fail(status, CVY_FAILED, cvy_safetensors_path(run->file),
                            "tensor \"%s\" belongs to no variable of the network; its first is \"%s\"", name,
                            variables->count ? variables->list[0].path : "");
    }
    return true;
}

bool golden_open(golden *run, const char *path, const cvy_variables *variables, int classes, cvy_status *status) {
    *run = (golden){.file = cvy_safetensors_open(path, status)};
    return run->file && refuse_not_finite(run, status) && need_run(run, classes, status) && find_stages(run, status) &&
           refuse_unknown(run, variables, status) && need_variables(run, variables, status);
}

void golden_close(golden *run) {
    cvy_safetensors_close(run->file);
}

/* ---- Comparing -------------------------------------------------------------------------------------------------- */

double golden_element(const cvy_tensor *tensor, size_t i) {
    return tensor->dtype == CVY_F64 ? ((const double *)tensor->data)[i] : (double)((const float *)tensor->data)[i];
}

double golden_difference(const cvy_tensor *tensor, const cvy_tensor *truth) {
    const size_t count = cvy_tensor_elements(truth);
    double largest = 0, difference = 0;
    for (size_t i = 0; i < count; i++) {
        double value = golden_element(truth, i), apart = fabs(golden_element(tensor, i) - value);
        if (!isfinite(apart))
            return INFINITY;
        largest = fmax(largest, fabs(value));
        difference = fmax(difference, apart);
    }
    return difference > 0 ? difference / largest : 0;
}
