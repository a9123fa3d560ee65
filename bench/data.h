/* The images that layers and steps are measured on. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include "../src/convoy.h"
#include "../src/data/dataset.h"
#include "../src/model/network.h"

typedef struct bench_data {
    cvy_dataset *dataset;
    bool drawn;               /* not MNIST */
    uint8_t *images, *labels; /* drawn ones */
} bench_data;

/* MNIST, if `directory` (NULL: the usual places) has it and the network takes its images. Else images of the network's
 * size with rings of ink on an empty ground, labelled by radius. A directory that is given must have MNIST. */
bool bench_data_load(bench_data *data, const char *directory, const cvy_network *network, cvy_status *status);
void bench_data_free(bench_data *data);

#endif
