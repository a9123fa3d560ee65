/* Writes a tree as an HDF5 file in memory, as h5py does: arrays contiguous, texts of variable length in UTF-8. */
#include "halves.h"

#include "../base/memory.h"

#include <stdio.h>
#include <string.h>

/* Records an error in an object of the file, or in all of it. Returns false. */
static bool fail(const char *origin, const char *name, cvy_status *status) {
    return cvy_fail(status, CVY_FAILED, origin, "libhdf5 cannot make \"%.80s\"", *name ? name : "/");
}

static bool write_texts(const char *origin, const cvy_texts *texts, hid_t group, cvy_status *status) {
    const hsize_t count = texts->count;
    hid_t type = H5Tcopy(H5T_C_S1);
    bool good = H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0;
    hid_t space = texts->array ? H5Screate_simple(1, &count, NULL) : H5Screate(H5S_SCALAR);
    hid_t attribute = good ? H5Acreate2(group, texts->name, type, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
    good = attribute >= 0 && (!count || H5Awrite(attribute, type, texts->list) >= 0);
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    return good || fail(origin, texts->name, status);
}

static bool write_array(const char *origin, const cvy_node *array, hid_t group, hid_t plist, cvy_status *status) {
    hsize_t shape[CVY_TREE_RANK_MAX];
    for (int i = 0; i < array->rank; i++)
        shape[i] = array->shape[i];
    bool floats = array->kind == CVY_NODE_FLOATS;
    hid_t space = array->rank ? H5Screate_simple(array->rank, shape, NULL) : H5Screate(H5S_SCALAR);
    hid_t dataset =
        H5Dcreate2(group, array->name, floats ? H5T_IEEE_F32LE : H5T_STD_I64LE, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    bool good = dataset >= 0 && H5Dwrite(dataset, floats ? H5T_NATIVE_FLOAT : H5T_NATIVE_INT64, H5S_ALL, H5S_ALL,
                                         H5P_DEFAULT, array->data) >= 0;
    if (dataset >= 0)
        H5Dclose(dataset);
    H5Sclose(space);
    return good || fail(origin, array->name, status);
}

static bool write_group(const char *origin, const cvy_node *node, hid_t group, hid_t plist, cvy_status *status) {
    for (const cvy_texts *texts = node->texts; texts; texts = texts->next)
        if (!write_texts(origin, texts, group, status))
            return false;
    for (const cvy_node *child = node->first; child && cvy_ok(status); child = child->next) {
        if (child->kind != CVY_NODE_GROUP) {
            write_array(origin, child, group, plist, status);
            continue;
        }
        hid_t inner = H5Gcreate2(group, child->name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        if (inner < 0)
            return fail(origin, child->name, status);
        write_group(origin, child, inner, plist, status);
        H5Gclose(inner);
    }
    return cvy_ok(status);
}

static void *image_of(const char *origin, hid_t file, size_t *count, cvy_status *status) {
    ssize_t size = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
    if (size <= 0) {
        fail(origin, "", status);
        return NULL;
    }
    void *bytes = cvy_allocate_unset((size_t)size, origin, status);
    if (bytes && H5Fget_file_image(file, bytes, (size_t)size) != size)
        fail(origin, "", status);
    *count = (size_t)size;
    return bytes;
}

void *cvy_hdf5_module_write(const char *origin, const cvy_node *root, size_t *count, cvy_status *status) {
    static unsigned number;
    char name[64];
    void *bytes = NULL;
    snprintf(name, sizeof name, "convoy-new-%p-%u", (const void *)&number, number++);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(plist, false); /* equal trees give equal bytes */
    hid_t file =
        H5Pset_fapl_core(access, 1 << 16, false) < 0 ? -1 : H5Fcreate(name, CVY_HDF5_TRUNCATE, H5P_DEFAULT, access);
    if (file < 0)
        fail(origin, "", status);
    else if (write_group(origin, root, file, plist, status))
        bytes = image_of(origin, file, count, status);
    if (file >= 0)
        H5Fclose(file);
    H5Pclose(plist);
    H5Pclose(access);
    return bytes;
}
