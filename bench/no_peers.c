#include "peers.h"

#include "harness.h"

bool bench_register_peers(const bench_layers_options *options, cvy_status *status) {
    (void)options;
    (void)status;
    bench_context("onednn", "was not installed when the benchmarks were built (libdnnl-dev)");
    return true;
}

void bench_peers_free(void) {
}
