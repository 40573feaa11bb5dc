/* sort.c: elements along an axis in order, their places, and where values belong in a sorted vector. */
#include "indices.h"
#include "integers.h"

#include "types_f32.h"
#include "transpose.h"
#include "types_none.h"

enum { UNIT = 8192 /* elements of a unit */ };

/* ---- argsort: where the elements along an axis lie when they are sorted, equal ones in their order and NaN last ----
 * ints: [0] outer   [1] n, at most INT32_MAX   [2] inner   [3] dtype   [4] 1: the largest first   [5] k, how many of
 *       the first of them are wanted
 * buffers: x (outer, n, inner), order int32 (outer, k, inner), the elements themselves (outer, k, inner), which may be
 * NULL; none overlaps another.
 *
 * An element becomes a number of its size that orders as it does. One of 32 bits and its position are one of 64 bits.
 * Short rows are sorted by counting for each element those that come before it, which asks no branch; others by radix,
 * from the lowest digit, without the digits that are equal in all. */

enum {
  RANKED = 64,     /* elements of a short row: as many comparisons of vectors take as long as four passes */
  WIDE_FROM = 4096, /* elements from which three passes over digits of 11 bits take less than four of 8 bits */
  WIDE_TO = 1 << 21 /* and to which: then 2048 places that are written in turn are pages that nothing holds */
};

static int is_wide(const int64_t *ints) { return ints[3] == FNN_F64 || ints[3] == FNN_I64 || ints[3] == FNN_U64; }

static int64_t sort_group(const int64_t *ints) { return fnn_max(1, UNIT / fnn_max(1, ints[1])); }

/* Of the counts of all digits. */
static int64_t counts_bytes(const int64_t *ints) {
  const int64_t digits = is_wide(ints) ? 2 : 1;
  return (ints[1] < WIDE_FROM ? digits * 4 * 256 : digits * 3 * 2048) * (int64_t)sizeof(uint32_t);
}

static void argsort_size(const int64_t *ints, fnn_work *work) {
  const int64_t padded = fnn_round_up(ints[1], FNN_VECTOR_BYTES / 8);
  work->phases = 1;
  work->units[0] = ints[5] ? fnn_ceil_div(ints[0] * ints[2], sort_group(ints)) : 0;
  work->scratch_bytes = counts_bytes(ints) + padded * (is_wide(ints) ? 24 : 16);
  work->flops = 8.0 * (double)ints[0] * (double)ints[1] * (double)ints[2];
  work->bytes = 8.0 * (double)ints[0] * (double)(ints[1] + ints[5]) * (double)ints[2];
}

FNN_INLINE int32_t key_f32(float x) {
  int32_t bits;
  x += 0.0f; /* -0 is 0 */
  memcpy(&bits, &x, sizeof bits);
  return x != x ? INT32_MAX : bits ^ ((bits >> 31) & INT32_MAX);
}
FNN_INLINE int64_t key_f64(double x) {
  int64_t bits;
  x += 0.0;
  memcpy(&bits, &x, sizeof bits);
  return x != x ? INT64_MAX : bits ^ ((bits >> 63) & INT64_MAX);
}

/* key[i] of the n elements of a row, `stride` elements apart. */
FNN_INLINE void read_keys(int64_t *restrict key, const char *x, int64_t dtype, int64_t n, int64_t stride, int is_down) {
#define NARROW(code, type, of_x)                                                                                       \
  case code:                                                                                                           \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      const type v = ((const type *)x)[i * stride];                                                                    \
      const int32_t up = of_x, down = v != v ? up : ~up;                                                               \
      key[i] = (int64_t)((uint64_t)(uint32_t)(is_down ? down : up) << 32 | (uint64_t)i);                               \
    }                                                                                                                  \
    break;
#define WIDE(code, type, of_x)                                                                                         \
  case code:                                                                                                           \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      const type v = ((const type *)x)[i * stride];                                                                    \
      const int64_t up = of_x, down = v != v ? up : ~up;                                                               \
      key[i] = is_down ? down : up;                                                                                    \
    }                                                                                                                  \
    break;
  switch (dtype) {
    NARROW(FNN_F32, float, key_f32(v))
    NARROW(FNN_I32, int32_t, v)
    NARROW(FNN_U32, uint32_t, (int32_t)(v ^ 1u << 31))
    NARROW(FNN_I16, int16_t, v)
    NARROW(FNN_U16, uint16_t, v)
    NARROW(FNN_I8, int8_t, v)
    NARROW(FNN_U8, uint8_t, v)
    NARROW(FNN_BOOL, uint8_t, v)
    WIDE(FNN_F64, double, key_f64(v))
    WIDE(FNN_I64, int64_t, v)
    WIDE(FNN_U64, uint64_t, (int64_t)(v ^ (uint64_t)1 << 63))
  }
