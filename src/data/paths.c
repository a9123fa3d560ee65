#include "paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void cvy_path_join(char path[static PATH_MAX], const char *directory, const char *name) {
    size_t length = strlen(directory);
    const char *slash = !*name || (length && directory[length - 1] == '/') ? "" : "/";
    int wanted = snprintf(path, PATH_MAX, "%s%s%s", directory, slash, name);
    if (wanted < 0 || wanted >= PATH_MAX)
        path[0] = 0;
}

bool cvy_path_is_directory(const char *path) {
    struct stat entry;
    return stat(path, &entry) == 0 && S_ISDIR(entry.st_mode);
}

bool cvy_path_exists(const char *path) {
    struct stat entry;
    return stat(path, &entry) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool cvy_path_both(bool has_images, const char *images, bool has_labels, const char *labels, cvy_status *status) {
    if (has_images != has_labels)
        cvy_fail(status, CVY_FAILED, has_images ? labels : images, "not found, though %s is there",
                 has_images ? images : labels);
    return has_images && has_labels;
}

static bool is_number(const char *name) {
    return name[strspn(name, "0123456789")] == 0;
}

int cvy_names_compare(const char *a, const char *b) {
    if (is_number(a) != is_number(b))
        return is_number(a) ? -1 : 1;
    if (is_number(a)) { /* without leading zeros, the longer number is the larger */
        const char *x = a + strspn(a, "0"), *y = b + strspn(b, "0");
        size_t m = strlen(x), n = strlen(y);
        int order = m != n ? (m < n ? -1 : 1) : strcmp(x, y);
        if (order)
            return order;
    }
    return strcmp(a, b);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return cvy_names_compare((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

bool cvy_names_read(const char *directory, cvy_names *names, cvy_status *status) {
    names->count = scandir(directory, &names->entry, is_visible, by_name);
    if (names->count >= 0)
        return true;
    *names = (cvy_names){0};
    return cvy_fail_errno(status, directory, "cannot read the directory");
}

void cvy_names_free(cvy_names *names) {
    for (int i = 0; i < names->count; i++)
        free(names->entry[i]);
    free(names->entry);
    *names = (cvy_names){0};
}
