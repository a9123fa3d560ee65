#include "npz.h"

#include "../base/archive.h"
#include "../base/file.h"
#include "../base/text.h"
#include "npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether a file begins like a zip archive. If not, it may be of a format that is read from its directory. */
static bool check_magic(const char *path, cvy_status *status) {
    uint8_t magic[2] = {0};
    cvy_file file;
    if (!cvy_file_open(path, &file, status))
        return false;
    if (file.length >= sizeof magic)
        cvy_file_read(&file, 0, magic, sizeof magic, status);
    cvy_file_close(&file);
    if (memcmp(magic, "PK", 2) != 0)
        cvy_fail(status, CVY_FAILED, path,
                 "is no .npz: begins with 0x%02x%02x, expected a zip archive; other formats are read from their "
                 "directory",
                 magic[0], magic[1]);
    return cvy_ok(status);
}

/* "x.npy, y_train.npy", for messages. */
static void list_members(const cvy_zip *archive, char *text, size_t size) {
    enum { SHOWN = 8 };
    const char *name = NULL;
    for (size_t i = 0; i < SHOWN && (name = cvy_zip_name(archive, i)); i++)
        cvy_append(text, size, "%s%.40s", i ? ", " : "", name);
    if (name || !*text)
        cvy_append(text, size, name ? ", ..." : "nothing");
}

/* Reads nothing but the header before that and the member's size agree. */
static bool read_member(cvy_zip *archive, const char *member, cvy_ndarray *array, cvy_status *status) {
    uint8_t head[CVY_NPY_HEAD_MAX];
    size_t length, begin, count = cvy_zip_read_head(archive, member, head, sizeof head, &length, status);
    if (!cvy_ok(status) || !(begin = cvy_npy_parse(head, count, length, array, status)) ||
        !(array->owned = cvy_zip_read(archive, member, length, &length, status)))
        return false;
    array->data = (uint8_t *)array->owned + begin;
    return true;
}

bool cvy_npz_read(const char *path, const char *name, cvy_ndarray *array, cvy_status *status) {
    char member[64], found[384] = "", where[sizeof array->where];
    snprintf(member, sizeof member, "%s.npy", name);
    snprintf(where, sizeof where, "%s: %s", path, member);
    *array = cvy_ndarray_of(where);
    cvy_zip *archive = check_magic(path, status) ? cvy_zip_open(path, status) : NULL;
    if (!archive)
        return false;
    bool done = false;
    if (cvy_zip_has(archive, member)) {
        done = read_member(archive, member, array, status);
    } else {
        list_members(archive, found, sizeof found);
        cvy_fail(status, CVY_FAILED, path, "has no array %s; it holds %s", name, found);
    }
    cvy_zip_close(archive);
    return done;
}
