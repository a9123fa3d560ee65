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

/* Whether a list with commas holds "cpu". */
static bool has_cpu(const char *list) {
    for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
        if (strncmp(list, "cpu", 3) == 0 && (list[3] == ',' || list[3] == '\0'))
            return true;
    return false;
}

/* Of "hierarchy:controllers:path" the path, in the version 2 hierarchy. */
static char *pick_group_2(char *line) {
    return strncmp(line, "0::/", 4) == 0 ? line + 3 : NULL;
}

/* The same in the version 1 hierarchy that has the cpu controller. */
static char *pick_group_1(char *line) {
    char *rest, *number = strtok_r(line, ":", &rest), *list = number ? strtok_r(NULL, ":", &rest) : NULL;
    return list && has_cpu(list) && *rest == '/' ? rest : NULL;
}

/* Of "device mount-point type options ..." the mount point, if it has that type and, where wanted, the controller. */
static char *pick_mount_point(char *line, const char *wanted, bool controller) {
    char *rest, *device = strtok_r(line, " ", &rest);
    char *point = device ? strtok_r(NULL, " ", &rest) : NULL, *type = point ? strtok_r(NULL, " ", &rest) : NULL;
    char *options = type ? strtok_r(NULL, " ", &rest) : NULL;
    return type && strcmp(type, wanted) == 0 && (!controller || (options && has_cpu(options))) ? point : NULL;
}

static char *pick_mount_point_2(char *line) {
    return pick_mount_point(line, "cgroup2", false);
}

static char *pick_mount_point_1(char *line) {
    return pick_mount_point(line, "cgroup", true);
}

/* The first line of a group's file, without its end; empty without one. */
static void read_line(const char *point, const char *group, const char *name, char text[static 64]) {
    char path[2 * PATH_MAX + 64];
    snprintf(path, sizeof path, "%s%s/%s", point, group, name);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(text, 64, file))
        *text = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (file)
        fclose(file);
}

static double read_quota_2(const char *point, const char *group) {
    char text[64];
    read_line(point, group, "cpu.max", text);
    return cvy_cpu_max_parse(text);
}

/* Version 1 has quota and period in a file each, and -1 for no quota: together the text of cpu.max. */
static double read_quota_1(const char *point, const char *group) {
    char quota[64], period[64], text[130];
    read_line(point, group, "cpu.cfs_quota_us", quota);
    read_line(point, group, "cpu.cfs_period_us", period);
    snprintf(text, sizeof text, "%s %s", quota, period);
    return cvy_cpu_max_parse(text);
}

typedef struct hierarchy {
    char *(*pick_group)(char *line), *(*pick_mount_point)(char *line);
    double (*read_quota)(const char *point, const char *group);
} hierarchy;

static double least_quota(const hierarchy *h, const char *group_file, const char *mounts_file) {
    char group[PATH_MAX], point[PATH_MAX];
    if (!search_lines(group_file, h->pick_group, group) || !search_lines(mounts_file, h->pick_mount_point, point))
        return INFINITY;
    /* In a container the path may begin outside of the mount. Its first directories then do not exist, and the mount
     * point itself is the container's own group. */
    double least = INFINITY;
    for (char *last; (last = strrchr(group, '/')); *last = '\0')
        least = fmin(least, h->read_quota(point, group));
    return fmin(least, h->read_quota(point, ""));
}

double cvy_cpu_quota(const char *group_file, const char *mounts_file) {
    static const hierarchy hierarchies[] = {{pick_group_2, pick_mount_point_2, read_quota_2},
                                            {pick_group_1, pick_mount_point_1, read_quota_1}};
    return fmin(least_quota(&hierarchies[0], group_file, mounts_file),
                least_quota(&hierarchies[1], group_file, mounts_file));
}
