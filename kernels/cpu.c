#include "cpu.h"

#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>

/* The register state that the operating system saves on a context switch (XCR0): bits 1 and 2 are xmm and the upper
 * halves of ymm, 5 to 7 the mask registers, the upper halves of zmm0-15, and zmm16-31. A processor may have vectors
 * that its system does not save: both must say yes. */
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xE6 };

static unsigned read_xcr0(void) {
    unsigned low, high;
    /* The intrinsic would need -mxsave on this file. */
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

unsigned cvy_cpu_tiers(void) {
    unsigned tiers = 1u << CVY_TIER_scalar;
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE) || !(ecx & bit_AVX) || !(ecx & bit_FMA))
        return tiers;
    const unsigned xcr0 = read_xcr0();
    if ((xcr0 & XCR0_AVX) != XCR0_AVX || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ebx & bit_AVX2))
        return tiers;
    tiers |= 1u << CVY_TIER_avx2;
    const unsigned avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    if ((xcr0 & XCR0_AVX512) == XCR0_AVX512 && (ebx & avx512) == avx512)
        tiers |= 1u << CVY_TIER_avx512;
    return tiers;
}

#elif defined(__aarch64__)

#include <asm/hwcap.h>
#include <sys/auxv.h>

unsigned cvy_cpu_tiers(void) {
    unsigned tiers = 1u << CVY_TIER_scalar;
    if (getauxval(AT_HWCAP) & HWCAP_ASIMD)
        tiers |= 1u << CVY_TIER_neon;
    return tiers;
}

#else

unsigned cvy_cpu_tiers(void) {
    return 1u << CVY_TIER_scalar;
}

#endif

cvy_tier cvy_cpu_best(unsigned tiers) {
    cvy_tier best = CVY_TIER_scalar;
    for (unsigned tier = 0; tier < CVY_TIERS; tier++)
        if (tiers & 1u << tier)
            best = (cvy_tier)tier;
    return best;
}

static const char *const tier_names[CVY_TIERS] = {
    [CVY_TIER_scalar] = "scalar",
    [CVY_TIER_avx2] = "avx2",
    [CVY_TIER_avx512] = "avx512",
    [CVY_TIER_neon] = "neon",
};

const char *cvy_tier_name(cvy_tier tier) {
    return tier_names[tier];
}

bool cvy_tier_from_name(const char *name, cvy_tier *tier) {
    for (unsigned t = 0; t < CVY_TIERS; t++) {
        if (strcmp(name, tier_names[t]) == 0) {
            *tier = (cvy_tier)t;
            return true;
        }
    }
    return false;
}
