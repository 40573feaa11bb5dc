/* random.c: counter-based random numbers. Element k of an output depends only on the state and on k, not on who
 * computes it, how many there are, or the instruction set (integers; floats differ in their last bits, as exp does).
 *
 * The generator and the order of its words are in threefry.h. Float32 numbers use a word each; float64 numbers and
 * integers use two, word 2 j (high) and 2 j + 1 (low) of a block giving number 32 g + 16 j + i.
 *
 * Every kernel has the buffers {state uint32[2], output [n], new state uint32[2] or NULL} and ints[0] = n. The new
 * state, (seed, counter + 1), is written last and may be the memory of the state; the output overlaps neither. */
#include "threefry.h"
#include "vmath.h"

enum { UNIT_GROUPS = 64, UNIT = GROUP * UNIT_GROUPS };

/* Phase 0: units of UNIT words; phase 1: the new state. */
static void random_size(int64_t n, int64_t words_each, int64_t element_bytes, double flops_each, fnn_work *work) {
  work->phases = 2;
  work->units[0] = fnn_ceil_div(n * words_each, UNIT);
  work->units[1] = 1;
  work->flops = (double)n * flops_each;
  work->bytes = (double)(n * element_bytes);
}

static void write_state(const fnn_call *call) {
  const uint32_t *state = (const uint32_t *)call->buf[0];
  uint32_t *next = (uint32_t *)call->buf[2];
  if (!next) return;
  uint32_t seed = state[0], counter = state[1];
  next[0] = seed;
  next[1] = counter + 1;
}

/* random_words: the words themselves, for tests of the generator. Output: uint32 [n]. */
static void random_words(const fnn_call *call, int64_t begin, int64_t end) {
  if (call->phase) {
    write_state(call);
    return;
  }
  int64_t n = call->ints[0];
  uint32_t *out = (uint32_t *)call->buf[1];
  for (int64_t first = begin * UNIT; first < fnn_min(n, end * UNIT); first += GROUP) {
    words w;
    threefry((const uint32_t *)call->buf[0], first / GROUP, &w);
    memcpy(out + first, w.word, (size_t)fnn_min(GROUP, n - first) * sizeof(uint32_t));
  }
}
static void random_words_size(const int64_t *ints, fnn_work *work) { random_size(ints[0], 1, 4, 35, work); }

/* random_integers: uniform integers in [low, low + range). ints: [1] low, [2] range (uint64 bits; 0 is 2^64), [3] the
 * output's integer dtype. The number is the high half of a 64-bit word by the range: its bias is below range / 2^64. */
static void random_integers(const fnn_call *call, int64_t begin, int64_t end) {
  if (call->phase) {
    write_state(call);
    return;
  }
  enum { EACH = GROUP / 2 };
  int64_t n = call->ints[0], bytes = fnn_dtype_bytes(call->ints[3]);
  uint64_t low = (uint64_t)call->ints[1], range = (uint64_t)call->ints[2];
  for (int64_t first = begin * (UNIT / 2); first < fnn_min(n, end * (UNIT / 2)); first += EACH) {
    words w;
    threefry((const uint32_t *)call->buf[0], first / EACH, &w);
    for (int64_t k = 0; k < fnn_min(EACH, n - first); k++) {
      int64_t j = k / BLOCKS, i = k % BLOCKS;
      uint64_t x = (uint64_t)w.word[2 * j][i] << 32 | w.word[2 * j + 1][i];
      if (range) x = (uint64_t)((unsigned __int128)x * range >> 64);
      x += low;
      memcpy(call->buf[1] + (first + k) * bytes, &x, (size_t)bytes); /* little-endian: the low bytes come first */
    }
  }
}
static void random_integers_size(const int64_t *ints, fnn_work *work) { random_size(ints[0], 2, 8, 75, work); }

/* random_permutation: 0 .. n - 1 in random order, by Fisher's and Yates' method (Durstenfeld, CACM 7, 1964), here from
 * the front: number k takes the place of one of those before it, or its own. ints: [1] the output's dtype, int32 or
 * int64. The places are chosen as by random_integers. One unit: each number depends on those before it. */
