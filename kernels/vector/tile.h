/* Tiles: functions with constant extents that keep an array of accumulators in registers. They are inlined where the
 * extents are constants, and the loops over these are unrolled, so each element of the array becomes a variable of its
 * own. */
#ifndef CVY_VECTOR_TILE_H
#define CVY_VECTOR_TILE_H

#define TILE_BODY static inline __attribute__((always_inline))

/* Before a loop of a constant number of rounds, at most 32. Clang simplifies a function before it inlines it, while the
 * number is still a parameter. A plain "unroll" would be used up there, by four with a remainder, so it is told to
 * unroll fully or not at all. */
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
#define TILES_TO_22(TILE, b)                                                                                           \
    TILES_TO_16(TILE, b) TILE(17, b) TILE(18, b) TILE(19, b) TILE(20, b) TILE(21, b) TILE(22, b)
#define TILES_TO_28(TILE, b)                                                                                           \
    TILES_TO_22(TILE, b) TILE(23, b) TILE(24, b) TILE(25, b) TILE(26, b) TILE(27, b) TILE(28, b)

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
