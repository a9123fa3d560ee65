/* Reads a tree from the bytes of an HDF5 file. What no model needs is an error: the less of libhdf5 a file can reach,
 * the better. */
#include "halves.h"

#include "../base/status.h"
#include "attributes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16, OBJECTS_MAX = 1 << 16, PATH_BYTES = 400 };

typedef struct reader {
    const char *origin;
    cvy_hdf5_image file;
    size_t left; /* bytes that arrays may still take */
    size_t most;
    size_t texts; /* bytes that texts may still take */
    unsigned objects;
    cvy_status *status;
    /* The present object. */
    char path[PATH_BYTES];
    int depth;
    haddr_t addresses[DEPTH_MAX]; /* of the groups around it */
} reader;

/* Records an error in the present object. Returns false. */
__attribute__((format(printf, 2, 3))) static bool refuse(reader *r, const char *what, ...) {
    char where[sizeof r->status->where], text[256];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(text, sizeof text, what, arguments);
    va_end(arguments);
    snprintf(where, sizeof where, "%.*s%s%s", (int)sizeof where - PATH_BYTES - 3, r->origin, *r->path ? ": " : "",
             r->path);
    return cvy_fail(r->status, CVY_FAILED, where, "%s", text);
}

static bool pass_over(const cvy_hdf5_attribute *attribute, void *user) {
    (void)attribute, (void)user;
    return true;
}

/* Whether an object's header is all there. Where libhdf5 1.10.8 cannot read one, it keeps the file in memory, and
 * complains of that when the program ends. */
static bool is_whole(const reader *r, uint64_t address) {
    return cvy_hdf5_attributes(&r->file, address, pass_over, NULL);
}

/* ---- The superblock --------------------------------------------------------------------------------------------- */