#define PERMUTE(type)                                                                                                  \
  {                                                                                                                    \
    type *y = (type *)call->buf[1];                                                                                    \
    for (int64_t k = 0; k < count; k++) {                                                                              \
      uint64_t x = (uint64_t)w.word[2 * (k / BLOCKS)][k % BLOCKS] << 32 | w.word[2 * (k / BLOCKS) + 1][k % BLOCKS];    \
      int64_t place = (int64_t)((unsigned __int128)x * (uint64_t)(first + k + 1) >> 64);                               \
      y[first + k] = y[place];                                                                                         \
      y[place] = (type)(first + k);                                                                                    \
    }                                                                                                                  \
  }
FNN_COMMON
static void random_permutation(const fnn_call *call, int64_t begin, int64_t end) {
  if (call->phase) {
    write_state(call);
    return;
  }
  enum { EACH = GROUP / 2 };
  int64_t n = begin < end ? call->ints[0] : 0;
  for (int64_t first = 0; first < n; first += EACH) {
    words w;
    threefry((const uint32_t *)call->buf[0], first / EACH, &w);
    int64_t count = fnn_min(EACH, n - first);
    if (call->ints[1] == FNN_I32) PERMUTE(int32_t)
    else PERMUTE(int64_t)
  }
}
#undef PERMUTE
static void random_permutation_size(const int64_t *ints, fnn_work *work) {
  random_size(ints[0], 2, 8, 85, work);
  work->units[0] = 1;
}

#include "types_f32.h"
#include "random_body.h"
#include "types_f64.h"
#include "random_body.h"

/* random_bernoulli: reals = {probability p, scale}: `scale` with probability p, else 0; of bools the scale is 1. A word
 * is compared with p 2^32, for all types, so they give the same pattern. */
#define BERNOULLI(type, T)                                                                                             \
  static void random_bernoulli_##type(const fnn_call *call, int64_t begin, int64_t end) {                              \
    if (call->phase) {                                                                                                 \
      write_state(call);                                                                                               \
      return;                                                                                                          \
    }                                                                                                                  \
    int64_t n = call->ints[0];                                                                                         \
    double p = call->reals[0];                                                                                         \
    const T scale = (T)call->reals[1], otherwise = p >= 1 ? scale : 0;                                                 \
    const uint32_t below = p >= 1 ? 0 : below_of(p);                                                                   \
    T *out = (T *)call->buf[1];                                                                                        \
    for (int64_t first = begin * UNIT; first < fnn_min(n, end * UNIT); first += GROUP) {                               \
      words w;                                                                                                         \
      T numbers[GROUP];                                                                                                \
      threefry((const uint32_t *)call->buf[0], first / GROUP, &w);                                                     \
      for (int j = 0; j < 4; j++)                                                                                      \
        for (int i = 0; i < BLOCKS; i++) numbers[j * BLOCKS + i] = w.word[j][i] < below ? scale : otherwise;           \
      memcpy(out + first, numbers, (size_t)fnn_min(GROUP, n - first) * sizeof(T));                                     \
    }                                                                                                                  \
  }                                                                                                                    \
  static void random_bernoulli_size_##type(const int64_t *ints, fnn_work *work) {                                      \
    random_size(ints[0], 1, sizeof(T), 36, work);                                                                      \
  }
BERNOULLI(f32, float)
BERNOULLI(f64, double)
BERNOULLI(bool, uint8_t)
#undef BERNOULLI

#define FLOAT_ENTRIES(type)                                                                                            \
  {"random_uniform_" #type, random_uniform_##type, random_float_size_##type},                                          \
    {"random_normal_" #type, random_normal_##type, random_float_size_##type},                                          \
    {"random_truncated_normal_" #type, random_truncated_normal_##type, random_float_size_##type},                      \
    {"random_bernoulli_" #type, random_bernoulli_##type, random_bernoulli_size_##type}

static const fnn_entry entries[] = {{"random_words", random_words, random_words_size},
                                    {"random_integers", random_integers, random_integers_size},
                                    {"random_permutation", random_permutation, random_permutation_size},
                                    FLOAT_ENTRIES(f32),
                                    FLOAT_ENTRIES(f64),
                                    {"random_bernoulli_bool", random_bernoulli_bool, random_bernoulli_size_bool},
                                    {0}};
const fnn_table FNN_TABLE(random) = {entries, 0, 0};
