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

/* order[i * stride] of the k first of n elements, by ranks; the keys are padded to whole vectors. */
FNN_INLINE void sort_by_ranks(int64_t *key, int64_t n, int32_t *order, int64_t k, int64_t stride, const int wide) {
  enum { LANES = FNN_VECTOR_BYTES / 8 };
  typedef int64_t lanes __attribute__((vector_size(FNN_VECTOR_BYTES)));
  for (int64_t i = n; i % LANES; i++) key[i] = INT64_MAX;
  for (int64_t i = 0; i < n; i += LANES) {
    lanes own, rank = {0}, number;
    memcpy(&own, key + i, sizeof own);
    for (int lane = 0; lane < LANES; lane++) number[lane] = i + lane;
    for (int64_t j = 0; j < n; j++) {
      const lanes other = key[j] - (lanes){0};
      rank -= wide ? (lanes)(other < own) | ((lanes)(other == own) & (lanes)(j - (lanes){0} < number))
                   : (lanes)(other < own);
    }
    for (int64_t lane = 0; lane < fnn_min(LANES, n - i); lane++)
      if (rank[lane] < k) order[rank[lane] * stride] = (int32_t)(i + lane);
  }
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
  for (int64_t i = 0; i < n; i++) keys[i] ^= (uint64_t)1 << 63;
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

/* ---- sort: elements of 32 or 8 bits along an axis, NaN last; which of 0 and -0 came first is forgotten ----
 * ints: [0] outer   [1] n, at most INT32_MAX   [2] inner   [3] dtype: float32, int32, uint32, int8 or uint8
 * buffers: x (outer, n, inner), y of the same shape, which does not overlap it.
 *
 * Rows that stay in a near cache go through a bitonic network, whose comparisons need neither branch nor position.
 * Place i is lane i / m of vector i % m of m, a power of two: so most stages are of whole vectors, and few compare
 * lanes with each other. Longer rows are sorted by radix. Bytes are counted. */

enum {
  NETWORK = 1024 * FNN_VF, /* elements up to which a network takes less time than radix, whatever it is padded by */
#if defined(FNN_ISA_AVX512) || defined(__aarch64__)
  BLOCK = 16 /* vectors of a block that stays in registers */
#else
  BLOCK = 8
#endif
};

_Static_assert(NETWORK >= WIDE_FROM, "longer rows have digits of 11 bits");

/* The vectors of a network of n elements. */
static int64_t network_vectors(int64_t n) {
  int64_t m = 1;
  while (m * FNN_VF < n) m *= 2;
  return m;
}

static void sort_size(const int64_t *ints, fnn_work *work) {
  const int64_t n = ints[1];
  argsort_size((const int64_t[]){ints[0], n, ints[2], ints[3], 0, n}, work);
  work->scratch_bytes = n <= NETWORK ? network_vectors(n) * FNN_VECTOR_BYTES
                                     : counts_bytes(ints) + (ints[2] == 1 ? 1 : 2) * n * (int64_t)sizeof(uint32_t);
}

FNN_INLINE void exchange(fnn_vi32 *a, fnn_vi32 *b) {
  const fnn_vi32 low = fnn_mini(*a, *b);
  *b = fnn_maxi(*a, *b), *a = low;
}

/* Lanes of a, and those of b where the lane's number has that bit. */
FNN_INLINE fnn_vi32 by_bit(fnn_vi32 a, fnn_vi32 b, const int bit) {
  return __builtin_shuffle(a, b, fnn_lanesf() + (((fnn_lanesf() & bit) != 0) & FNN_VF));
}

/* A block of `rows` vectors: each lane sorted, or (is_merge) halves of what is bitonic in it compared down to one. */
FNN_INLINE void in_registers(fnn_vi32 *v, const int rows, const int is_merge) {
  fnn_vi32 t[BLOCK];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) t[r] = v[r];
#pragma GCC unroll 4
  for (int size = is_merge ? rows : 2; size <= rows; size *= 2) {
#pragma GCC unroll 16
    for (int r = 0; !is_merge && r < rows; r++)
      if (!(r & size / 2)) exchange(t + r, t + (r ^ (size - 1)));
#pragma GCC unroll 4
    for (int apart = is_merge ? size / 2 : size / 4; apart; apart /= 2)
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++)
        if (!(r & apart)) exchange(t + r, t + (r ^ apart));
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) v[r] = t[r];
}

