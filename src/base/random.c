#include "random.h"

/* The multipliers and the Weyl increments of Philox4x32, from the paper. */
static const uint32_t multiplier[2] = {0xD2511F53u, 0xCD9E8D57u};
static const uint32_t increment[2] = {0x9E3779B9u, 0xBB67AE85u};

cvy_random cvy_random_at(uint64_t seed, cvy_purpose purpose, uint32_t epoch, uint64_t index) {
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    cvy_random r = {{(uint32_t)index, (uint32_t)(index >> 32), epoch, (uint32_t)purpose}};
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)multiplier[0] * r.u[0], b = (uint64_t)multiplier[1] * r.u[2];
        r = (cvy_random){
            {(uint32_t)(b >> 32) ^ r.u[1] ^ key[0], (uint32_t)b, (uint32_t)(a >> 32) ^ r.u[3] ^ key[1], (uint32_t)a}};
        key[0] += increment[0];
        key[1] += increment[1];
    }
    return r;
}