#undef NARROW
#undef WIDE
}

/* Of `vectors` keys from i on, which share what is read of the others. */
FNN_INLINE void ranks_from(int64_t i, const int vectors, const int64_t *key, int64_t n, int32_t *order, int64_t k,
                           int64_t stride, const int wide) {
  enum { LANES = FNN_VD, MOST = 4 };
  fnn_vi64 own[MOST], rank[MOST], number[MOST];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    own[v] = fnn_loadl(key + i + v * LANES), rank[v] = fnn_splatl(0), number[v] = fnn_lanesd() + i + v * LANES;
  }
  for (int64_t j = 0; j < n; j++) {
    const fnn_vi64 other = fnn_splatl(key[j]);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      if (wide) rank[v] -= (other < own[v]) | ((other == own[v]) & (fnn_splatl(j) < number[v]));
      else rank[v] -= other < own[v];
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++, i += LANES)
    for (int64_t lane = 0; lane < fnn_min(LANES, n - i); lane++)
      if (rank[v][lane] < k) order[rank[v][lane] * stride] = (int32_t)(i + lane);
}

/* order[i * stride] of the k first of n elements, by ranks; the keys are padded to whole vectors. */
FNN_INLINE void sort_by_ranks(int64_t *key, int64_t n, int32_t *order, int64_t k, int64_t stride, const int wide) {
  int64_t i = n;
  for (; i % FNN_VD; i++) key[i] = INT64_MAX;
  int64_t left = i / FNN_VD;
  for (i = 0; left >= 4; left -= 4, i += 4 * FNN_VD) ranks_from(i, 4, key, n, order, k, stride, wide);
  if (left & 2) ranks_from(i, 2, key, n, order, k, stride, wide), i += 2 * FNN_VD;
  if (left & 1) ranks_from(i, 1, key, n, order, k, stride, wide);
}

/* Sorts keys of a type by their bits from `from` on, digits of `bits` bits, and the numbers beside them (NULL: none).
 * Returns 1 where the result is in `other`. */
#define SORT_BY_DIGITS(name, K)                                                                                        \
FNN_INLINE int name(K *key, K *other, int32_t *number, int32_t *other_number, int64_t n, uint32_t *counts,             \
                    const int from, const int bits) {                                                                  \
  const int passes = ((int)sizeof(K) * 8 - from + bits - 1) / bits, digits = 1 << bits;                                \
  const K mask = (K)digits - 1;                                                                                        \
  int is_other = 0;                                                                                                    \
  memset(counts, 0, (size_t)(passes * digits) * sizeof *counts);                                                       \
  for (int64_t i = 0; i < n; i++)                                                                                      \
    _Pragma("GCC unroll 8")                                                                                            \
    for (int p = 0; p < passes; p++) counts[p * digits + (int)(key[i] >> (from + p * bits) & mask)]++;                 \
  for (int p = 0; p < passes; p++, counts += digits) {                                                                 \
    const int shift = from + p * bits;                                                                                 \
    if (counts[key[0] >> shift & mask] == n) continue;                                                                 \
    uint32_t before = 0;                                                                                               \
    for (int d = 0; d < digits; d++) {                                                                                 \
      const uint32_t count = counts[d];                                                                                \
      counts[d] = before;                                                                                              \
      before += count;                                                                                                 \
    }                                                                                                                  \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      const uint32_t place = counts[key[i] >> shift & mask]++;                                                         \
      other[place] = key[i];                                                                                           \
      if (number) other_number[place] = number[i];                                                                     \
    }                                                                                                                  \
    K *keys = key;                                                                                                     \
    int32_t *numbers = number;                                                                                         \
    key = other, other = keys, number = other_number, other_number = numbers;                                          \
    is_other = !is_other;                                                                                              \
  }                                                                                                                    \
  return is_other;                                                                                                     \
}
SORT_BY_DIGITS(sort_by_digits, uint64_t)
SORT_BY_DIGITS(sort_words, uint32_t)
#undef SORT_BY_DIGITS

