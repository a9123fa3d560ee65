/* Finds and opens the module, once a process, when the first HDF5 file is met. */
#define _GNU_SOURCE /* dladdr1 */
#include "hdf5_file.h"

#include "module.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    pthread_mutex_t mutex;
    const cvy_hdf5_module *module; /* NULL: not opened yet */
} opened = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The directory of the library, or of the program that it is linked into, with a slash. */
static bool own_directory(char directory[static PATH_MAX]) {
    Dl_info info;
    struct link_map *map;
    char path[PATH_MAX];
    /* The program itself has an empty name. */
    if (!dladdr1(&opened, &info, (void **)&map, RTLD_DL_LINKMAP) ||
        !realpath(*map->l_name ? map->l_name : "/proc/self/exe", path))
        return false;
    snprintf(directory, PATH_MAX, "%.*s", (int)(strrchr(path, '/') - path + 1), path);
    return true;
}

/* Places seen from the library or the program: beside it, as in a wheel; libdir/convoy seen from libdir and from
 * bindir; and those of a build tree. The last resort is libdir/convoy as it was configured. */
static void *open_file(char path[static 2 * PATH_MAX]) {
    static const char *const places[] = {"",         "convoy/",      CVY_MODULE_FROM_BIN,
                                         "../hdf5/", "../src/hdf5/", "../../src/hdf5/"};
    char directory[PATH_MAX];
    for (size_t i = 0; i < sizeof places / sizeof *places && own_directory(directory); i++) {
        snprintf(path, 2 * PATH_MAX, "%s%sconvoy-hdf5.so", directory, places[i]);
        if (access(path, R_OK) == 0)
            return dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    snprintf(path, 2 * PATH_MAX, "%s/convoy-hdf5.so", CVY_MODULE_DIRECTORY);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static const cvy_hdf5_module *open_module(const char *origin, cvy_status *status) {
    char path[2 * PATH_MAX];
    void *handle = open_file(path);
    if (!handle) {
        const char *why = dlerror();
        cvy_fail(
            status, CVY_FAILED, origin,
            "is an HDF5 file, or holds one; reading and writing these takes the module convoy-hdf5.so and Debian's "
            "package libhdf5-103-1: %.255s",
            why ? why : path);
        return NULL;
    }
    const cvy_hdf5_module *module = dlsym(handle, CVY_HDF5_SYMBOL);
    if (module && module->interface == CVY_HDF5_INTERFACE)
        return module;
    cvy_fail(status, CVY_FAILED, path, "is of another version of Convoy: interface %u, expected %u",
             module ? module->interface : 0, (unsigned)CVY_HDF5_INTERFACE);
    dlclose(handle);
    return NULL;
}

/* Calls of libhdf5 must not overlap. */
static const cvy_hdf5_module *begin(const char *origin, cvy_status *status) {
    if (!cvy_ok(status))
        return NULL;
    pthread_mutex_lock(&opened.mutex);
    if (!opened.module)
        opened.module = open_module(origin, status);
    if (!opened.module)
        pthread_mutex_unlock(&opened.mutex);
    return opened.module;
}

cvy_node *cvy_hdf5_read(const char *origin, const void *bytes, size_t count, size_t most, cvy_status *status) {
    const cvy_hdf5_module *module = begin(origin, status);
    if (!module)
        return NULL;
    cvy_node *root = cvy_tree_new(status);
    if (root && !module->read(origin, bytes, count, most, root, status)) {
        cvy_tree_free(root);
        root = NULL;
    }
    pthread_mutex_unlock(&opened.mutex);
    return root;
}

void *cvy_hdf5_write(const char *origin, const cvy_node *root, size_t *count, cvy_status *status) {
    const cvy_hdf5_module *module = begin(origin, status);
    if (!module)
        return NULL;
    void *bytes = module->write(origin, root, count, status);
    pthread_mutex_unlock(&opened.mutex);
    return bytes;
}
