#include "png_folder.h"

#include "../base/memory.h"
#include "paths.h"
#include "png_image.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CLASSES_MAX = 256 };

static const char *const split_names[] = {[CVY_TRAIN] = "train", [CVY_TEST] = "test"};

/* ---- The classes ------------------------------------------------------------------------------------------------ */

typedef struct classes {
    cvy_names names[2]; /* in train/ and in test/ */
    int count;
    const char *name[CLASSES_MAX]; /* of both, each once */
} classes;

static bool list_split(const char *directory, cvy_names *names, cvy_status *status) {
    if (!cvy_path_is_directory(directory))
        return true;
    if (!cvy_names_read(directory, names, status))
        return false;
    for (int i = 0; i < names->count; i++) {
        char path[PATH_MAX];
        cvy_path_join(path, directory, names->entry[i]->d_name);
        if (!cvy_path_is_directory(path))
            return cvy_fail(status, CVY_FAILED, path, "is no folder; expected a folder of PNG files for each class");
    }
    return true;
}

static bool merge(const char *directory, classes *all, cvy_status *status) {
    const cvy_names *a = &all->names[0], *b = &all->names[1];
    for (int i = 0, k = 0; i < a->count || k < b->count; all->count++) {
        if (all->count == CLASSES_MAX)
            return cvy_fail(status, CVY_FAILED, directory, "holds more than %d classes", CLASSES_MAX);
        int order = i == a->count   ? 1
                    : k == b->count ? -1
                                    : cvy_names_compare(a->entry[i]->d_name, b->entry[k]->d_name);
        all->name[all->count] = order <= 0 ? a->entry[i]->d_name : b->entry[k]->d_name;
        i += order <= 0;
        k += order >= 0;
    }
    return true;
}

static bool list_classes(const char *directory, classes *all, cvy_status *status) {
    *all = (classes){.count = 0};
    for (int i = 0; i < 2; i++) {
        char path[PATH_MAX];
        cvy_path_join(path, directory, split_names[i]);
        if (!list_split(path, &all->names[i], status))
            return false;
    }
    return merge(directory, all, status);
}

/* ---- The images ------------------------------------------------------------------------------------------------- */

/* What is known of a split's images so far. */
typedef struct folder {
    size_t count, read;
    cvy_png image; /* the size of all, and whether any has colour */
    char first[PATH_MAX];
    uint8_t *images, *labels, *scratch;
} folder;

typedef bool visit(folder *f, const char *path, int label, cvy_status *status);

static bool is_png(const char *name) {
    size_t length = strlen(name);
    return length > 4 && strcasecmp(name + length - 4, ".png") == 0;
}

static bool each_of_class(const char *directory, int label, folder *f, visit *function, cvy_status *status) {
    cvy_names names = {0};
    if (!cvy_path_exists(directory)) /* a class of the other split */
        return true;
    cvy_names_read(directory, &names, status);
    for (int i = 0; cvy_ok(status) && i < names.count; i++) {
        char path[PATH_MAX];
        cvy_path_join(path, directory, names.entry[i]->d_name);
        if (!is_png(path))
            cvy_fail(status, CVY_FAILED, path, "is no .png; only PNG images are read from the folder of a class");
        else
            function(f, path, label, status);
    }
    cvy_names_free(&names);
    return cvy_ok(status);
}

static bool each(const char *directory, const classes *all, folder *f, visit *function, cvy_status *status) {
    for (int label = 0; label < all->count; label++) {
        char path[PATH_MAX];
        cvy_path_join(path, directory, all->name[label]);
        if (!each_of_class(path, label, f, function, status))
            return false;
    }
    return true;
}

static bool measure(folder *f, const char *path, int label, cvy_status *status) {
    cvy_png image;
    (void)label;
    if (!cvy_png_read_header(path, &image, status))
        return false;
    if (f->count++ == 0) {
        f->image = image;
        snprintf(f->first, sizeof f->first, "%s", path);
    }
    f->image.colour |= image.colour;
    return (image.height == f->image.height && image.width == f->image.width) ||
           cvy_fail(status, CVY_FAILED, path, "an image of %zu x %zu, expected %zu x %zu as in %s", image.height,
                    image.width, f->image.height, f->image.width, f->first);
}

static bool read_image(folder *f, const char *path, int label, cvy_status *status) {
    if (f->read == f->count)
        return cvy_fail(status, CVY_FAILED, path, "has appeared while the images were read");
    size_t bytes = f->image.height * f->image.width * (f->image.colour ? 3 : 1);
    f->labels[f->read] = (uint8_t)label;
    return cvy_png_read(path, &f->image, f->images + f->read++ * bytes, f->scratch, status);
}

/* Gives the arrays their shapes and memory. */
static bool allocate(const char *directory, folder *f, cvy_ndarray *images, cvy_ndarray *labels, cvy_status *status) {
    const size_t shape[4] = {f->count, f->image.height, f->image.width, f->image.colour ? 3 : 1};
    size_t bytes;
    *labels = *images = cvy_ndarray_of(directory);
    images->rank = 4;
    labels->rank = 1;
    memcpy(images->shape, shape, sizeof shape);
    memcpy(labels->shape, shape, sizeof shape);
    if (!cvy_ndarray_bytes(images, &bytes, status))
        return false;
    images->owned = images->data = f->images = cvy_allocate_unset(bytes, directory, status);
    labels->owned = labels->data = f->labels = cvy_allocate_unset(f->count, directory, status);
    f->scratch = cvy_allocate_unset(cvy_png_scratch_bytes(&f->image), directory, status);
    return cvy_ok(status);
}

static bool read_split(const char *directory, const classes *all, cvy_ndarray *images, cvy_ndarray *labels,
                       cvy_status *status) {
    folder f = {.count = 0};
    if (!each(directory, all, &f, measure, status))
        return false;
    if (f.count == 0)
        return cvy_fail(status, CVY_FAILED, directory, "holds no images; expected CLASS/NAME.png");
    bool done = allocate(directory, &f, images, labels, status) && each(directory, all, &f, read_image, status);
    free(f.scratch);
    return done && (f.read == f.count || cvy_fail(status, CVY_FAILED, directory,
                                                  "%zu images are gone since the first look", f.count - f.read));
}

bool cvy_png_folder_read(const char *directory, cvy_split split, cvy_ndarray *images, cvy_ndarray *labels,
                         cvy_status *status) {
    char path[PATH_MAX];
    cvy_path_join(path, directory, split_names[split]);
    if (!cvy_path_is_directory(path))
        return false;
    classes all;
    bool done = list_classes(directory, &all, status) && read_split(path, &all, images, labels, status);
    cvy_names_free(&all.names[0]);
    cvy_names_free(&all.names[1]);
    return done;
}
