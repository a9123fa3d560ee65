/* What lets a body with constant extents keep its accumulators in registers: it is inlined where the extents are
 * constants, and its loops over them are unrolled, so that each element of an array becomes a variable of its own. */
#ifndef CVY_TEMPLATE_TILE_H
#define CVY_TEMPLATE_TILE_H

#define TILE_BODY static inline __attribute__((always_inline))

/* Before a loop of at most 32 rounds, a constant number of them. Clang must be told that the loop is to be unrolled
 * fully or not at all: it simplifies a body before it inlines it, while the number is still a parameter, and a plain
 * "unroll" would there unroll by four with a remainder and be spent. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

/* How many of the `left` items the next tile takes, where tiles hold up to `most`: as few tiles as possible, and these
 * as even as possible. */
static inline int tile_extent(int left, int most) {
    const int tiles = (left + most - 1) / most;
    return (left + tiles - 1) / tiles;
}

static inline int least(int a, int b) {
    return a < b ? a : b;
}

static inline int greatest(int a, int b) {
    return a > b ? a : b;
}

#endif
