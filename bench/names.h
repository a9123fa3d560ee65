/* Names of benchmarks. */
#ifndef BENCH_NAMES_H
#define BENCH_NAMES_H

#include <stddef.h>

/* The name of a network in names of benchmarks: the last part of its path, without ".json". */
void bench_model_name(const char *model, char *name, size_t size);

/* One word in lower case, without slashes: "LeNet-5 conv1, same" is lenet-5_conv1_same. */
void bench_word(const char *text, char *word, size_t size);

#endif