/* The order of one row. */
static void sort_row(const fnn_call *call, const char *x, int32_t *order) {
  const int64_t *ints = call->ints, n = ints[1], stride = ints[2], k = ints[5];
  const int64_t padded = fnn_round_up(n, FNN_VECTOR_BYTES / 8);
  const int wide = is_wide(ints);
  uint32_t *counts = (uint32_t *)call->scratch;
  int64_t *key = (int64_t *)(call->scratch + counts_bytes(ints));
  if (stride == 1) read_keys(key, x, ints[3], n, 1, ints[4] != 0);
  else read_keys(key, x, ints[3], n, stride, ints[4] != 0);
  if (n <= RANKED) {
    if (wide) sort_by_ranks(key, n, order, k, stride, 1);
    else sort_by_ranks(key, n, order, k, stride, 0);
    return;
  }
  uint64_t *keys = (uint64_t *)key, *other = keys + padded;
  int32_t *number = wide ? (int32_t *)(other + padded) : NULL, *other_number = wide ? number + padded : NULL;
  int64_t least = wide ? key[0] : INT64_MIN; /* then numbers near each other have no high digits */
  for (int64_t i = 0; wide && i < n; i++) least = fnn_min(least, key[i]);
  for (int64_t i = 0; i < n; i++) keys[i] -= (uint64_t)least;
  for (int64_t i = 0; wide && i < n; i++) number[i] = (int32_t)i;
  int is_other;
  if (wide)
    is_other = n < WIDE_FROM ? sort_by_digits(keys, other, number, other_number, n, counts, 0, 8)
                             : sort_by_digits(keys, other, number, other_number, n, counts, 0, 11);
  else
    is_other = n < WIDE_FROM || n > WIDE_TO ? sort_by_digits(keys, other, NULL, NULL, n, counts, 32, 8)
                                            : sort_by_digits(keys, other, NULL, NULL, n, counts, 32, 11);
  if (is_other) keys = other, number = other_number;
  if (wide)
    for (int64_t i = 0; i < k; i++) order[i * stride] = number[i];
  else
    for (int64_t i = 0; i < k; i++) order[i * stride] = (int32_t)keys[i];
}

/* y[i] = x[order[i]], `stride` elements apart. */
static void pick(char *y, const char *x, const int32_t *order, int64_t k, int64_t stride, int64_t bytes) {
#define PICK(type)                                                                                                     \
  for (int64_t i = 0; i < k; i++) ((type *)y)[i * stride] = ((const type *)x)[order[i * stride] * stride]
  switch (bytes) {
    case 1: PICK(uint8_t); break;
    case 2: PICK(uint16_t); break;
    case 4: PICK(uint32_t); break;
    case 8: PICK(uint64_t); break;
  }
#undef PICK
}

static void argsort(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, n = ints[1], inner = ints[2], k = ints[5], bytes = fnn_dtype_bytes(ints[3]);
  FNN_REQUIRE(k <= n && n <= INT32_MAX);
  const int64_t last = fnn_min(ints[0] * inner, end * sort_group(ints));
  for (int64_t row = begin * sort_group(ints); row < last; row++) {
    const int64_t from = row / inner * n * inner + row % inner, to = row / inner * k * inner + row % inner;
    const char *x = call->buf[0] + from * bytes;
    int32_t *order = (int32_t *)call->buf[1] + to;
    sort_row(call, x, order);
    if (call->buf[2]) pick(call->buf[2] + to * bytes, x, order, k, inner, bytes);
  }
}

/* ---- sort: elements along an axis, NaN last; which of 0 and -0 came first is forgotten ----
 * ints: [0] outer   [1] n, at most INT32_MAX   [2] inner   [3] dtype
 * buffers: x (outer, n, inner), y of the same shape, which does not overlap it.
 *
 * Short rows go through a network of comparisons (sort_body.h), longer ones of 32 bits, which leave a near cache, are
 * sorted by radix, those of 64 bits parted until they are short. Many integers of a small range are counted, as are
 * bytes, and those of 16 bits that no network takes. */

enum {
  NETWORK = 1024 * FNN_VF, /* words up to which a network takes less time than radix, whatever it is padded by */
  PARTED = 16 * FNN_VD,    /* elements of 64 bits up to which it takes less time than to part them */
  COUNTED_FROM = 2048,     /* elements of a row of words or longer ones from which their range is asked for */
  COUNTED_MOST = 1 << 16,  /* values that are counted */
#if defined(FNN_ISA_AVX512) || defined(__aarch64__)
  BLOCK = 16 /* vectors of a block that stays in registers */
#else
  BLOCK = 8
#endif
};

_Static_assert(NETWORK >= WIDE_FROM, "longer rows have digits of 11 bits");
_Static_assert(COUNTED_MOST >= 6 * 2048, "counts of values are as many as those of digits");

#if defined(FNN_ISA_AVX512)
#define LANES_I64 {0, 1, 2, 3, 4, 5, 6, 7}
#define LANES_I32 {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
#elif defined(FNN_ISA_AVX2)
#define LANES_I64 {0, 1, 2, 3}
#define LANES_I32 {0, 1, 2, 3, 4, 5, 6, 7}
#else
#define LANES_I64 {0, 1}
#define LANES_I32 {0, 1, 2, 3}
#endif

#include "types_f64.h"
#include "transpose.h"