static uint64_t number(const unsigned char *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* HDF5 File Format Specification, II.A. Only what Keras's writer uses: addresses and lengths of 8 bytes, no user block,
 * no driver, no extension. */
static bool check_superblock(reader *r) {
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    const unsigned char *b = r->file.bytes;
    if (r->file.count < 96 || memcmp(b, signature, sizeof signature) != 0)
        return refuse(r, "not a whole HDF5 file: %zu bytes", r->file.count);
    unsigned version = b[8];
    bool old = version == 0;
    if (!old && version != 2 && version != 3)
        return refuse(r, "superblock of version %u, expected 0, 2 or 3", version);
    const unsigned char *sizes = old ? b + 13 : b + 9, *addresses = old ? b + 24 : b + 12;
    if (sizes[0] != 8 || sizes[1] != 8)
        return refuse(r, "addresses of %u and lengths of %u bytes, expected 8", sizes[0], sizes[1]);
    /* Base; free space or extension; end of file; driver (in version 0). */
    uint64_t base = number(addresses), end = number(addresses + 16);
    if (base != 0 || number(addresses + 8) != UINT64_MAX || (old && number(addresses + 24) != UINT64_MAX))
        return refuse(r, "a user block, driver or extension in its superblock, expected none");
    if (end > r->file.count)
        return refuse(r, "is cut short: %zu of %" PRIu64 " bytes", r->file.count, end);
    return is_whole(r, number(old ? b + 64 : b + 36)) || refuse(r, "cannot be opened: the file is damaged");
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

typedef struct place {
    reader *r;
    cvy_node *node;
} place;

static bool copy_texts(reader *r, const cvy_hdf5_attribute *attribute, char **texts) {
    for (size_t i = 0; i < attribute->count; i++) {
        const char *text;
        size_t length;
        if (!cvy_hdf5_text(&r->file, attribute, i, &text, &length))
            return refuse(r, "attribute %.80s: its text is not in the file", attribute->name);
        length = strnlen(text, length);
        if (length > r->texts)
            return refuse(r, "attribute %.80s: more text than a file of %zu bytes can hold", attribute->name,
                          r->file.count);
        r->texts -= length;
        if (!(texts[i] = strndup(text, length)))
            return cvy_fail_memory(r->status, r->origin, length);
    }
    return true;
}

static bool attach_texts(const cvy_hdf5_attribute *attribute, void *user) {
    const place *p = user;
    reader *r = p->r;
    if (!attribute->texts)
        return true;
    char **texts = calloc(attribute->count + 1, sizeof *texts);
    if (!texts)
        cvy_fail_memory(r->status, r->origin, attribute->count * sizeof *texts);
    else if (copy_texts(r, attribute, texts))
        cvy_tree_attach(p->node, attribute->name, attribute->array, attribute->count, (const char *const *)texts,
                        r->status);
    for (size_t i = 0; texts && i < attribute->count; i++)
        free(texts[i]);
    free(texts);
    return cvy_ok(r->status);
}

/* ---- Arrays ----------------------------------------------------------------------------------------------------- */

static bool read_kind(reader *r, hid_t dataset, cvy_node_kind *kind) {
    const hid_t integers[] = {H5T_STD_I64LE, H5T_STD_I32LE, H5T_STD_I16LE, H5T_STD_I8LE,
                              H5T_STD_U64LE, H5T_STD_U32LE, H5T_STD_U16LE, H5T_STD_U8LE};
    hid_t type = H5Dget_type(dataset);
    bool good = type >= 0 && H5Tequal(type, H5T_IEEE_F32LE) > 0;
    *kind = good ? CVY_NODE_FLOATS : CVY_NODE_INTEGERS;
    for (size_t i = 0; type >= 0 && !good && i < sizeof integers / sizeof *integers; i++)
        good = H5Tequal(type, integers[i]) > 0;
    if (type >= 0)
        H5Tclose(type);
    return good || refuse(r, "its elements are no 32-bit floats and no integers");
}

static bool read_shape(reader *r, hid_t dataset, int *rank, size_t shape[static CVY_TREE_RANK_MAX]) {
    hsize_t extents[CVY_TREE_RANK_MAX];
    hid_t space = H5Dget_space(dataset);
    H5S_class_t extent_class = H5Sget_simple_extent_type(space);
    *rank = extent_class == H5S_SCALAR ? 0 : H5Sget_simple_extent_ndims(space);
    bool good = space >= 0 && (extent_class == H5S_SCALAR || extent_class == H5S_SIMPLE);
    if (!good || *rank < 0 || *rank > CVY_TREE_RANK_MAX)
        good = refuse(r, "an array of %d dimensions, expected at most %d", *rank, CVY_TREE_RANK_MAX);
    else if (*rank > 0 && H5Sget_simple_extent_dims(space, extents, NULL) != *rank)
        good = refuse(r, "its shape cannot be read");
    size_t elements = 1;
    for (int i = 0; good && i < *rank; i++) {
        shape[i] = (size_t)extents[i];
        if (__builtin_mul_overflow(elements, shape[i], &elements))
            good = refuse(r, "its shape does not fit in memory");
    }
    if (space >= 0)
        H5Sclose(space);
    return good;
}

/* The chunks of a compressed array: their size, which libhdf5 allocates, and their filters. */
static bool check_chunks(reader *r, hid_t plist, int rank, size_t element) {
    hsize_t chunk[CVY_TREE_RANK_MAX];
    size_t bytes = element;
    if (H5Pget_chunk(plist, CVY_TREE_RANK_MAX, chunk) != rank)
        return refuse(r, "its chunks cannot be read");
    for (int i = 0; i < rank; i++)
        if (__builtin_mul_overflow(bytes, (size_t)chunk[i], &bytes) || bytes > r->most)
            return refuse(r, "chunks of more than %zu bytes, all that the network's arrays can take", r->most);
    int filters = H5Pget_nfilters(plist);
    for (int i = 0; i < filters; i++) {
        unsigned flags, configuration;
        size_t values = 0;
        char name[32] = "";
        H5Z_filter_t filter =
            H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, sizeof name, name, &configuration);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
            return refuse(r, "filter %d (%.31s), expected gzip, shuffle or fletcher32", (int)filter, name);
    }
    return filters >= 0 || refuse(r, "its filters cannot be read");
}

/* Where the array's data lies: in the file, all of it. */
static bool check_layout(reader *r, hid_t dataset, int rank, size_t element, size_t bytes) {
    hid_t plist = H5Dget_create_plist(dataset);
    if (plist < 0)
        return refuse(r, "its layout cannot be read");
    H5D_layout_t layout = H5Pget_layout(plist);
    hsize_t stored = H5Dget_storage_size(dataset);
    bool good;
    if (H5Pget_external_count(plist) != 0)
        good = refuse(r, "its data is in another file");
    else if (layout == H5D_CONTIGUOUS)
        good = stored == bytes || refuse(r, "%" PRIu64 " bytes of data, expected %zu", (uint64_t)stored, bytes);
    else if (layout == H5D_CHUNKED)
        good =
            check_chunks(r, plist, rank, element) && ((stored > 0 && stored <= r->file.count) ||
                                                      refuse(r, "its chunks hold %" PRIu64 " bytes", (uint64_t)stored));
    else
        good = refuse(r, "its layout is neither contiguous nor chunked");
    H5Pclose(plist);
    return good;
}

static bool read_array(reader *r, cvy_node *group, const char *name, hid_t dataset) {
    cvy_node_kind kind;
    int rank;
    size_t shape[CVY_TREE_RANK_MAX], bytes;
    if (!read_kind(r, dataset, &kind) || !read_shape(r, dataset, &rank, shape))
        return false;
    cvy_node *array = cvy_tree_add(group, name, kind, rank, shape, r->status);
    if (!array || !r->most)
        return array;
    size_t element = kind == CVY_NODE_FLOATS ? sizeof(float) : sizeof(int64_t);
    if (__builtin_mul_overflow(array->count, element, &bytes) || bytes > r->left)
        return refuse(r, "the arrays take more than %zu bytes, all that the network's can take", r->most);
    r->left -= bytes;
    hid_t type = H5Dget_type(dataset);
    size_t in_file = array->count * H5Tget_size(type);
    H5Tclose(type);
    if (bytes && !check_layout(r, dataset, rank, element, in_file))
        return false;
    if (!cvy_tree_allocate(array, r->status))
        return false;
    hid_t wanted = kind == CVY_NODE_FLOATS ? H5T_NATIVE_FLOAT : H5T_NATIVE_INT64;
    return !bytes || H5Dread(dataset, wanted, H5S_ALL, H5S_ALL, H5P_DEFAULT, array->data) >= 0 ||
           refuse(r, "its data is damaged");
}

/* ---- Groups ----------------------------------------------------------------------------------------------------- */

static bool read_group(reader *r, cvy_node *node, hid_t group);

/* A group or an array within a group. */
static bool read_object(reader *r, cvy_node *group, const char *name, hid_t id, haddr_t address) {
    hid_t object = is_whole(r, address) ? H5Oopen(id, name, H5P_DEFAULT) : -1;
    H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
    cvy_node *node = type == H5I_GROUP ? cvy_tree_add(group, name, CVY_NODE_GROUP, 0, NULL, r->status) : NULL;
    if (object < 0)
        return refuse(r, "cannot be opened: the file is damaged");
    if (node)
        read_group(r, node, object);
    else if (type == H5I_DATASET)
        read_array(r, group, name, object);
    else
        refuse(r, "neither a group nor an array");
    H5Oclose(object);
    return cvy_ok(r->status);
}

static herr_t read_link(hid_t group, const char *name, const H5L_info_t *info, void *data) {
    const place *p = data;
    reader *r = p->r;
    size_t length = strlen(r->path), added = strlen(name) + 1;
    if (length + added >= PATH_BYTES)
        refuse(r, "a name of %zu bytes in it is too long", added - 1);
    else if (++r->objects > OBJECTS_MAX)
        refuse(r, "the file has more than %d objects", OBJECTS_MAX);
    if (!cvy_ok(r->status))
        return -1;
    snprintf(r->path + length, PATH_BYTES - length, "/%s", name);
    if (info->type != H5L_TYPE_HARD) {
        refuse(r, "%s link, expected a group or an array",
               info->type == H5L_TYPE_SOFT       ? "a soft"
               : info->type == H5L_TYPE_EXTERNAL ? "an external"
                                                 : "a user-defined");
    } else {
        read_object(r, p->node, name, group, info->u.address);
    }
    r->path[length] = 0;
    return cvy_ok(r->status) ? 0 : -1;
}

static bool read_group(reader *r, cvy_node *node, hid_t group) {
    H5O_info_t info;
    if (H5Oget_info2(group, &info, H5O_INFO_BASIC) < 0)
        return refuse(r, "cannot be read: the file is damaged");
    if (r->depth == DEPTH_MAX)
        return refuse(r, "groups lie more than %d deep", DEPTH_MAX);
    for (int i = 0; i < r->depth; i++)
        if (r->addresses[i] == info.addr)
            return refuse(r, "a group within itself");
    r->addresses[r->depth++] = info.addr;
    if (!cvy_hdf5_attributes(&r->file, info.addr, attach_texts, &(place){r, node}))
        refuse(r, "its attributes are damaged, or of a form that Keras does not write");
    else if (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, read_link, &(place){r, node}) < 0)
        refuse(r, "cannot be read: the file is damaged");
    r->depth--;
    return cvy_ok(r->status);
}

