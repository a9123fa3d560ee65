/* The networks of tests/networks. Include files.h first. */
#ifndef TESTS_NETWORKS_H
#define TESTS_NETWORKS_H

#include "../../src/model/network.h"

static inline void network_path(const char *name, const char *suffix, char path[PATH_MAX]) {
    snprintf(path, PATH_MAX, "%s/%s%s", CVY_NETWORKS, name, suffix);
}

static inline cvy_network *read_network(const char *name) {
    char path[PATH_MAX];
    cvy_status status = {0};
    network_path(name, ".json", path);
    cvy_network *network = cvy_network_from_json_file(path, &status);
    expect_ok(&status);
    return network;
}

#endif
