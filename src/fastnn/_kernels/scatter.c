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

/* ---- bincount: y[k] = how many of x are k ----
 * ints: [0] n of x   [1] length of y   [2] dtype of x, int32 or int64
 * buffers: x (n), all from 0 to length - 1, y int32 (length), not overlapping. */

static void bincount_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = 1;
  work->flops = (double)ints[0];
  work->bytes = (double)ints[0] * (double)fnn_dtype_bytes(ints[2]) + 4.0 * (double)ints[1];
}

static void bincount(const fnn_call *call, int64_t begin, int64_t end) {
  const uint64_t n = (uint64_t)call->ints[0], length = (uint64_t)call->ints[1];
  int32_t *y = (int32_t *)call->buf[1];
  if (begin == end) return;
  memset(y, 0, length * sizeof *y);
#define COUNT(type)                                                                                                    \
  for (uint64_t i = 0; i < n; i++) {                                                                                   \
    const uint64_t k = (uint64_t)((const type *)call->buf[0])[i];                                                      \
    if (k < length) y[k]++;                                                                                            \
    else set_status(call, FNN_INDEX_OUT_OF_RANGE);                                                                     \
  }
  if (call->ints[2] == FNN_I32) COUNT(int32_t)
  else COUNT(int64_t)
#undef COUNT
}

#define COMBINATIONS(type)                                                                                             \
  {"scatter_add_" #type, scatter_add_##type, scatter_size}, {"scatter_mul_" #type, scatter_mul_##type, scatter_size},  \
    {"scatter_max_" #type, scatter_max_##type, scatter_size}, {"scatter_min_" #type, scatter_min_##type, scatter_size}

static const fnn_entry entries[] = {
  {"scatter", scatter, scatter_size}, COMBINATIONS(f32), COMBINATIONS(f64), COMBINATIONS(i32),
  {"bincount", bincount, bincount_size}, {0}};
const fnn_table FNN_TABLE(scatter) = {entries, 0, 0};
