#include "elementary.h"

#include <math.h>
#include <string.h>

/* The digests are a record: they pin the bits of results across compilers, processors and releases. A change of the
 * functions' coefficients or order of operations changes results of training, and so changes these on purpose. */
const elementary elementary_functions[4] = {
    {"exp_f32", rows.exp_f32, exp, 0x916e13a9117bba9d},
    {"log_f32", rows.log_f32, log, 0x548bd10693532493},
    {"tanh_f32", rows.tanh_f32, tanh, 0x46f49d4f33c0d393},
    {"sigmoid_f32", rows.sigmoid_f32, oracle_sigmoid, 0x72f052dddfa46323},
};

const elementary *elementary_named(const char *name) {
    for (int i = 0; i < 4; i++)
        if (strcmp(elementary_functions[i].name, name) == 0)
            return &elementary_functions[i];
    return NULL;
}

float elementary_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Input i: first every upper half of a float, then numbers of both signs from 2^-8 to 2^7, where a function is neither
 * its argument nor saturated. A coefficient's last bit shows in one result of some ten thousand. */
static float digest_input(uint32_t i) {
    if (i < 65536)
        return elementary_float(i << 16 | (i * 40503u & 0xffff));
    return elementary_float(i << 31 | (119 + i / 2 % 15) << 23 | i * 2654435761u >> 9);
}

/* FNV-1a over the words. */
uint64_t elementary_digest(elementary_kernel *kernel) {
    enum { CHUNK = 256, INPUTS = 65536 + (1 << 20) };
    float x[CHUNK], y[CHUNK];
    uint64_t digest = 0xcbf29ce484222325u;
    for (uint32_t first = 0; first < INPUTS; first += CHUNK) {
        for (uint32_t i = 0; i < CHUNK; i++)
            x[i] = digest_input(first + i);
        kernel(CHUNK, x, y);
        for (uint32_t i = 0; i < CHUNK; i++)
            digest = (digest ^ check_bits(y[i])) * 0x100000001b3u;
    }
    return digest;
}

bool elementary_close(const elementary *f, float x, float y) {
    return check_ulps(y, f->truth(x)) <= 2;
}
