#include "search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* directory/name, or directory if name is empty. A path that is too long becomes "", which does not exist. */
static void join(char path[static PATH_MAX], const char *directory, const char *name) {
    size_t length = strlen(directory);
    const char *slash = !*name || (length && directory[length - 1] == '/') ? "" : "/";
    int wanted = snprintf(path, PATH_MAX, "%s%s%s", directory, slash, name);
    if (wanted < 0 || wanted >= PATH_MAX)
        path[0] = 0;
}

static bool is_directory(const char *path) {
    struct stat entry;
    return stat(path, &entry) == 0 && S_ISDIR(entry.st_mode);
}

bool cvy_search_exists(const char *path) {
    struct stat entry;
    return stat(path, &entry) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool cvy_search_idx(const char *directory, const char *name, int rank, char path[static PATH_MAX]) {
    static const char *const variant[] = {"%s-idx%d-ubyte", "%s.idx%d-ubyte", "%s-idx%d-ubyte.gz", "%s.idx%d-ubyte.gz"};
    const int variants = sizeof variant / sizeof *variant;
    /* Files come before directories of the same names: some copies of MNIST hold each file in a directory of its name,
     * and a second copy beside it. */
    for (int directories = 0; directories < 2; directories++)
        for (int i = 0; i < variants; i++) {
            char file[64];
            snprintf(file, sizeof file, variant[i], name, rank);
            join(path, directory, file);
            if (cvy_search_exists(path) && is_directory(path) == directories)
                return true;
        }
    char file[64];
    snprintf(file, sizeof file, variant[0], name, rank);
    join(path, directory, file);
    return false;
}

static int add(cvy_place *places, int count, bool npz, const char *directory, const char *name) {
    if (!*directory)
        return count;
    places[count].npz = npz;
    join(places[count].path, directory, name);
    return count + 1;
}

static int named_places(const char *directory, cvy_place *places) {
    if (!is_directory(directory))
        return add(places, 0, true, directory, "");
    int count = add(places, 0, false, directory, "");
    count = add(places, count, false, directory, "MNIST/raw");
    return add(places, count, true, directory, "mnist.npz");
}

/* $XDG_CACHE_HOME/convoy or ~/.cache/convoy; "" if neither variable is set. By the XDG Base Directory Specification a
 * relative path is ignored. */
static void find_cache(const char *home, char cache[static PATH_MAX]) {
    const char *xdg = getenv("XDG_CACHE_HOME");
    cache[0] = 0;
    if (xdg && xdg[0] == '/')
        join(cache, xdg, "convoy");
    else if (*home)
        join(cache, home, ".cache/convoy");
}

static int default_places(cvy_place *places) {
    char cache[PATH_MAX], keras[PATH_MAX] = "";
    const char *home = getenv("HOME") ? getenv("HOME") : "";
    find_cache(home, cache);
    if (*home)
        join(keras, home, ".keras/datasets");
    int count = add(places, 0, false, cache, "");
    count = add(places, count, true, cache, "mnist.npz");
    count = add(places, count, true, keras, "mnist.npz");
    count = add(places, count, false, cache, "MNIST/raw");
    count = add(places, count, false, keras, "MNIST/raw");
    return add(places, count, false, "data", "MNIST/raw");
}

int cvy_search_places(const char *directory, cvy_place places[static CVY_PLACES_MAX]) {
    return directory ? named_places(directory, places) : default_places(places);
}
