/* What a cvy_model holds; shared by the files of the public API. */
#ifndef CVY_MODEL_OBJECT_H
#define CVY_MODEL_OBJECT_H

#include "model/network.h"
#include "train/trainer.h"

struct cvy_model {
    cvy_network *network;
    char *description; /* a built-in network's name or JSON, what the network came from; NULL: it was built by hand */
    cvy_preprocessing preprocessing;
    /* Set by cvy_compile; describing ends there. */
    cvy_trainer *trainer;
    cvy_optimizer_settings optimizer;
    cvy_kernels kernels;
    const char *isa;
    char threads_text[256];
    uint64_t seed;
    /* Whole epochs fitted so far: shuffles go on from there. */
    uint32_t epochs_done;
};

#endif
