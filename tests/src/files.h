/* What the tests of file readers share: files in a directory that is thrown away. Include it first. */
#ifndef TESTS_FILES_H
#define TESTS_FILES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, memmem, memfd_create */
#endif

#include "suite.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/base/status.h"

static char directory[PATH_MAX - 256];

static inline int make_directory(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    snprintf(directory, sizeof directory, "%s/convoy-test-XXXXXX", parent);
    return mkdtemp(directory) ? 0 : -1;
}

static inline int remove_entry(const char *path, const struct stat *entry, int type, struct FTW *walk) {
    (void)entry;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline int remove_directory(void **state) {
    (void)state;
    return nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* directory/name, in one of four buffers taken in turn. */
static inline const char *path_of(const char *name) {
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_true(snprintf(path, sizeof paths[0], "%s/%s", directory, name) < (int)sizeof paths[0]);
    return path;
}

static inline const char *write_file(const char *name, const void *bytes, size_t count) {
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* Makes a directory below the test's own, and those above it. */
static inline const char *make_path(const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", path_of(name));
    for (char *at = path + strlen(directory) + 1; at && *at;) {
        char *slash = strchr(at, '/');
        if (slash)
            *slash = 0;
        mkdir(path, 0700);
        if (slash)
            *slash = '/';
        at = slash ? slash + 1 : NULL;
    }
    return path_of(name);
}

/* A whole file; the caller frees it. */
static inline uint8_t *read_whole(const char *path, size_t *count) {
    struct stat entry;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &entry), 0);
    uint8_t *bytes = malloc((size_t)entry.st_size + 1);
    assert_non_null(bytes);
    *count = fread(bytes, 1, (size_t)entry.st_size, file);
    assert_int_equal(*count, entry.st_size);
    fclose(file);
    return bytes;
}

static inline int entries_in_directory(void) {
    int count = 0;
    DIR *stream = opendir(directory);
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return count;
}

/* Lets the process map only so many bytes more. Returns the limit before, for setrlimit(RLIMIT_AS). */
static inline struct rlimit limit_memory(size_t more) {
    struct rlimit before, now;
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    now = (struct rlimit){.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE) + more, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &now), 0);
    return before;
}

/* An error of that code whose `where` holds the name of the file and whose `what` holds the words. */
static inline void expect_error(const cvy_status *status, cvy_code code, const char *where, const char *what) {
    if (status->code != code || !strstr(status->where, where) || !strstr(status->what, what))
        fail_msg("status %d '%s': '%s'; expected %d '%s': '%s'", status->code, status->where, status->what, code, where,
                 what);
}

static inline void expect_ok(const cvy_status *status) {
    if (status->code != CVY_OK)
        fail_msg("status %d '%s': '%s'; expected none", status->code, status->where, status->what);
}

#endif
