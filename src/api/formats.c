/* The public API: saving and loading, which hand on to the formats. */
#include "formats.h"

#include "../base/archive.h"
#include "../base/file.h"
#include "exports.h"
#include "keras_file.h"
#include "weights.h"

#include <string.h>
#include <strings.h>

/* ---- What a file is --------------------------------------------------------------------------------------------- */

static const struct {
    const char *bytes;
    size_t count;
    const char *what;
} foreign[] = {
    {"\x1f\x8b", 2, "a gzipped file"},        {"\x89PNG\r\n\x1a\n", 8, "a PNG image"},
    {"\x93NUMPY", 6, "a NumPy array (.npy)"}, {"\x80\x02\x8a\nl\xfc\x9c", 7, "a PyTorch file of the old format"},
    {"TFL3", 4, "a TensorFlow Lite model"},
};

/* A header's length, then the header, which is a JSON object. */
static bool is_safetensors(const unsigned char *head, size_t length) {
    uint64_t header;
    memcpy(&header, head, sizeof header);
    return length > 8 && header <= length - 8 && head[8] == '{';
}

/* Fields of the protocol buffer: the format's version, a small number, and then a text. */
static bool is_onnx(const unsigned char *head, size_t length) {
    return length > 4 && head[0] == 0x08 && head[1] < 32 && (head[2] == 0x12 || head[2] == 0x3a);
}

static cvy_file_kind kind_of_zip(const char *path, const char **what, cvy_status *status) {
    cvy_zip *archive = cvy_zip_open(path, status);
    cvy_file_kind kind = CVY_FILE_FOREIGN;
    if (!archive)
        return CVY_FILE_UNKNOWN;
    if (cvy_zip_has(archive, "config.json"))
        kind = CVY_FILE_KERAS;
    else if (cvy_zip_count(archive, "/data.pkl"))
        *what = "a PyTorch file (a zip archive of pickled objects)";
    else if (cvy_zip_count(archive, ".npy"))
        *what = "a file of NumPy arrays (.npz)";
    else
        *what = "a zip archive without config.json, which a .keras file has";
    cvy_zip_close(archive);
    return kind;
}

cvy_file_kind cvy_file_kind_of(const char *path, const char **what, cvy_status *status) {
    unsigned char head[16] = {0};
    cvy_file file;
    if (!cvy_file_open(path, &file, status))
        return CVY_FILE_UNKNOWN;
    cvy_file_read(&file, 0, head, file.length < sizeof head ? file.length : sizeof head, status);
    cvy_file_close(&file);
    if (!cvy_ok(status))
        return CVY_FILE_UNKNOWN;
    if (is_safetensors(head, file.length))
        return CVY_FILE_SAFETENSORS;
    if (!memcmp(head, "\x89HDF\r\n\x1a\n", 8))
        return CVY_FILE_HDF5;
    if (!memcmp(head, "PK\3\4", 4))
        return kind_of_zip(path, what, status);
    *what = is_onnx(head, file.length) ? "an ONNX model" : NULL;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign && !*what; i++)
        if (!memcmp(head, foreign[i].bytes, foreign[i].count))
            *what = foreign[i].what;
    return *what ? CVY_FILE_FOREIGN : CVY_FILE_UNKNOWN;
}

bool cvy_refuse_foreign(const char *path, const char *what, cvy_status *status) {
    return cvy_fail(status, CVY_FAILED, path, "is %s; expected safetensors, or Keras's .keras, .weights.h5 or .h5",
                    what);
}

/* ---- Saving and loading ----------------------------------------------------------------------------------------- */

/* By the end of the name, the first that fits; any other is safetensors. */
static const struct {
    const char *end;
    bool (*save)(const cvy_model *model, const char *path, cvy_status *status);
} formats[] = {
    {".keras", cvy_keras_save},
    {".weights.h5", cvy_keras_save_weights},
    {".h5", cvy_keras_save_legacy},
    {".onnx", cvy_save_onnx},
    {".c", cvy_save_c},
    {"", cvy_weights_save},
};

static bool ends_in(const char *path, const char *end) {
    size_t length = strlen(path), wanted = strlen(end);
    return length >= wanted && !strcasecmp(path + length - wanted, end);
}

void cvy_save(const cvy_model *model, const char *path, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_ready(model, status) || !cvy_given(path, "path", status))
        return;
    const cvy_variables *variables = cvy_trainer_variables(model->trainer);
    const float *parameters = cvy_trainer_parameters(model->trainer);
    for (int v = 0; v < variables->count; v++)
        if (!cvy_weights_finite(&variables->list[v], parameters + variables->list[v].offset, path, status))
            return;
    size_t i = 0;
    while (!ends_in(path, formats[i].end))
        i++;
    formats[i].save(model, path, status);
}

void cvy_load(cvy_model *model, const char *path, cvy_status *status) {
    status = CVY_STATUS_OF(status);
    if (!cvy_ready(model, status) || !cvy_given(path, "path", status))
        return;
    const char *what = NULL;
    cvy_file_kind kind = cvy_file_kind_of(path, &what, status);
    if (!cvy_ok(status))
        return;
    if (kind == CVY_FILE_FOREIGN)
        cvy_refuse_foreign(path, what, status);
    else if (kind == CVY_FILE_KERAS || kind == CVY_FILE_HDF5)
        cvy_keras_load(model, path, kind, status);
    else
        cvy_weights_load(model, path, status);
}
