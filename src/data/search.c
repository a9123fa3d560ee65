#include "search.h"

#include "../base/text.h"
#include "cifar.h"
#include "emnist.h"
#include "idx.h"
#include "npy.h"
#include "npz.h"
#include "paths.h"
#include "png_folder.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* ---- The formats ------------------------------------------------------------------------------------------------ */

/* Reads a split from a directory or file. False without an error if it does not hold that format, or not that split. */
typedef bool format(const char *path, cvy_split split, cvy_ndarray *images, cvy_ndarray *labels, cvy_status *status);

static bool read_idx(const char *path, cvy_split split, cvy_ndarray *images, cvy_ndarray *labels, cvy_status *status) {
    return cvy_idx_read_pair(path, split == CVY_TRAIN ? "train" : "t10k", images, labels, status);
}

static bool read_npz(const char *path, cvy_split split, cvy_ndarray *images, cvy_ndarray *labels, cvy_status *status) {
    return cvy_path_exists(path) && !cvy_path_is_directory(path) &&
           cvy_npz_read(path, split == CVY_TRAIN ? "x_train" : "x_test", images, status) &&
           cvy_npz_read(path, split == CVY_TRAIN ? "y_train" : "y_test", labels, status);
}

static bool read_npy(const char *path, cvy_split split, cvy_ndarray *images, cvy_ndarray *labels, cvy_status *status) {
    char x[PATH_MAX], y[PATH_MAX];
    cvy_path_join(x, path, split == CVY_TRAIN ? "x_train.npy" : "x_test.npy");
    cvy_path_join(y, path, split == CVY_TRAIN ? "y_train.npy" : "y_test.npy");
    return cvy_path_both(cvy_path_exists(x), x, cvy_path_exists(y), y, status) && cvy_npy_read(x, images, status) &&
           cvy_npy_read(y, labels, status);
}

/* ---- The places ------------------------------------------------------------------------------------------------- */

/* What a place is below: what the user named, or a directory of the default ones. */
typedef enum root { NAMED, CACHE, KERAS, HERE, ROOTS } root;

/* In the order of the search. The first that has the split wins. */
static const struct place {
    root root;
    const char *below;
    format *read;
    const char *about; /* the format, in messages */
} places[] = {
    {NAMED, "", read_npz, "an .npz file with x_train, y_train, x_test and y_test"},
    {NAMED, "", read_idx, "IDX files (train-images-idx3-ubyte, ..., also .gz)"},
    {NAMED, "MNIST/raw", read_idx, NULL},
    {NAMED, "mnist.npz", read_npz, "mnist.npz"},
    {NAMED, "", read_npy, "x_train.npy, y_train.npy, ..."},
    {NAMED, "", cvy_emnist_read, "EMNIST's files (emnist-letters-train-images-idx3-ubyte, ..., also .gz)"},
    {NAMED, "", cvy_cifar_read, "CIFAR-10's data_batch_1.bin, ..., test_batch.bin"},
    {NAMED, "cifar-10-batches-bin", cvy_cifar_read, NULL},
    {NAMED, "", cvy_png_folder_read, "PNG images by class (train/CLASS/NAME.png, test/CLASS/NAME.png)"},
    {CACHE, "", read_idx, NULL},
    {CACHE, "mnist.npz", read_npz, NULL},
    {KERAS, "mnist.npz", read_npz, NULL},
    {CACHE, "MNIST/raw", read_idx, NULL},
    {KERAS, "MNIST/raw", read_idx, NULL},
    {HERE, "MNIST/raw", read_idx, NULL},
};
enum { PLACES = sizeof places / sizeof *places };

/* The roots, each "" if there is no such directory. The cache is $XDG_CACHE_HOME/convoy or ~/.cache/convoy; by the XDG
 * Base Directory Specification a relative path is ignored. */
static void find_roots(const char *named, char roots[ROOTS][PATH_MAX]) {
    const char *home = getenv("HOME"), *xdg = getenv("XDG_CACHE_HOME");
    for (int i = 0; i < ROOTS; i++)
        roots[i][0] = 0;
    if (named) {
        cvy_path_join(roots[NAMED], named, "");
        return;
    }
    strcpy(roots[HERE], "data");
    if (home && *home)
        cvy_path_join(roots[KERAS], home, ".keras/datasets");
    if (xdg && xdg[0] == '/')
        cvy_path_join(roots[CACHE], xdg, "convoy");
    else if (home && *home)
        cvy_path_join(roots[CACHE], home, ".cache/convoy");
}

/* ---- What was not found ----------------------------------------------------------------------------------------- */

static bool fail_default(char roots[ROOTS][PATH_MAX], cvy_split split, cvy_status *status) {
    char text[sizeof status->what] = "";
    cvy_append(text, sizeof text, "not found; tools/fetch-mnist gets MNIST. Looked for IDX files and mnist.npz in");
    const char *separator = " ";
    for (int i = 0; i < PLACES; i++)
        if (*roots[places[i].root]) {
            char path[PATH_MAX];
            cvy_path_join(path, roots[places[i].root], places[i].below);
            cvy_append(text, sizeof text, "%s%s", separator, path);
            separator = ", ";
        }
    return cvy_fail(status, CVY_FAILED, split == CVY_TRAIN ? "training images" : "test images", "%s", text);
}

/* The first names in a directory. */
static bool append_names(char *text, size_t size, const char *directory, cvy_status *status) {
    enum { SHOWN = 4 };
    cvy_names names;
    if (!cvy_names_read(directory, &names, status))
        return false;
    if (names.count == 0)
        cvy_append(text, size, "; it is empty");
    for (int i = 0; i < names.count && i < SHOWN; i++)
        cvy_append(text, size, "%s%.40s", i ? ", " : ", but ", names.entry[i]->d_name);
    if (names.count > SHOWN)
        cvy_append(text, size, ", ... (%d in all)", names.count);
    cvy_names_free(&names);
    return true;
}

static bool fail_named(const char *named, cvy_split split, cvy_status *status) {
    char text[sizeof status->what] = "";
    if (!cvy_path_exists(named))
        return cvy_fail(status, CVY_FAILED, named, "no such file or directory");
    cvy_append(text, sizeof text, "holds no %s images", split == CVY_TRAIN ? "training" : "test");
    if (!append_names(text, sizeof text, named, status))
        return false;
    const char *separator = ". Convoy reads ";
    for (int i = 0; i < PLACES; i++)
        if (places[i].about) {
            cvy_append(text, sizeof text, "%s%s", separator, places[i].about);
            separator = "; ";
        }
    return cvy_fail(status, CVY_FAILED, named, "%s", text);
}

bool cvy_search(const char *named, cvy_split split, char origin[static PATH_MAX], cvy_ndarray *images,
                cvy_ndarray *labels, cvy_status *status) {
    char roots[ROOTS][PATH_MAX];
    find_roots(named, roots);
    for (int i = 0; i < PLACES && cvy_ok(status); i++) {
        if (!*roots[places[i].root])
            continue;
        cvy_path_join(origin, roots[places[i].root], places[i].below);
        if (places[i].read(origin, split, images, labels, status))
            return true;
    }
    if (!cvy_ok(status))
        return false;
    return named ? fail_named(named, split, status) : fail_default(roots, split, status);
}
