/* oneDNN on the layers of a network, where it is installed. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "layers.h"

/* Registers peer/onednn/NETWORK/LAYER/PART for each convolution and dense layer; an error where oneDNN was not there
 * when the benchmarks were built. */
bool bench_register_peers(const bench_layers_options *options, cvy_status *status);

#endif
