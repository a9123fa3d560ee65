/* safetensors files: 8 bytes little-endian header length, a JSON header, the tensors.
 * Format: github.com/huggingface/safetensors, "Format". */
#ifndef CVY_SAFETENSORS_H
#define CVY_SAFETENSORS_H

#include "tensor.h"

/* An opened file: all of it in memory. */
typedef struct cvy_safetensors cvy_safetensors;

/* Reads and checks a whole file. NULL on an error, which names the file and the tensor: a wrong header length or JSON,
 * an unknown dtype, offsets that overlap, run past the end, leave a gap, or disagree with the shape;
 * a header of more than 8 MiB (the format allows 100 MB) or with too many values for its length. */
cvy_safetensors *cvy_safetensors_open(const char *path, cvy_status *status);

/* Frees the file and its tensors, names and metadata. NULL does nothing. */
void cvy_safetensors_close(cvy_safetensors *file);

/* The tensor of that name, NULL if there is none. */
const cvy_tensor *cvy_safetensors_find(const cvy_safetensors *file, const char *name);
size_t cvy_safetensors_count(const cvy_safetensors *file);
/* Tensor i in the order of the header. */
const cvy_tensor *cvy_safetensors_at(const cvy_safetensors *file, size_t i);
const char *cvy_safetensors_path(const cvy_safetensors *file);
/* A string of the header's __metadata__, NULL if there is none. */
const char *cvy_safetensors_metadata(const cvy_safetensors *file, const char *key);

/* Writes tensors and metadata, pairs of key and value (NULL-terminated, may be NULL), atomically (atomic_file.h): on
 * an error an old file at `path` stays as it was. Tensors and keys keep their order; equal arguments give equal bytes.
 * Names and metadata are UTF-8; names and keys are unique; no tensor is named "__metadata__". */
bool cvy_safetensors_write(const char *path, const cvy_tensor *tensors, size_t count, const char *const *metadata,
                           cvy_status *status);

#endif
