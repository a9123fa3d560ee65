#define _GNU_SOURCE
#include "control_group.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double cvy_cpu_max_parse(const char *text) {
    double quota, period;
    if (sscanf(text, "%lf %lf", &quota, &period) != 2 || !(quota > 0) || !(period > 0))
        return INFINITY;
    return quota / period;
}

/* Copies into `found`, of PATH_MAX bytes, what `pick` returns for the first line for which it is not NULL. */
static bool search_lines(const char *path, char *(*pick)(char *line), char *found) {
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char *line = NULL, *part = NULL;
    size_t size = 0;
    while (!part && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        part = pick(line);
    }
    bool good = part && snprintf(found, PATH_MAX, "%s", part) < PATH_MAX;
    free(line);
    fclose(file);
    return good;
}

/* Of "hierarchy:controllers:path" the path, in the version 2 hierarchy. */
static char *pick_group(char *line) {
    return strncmp(line, "0::/", 4) == 0 ? line + 3 : NULL;
}

/* Of "device mount-point type options ..." the mount point, where the version 2 hierarchy is. */
static char *pick_mount_point(char *line) {
    char *rest, *device = strtok_r(line, " ", &rest);
    char *point = device ? strtok_r(NULL, " ", &rest) : NULL, *type = point ? strtok_r(NULL, " ", &rest) : NULL;
    return type && strcmp(type, "cgroup2") == 0 ? point : NULL;
}

static double read_cpu_max(const char *point, const char *group) {
    char path[2 * PATH_MAX + sizeof "/cpu.max"], text[64];
    snprintf(path, sizeof path, "%s%s/cpu.max", point, group);
    FILE *file = fopen(path, "re");
    if (!file)
        return INFINITY;
    double quota = fgets(text, sizeof text, file) ? cvy_cpu_max_parse(text) : INFINITY;
    fclose(file);
    return quota;
}

double cvy_cpu_quota(const char *group_file, const char *mounts_file) {
    char group[PATH_MAX], point[PATH_MAX];
    if (!search_lines(group_file, pick_group, group) || !search_lines(mounts_file, pick_mount_point, point))
        return INFINITY;
    /* In a container the path may begin outside of the mount. Its first directories then do not exist, and the mount
     * point itself is the container's own group. */
    double least = INFINITY;
    for (char *last; (last = strrchr(group, '/')); *last = '\0')
        least = fmin(least, read_cpu_max(point, group));
    return fmin(least, read_cpu_max(point, ""));
}
