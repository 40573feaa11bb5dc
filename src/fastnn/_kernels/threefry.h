/* threefry.h: the generator of random.c, for what draws numbers where it needs them.
 *
 * The generator is Threefry4x32-20 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): additions,
 * rotations and exclusive ors only, so it needs no wide multiplication, which vectors lack. The key is (seed, counter
 * of the state, 0, 0); the counter is (block, 0, 0, 0), and a block gives four words.
 *
 * Words are laid out in groups of GROUP = 64: group g is blocks 16 g .. 16 g + 15, and word 64 g + 16 j + i is word j
 * of block 16 g + i. So vectors of 4, 8 or 16 lanes all store contiguously. */
#ifndef FNN_THREEFRY_H
#define FNN_THREEFRY_H

#include "vector.h"

enum { GROUP = 64, BLOCKS = 16 };

typedef struct {
  uint32_t word[4][BLOCKS];
} words;

FNN_INLINE fnn_vu32 rotate(fnn_vu32 x, int bits) { return (x << bits) | (x >> (32 - bits)); }

/* Four rounds and the injection of the key after them; `a`: the rotations of the first half of the schedule or not. */
FNN_INLINE void rounds(fnn_vu32 x[4], int a, const uint32_t key[5], uint32_t injection) {
  static const int8_t rotations[8][2] = {{10, 26}, {11, 21}, {13, 27}, {23, 5}, {6, 20}, {17, 11}, {25, 10}, {18, 20}};
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) {
    int one = r % 2 ? 3 : 1, two = r % 2 ? 1 : 3;
    x[0] += x[one];
    x[one] = rotate(x[one], rotations[a + r][0]) ^ x[0];
    x[2] += x[two];
    x[two] = rotate(x[two], rotations[a + r][1]) ^ x[2];
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) x[j] += key[(injection + (uint32_t)j) % 5];
  x[3] += injection;
}

/* The words of group `group`. */
FNN_INLINE void threefry(const uint32_t *state, int64_t group, words *out) {
  const uint32_t key[5] = {state[0], state[1], 0, 0, 0x1BD11BDA ^ state[0] ^ state[1]};
  for (int first = 0; first < BLOCKS; first += FNN_VF) {
    fnn_vu32 x[4];
    uint64_t start = (uint64_t)group * BLOCKS + (uint64_t)first;
    x[0] = (fnn_vu32)fnn_lanesf() + (uint32_t)start + key[0]; /* a multiple of 16: adding a lane does not carry */
    x[1] = (fnn_vu32){0} + ((uint32_t)(start >> 32) + key[1]);
    x[2] = (fnn_vu32){0} + key[2];
    x[3] = (fnn_vu32){0} + key[3];
    rounds(x, 0, key, 1);
    rounds(x, 4, key, 2);
    rounds(x, 0, key, 3);
    rounds(x, 4, key, 4);
    rounds(x, 0, key, 5);
    for (int j = 0; j < 4; j++) memcpy(out->word[j] + first, &x[j], sizeof x[j]);
  }
}

/* Words below it are what a probability p < 1 lets through. */
FNN_INLINE uint32_t below_of(double p) { return p <= 0 ? 0 : (uint32_t)fnn_min((int64_t)(p * 0x1p32), UINT32_MAX); }

#endif