#include "types_i32.h"
#define LANES ((V)LANES_I32)
#define F float
#define VF fnn_vf
#define U1 uint32_t
#define OF_FLOATS(name) fnn_##name##f
#define TURN transpose_f32
#define INFINITE 0x7f800000
#include "sort_body.h"
#undef F
#undef VF
#undef U1
#undef OF_FLOATS
#undef TURN
#undef INFINITE
#undef LANES

#include "types_i64.h"
#define LANES ((V)LANES_I64)
#define F double
#define VF fnn_vd
#define U1 uint64_t
#define OF_FLOATS(name) fnn_##name##d
#define TURN transpose_f64
#define INFINITE 0x7ff0000000000000
#include "sort_body.h"

#include "types_none.h"
#undef U
#undef IS_INTEGER

/* What a row's counts take, then what lies beside them. */
enum { SORT_COUNTS = COUNTED_MOST * (int)sizeof(uint32_t) };

static void sort_size(const int64_t *ints, fnn_work *work) {
  const int64_t n = ints[1], bytes = fnn_dtype_bytes(ints[3]), rows = ints[2] == 1 ? 1 : 2;
  argsort_size((const int64_t[]){ints[0], n, ints[2], ints[3], 0, n}, work);
  if (bytes == 8)
    work->scratch_bytes = n <= PARTED ? PARTED * 8 : PARTED * 8 + SORT_COUNTS + rows * (n + FNN_VD) * 8;
  else if (n > NETWORK) work->scratch_bytes = SORT_COUNTS + (bytes == 4 ? rows * n * 4 : 0);
  else work->scratch_bytes = network_vectors_i32(n) * FNN_VECTOR_BYTES * (bytes == 2 ? 2 : 1);
}

/* y of n integers x, both `stride` apart: each is one of so many values from `least` on. Two tables take turns, but of
 * very many values: equal ones that follow each other wait less. */
#define SORT_BY_COUNTS(name, U)                                                                                        \
FNN_INLINE void name(U *y, const U *x, int64_t n, int64_t stride, U least, int64_t values, uint32_t *counts) {         \
  uint32_t *other = values <= COUNTED_MOST / 2 ? counts + values : counts;                                             \
  int64_t i = 0;                                                                                                       \
  memset(counts, 0, (size_t)(values + (other - counts)) * sizeof *counts);                                             \
  for (; i + 2 <= n; i += 2) {                                                                                         \
    counts[(U)(x[i * stride] - least)]++;                                                                              \
    other[(U)(x[(i + 1) * stride] - least)]++;                                                                         \
  }                                                                                                                    \
  if (i < n) counts[(U)(x[i * stride] - least)]++;                                                                     \
  for (int64_t value = 0; value < values; value++) {                                                                   \
    const int64_t count = (int64_t)counts[value] + (other != counts ? other[value] : 0);                               \
    const U v = (U)(least + (U)value);                                                                                 \
    for (int64_t k = 0; k < count; k++) y[k * stride] = v;                                                             \
    y += count * stride;                                                                                               \
  }                                                                                                                    \
}
SORT_BY_COUNTS(sort_halves_by_counts, uint16_t)
SORT_BY_COUNTS(sort_words_by_counts, uint32_t)
SORT_BY_COUNTS(sort_wide_by_counts, uint64_t)
#undef SORT_BY_COUNTS

/* Whether n integers of a range of `most` - `least` are counted. */
FNN_INLINE int is_counted(int64_t n, uint64_t range) {
  return n >= COUNTED_FROM && range < (uint64_t)fnn_min(COUNTED_MOST, n / 4);
}

#if defined(FNN_ISA_AVX512)
/* The lanes of v that a mask has, at the front. In registers: to memory this takes many times as long on some CPUs. */
FNN_INLINE fnn_vi64 pack_lanes(fnn_vi64 v, unsigned mask) {
  return (fnn_vi64)_mm512_maskz_compress_epi64((__mmask8)mask, (__m512i)v);
}
FNN_INLINE unsigned lanes_below(fnn_vi64 v, fnn_vi64 pivot) {
  return _mm512_cmplt_epi64_mask((__m512i)v, (__m512i)pivot);
}
#elif defined(FNN_ISA_AVX2)
FNN_INLINE fnn_vi64 pack_lanes(fnn_vi64 v, unsigned mask) {
#define PAIR(lane) 2 * (lane), 2 * (lane) + 1
#define PLACES(a, b, c, d) {PAIR(a), PAIR(b), PAIR(c), PAIR(d)}
  static const int32_t places[16][8] __attribute__((aligned(32))) = {
    PLACES(0, 0, 0, 0), PLACES(0, 0, 0, 0), PLACES(1, 0, 0, 0), PLACES(0, 1, 0, 0),
    PLACES(2, 0, 0, 0), PLACES(0, 2, 0, 0), PLACES(1, 2, 0, 0), PLACES(0, 1, 2, 0),
    PLACES(3, 0, 0, 0), PLACES(0, 3, 0, 0), PLACES(1, 3, 0, 0), PLACES(0, 1, 3, 0),
    PLACES(2, 3, 0, 0), PLACES(0, 2, 3, 0), PLACES(1, 2, 3, 0), PLACES(0, 1, 2, 3),
  };
#undef PLACES
#undef PAIR
  return (fnn_vi64)_mm256_permutevar8x32_epi32((__m256i)v, *(const __m256i *)places[mask]);
}
FNN_INLINE unsigned lanes_below(fnn_vi64 v, fnn_vi64 pivot) {
  return (unsigned)_mm256_movemask_pd((__m256d)(v < pivot));
}
#endif

