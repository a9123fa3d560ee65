#include "elementary.h"

#include <math.h>
#include <string.h>

/* The digests are a record: they pin the bits of results across compilers, processors and releases. A change of the
 * functions' coefficients or order of operations changes results of training, and so changes these on purpose. */
const elementary elementary_functions[4] = {
    {"exp_f32", rows.exp_f32, exp, 0xbbf06221ab9ebaff},
    {"log_f32", rows.log_f32, log, 0x1623e58804791631},
    {"tanh_f32", rows.tanh_f32, tanh, 0x87cb6304ceee1e03},
    {"sigmoid_f32", rows.sigmoid_f32, oracle_sigmoid, 0xa1acce2f746ff2f5},
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

/* FNV-1a over the words. */
uint64_t elementary_digest(elementary_kernel *kernel) {
    enum { CHUNK = 256 };
    float x[CHUNK], y[CHUNK];
    uint64_t digest = 0xcbf29ce484222325u;
    for (uint32_t high = 0; high < 65536; high += CHUNK) {
        for (uint32_t i = 0; i < CHUNK; i++)
            x[i] = elementary_float((high + i) << 16 | ((high + i) * 40503u & 0xffff));
        kernel(CHUNK, x, y);
        for (uint32_t i = 0; i < CHUNK; i++)
            digest = (digest ^ check_bits(y[i])) * 0x100000001b3u;
    }
    return digest;
}

bool elementary_close(const elementary *f, float x, float y) {
    return check_ulps(y, f->truth(x)) <= 2;
}
