#include "emnist.h"

#include "../base/text.h"
#include "idx.h"
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const sets[] = {"emnist-balanced", "emnist-byclass", "emnist-bymerge",
                                   "emnist-digits",   "emnist-letters", "emnist-mnist"};
enum { SETS = sizeof sets / sizeof *sets, LETTERS = 26 };

static bool has_images(const char *directory, const char *set, cvy_split split) {
    char prefix[32];
    snprintf(prefix, sizeof prefix, "%s-%s", set, split == CVY_TRAIN ? "train" : "test");
    return cvy_idx_has_images(directory, prefix);
}

/* The set that a directory holds. NULL if there is none; also NULL, and an error, if there are several. */
static const char *only_set(const char *directory, cvy_status *status) {
    const char *only = NULL;
    char found[128] = "";
    int count = 0;
    for (int i = 0; i < SETS; i++)
        if (has_images(directory, sets[i], CVY_TRAIN) || has_images(directory, sets[i], CVY_TEST)) {
            cvy_append(found, sizeof found, "%s%s", count++ ? ", " : "", sets[i]);
            only = sets[i];
        }
    if (count < 2)
        return only;
    cvy_fail(status, CVY_FAILED, directory, "holds %d sets of EMNIST: %s; choose one with its name, as in %s/%s", count,
             found, directory, only);
    return NULL;
}

/* Splits DIR/emnist-letters. NULL if the path does not end in a set's name. */
static const char *named_set(const char *path, char directory[static PATH_MAX]) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (int i = 0; i < SETS; i++)
        if (strcmp(name, sets[i]) == 0 && strlen(path) < PATH_MAX) {
            snprintf(directory, PATH_MAX, "%.*s", (int)(name - path), path);
            if (!slash)
                strcpy(directory, ".");
            return sets[i];
        }
    return NULL;
}

/* Exchanges the rows and columns of every image. */
static bool turn_upright(cvy_ndarray *images, cvy_status *status) {
    if (images->rank != 3)
        return true; /* no images: cvy_convert_images says so */
    size_t width = images->shape[1], height = images->shape[2], count = images->shape[0];
    uint8_t *stored = malloc(height * width);
    if (!stored)
        return cvy_fail_memory(status, images->where, height * width);
    for (size_t i = 0; i < count; i++) {
        uint8_t *image = (uint8_t *)images->data + i * height * width;
        memcpy(stored, image, height * width);
        for (size_t y = 0; y < height; y++)
            for (size_t x = 0; x < width; x++)
                image[y * width + x] = stored[x * height + y];
    }
    free(stored);
    images->shape[1] = height;
    images->shape[2] = width;
    return true;
}

static bool count_from_zero(cvy_ndarray *labels, cvy_status *status) {
    uint8_t *label = labels->data;
    for (size_t i = 0; i < cvy_ndarray_elements(labels, 0); i++, label++) {
        if (*label < 1 || *label > LETTERS)
            return cvy_fail(status, CVY_FAILED, labels->where, "label %zu is %d, expected 1 to %d in EMNIST's letters",
                            i, *label, LETTERS);
        --*label;
    }
    return true;
}

bool cvy_emnist_read(const char *path, cvy_split split, cvy_ndarray *images, cvy_ndarray *labels, cvy_status *status) {
    char named[PATH_MAX], prefix[32];
    bool is_directory = cvy_path_is_directory(path);
    const char *directory = is_directory ? path : named;
    const char *set = is_directory ? only_set(path, status) : named_set(path, named);
    if (!set)
        return false;
    snprintf(prefix, sizeof prefix, "%s-%s", set, split == CVY_TRAIN ? "train" : "test");
    if (!cvy_idx_read_pair(directory, prefix, images, labels, status))
        return is_directory ? false : cvy_fail(status, CVY_FAILED, path, "there is no %s-images-idx3-ubyte", prefix);
    return turn_upright(images, status) && (strcmp(set, "emnist-letters") != 0 || count_from_zero(labels, status));
}
