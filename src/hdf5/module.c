/* The module's one symbol. libhdf5 prints its errors unless told otherwise; a program that uses the same libhdf5 finds
 * its own setting again after each call. */
#include "halves.h"

#include "../base/status.h"

typedef struct quiet {
    H5E_auto2_t print;
    void *user;
} quiet;

/* Also whether this is the libhdf5 that the module was built for: its types change with the second number. */
static bool begin(const char *origin, quiet *before, cvy_status *status) {
    unsigned major, minor, release;
    if (H5get_libversion(&major, &minor, &release) < 0 || H5Eget_auto2(H5E_DEFAULT, &before->print, &before->user) < 0)
        return cvy_fail(status, CVY_FAILED, origin, "libhdf5 does not start");
    if (major != H5_VERS_MAJOR || minor != H5_VERS_MINOR)
        return cvy_fail(status, CVY_FAILED, origin,
                        "libhdf5 %u.%u.%u is loaded; the module convoy-hdf5.so was built for %d.%d", major, minor,
                        release, H5_VERS_MAJOR, H5_VERS_MINOR);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return true;
}

static void end(const quiet *before) {
    H5Eclear2(H5E_DEFAULT);
    H5Eset_auto2(H5E_DEFAULT, before->print, before->user);
}

static bool read_tree(const char *origin, const void *bytes, size_t count, size_t most, cvy_node *root,
                      cvy_status *status) {
    quiet before;
    if (!begin(origin, &before, status))
        return false;
    bool good = cvy_hdf5_module_read(origin, bytes, count, most, root, status);
    end(&before);
    return good;
}

static void *write_tree(const char *origin, const cvy_node *root, size_t *count, cvy_status *status) {
    quiet before;
    if (!begin(origin, &before, status))
        return NULL;
    void *bytes = cvy_hdf5_module_write(origin, root, count, status);
    end(&before);
    return bytes;
}

extern const cvy_hdf5_module convoy_hdf5;
__attribute__((visibility("default"))) const cvy_hdf5_module convoy_hdf5 = {CVY_HDF5_INTERFACE, read_tree, write_tree};
