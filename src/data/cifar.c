/* A file is a sequence of records of 3073 bytes: the label 0 to 9, then the red, the green and the blue values of 32 x
 * 32 pixels, each in rows. Krizhevsky, "The CIFAR-10 dataset", section "Binary version". */
#include "cifar.h"

#include "../base/file.h"
#include "../base/memory.h"
#include "paths.h"

#include <stdlib.h>

enum { SIDE = 32, PIXELS = SIDE * SIDE, CHANNELS = 3, IMAGE = PIXELS * CHANNELS, RECORD = 1 + IMAGE, CLASSES = 10 };
enum { FILES_MAX = 5, AT_ONCE = 16 };

static const char *const train_files[FILES_MAX] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                                   "data_batch_4.bin", "data_batch_5.bin"};
static const char *const test_files[] = {"test_batch.bin"};

static bool open_batch(const char *path, cvy_file *file, cvy_status *status) {
    if (!cvy_file_open(path, file, status))
        return false;
    if (file->length > 0 && file->length % RECORD == 0)
        return true;
    cvy_file_close(file);
    return cvy_fail(status, CVY_FAILED, path, "%zu bytes, expected a multiple of %d: CIFAR-10's records of an image",
                    file->length, RECORD);
}

static void interleave(const uint8_t *planes, uint8_t *image) {
    for (int i = 0; i < PIXELS; i++)
        for (int c = 0; c < CHANNELS; c++)
            image[i * CHANNELS + c] = planes[c * PIXELS + i];
}

static bool read_batch(const cvy_file *file, uint8_t *images, uint8_t *labels, cvy_status *status) {
    uint8_t records[AT_ONCE * RECORD];
    size_t count = file->length / RECORD;
    for (size_t i = 0; i < count; i++) {
        size_t left = count - i, read = left < AT_ONCE ? left : AT_ONCE;
        const uint8_t *record = records + i % AT_ONCE * RECORD;
        if (i % AT_ONCE == 0 && !cvy_file_read(file, i * RECORD, records, read * RECORD, status))
            return false;
        if (record[0] >= CLASSES)
            return cvy_fail(status, CVY_FAILED, file->path, "image %zu has label %d, expected 0 to %d", i, record[0],
                            CLASSES - 1);
        labels[i] = record[0];
        interleave(record + 1, images + i * IMAGE);
    }
    return true;
}

/* Whether all files are there; if only some are, an error that names the first that is not. */
static bool find(const char *directory, const char *const *names, int files, char paths[][PATH_MAX],
                 cvy_status *status) {
    int there = -1, missing = -1;
    for (int i = files - 1; i >= 0; i--) {
        cvy_path_join(paths[i], directory, names[i]);
        *(cvy_path_exists(paths[i]) ? &there : &missing) = i;
    }
    if (there >= 0 && missing >= 0)
        cvy_fail(status, CVY_FAILED, paths[missing], "not found, though %s is there", paths[there]);
    return missing < 0;
}

static bool open_batches(char paths[][PATH_MAX], int files, cvy_file *file, size_t *count, cvy_status *status) {
    *count = 0;
    for (int i = 0; i < files; i++)
        file[i] = (cvy_file){.descriptor = -1};
    for (int i = 0; i < files; i++) {
        if (!open_batch(paths[i], &file[i], status))
            return false;
        *count += file[i].length / RECORD;
    }
    return true;
}

static bool allocate(const char *directory, size_t count, cvy_ndarray *images, cvy_ndarray *labels,
                     cvy_status *status) {
    *images = cvy_ndarray_of(directory);
    *labels = *images;
    images->rank = 4;
    images->shape[0] = labels->shape[0] = count;
    images->shape[1] = images->shape[2] = SIDE;
    images->shape[3] = CHANNELS;
    labels->rank = 1;
    images->owned = images->data = cvy_allocate_unset(count * IMAGE, directory, status);
    labels->owned = labels->data = cvy_allocate_unset(count, directory, status);
    return cvy_ok(status);
}

bool cvy_cifar_read(const char *directory, cvy_split split, cvy_ndarray *images, cvy_ndarray *labels,
                    cvy_status *status) {
    const char *const *names = split == CVY_TRAIN ? train_files : test_files;
    int files = split == CVY_TRAIN ? FILES_MAX : 1;
    char paths[FILES_MAX][PATH_MAX];
    if (!find(directory, names, files, paths, status))
        return false;
    cvy_file file[FILES_MAX];
    size_t count, done = 0;
    bool good = open_batches(paths, files, file, &count, status) && allocate(directory, count, images, labels, status);
    for (int i = 0; i < files; i++) {
        good = good &&
               read_batch(&file[i], (uint8_t *)images->data + done * IMAGE, (uint8_t *)labels->data + done, status);
        done += file[i].length / RECORD;
        cvy_file_close(&file[i]);
    }
    return good;
}
