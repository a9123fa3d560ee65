/* What lets a body with constant extents keep its accumulators in registers: it is inlined where the extents are
 * constants, and its loops over them are unrolled, so that each element of an array becomes a variable of its own. */
#ifndef CVY_VECTOR_TILE_H
#define CVY_VECTOR_TILE_H

#define TILE_BODY static inline __attribute__((always_inline))

/* Before a loop of at most 32 rounds, a constant number of them. Clang must be told that the loop is to be unrolled
 * fully or not at all: it simplifies a body before it inlines it, while the number is still a parameter, and a plain
 * "unroll" would there unroll by four with a remainder and be spent. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

/* For a plan's lists of tiles: TILE(a, b) for each a, with one b. */
#define TILES_1_2(TILE, b) TILE(1, b) TILE(2, b)
#define TILES_1_2_4(TILE, b) TILES_1_2(TILE, b) TILE(4, b)
#define TILES_1_2_4_8(TILE, b) TILES_1_2_4(TILE, b) TILE(8, b)
#define TILES_TO_4(TILE, b) TILES_1_2(TILE, b) TILE(3, b) TILE(4, b)
#define TILES_TO_5(TILE, b) TILES_TO_4(TILE, b) TILE(5, b)
#define TILES_TO_6(TILE, b) TILES_TO_5(TILE, b) TILE(6, b)
#define TILES_TO_8(TILE, b) TILES_TO_6(TILE, b) TILE(7, b) TILE(8, b)
#define TILES_TO_10(TILE, b) TILES_TO_8(TILE, b) TILE(9, b) TILE(10, b)
#define TILES_TO_12(TILE, b) TILES_TO_10(TILE, b) TILE(11, b) TILE(12, b)
#define TILES_TO_16(TILE, b) TILES_TO_12(TILE, b) TILE(13, b) TILE(14, b) TILE(15, b) TILE(16, b)

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