/* Those of n keys that are below the pivot go to the front, in their order, the others behind them; returns how many
 * are. `spare` holds n keys and a vector. Whole vectors are written, over what was read or to where more will be. */
static int64_t part(int64_t *key, int64_t *spare, int64_t n, int64_t pivot) {
  int64_t i = 0, below = 0, others = 0;
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
  enum { ALL = (1 << FNN_VD) - 1 };
  const fnn_vi64 pivots = fnn_splatl(pivot);
  for (; i + FNN_VD <= n; i += FNN_VD) {
    const fnn_vi64 v = fnn_loadl(key + i);
    const unsigned mask = lanes_below(v, pivots);
    const int64_t count = __builtin_popcount(mask);
    fnn_storel(key + below, pack_lanes(v, mask));
    fnn_storel(spare + others, pack_lanes(v, ~mask & ALL));
    below += count, others += FNN_VD - count;
  }
#endif
  for (; i < n; i++) {
    const int64_t v = key[i];
    key[below] = spare[others] = v;
    below += v < pivot, others += v >= pivot;
  }
  memcpy(key + below, spare, (size_t)others * sizeof *key);
  return below;
}

/* The middle one of some of n keys, n at least as many as `block` holds. */
static int64_t pivot_of(const int64_t *key, int64_t n, fnn_vi64 *block) {
  const int64_t vectors = n < 1024 ? 2 : 8, samples = vectors * FNN_VD, apart = n / samples;
  int64_t *sample = (int64_t *)block;
  for (int64_t i = 0; i < samples; i++) sample[i] = key[i * apart + apart / 2];
  sort_by_network_i64(block, vectors);
  return sample[FNN_VD / 2];
}

/* Sorts n keys in place. Parts that samples have cut badly so often that it can be no chance are left to radix. */
static void sort_by_parts(int64_t *key, int64_t *spare, int64_t n, fnn_vi64 *block, uint32_t *counts, int levels) {
  for (; n > PARTED && levels > 0; levels--) {
    const int64_t pivot = pivot_of(key, n, block);
    int64_t below = part(key, spare, n, pivot);
    if (below) sort_by_parts(key, spare, below, block, counts, levels - 1);
    else if (pivot == INT64_MAX) return; /* all are equal */
    else below = part(key, spare, n, pivot + 1); /* those that equal the least one are in order */
    key += below, n -= below;
  }
  if (n <= PARTED) {
    sort_short_i64(key, key, n, 1, block, FNN_I64);
    return;
  }
  uint64_t *keys = (uint64_t *)key;
  for (int64_t i = 0; i < n; i++) keys[i] ^= (uint64_t)1 << 63;
  const int is_spare = sort_by_digits(keys, (uint64_t *)spare, NULL, NULL, n, counts, 0, 11);
  if (is_spare) memcpy(key, spare, (size_t)n * sizeof *key);
  for (int64_t i = 0; i < n; i++) keys[i] ^= (uint64_t)1 << 63;
}

/* y of n elements x of 64 bits, both `stride` apart; the keys are in y where they may. */
FNN_INLINE void sort_wide(const fnn_call *call, int64_t *y, const int64_t *x, int64_t stride, const int64_t dtype) {
  const int64_t n = call->ints[1];
  fnn_vi64 *block = (fnn_vi64 *)call->scratch;
  uint32_t *counts = (uint32_t *)(call->scratch + PARTED * sizeof *y);
  int64_t *spare = (int64_t *)((char *)counts + SORT_COUNTS), *key = stride == 1 ? y : spare + n + FNN_VD;
  int64_t least = INT64_MAX, most = INT64_MIN;
  int levels = 8;
  for (int64_t i = 0; i < n; i++) {
    key[i] = key_of_bits_i64(x[i * stride], dtype);
    least = fnn_min(least, key[i]), most = fnn_max(most, key[i]);
  }
  if (dtype != FNN_F64 && is_counted(n, (uint64_t)most - (uint64_t)least)) {
    const uint64_t from = (uint64_t)bits_of_key_i64(least, dtype);
    sort_wide_by_counts((uint64_t *)y, (const uint64_t *)x, n, stride, from, most - least + 1, counts);
    return;
  }
  for (int64_t half = n; half; half /= 2) levels += 2;
  if (least < most) sort_by_parts(key, spare, n, block, counts, levels);
  if (dtype == FNN_I64 && stride == 1) return;
  for (int64_t i = 0; i < n; i++) y[i * stride] = bits_of_key_i64(key[i], dtype);
}

