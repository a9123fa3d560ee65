/* Which format a file has: read files tell it by their first bytes, written ones by the end of their name. */
#ifndef CVY_FORMATS_H
#define CVY_FORMATS_H

#include "../base/status.h"

typedef enum cvy_file_kind {
    CVY_FILE_UNKNOWN,
    CVY_FILE_SAFETENSORS,
    CVY_FILE_KERAS,   /* a zip archive of JSON and HDF5 */
    CVY_FILE_HDF5,    /* .weights.h5 and .h5 */
    CVY_FILE_FOREIGN, /* known, but not read: PyTorch, ONNX, npz, ... */
} cvy_file_kind;

/* Looks at a file. It is an error only if it cannot be opened; JSON and the like are CVY_FILE_UNKNOWN. *what says of a
 * foreign file what it is. */
cvy_file_kind cvy_file_kind_of(const char *path, const char **what, cvy_status *status);

/* Records the error that a foreign file is none of those that are read. Returns false. */
bool cvy_refuse_foreign(const char *path, const char *what, cvy_status *status);

#endif