static void blocks(fnn_vi32 *v, int64_t m, const int is_merge) {
  switch (m) {
    case 1: return;
    case 2: is_merge ? in_registers(v, 2, 1) : in_registers(v, 2, 0); return;
    case 4: is_merge ? in_registers(v, 4, 1) : in_registers(v, 4, 0); return;
    case 8: is_merge ? in_registers(v, 8, 1) : in_registers(v, 8, 0); return;
  }
  for (int64_t r = 0; r < m; r += BLOCK) is_merge ? in_registers(v + r, BLOCK, 1) : in_registers(v + r, BLOCK, 0);
}

/* The stages after the first of a merge of `size` vectors of a lane, `apart` and less apart, in all m. */
static void merge_vectors(fnn_vi32 *v, int64_t m, int64_t apart) {
  for (; apart >= 2 * BLOCK; apart /= 4) /* two stages in one pass */
    for (int64_t from = 0; from < m; from += 2 * apart)
      for (int64_t r = from; r < from + apart / 2; r++) {
        fnn_vi32 t[4] = {v[r], v[r + apart / 2], v[r + apart], v[r + apart + apart / 2]};
        exchange(t, t + 2), exchange(t + 1, t + 3), exchange(t, t + 1), exchange(t + 2, t + 3);
        v[r] = t[0], v[r + apart / 2] = t[1], v[r + apart] = t[2], v[r + apart + apart / 2] = t[3];
      }
  for (; apart >= BLOCK; apart /= 2)
    for (int64_t from = 0; from < m; from += 2 * apart)
      for (int64_t r = from; r < from + apart; r++) exchange(v + r, v + r + apart);
  blocks(v, m, 1);
}

/* Merges lanes to runs of `lanes` of them: vector r of the lower ones meets the one that is r from the end of the upper
 * ones, then lanes of a vector meet each other. Mirrored, the upper ones lie where those do that they meet. */
FNN_INLINE void merge_lanes(fnn_vi32 *v, int64_t m, const int lanes) {
  const fnn_vi32 mirror = fnn_lanesf() ^ (lanes - 1);
  for (int64_t r = 0; r < fnn_max(1, m / 2); r++) {
    const fnn_vi32 a = v[r], b = __builtin_shuffle(v[m - 1 - r], mirror), low = fnn_mini(a, b), high = fnn_maxi(a, b);
    fnn_vi32 first = by_bit(low, high, lanes / 2), last = __builtin_shuffle(by_bit(high, low, lanes / 2), mirror);
#pragma GCC unroll 4
    for (int apart = lanes / 4; apart; apart /= 2) {
      const fnn_vi32 other = fnn_lanesf() ^ apart;
      const fnn_vi32 x = __builtin_shuffle(first, other), y = __builtin_shuffle(last, other);
      first = by_bit(fnn_mini(first, x), fnn_maxi(first, x), apart);
      last = by_bit(fnn_mini(last, y), fnn_maxi(last, y), apart);
    }
    v[m - 1 - r] = last, v[r] = first;
  }
  merge_vectors(v, m, m / 2);
}

static void sort_by_network(fnn_vi32 *v, int64_t m) {
  blocks(v, m, 0);
  for (int64_t size = 2 * BLOCK; size <= m; size *= 2) {
    for (int64_t from = 0; from < m; from += size)
      for (int64_t r = 0; r < size / 2; r++) exchange(v + from + r, v + from + size - 1 - r);
    merge_vectors(v, m, size / 4);
  }
  merge_lanes(v, m, 2), merge_lanes(v, m, 4);
  if (FNN_VF > 4) merge_lanes(v, m, fnn_min(FNN_VF, 8));
  if (FNN_VF > 8) merge_lanes(v, m, FNN_VF);
}

