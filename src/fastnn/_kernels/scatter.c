/* scatter.c: rows at given positions replaced by others, or combined with them; how many positions are the same. */
#include "indices.h"

/* ---- scatter: y = x, but for each j, in their order, row index[j] of y becomes updates[j], or its sum, its product,
 * or the larger or the smaller of both (NaN where one is) ----
 * ints: [0] n, rows of x   [1] inner, elements of a row   [2] m, indices   [3] dtype of the index   [4] bytes of an
 *       element
 * buffers: x (n, inner), index (m), updates (m, inner), y (n, inner), which may be x and overlaps none of the others.
 * An index of -n .. -1 counts from the end; one outside [-n, n) sets the status, and nothing is done for it.
 * Phase 0 copies x. A unit of phase 1 goes through all indices for WIDTH bytes of the rows, so that what a row becomes
 * does not depend on the number of threads. */

enum {
  UNIT = 1 << 16, /* bytes of a unit of phase 0 */
  WIDTH = 1 << 10 /* bytes of a row: of narrower parts, to find the index takes as long as the rest */
};

static void scatter_size(const int64_t *ints, fnn_work *work) {
  const int64_t row_bytes = ints[1] * ints[4];
  work->phases = 2;
  work->units[0] = fnn_ceil_div(ints[0] * row_bytes, UNIT);
  work->units[1] = ints[2] ? fnn_ceil_div(row_bytes, WIDTH) : 0;
  work->flops = (double)ints[2] * (double)ints[1];
  work->bytes = (double)row_bytes * (2.0 * (double)ints[0] + 3.0 * (double)ints[2]);
}

static void copy_x(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t last = fnn_min(end * UNIT, call->ints[0] * call->ints[1] * call->ints[4]), first = begin * UNIT;
  if (call->buf[3] != call->buf[0]) memcpy(call->buf[3] + first, call->buf[0] + first, (size_t)(last - first));
}

/* `bytes` bytes from byte `first` on of rows of row_bytes. */
FNN_INLINE void scatter_bytes(const fnn_call *call, int64_t first, const int64_t bytes, const int64_t row_bytes,
                              const int64_t dtype) {
  for (int64_t j = 0; j < call->ints[2]; j++) {
    const int64_t i = index_at(call->buf[1], dtype, j, call->ints[0]);
    if (i < 0) set_status(call, FNN_INDEX_OUT_OF_RANGE);
    else memcpy(call->buf[3] + i * row_bytes + first, call->buf[2] + j * row_bytes + first, (size_t)bytes);
  }
}

static void scatter(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t row_bytes = call->ints[1] * call->ints[4], first = begin * WIDTH;
#define FOUR(dtype) scatter_bytes(call, 0, 4, 4, dtype)
#define EIGHT(dtype) scatter_bytes(call, 0, 8, 8, dtype)
  if (call->phase == 0) copy_x(call, begin, end);
  else if (row_bytes == 4) WITH_INDEX_TYPE(call->ints[3], FOUR)
  else if (row_bytes == 8) WITH_INDEX_TYPE(call->ints[3], EIGHT)
  else scatter_bytes(call, first, fnn_min(end * WIDTH, row_bytes) - first, row_bytes, call->ints[3]);
#undef FOUR
#undef EIGHT
}

enum { SUM, PRODUCT, MAX, MIN };

#define T float
#define OWN(name) name##_f32
#define IS_FLOAT 1
#include "scatter_body.h"
#define T double
#define OWN(name) name##_f64
#define IS_FLOAT 1
#include "scatter_body.h"
#define T int32_t
#define OWN(name) name##_i32
#define IS_FLOAT 0
#include "scatter_body.h"

/* ---- bincount: y[k] = how many of x are k; bincount_f32, bincount_f64: the sum of their weights, in x's order ----
 * ints: [0] n of x   [1] length of y   [2] dtype of x, int32 or int64
 * buffers: x (n), all from 0 to length - 1, y (length), int32 or as the weights, and the weights (n); not
 * overlapping. */

static void bincount_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = 1;
  work->flops = (double)ints[0];
  work->bytes = (double)ints[0] * (double)fnn_dtype_bytes(ints[2]) + 4.0 * (double)ints[1];
}