FNN_INLINE void sort_wide_rows(const fnn_call *call, int64_t row, int64_t last, const int64_t dtype) {
  const int64_t n = call->ints[1], inner = call->ints[2];
  for (; row < last; row++) {
    const int64_t at = row / inner * n * inner + row % inner;
    const int64_t *x = (const int64_t *)call->buf[0] + at;
    int64_t *y = (int64_t *)call->buf[1] + at;
    if (n > PARTED && inner == 1) sort_wide(call, y, x, 1, dtype);
    else if (n > PARTED) sort_wide(call, y, x, inner, dtype);
    else if (inner == 1) sort_short_i64(y, x, n, 1, (fnn_vi64 *)call->scratch, dtype);
    else sort_short_i64(y, x, n, inner, (fnn_vi64 *)call->scratch, dtype);
  }
}

/* y of n elements x of 16 bits, both `stride` apart. */
#define SORT_HALVES(name, T)                                                                                           \
FNN_INLINE void name(const fnn_call *call, T *y, const T *x, int64_t stride) {                                         \
  const int64_t n = call->ints[1], m = network_vectors_i32(n);                                                         \
  if (n > NETWORK) {                                                                                                   \
    T least = x[0], most = x[0];                                                                                       \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      const T v = x[i * stride];                                                                                       \
      least = v < least ? v : least, most = v > most ? v : most;                                                       \
    }                                                                                                                  \
    uint32_t *counts = (uint32_t *)call->scratch;                                                                      \
    const uint16_t from = (uint16_t)least;                                                                             \
    sort_halves_by_counts((uint16_t *)y, (const uint16_t *)x, n, stride, from, most - least + 1, counts);              \
    return;                                                                                                            \
  }                                                                                                                    \
  fnn_vi32 *v = (fnn_vi32 *)call->scratch;                                                                             \
  int32_t *key = (int32_t *)v, *sorted = (int32_t *)(v + m);                                                           \
  for (int64_t i = 0; i < n; i++) key[i] = x[i * stride];                                                              \
  for (int64_t i = n; i < m * FNN_VF; i++) key[i] = INT32_MAX;                                                         \
  sort_by_network_i32(v, m);                                                                                           \
  by_lanes_i32(sorted, v, n, m, 1, FNN_I32);                                                                           \
  for (int64_t i = 0; i < n; i++) y[i * stride] = (T)sorted[i];                                                        \
}                                                                                                                      \
static void name##_rows(const fnn_call *call, int64_t row, int64_t last) {                                             \
  const int64_t n = call->ints[1], inner = call->ints[2];                                                              \
  for (; row < last; row++) {                                                                                          \
    const int64_t at = row / inner * n * inner + row % inner;                                                          \
    const T *x = (const T *)call->buf[0] + at;                                                                         \
    T *y = (T *)call->buf[1] + at;                                                                                     \
    if (inner == 1) name(call, y, x, 1);                                                                               \
    else name(call, y, x, inner);                                                                                      \
  }                                                                                                                    \
}
SORT_HALVES(sort_halves, int16_t)
SORT_HALVES(sort_positive_halves, uint16_t)
#undef SORT_HALVES

/* Words of all dtypes share this code. */
static __attribute__((noinline)) int sort_long_words(uint32_t *key, uint32_t *other, int64_t n, uint32_t *counts) {
  return n > WIDE_TO ? sort_words(key, other, NULL, NULL, n, counts, 0, 8)
                     : sort_words(key, other, NULL, NULL, n, counts, 0, 11);
}

