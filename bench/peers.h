/* oneDNN on the layers of a network, where oneDNN is installed. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "layers.h"

/* Registers peer/onednn/NETWORK/LAYER/PART for each convolution and dense layer, on one thread. A build without oneDNN
 * registers nothing, and the context of every report says so. */
bool bench_register_peers(const bench_layers_options *options, cvy_status *status);
void bench_peers_free(void);

#endif