/* Numbers [begin, end) of x counted: `counts[x[i]] += one` in blocks that are looked at first, so that the loop that
 * counts asks nothing. U: the type of x without its sign; n_counts sets of counts take turns. */
enum { COUNTED_BLOCK = 512 };
#define COUNT_ALL(U, counts, n_counts, one)                                                                            \
  do {                                                                                                                 \
    const U *x = (const U *)call->buf[0];                                                                              \
    for (uint64_t from = 0; from < n; from += COUNTED_BLOCK) {                                                         \
      const uint64_t to = from + COUNTED_BLOCK < n ? from + COUNTED_BLOCK : n;                                         \
      U most = 0;                                                                                                      \
      for (uint64_t i = from; i < to; i++) most = x[i] > most ? x[i] : most;                                           \
      if (most >= length) {                                                                                            \
        set_status(call, FNN_INDEX_OUT_OF_RANGE);                                                                      \
        continue;                                                                                                      \
      }                                                                                                                \
      uint64_t i = from;                                                                                               \
      for (; i + n_counts <= to; i += n_counts)                                                                        \
        _Pragma("GCC unroll 4") for (int k = 0; k < n_counts; k++) counts[k][x[i + k]] += one;                         \
      for (; i < to; i++) counts[0][x[i]] += one;                                                                      \
    }                                                                                                                  \
  } while (0)

static void bincount(const fnn_call *call, int64_t begin, int64_t end) {
  enum { FEW = 1024 }; /* which come again and again: who counts one waits for the last time, but in another set */
  const uint64_t n = (uint64_t)call->ints[0], length = (uint64_t)call->ints[1];
  int32_t others[3][FEW], *counts[4] = {(int32_t *)call->buf[1], others[0], others[1], others[2]};
  if (begin == end) return;
  const int is_few = length <= FEW && n >= 4 * FEW;
  for (int k = 0; k < (is_few ? 4 : 1); k++) memset(counts[k], 0, length * sizeof(int32_t));
  if (call->ints[2] == FNN_I32 && is_few) COUNT_ALL(uint32_t, counts, 4, 1);
  else if (call->ints[2] == FNN_I32) COUNT_ALL(uint32_t, counts, 1, 1);
  else if (is_few) COUNT_ALL(uint64_t, counts, 4, 1);
  else COUNT_ALL(uint64_t, counts, 1, 1);
  for (uint64_t k = 0; is_few && k < length; k++) counts[0][k] += others[0][k] + others[1][k] + others[2][k];
}

#define WEIGHED(name, T)                                                                                               \
  static void name(const fnn_call *call, int64_t begin, int64_t end) {                                                 \
    const uint64_t n = (uint64_t)call->ints[0], length = (uint64_t)call->ints[1];                                      \
    T *counts[1] = {(T *)call->buf[1]};                                                                                \
    const T *weights = (const T *)call->buf[2];                                                                        \
    if (begin == end) return;                                                                                          \
    memset(counts[0], 0, length * sizeof(T));                                                                          \
    if (call->ints[2] == FNN_I32) COUNT_ALL(uint32_t, counts, 1, weights[i]);                                          \
    else COUNT_ALL(uint64_t, counts, 1, weights[i]);                                                                   \
  }
WEIGHED(bincount_f32, float)
WEIGHED(bincount_f64, double)
#undef WEIGHED
#undef COUNT_ALL

#define COMBINATIONS(type)                                                                                             \
  {"scatter_add_" #type, scatter_add_##type, scatter_size}, {"scatter_mul_" #type, scatter_mul_##type, scatter_size},  \
    {"scatter_max_" #type, scatter_max_##type, scatter_size}, {"scatter_min_" #type, scatter_min_##type, scatter_size}

static const fnn_entry entries[] = {
  {"scatter", scatter, scatter_size}, COMBINATIONS(f32), COMBINATIONS(f64), COMBINATIONS(i32),
  {"bincount", bincount, bincount_size}, {"bincount_f32", bincount_f32, bincount_size},
  {"bincount_f64", bincount_f64, bincount_size}, {0}};
const fnn_table FNN_TABLE(scatter) = {entries, 0, 0};