/* By radix, between the scratch and y itself where y is contiguous. */
FNN_INLINE void sort_long(const fnn_call *call, int32_t *y, const int32_t *x, int64_t stride, const int64_t dtype) {
  const int64_t n = call->ints[1];
  uint32_t *counts = (uint32_t *)call->scratch, *key = (uint32_t *)(call->scratch + SORT_COUNTS);
  uint32_t *other = stride == 1 ? (uint32_t *)y : key + n, least = UINT32_MAX, most = 0;
  for (int64_t i = 0; i < n; i++) {
    key[i] = (uint32_t)(key_of_bits_i32(x[i * stride], dtype) ^ INT32_MIN);
    if (dtype != FNN_F32) least = key[i] < least ? key[i] : least, most = key[i] > most ? key[i] : most;
  }
  if (dtype != FNN_F32 && is_counted(n, most - least)) {
    const uint32_t from = (uint32_t)bits_of_key_i32((int32_t)least ^ INT32_MIN, dtype);
    sort_words_by_counts((uint32_t *)y, (const uint32_t *)x, n, stride, from, most - least + 1, counts);
    return;
  }
  const int is_other = sort_long_words(key, other, n, counts);
  if (is_other && stride == 1) {
    for (int64_t i = 0; i < n; i++) y[i] = bits_of_key_i32(y[i] ^ INT32_MIN, dtype);
    return;
  }
  if (is_other) key = other;
  for (int64_t i = 0; i < n; i++) y[i * stride] = bits_of_key_i32((int32_t)key[i] ^ INT32_MIN, dtype);
}

/* Rows of a dtype, along the last axis or another: the compiler then knows both. */
FNN_INLINE void sort_rows(const fnn_call *call, int64_t row, int64_t last, const int64_t dtype) {
  const int64_t n = call->ints[1], inner = call->ints[2];
  for (; row < last; row++) {
    const int64_t at = row / inner * n * inner + row % inner;
    const int32_t *x = (const int32_t *)call->buf[0] + at;
    int32_t *y = (int32_t *)call->buf[1] + at;
    if (n > NETWORK && inner == 1) sort_long(call, y, x, 1, dtype);
    else if (n > NETWORK) sort_long(call, y, x, inner, dtype);
    else if (inner == 1) sort_short_i32(y, x, n, 1, (fnn_vi32 *)call->scratch, dtype);
    else sort_short_i32(y, x, n, inner, (fnn_vi32 *)call->scratch, dtype);
  }
}

/* y of n bytes x, both `stride` apart: as many of each as there are; `top` is the sign's bit, or 0. Two tables take
 * turns: equal bytes that follow each other wait less. */
static void sort_bytes(uint8_t *y, const uint8_t *x, int64_t n, int64_t stride, int top) {
  uint32_t counts[2][256] = {{0}};
  for (int64_t i = 0; i < n; i++) counts[i & 1][x[i * stride] ^ top]++;
  for (int value = 0; value < 256; value++) {
    const int64_t count = (int64_t)counts[0][value] + counts[1][value];
    if (stride == 1 && count) memset(y, value ^ top, (size_t)count);
    for (int64_t i = 0; stride > 1 && i < count; i++) y[i * stride] = (uint8_t)(value ^ top);
    y += count * stride;
  }
}

static void sort(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, group = sort_group(ints), n = ints[1], inner = ints[2];
  const int64_t last = fnn_min(ints[0] * inner, end * group);
  int64_t row = begin * group;
  FNN_REQUIRE(n <= INT32_MAX);
  if (fnn_dtype_bytes(ints[3]) == 1) {
    for (; row < last; row++) {
      const int64_t at = row / inner * n * inner + row % inner;
      const uint8_t *x = (const uint8_t *)call->buf[0] + at;
      sort_bytes((uint8_t *)call->buf[1] + at, x, n, inner, ints[3] == FNN_I8 ? 128 : 0);
    }
    return;
  }
  switch (ints[3]) {
    case FNN_F32: sort_rows(call, row, last, FNN_F32); break;
    case FNN_I32: sort_rows(call, row, last, FNN_I32); break;
    case FNN_U32: sort_rows(call, row, last, FNN_U32); break;
    case FNN_F64: sort_wide_rows(call, row, last, FNN_F64); break;
    case FNN_I64: sort_wide_rows(call, row, last, FNN_I64); break;
    case FNN_U64: sort_wide_rows(call, row, last, FNN_U64); break;
    case FNN_I16: sort_halves_rows(call, row, last); break;
    case FNN_U16: sort_positive_halves_rows(call, row, last); break;
  }
}

/* ---- select_f32, select_f64: the elements that would stand at places of rows if these were sorted, NaN last; 0 for -0
 * ints: [0] rows   [1] n   [2] k, places of a row
 * buffers: x (rows, n), places int32 (rows, k), y (rows, k), which overlaps none of them. A place outside [0, n) sets
 * the status, and its y is left as it was. */

enum { SELECT_BITS = 11, SELECT_DIGITS = 1 << SELECT_BITS, SELECT_FEW = 32 };

static int64_t select_group(const int64_t *ints) { return fnn_max(1, UNIT / fnn_max(1, ints[1])); }

