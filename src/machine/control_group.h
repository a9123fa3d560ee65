/* How much of the processors this process's control group may use. */
#ifndef CVY_CONTROL_GROUP_H
#define CVY_CONTROL_GROUP_H

/* The text of cpu.max ("max 100000", "150000 100000") in processors; INFINITY for no limit and for any other text. */
double cvy_cpu_max_parse(const char *text);

/* The least quota on the way from this process's control group (`group_file` is /proc/self/cgroup) up to the mount
 * point
 * (`mounts_file` is /proc/self/mounts): cpu.max in version 2, cpu.cfs_quota_us and cpu.cfs_period_us in version 1. A
 * machine may have both. INFINITY if there is none. */
double cvy_cpu_quota(const char *group_file, const char *mounts_file);

#endif