/* Of an element's bits a number of its size that orders as it does, and back; a NaN is positive. */
FNN_INLINE int32_t key_of_bits(int32_t bits, const int64_t dtype) {
  if (dtype == FNN_I32) return bits;
  if (dtype == FNN_U32) return bits ^ INT32_MIN;
  return (bits & INT32_MAX) > 0x7f800000 ? bits & INT32_MAX : bits ^ ((bits >> 31) & INT32_MAX);
}
FNN_INLINE int32_t bits_of_key(int32_t key, const int64_t dtype) {
  return dtype == FNN_I32 ? key : dtype == FNN_U32 ? key ^ INT32_MIN : key ^ ((key >> 31) & INT32_MAX);
}

/* y[i * stride] of n elements: lane i / m of vector i % m. Where each lane has whole vectors of them, by squares. */
FNN_INLINE void by_lanes(int32_t *y, const fnn_vi32 *v, int64_t n, int64_t m, int64_t stride) {
  if (stride == 1 && m >= FNN_VF) {
    for (int64_t r = 0; r < m; r += FNN_VF) {
      fnn_vf t[FNN_VF];
      memcpy(t, v + r, sizeof t);
      transpose_f32(t);
#pragma GCC unroll 16
      for (int lane = 0; lane < FNN_VF; lane++) {
        const int64_t at = lane * m + r;
        if (at + FNN_VF <= n) fnn_storef((float *)(y + at), t[lane]);
        else if (at < n) fnn_store_partf((float *)(y + at), t[lane], n - at);
      }
    }
    return;
  }
  for (int64_t i = 0; i < n; i += m)
    for (int64_t r = 0; r < fnn_min(m, n - i); r++) y[(i + r) * stride] = ((const int32_t *)(v + r))[i / m];
}

/* y of n elements x, both `stride` apart. */
FNN_INLINE void sort_short(int32_t *y, const int32_t *x, int64_t n, int64_t stride, fnn_vi32 *v,
                           const int64_t dtype) {
  const int64_t m = network_vectors(n);
  int32_t *key = (int32_t *)v;
  for (int64_t i = 0; i < n; i++) key[i] = key_of_bits(x[i * stride], dtype);
  for (int64_t i = n; i < m * FNN_VF; i++) key[i] = INT32_MAX;
  sort_by_network(v, m);
  for (int64_t i = 0; i < m * FNN_VF; i++) key[i] = bits_of_key(key[i], dtype);
  by_lanes(y, v, n, m, stride);
}

/* Words of all dtypes share this code. */
static __attribute__((noinline)) int sort_long_words(uint32_t *key, uint32_t *other, int64_t n, uint32_t *counts) {
  return n > WIDE_TO ? sort_words(key, other, NULL, NULL, n, counts, 0, 8)
                     : sort_words(key, other, NULL, NULL, n, counts, 0, 11);
}

/* By radix, between the scratch and y itself where y is contiguous. */
FNN_INLINE void sort_long(const fnn_call *call, int32_t *y, const int32_t *x, int64_t stride, const int64_t dtype) {
  const int64_t n = call->ints[1];
  uint32_t *counts = (uint32_t *)call->scratch, *key = (uint32_t *)(call->scratch + counts_bytes(call->ints));
  uint32_t *other = stride == 1 ? (uint32_t *)y : key + n;
  for (int64_t i = 0; i < n; i++) key[i] = (uint32_t)(key_of_bits(x[i * stride], dtype) ^ INT32_MIN);
  const int is_other = sort_long_words(key, other, n, counts);
  if (is_other && stride == 1) {
    for (int64_t i = 0; i < n; i++) y[i] = bits_of_key(y[i] ^ INT32_MIN, dtype);
    return;
  }
  if (is_other) key = other;
  for (int64_t i = 0; i < n; i++) y[i * stride] = bits_of_key((int32_t)key[i] ^ INT32_MIN, dtype);
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
    else if (inner == 1) sort_short(y, x, n, 1, (fnn_vi32 *)call->scratch, dtype);
    else sort_short(y, x, n, inner, (fnn_vi32 *)call->scratch, dtype);
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
  if (ints[3] == FNN_F32) sort_rows(call, row, last, FNN_F32);
  else if (ints[3] == FNN_I32) sort_rows(call, row, last, FNN_I32);
  else sort_rows(call, row, last, FNN_U32);
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