/* ---- The file --------------------------------------------------------------------------------------------------- */

static bool read_file(reader *r, cvy_node *root, hid_t plist) {
    /* libhdf5 takes files of one name for one file. */
    static unsigned number_of_file;
    char name[64];
    snprintf(name, sizeof name, "convoy-%p-%u", (const void *)&number_of_file, number_of_file++);
    if (H5Pset_fapl_core(plist, 1 << 16, false) < 0 ||
        H5Pset_file_image(plist, (void *)(uintptr_t)r->file.bytes, r->file.count) < 0)
        return refuse(r, "libhdf5 has no memory for it");
    hid_t file = H5Fopen(name, CVY_HDF5_READ_ONLY, plist);
    if (file < 0)
        return refuse(r, "libhdf5 cannot open it: the file is damaged");
    hid_t group = H5Gopen2(file, "/", H5P_DEFAULT);
    if (group < 0)
        refuse(r, "cannot be opened: the file is damaged");
    else
        read_group(r, root, group);
    if (group >= 0)
        H5Gclose(group);
    H5Fclose(file);
    return cvy_ok(r->status);
}

bool cvy_hdf5_module_read(const char *origin, const void *bytes, size_t count, size_t most, cvy_node *root,
                          cvy_status *status) {
    reader r = {origin, {bytes, count}, .left = most, .most = most, .texts = count, .status = status};
    if (!check_superblock(&r))
        return false;
    hid_t plist = H5Pcreate(H5P_FILE_ACCESS);
    if (plist < 0)
        return refuse(&r, "libhdf5 has no memory for it");
    read_file(&r, root, plist);
    H5Pclose(plist);
    return cvy_ok(status);
}
