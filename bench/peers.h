/* oneDNN on the layers of a network, where it is installed. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "layers.h"

/* Registers peer/onednn/NETWORK/LAYER/PART for each convolution and dense layer, on one thread. Where oneDNN was not
 * there when the benchmarks were built, it registers nothing, and every report's context says so. */
bool bench_register_peers(const bench_layers_options *options, cvy_status *status);
void bench_peers_free(void);

#endif