static void select_size(const int64_t *ints, int64_t element_bytes, fnn_work *work) {
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[0], select_group(ints));
  work->scratch_bytes = 4 * SELECT_DIGITS * (int64_t)sizeof(uint32_t) +
                        2 * fnn_round_up(ints[1] + FNN_VECTOR_BYTES / element_bytes, 64) * element_bytes;
  work->flops = 4.0 * (double)ints[0] * (double)ints[1];
  work->bytes = (double)element_bytes * (double)ints[0] * (double)ints[1];
}
static void select_size_f32(const int64_t *ints, fnn_work *work) { select_size(ints, 4, work); }
static void select_size_f64(const int64_t *ints, fnn_work *work) { select_size(ints, 8, work); }

/* The digit of what stands at `place`, which becomes that among those with the digit. */
static int64_t digit_of_place(const uint32_t *counts, int64_t *place) {
  enum { TOGETHER = 64 };
  int64_t digit = 0;
  for (; digit + TOGETHER < SELECT_DIGITS; digit += TOGETHER) {
    uint32_t sum = 0;
    for (int k = 0; k < TOGETHER; k++) sum += counts[digit + k];
    if (*place < sum) break;
    *place -= sum;
  }
  for (; *place >= counts[digit]; digit++) *place -= counts[digit];
  return digit;
}

#define T float
#define K uint32_t
#define S int32_t
#define OWN(name) select_##name##_f32
#include "select_body.h"
#define T double
#define K uint64_t
#define S int64_t
#define OWN(name) select_##name##_f64
#include "select_body.h"

/* ---- searchsorted: y[i] = how many elements of a sorted vector come before x[i] ----
 * ints: [0] n of the vector   [1] m   [2] 1: those that are equal come before it
 * buffers: vector (n), x (m), y int32 (m), which overlaps none of the others. NaN is behind all else.
 * Halves are taken for several values at once: each waits for what it reads. */

enum { SEARCHES = 16, SEARCH_UNIT = 2048 };

static void searchsorted_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[1], SEARCH_UNIT);
  work->flops = 10.0 * (double)ints[1];
  work->bytes = 8.0 * (double)(ints[0] + ints[1]);
}

#define SEARCHSORTED(name, T)                                                                                          \
  FNN_INLINE int less_##name(T a, T b) { return (a < b) | ((b != b) & (a == a)); }                                     \
  FNN_INLINE void search_##name(const fnn_call *call, int64_t begin, int64_t end, const int is_right) {                \
    const int64_t n = call->ints[0], m = call->ints[1];                                                                \
    const T *s = (const T *)call->buf[0], *x = (const T *)call->buf[1];                                                \
    int32_t *y = (int32_t *)call->buf[2];                                                                              \
    for (int64_t i = begin * SEARCH_UNIT; i < fnn_min(m, end * SEARCH_UNIT); i += SEARCHES) {                          \
      const int64_t count = fnn_min(SEARCHES, m - i);                                                                  \
      int32_t at[SEARCHES] = {0};                                                                                      \
      T v[SEARCHES] = {0};                                                                                             \
      memcpy(v, x + i, (size_t)count * sizeof(T));                                                                     \
      for (int64_t left = n; left > 0;) {                                                                              \
        const int32_t half = (int32_t)((left + 1) / 2);                                                                \
        for (int k = 0; k < SEARCHES; k++) {                                                                           \
          const T e = s[at[k] + half - 1];                                                                             \
          at[k] += half & -(is_right ? !less_##name(v[k], e) : less_##name(e, v[k])); /* without a branch */           \
        }                                                                                                              \
        left -= half;                                                                                                  \
      }                                                                                                                \
      memcpy(y + i, at, (size_t)count * sizeof *y);                                                                    \
    }                                                                                                                  \
  }                                                                                                                    \
  static void searchsorted_##name(const fnn_call *call, int64_t begin, int64_t end) {                                  \
    if (call->ints[2]) search_##name(call, begin, end, 1);                                                             \
    else search_##name(call, begin, end, 0);                                                                           \
  }
SEARCHSORTED(f32, float)
SEARCHSORTED(f64, double)
SEARCHSORTED(i32, int32_t)
#undef SEARCHSORTED

static const fnn_entry entries[] = {{"argsort", argsort, argsort_size},
                                    {"sort", sort, sort_size},
                                    {"select_f32", select_select_f32, select_size_f32},
                                    {"select_f64", select_select_f64, select_size_f64},
                                    {"searchsorted_f32", searchsorted_f32, searchsorted_size},
                                    {"searchsorted_f64", searchsorted_f64, searchsorted_size},
                                    {"searchsorted_i32", searchsorted_i32, searchsorted_size},
                                    {0}};
const fnn_table FNN_TABLE(sort) = {entries, 0, 0};
