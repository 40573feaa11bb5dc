/* gather.c: rows at given positions. The batch gather from the user's arrays, `take`, and its gradient. */
#include "indices.h"
#include "program.h"

enum {
  UNIT = 8192,   /* elements of a unit: 32 KiB of float32 */
  FETCHED = 256, /* bytes at the start of a row that are asked for ahead: no CPU guesses where the next one lies */
  MOST_FETCHED = 1 << 12, /* of rows up to this all bytes */
  BYTES_AHEAD = 1 << 13,  /* of rows of a line and more, but no more rows than that: */
  ROWS_AHEAD = 16
};

/* X(dtype, C type). */
#define ALL_TYPES(X) INDEX_TYPES(X) X(FNN_F32, float) X(FNN_F64, double)
#define RESULT_TYPES(X) X(FNN_F32, float) X(FNN_F64, double) X(FNN_I32, int32_t) X(FNN_I64, int64_t)

/* ---- gather_rows: the batch of every input of a step ----
 * ints:  [0] arrays   [1] rows of the batch; then for each array
 *        {source dtype, destination dtype, elements of a row, source row stride in elements}
 * reals: for each array {scale, offset}
 * buffers: [0] index (int32): this batch's rows are those at index[call->batch * rows ..]; NULL: rows
 *        call->batch * rows .. of the sources themselves. Then for each array its source and destination.
 * Row i of a destination (contiguous) is source[index] * scale + offset, computed in the destination's type; with a
 * scale of 1 and an offset of 0 it is a plain cast, or a copy of bytes when the dtypes agree.
 * Destinations are float32, float64, int32 or int64, or the source's dtype (then no scale). A cast to an integer
 * rounds toward zero. Every index must lie in its source: whoever binds the arrays has checked it. */

enum { GATHER_INTS = 4 };

/* Rows of a unit of array k. */
static int64_t gather_unit_rows(const int64_t *ints, int64_t k) {
  return fnn_max(1, UNIT / fnn_max(1, ints[2 + GATHER_INTS * k + 2]));
}

FNN_COMMON
static void gather_rows_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  for (int64_t k = 0; k < ints[0]; k++) {
    const int64_t *a = ints + 2 + GATHER_INTS * k;
    work->units[0] += fnn_ceil_div(ints[1], gather_unit_rows(ints, k));
    work->bytes += (double)ints[1] * (double)a[2] * (double)(fnn_dtype_bytes(a[0]) + fnn_dtype_bytes(a[1]));
  }
}

/* One row of n elements. */
static void cast_row(char *dst, const char *src, int64_t from, int64_t to, int64_t n, double scale, double offset) {
  int is_plain = scale == 1 && offset == 0;
#define CONVERT(to_type, from_type)                                                                                    \
  {                                                                                                                    \
    to_type *d = (to_type *)dst;                                                                                       \
    const from_type *s = (const from_type *)src;                                                                       \
    to_type a = (to_type)scale, b = (to_type)offset;                                                                   \
    if (is_plain)                                                                                                      \
      for (int64_t i = 0; i < n; i++) d[i] = (to_type)s[i];                                                            \
    else                                                                                                               \
      for (int64_t i = 0; i < n; i++) d[i] = (to_type)s[i] * a + b;                                                    \
    break;                                                                                                             \
  }
#define TO_F32(code, type) case code: CONVERT(float, type)
#define TO_F64(code, type) case code: CONVERT(double, type)
#define TO_I32(code, type) case code: CONVERT(int32_t, type)
#define TO_I64(code, type) case code: CONVERT(int64_t, type)
  switch (to) {
    case FNN_F32: switch (from) { ALL_TYPES(TO_F32) } break;
    case FNN_F64: switch (from) { ALL_TYPES(TO_F64) } break;
    case FNN_I32: switch (from) { ALL_TYPES(TO_I32) } break;
    case FNN_I64: switch (from) { ALL_TYPES(TO_I64) } break;
  }
#undef TO_F32
#undef TO_F64
#undef TO_I32
#undef TO_I64
#undef CONVERT
}

/* How many rows of at least a line are under way. They are asked for into the second cache: more of their lines can be
 * on their way there than the first one waits for. */
static int64_t rows_ahead(int64_t bytes) { return fnn_max(1, fnn_min(ROWS_AHEAD, BYTES_AHEAD / bytes)); }

/* Rows [first, last) of the batch of array k, cast or copied as they are. `size`: bytes of a row that are known here,
 * so that a short row is some instructions, not a call; or 0. */
FNN_INLINE void gather_each(const fnn_call *call, int64_t k, int64_t first, int64_t last, const int is_cast,
                            const int64_t size) {
  const int64_t *a = call->ints + 2 + GATHER_INTS * k;
  const int32_t *index = (const int32_t *)call->buf[0];
  const char *src = call->buf[1 + 2 * k];
  char *dst = call->buf[2 + 2 * k];
  const int64_t rows = call->ints[1], start = call->batch * rows;
  int64_t src_bytes = a[3] * fnn_dtype_bytes(a[0]), dst_bytes = a[2] * fnn_dtype_bytes(a[1]);
  int64_t bytes = size ? size : a[2] * fnn_dtype_bytes(a[0]), fetched = bytes <= MOST_FETCHED ? bytes : FETCHED;
  const int64_t is_short = bytes < FNN_ALIGN, ahead = is_short ? FETCHED / fnn_max(1, bytes) : rows_ahead(bytes);
  for (int64_t i = first; i < last; i++) {
    int64_t row = index ? index[start + i] : start + i;
    if (index && i + ahead < rows) {
      const char *later = src + index[start + i + ahead] * src_bytes;
      if (is_short) __builtin_prefetch(later);
      else
        for (int64_t byte = 0; byte < fetched; byte += FNN_ALIGN) __builtin_prefetch(later + byte, 0, 2);
    }
    if (is_cast)
      cast_row(dst + i * dst_bytes, src + row * src_bytes, a[0], a[1], a[2], call->reals[2 * k],
               call->reals[2 * k + 1]);
    else memcpy(dst + i * bytes, src + row * src_bytes, (size_t)bytes);
  }
}

/* The loops of all pairs of types: not among what most plans run. */
static __attribute__((noinline)) void gather_cast(const fnn_call *call, int64_t k, int64_t first, int64_t last) {
  gather_each(call, k, first, last, 1, 0);
}

/* The same for rows that are copied as they are, of a line and more, which lie anywhere. A line of a later row is asked
 * for with each that is copied. */
static void gather_lines(const fnn_call *call, int64_t k, int64_t first, int64_t last, int64_t bytes) {
  const int64_t *a = call->ints + 2 + GATHER_INTS * k, rows = call->ints[1];
  const int32_t *index = (const int32_t *)call->buf[0] + call->batch * rows;
  const int64_t src_bytes = a[3] * fnn_dtype_bytes(a[0]);
  const int64_t ahead = rows_ahead(bytes), whole = bytes / FNN_ALIGN * FNN_ALIGN;
  const char *from = call->buf[1 + 2 * k];
  char *dst = call->buf[2 + 2 * k] + first * bytes;
  for (int64_t i = first; i < last; i++, dst += bytes) {
    const char *src = from + index[i] * src_bytes, *later = from + index[fnn_min(i + ahead, rows - 1)] * src_bytes;
    for (int64_t at = 0; at < whole; at += FNN_ALIGN) {
      __builtin_prefetch(later + at, 0, 2);
      memcpy(dst + at, src + at, FNN_ALIGN);
    }
    if (whole == bytes) continue;
    __builtin_prefetch(later + whole, 0, 2);
    memcpy(dst + bytes - FNN_ALIGN, src + bytes - FNN_ALIGN, FNN_ALIGN); /* a part of it again */
  }
}

static void gather_rows_of(const fnn_call *call, int64_t k, int64_t first, int64_t last) {
  const int64_t *a = call->ints + 2 + GATHER_INTS * k;
  if (a[0] != a[1] || call->reals[2 * k] != 1 || call->reals[2 * k + 1] != 0) {
    gather_cast(call, k, first, last);
    return;
  }
  int64_t bytes = a[2] * fnn_dtype_bytes(a[0]);
  switch (bytes) {
    case 4: gather_each(call, k, first, last, 0, 4); break;
    case 8: gather_each(call, k, first, last, 0, 8); break;
    case 16: gather_each(call, k, first, last, 0, 16); break;
    case 32: gather_each(call, k, first, last, 0, 32); break;
    default:
      if (bytes >= FNN_ALIGN && call->buf[0]) gather_lines(call, k, first, last, bytes);
      else gather_each(call, k, first, last, 0, 0);
  }
}

FNN_COMMON
static void gather_rows(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints;
  int64_t first = 0; /* unit of the array at hand */
  for (int64_t k = 0; k < ints[0]; k++) {
    int64_t step = gather_unit_rows(ints, k), units = fnn_ceil_div(ints[1], step);
    int64_t from = fnn_max(begin, first) - first, to = fnn_min(end, first + units) - first;
    first += units;
    if (from < to) gather_rows_of(call, k, from * step, fnn_min(ints[1], to * step));
  }
}

/* ---- put_rows: the reverse for one row a batch, as it is ----
 * ints: [0] arrays; then for each array the bytes of a row. buffers: [0] index (int32) or NULL, as of gather_rows with
 * batches of one row; then for each array the row and the destination, which do not overlap. */

static void put_rows_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = 1;
  for (int64_t k = 0; k < ints[0]; k++) work->bytes += 2.0 * (double)ints[1 + k];
}

static void put_rows(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints;
  const int32_t *index = (const int32_t *)call->buf[0];
  int64_t row = index ? index[call->batch] : call->batch;
  for (int64_t k = 0; begin < end && k < ints[0]; k++)
    memcpy(call->buf[2 + 2 * k] + row * ints[1 + k], call->buf[1 + 2 * k], (size_t)ints[1 + k]);
}

/* ---- take: y[o, j, :] = x[o, index[j], :] ----
 * ints: [0] bytes of an element   [1] outer   [2] n, rows of x   [3] inner, elements of a row   [4] m, indices
 *       [5] dtype of the index
 * buffers: x (outer, n, inner), index (m), y (outer, m, inner); y overlaps none of the others.
 * An index of -n .. -1 counts from the end. One outside [-n, n) sets the status, and its row of y is left as it was. */

enum {
  TAKE_AHEAD = 8,
  TAKE_FETCHED = 1024,     /* bytes */
  TAKE_LEAST_FETCHED = 64, /* of shorter rows a line has several */
  /* Rows of at most so many bytes are not asked for from an x of at most so many: the CPU is at work on several of them
   * at once, and a second cache is near enough. */
  TAKE_SHORT = 1 << 9,
  TAKE_NEAR = 1 << 20,
  TAKE_MIDDLING = 1 << 10  /* of rows of at most so many a call takes as long as what it copies */
};

static int64_t take_unit_rows(const int64_t *ints) { return fnn_max(1, UNIT / fnn_max(1, ints[3])); }

/* Whether a unit has single elements of several outer indices, by the same indices for each. */
static int take_is_found_once(const int64_t *ints) {
  return ints[3] == 1 && (ints[0] == 4 || ints[0] == 8) && ints[4] <= UNIT / 2 && ints[1] > 1 && ints[2] <= INT32_MAX;
}

static void take_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[1] * ints[4], take_unit_rows(ints));
  work->bytes = 2.0 * (double)ints[0] * (double)ints[1] * (double)ints[4] * (double)ints[3];
  if (take_is_found_once(ints)) work->scratch_bytes = ints[4] * (int64_t)sizeof(int32_t);
}

/* Elements [j, end) of one y, of those of x that are `at`: a load and a store each, for the compiler would join those
 * of 8 bytes in vectors before it stores them, which takes a third longer. */
FNN_INLINE void take_found(char *y, const char *x, const int32_t *at, int64_t j, int64_t end, const int64_t size) {
#pragma GCC unroll 4
  for (; j < end; j++) {
    const char *from = x + at[j] * size;
    __asm__("" : "+r"(from));
    memcpy(y + j * size, from, (size_t)size);
  }
}

/* Where each of m indices from `first` on is, of the commonest types by vectors; 0 when one is outside. */
static int find_indices(const fnn_call *call, int32_t *at, int64_t first, int64_t m) {
  const int64_t n = call->ints[2];
  int64_t least = 0;
  /* Of what is outside one of k and n - 1 - k is negative. */
#define FIND(type, unsigned_type)                                                                                      \
  {                                                                                                                    \
    const type *index = (const type *)call->buf[1] + first;                                                            \
    unsigned_type signs = 0;                                                                                           \
    for (int64_t j = 0; j < m; j++) {                                                                                  \
      const unsigned_type k = (unsigned_type)index[j] + (index[j] < 0 ? (unsigned_type)n : 0);                         \
      signs |= k | ((unsigned_type)n - 1 - k);                                                                         \
      at[j] = (int32_t)k;                                                                                              \
    }                                                                                                                  \
    return (type)signs >= 0;                                                                                           \
  }
  if (call->ints[5] == FNN_I32) FIND(int32_t, uint32_t)
  if (call->ints[5] == FNN_I64) FIND(int64_t, uint64_t)
#undef FIND
  for (int64_t j = 0; j < m; j++) least |= at[j] = (int32_t)index_at(call->buf[1], call->ints[5], first + j, n);
  return least >= 0;
}

/* Rows [j, end) of one y. Those of x lie anywhere: they are asked for ahead. A row of `size` bytes, or if that is 0, of
 * more than `by`, is copied `by` bytes at once and then its last `rest`, which may have a part of those before; by = 0:
 * by a call. */
FNN_INLINE void take_each(const fnn_call *call, char *y, const char *x, int64_t j, int64_t end, const int64_t dtype,
                          const int64_t size, const int64_t by, const int64_t rest) {
  const int64_t *ints = call->ints;
  const int64_t n = ints[2], row_bytes = size ? size : ints[0] * ints[3], fetched = fnn_min(TAKE_FETCHED, row_bytes);
  const int asks = row_bytes >= TAKE_LEAST_FETCHED && (row_bytes > TAKE_SHORT || n * row_bytes > TAKE_NEAR);
  for (; j < end; j++) {
    if (asks && j + TAKE_AHEAD < end) {
      const char *next = x + fnn_max(0, index_at(call->buf[1], dtype, j + TAKE_AHEAD, n)) * row_bytes;
      for (int64_t byte = 0; byte < fetched; byte += 64) __builtin_prefetch(next + byte);
    }
    const int64_t i = index_at(call->buf[1], dtype, j, n);
    char *to = y + j * row_bytes;
    const char *from = x + i * row_bytes;
    if (i < 0) set_status(call, FNN_INDEX_OUT_OF_RANGE);
    else if (!by) memcpy(to, from, (size_t)row_bytes);
    else {
      for (int64_t k = 0; k < row_bytes - by; k += by) memcpy(to + k, from + k, (size_t)by);
      memcpy(to + row_bytes - rest, from + row_bytes - rest, (size_t)rest);
    }
  }
}

/* The same of rows of 4 or 8 bytes: vectors find where those of a block are, so that each is a load and a store. */
FNN_INLINE void take_words(const fnn_call *call, char *y, const char *x, int64_t j, int64_t end, const int64_t size) {
  enum { BLOCK = 512 };
  int32_t at[BLOCK];
  const int64_t dtype = call->ints[5];
  const int is_found = call->ints[2] <= INT32_MAX && (dtype == FNN_I32 || dtype == FNN_I64);
  for (int64_t count; j < end; j += count) {
    count = is_found ? fnn_min(BLOCK, end - j) : end - j;
    if (is_found && find_indices(call, at, j, count)) take_found(y + j * size, x, at, 0, count, size);
    else take_each(call, y, x, j, j + count, dtype, size, size, size);
  }
}

static void take_rows(const fnn_call *call, char *y, const char *x, int64_t j, int64_t end) {
  const int64_t row_bytes = call->ints[0] * call->ints[3];
  if (row_bytes == 4 || row_bytes == 8) {
    if (row_bytes == 4) take_words(call, y, x, j, end, 4);
    else take_words(call, y, x, j, end, 8);
    return;
  }
#define TAKE(dtype)                                                                                                    \
  if (row_bytes == 12) take_each(call, y, x, j, end, dtype, 12, 8, 4);                                                 \
  else if (row_bytes == 16) take_each(call, y, x, j, end, dtype, 16, 16, 16);                                          \
  else if (row_bytes < 16 || row_bytes > TAKE_MIDDLING) take_each(call, y, x, j, end, dtype, 0, 0, 0);                 \
  else if (row_bytes < 32) take_each(call, y, x, j, end, dtype, 0, 16, 16);                                            \
  else if (row_bytes < 64) take_each(call, y, x, j, end, dtype, 0, 32, 32);                                            \
  else if ((row_bytes - 1) % 64 < 32) take_each(call, y, x, j, end, dtype, 0, 64, 32);                                 \
  else take_each(call, y, x, j, end, dtype, 0, 64, 64)
  WITH_INDEX_TYPE(call->ints[5], TAKE)
#undef TAKE
}

static void take(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints;
  int64_t outer = ints[1], n = ints[2], m = ints[4], row_bytes = ints[0] * ints[3], step = take_unit_rows(ints);
  int64_t last = fnn_min(outer * m, end * step);
  int32_t *at = (int32_t *)call->scratch;
  const int are_found = take_is_found_once(ints) && find_indices(call, at, 0, m);
  for (int64_t row = begin * step; row < last; row = (row / m + 1) * m) {
    const int64_t of = row / m, first = of * m, j = row - first, until = fnn_min(m, last - first);
    const char *x = call->buf[0] + of * n * row_bytes;
    char *y = call->buf[2] + first * row_bytes;
    if (!are_found) take_rows(call, y, x, j, until);
    else if (row_bytes == 4) take_found(y, x, at, j, until, 4);
    else take_found(y, x, at, j, until, 8);
  }
}

/* ---- take_sum: y[b, :] = sum over j of x[index[b, j], :] times weight[b, j], or without weights ----
 * ints: [0] n, rows of x   [1] inner, elements of a row   [2] results   [3] m, rows of a sum   [4] dtype of the index
 * buffers: x (n, inner), index (results, m), weight (results, m) or NULL, y (results, inner), which overlaps no other.
 * Rows of even and of odd j are summed apart. An index of -n .. -1 counts from the end; one outside [-n, n) sets the
 * status, and y is undefined. */

enum {
  SUM_VECTORS = 4, /* of a row at a time: twice as many sums are in registers */
  SUM_BLOCK = 16   /* even: rows that are found, while as many after them are asked for, and then added */
};

static int64_t sum_unit_results(const int64_t *ints) {
  return fnn_max(1, UNIT / fnn_max(1, ints[1] * fnn_max(1, ints[3])));
}

static void take_sum_size(const int64_t *ints, fnn_work *work, int64_t element_bytes) {
  const double results = (double)ints[2], read = results * (double)ints[3];
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[2], sum_unit_results(ints));
  work->flops = 2.0 * read * (double)ints[1];
  work->bytes = (double)element_bytes * (double)ints[1] * (read + results) + (double)fnn_dtype_bytes(ints[4]) * read;
}

FNN_INLINE int find_rows(const fnn_call *call, const char **rows, int64_t at, int64_t count, int64_t row_bytes,
                         int asks, const int64_t dtype) {
  const int64_t n = call->ints[0], fetched = fnn_min(TAKE_FETCHED, row_bytes), all = call->ints[2] * call->ints[3];
  for (int64_t k = 0; k < count; k++) {
    const int64_t i = index_at(call->buf[1], dtype, at + k, n);
    if (i < 0) {
      set_status(call, FNN_INDEX_OUT_OF_RANGE);
      return 0;
    }
    rows[k] = call->buf[0] + i * row_bytes;
    if (!asks || at + k + SUM_BLOCK >= all) continue;
    const char *next = call->buf[0] + fnn_max(0, index_at(call->buf[1], dtype, at + k + SUM_BLOCK, n)) * row_bytes;
    for (int64_t byte = 0; byte < fetched; byte += 64) __builtin_prefetch(next + byte);
  }
  return 1;
}

/* Where the rows of indices [at, at + count) lie; those behind are asked for if `is_first`. Whether all are there. */
static __attribute__((noinline)) int rows_of_sum(const fnn_call *call, const char **rows, int64_t at, int64_t count,
                                                 int64_t row_bytes, int is_first) {
  const int asks = is_first && row_bytes >= TAKE_LEAST_FETCHED &&
                   (row_bytes > TAKE_SHORT || call->ints[0] * row_bytes > TAKE_NEAR);
#define FIND(dtype) return find_rows(call, rows, at, count, row_bytes, asks, dtype)
  WITH_INDEX_TYPE(call->ints[4], FIND)
#undef FIND
}

/* ---- take_along_axis: y[o, j, i] = x[o, index[o, j, i], i] ----
 * ints: [0] bytes of an element (1, 2, 4 or 8)   [1] outer   [2] n   [3] inner   [4] m   [5] dtype of the index
 * buffers: x (outer, n, inner), index (outer, m, inner), y (outer, m, inner); y overlaps none of the others.
 * An index of -n .. -1 counts from the end. One outside [-n, n) sets the status, and its y is left as it was. */

static void take_along_axis_size(const int64_t *ints, fnn_work *work) {
  const int64_t elements = ints[1] * ints[4] * ints[3];
  work->phases = 1;
  work->units[0] = fnn_ceil_div(elements, UNIT);
  work->bytes = (2.0 * (double)ints[0] + (double)fnn_dtype_bytes(ints[5])) * (double)elements;
}

/* Elements [at, last) of y, in lines along which the same x lies: along j where inner is 1, else along i. */
FNN_INLINE void take_along(const fnn_call *call, int64_t at, int64_t last, const int64_t bytes, const int64_t dtype) {
  const int64_t *ints = call->ints, n = ints[2], inner = ints[3];
  const int64_t lines = inner == 1 ? 1 : ints[4], length = inner == 1 ? ints[4] : inner;
  const char *x = call->buf[0], *index = call->buf[1];
  char *y = call->buf[2];
  int64_t line = at / length, begin = line * length, outer = line / lines, left = lines - line % lines, is_bad = 0;
  for (; at < last; begin += length) {
    const char *from = x + outer * n * inner * bytes;
    for (const int64_t end = fnn_min(last, begin + length); at < end; at++) {
      const int64_t k = index_at(index, dtype, at, n);
      if (k < 0) is_bad = 1;
      else memcpy(y + at * bytes, from + (inner == 1 ? k : k * inner + at - begin) * bytes, (size_t)bytes);
    }
    if (--left == 0) left = lines, outer++;
  }
  if (is_bad) set_status(call, FNN_INDEX_OUT_OF_RANGE);
}

static void take_along_axis(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, first = begin * UNIT, last = fnn_min(end * UNIT, ints[1] * ints[4] * ints[3]);
#define OF_4(dtype) take_along(call, first, last, 4, dtype)
#define OF_8(dtype) take_along(call, first, last, 8, dtype)
  switch (ints[0]) {
    case 1: take_along(call, first, last, 1, ints[5]); break;
    case 2: take_along(call, first, last, 2, ints[5]); break;
    case 4: WITH_INDEX_TYPE(ints[5], OF_4) break;
    case 8: WITH_INDEX_TYPE(ints[5], OF_8) break;
  }
#undef OF_4
#undef OF_8
}

/* ---- take_along_axis_grad: dx[o, k, i] = sum over j with index[o, j, i] = k of dy[o, j, i], in the order of j ----
 * ints: [0] outer   [1] n   [2] inner   [3] m   [4] dtype of the index
 * buffers: dy (outer, m, inner), index (outer, m, inner), dx (outer, n, inner), which overlaps none of the others.
 * An index outside [-n, n) sets the status, and dx is undefined. A unit has whole outer indices, or WIDTH columns. */

enum { WIDTH = 512 /* elements */ };

static int64_t along_group(const int64_t *ints) { return fnn_max(1, UNIT / fnn_max(1, ints[1] * ints[2])); }
static int64_t along_chunks(const int64_t *ints) { return fnn_ceil_div(ints[2], WIDTH); }

static void along_grad_size(const int64_t *ints, fnn_work *work, int64_t element_bytes) {
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[0], along_group(ints)) * along_chunks(ints);
  work->flops = (double)ints[0] * (double)ints[3] * (double)ints[2];
  work->bytes = (double)element_bytes * (double)(ints[0] * ints[2]) * (double)(ints[1] + 3 * ints[3]);
}

/* ---- take_grad: dx[o, i, :] = sum over the j with index[j] = i of dy[o, j, :], in the order of j ----
 * ints: [0] outer   [1] n, rows of dx   [2] inner, elements of a row   [3] m, indices   [4] dtype of the index
 *       [5] offset in ints of the epilogue's program, 0 for none   [6] columns of its space: they divide inner
 * buffers: dy (outer, m, inner), index (m), dx (outer, n, inner), then the epilogue's; dx overlaps none of the others.
 * Without a dx only the program reads it (FNN_TILE), and it is never in memory as a whole.
 * Phase 0 sorts the indices by tiles of rows of dx, keeping their order, so that a sum has the order of j for any
 * number of threads. A unit of phase 1 zeroes a tile, adds its rows of dy, and runs the program on it, in cache. An
 * index that is outside is found in phase 0, when nothing is written yet. */

enum {
  GRAD_TILE = 1 << 15, /* elements; of longer rows a tile has one */
  GRAD_AHEAD = 4       /* rows of dy that are asked for before they are added */
};

typedef struct {
  int64_t rows, row_bits; /* of a tile: 2^row_bits */
  int64_t tiles;          /* of one outer index */
} grad_tiling;

static grad_tiling grad_tiles(const int64_t *ints) {
  grad_tiling t = {1, 0, 0};
  while (2 * t.rows * ints[2] <= GRAD_TILE && t.rows < ints[1]) t.rows *= 2, t.row_bits++;
  t.tiles = fnn_ceil_div(ints[1], t.rows);
  return t;
}

/* Bytes that the epilogue reads and writes. */
static double grad_program_bytes(const int64_t *ints) {
  return (double)fnn_program_bytes(ints + ints[5]) * (double)ints[0] * (double)ints[1] * (double)ints[2];
}

static void take_grad_size(const int64_t *ints, fnn_work *work, int64_t element_bytes) {
  grad_tiling t = grad_tiles(ints);
  double elements = (double)ints[0] * (double)ints[2];
  work->phases = 2;
  work->units[0] = t.tiles > 1 || ints[5]; /* one tile needs no order */
  work->units[1] = ints[0] * t.tiles;
  work->shared_bytes = t.tiles > 1 ? (t.tiles + ints[3]) * (int64_t)sizeof(int64_t) : 0;
  work->flops = elements * (double)ints[3];
  work->bytes = (double)element_bytes * elements * ((double)ints[1] + 3.0 * (double)ints[3]);
  if (!ints[5]) return;
  const int64_t *program = ints + ints[5];
  work->scratch_bytes = fnn_round_up(t.rows * ints[2] * element_bytes, FNN_ALIGN) +
                        fnn_program_scratch(program, element_bytes);
  work->memo_bytes = fnn_program_memo(program);
  work->flops += elements * (double)ints[1] * (double)program[1];
  work->bytes += grad_program_bytes(ints);
}

/* Phase 0: order[..] are the j of the first tile, then those of the second, ...; ends[t] is behind those of tile t. */
FNN_INLINE void sort_by_tile_of(const fnn_call *call, const int64_t dtype) {
  const int64_t *ints = call->ints;
  const int64_t n = ints[1], m = ints[3];
  grad_tiling t = grad_tiles(ints);
  int64_t *ends = (int64_t *)call->shared, *order = ends + t.tiles;
  const int is_one = t.tiles <= 1;
  if (!is_one) memset(ends, 0, (size_t)t.tiles * sizeof *ends);
  for (int64_t j = 0; j < m; j++) {
    int64_t i = index_at(call->buf[1], dtype, j, n);
    if (i < 0) {
      set_status(call, FNN_INDEX_OUT_OF_RANGE);
      return;
    }
    if (!is_one) ends[i >> t.row_bits]++;
  }
  if (is_one) return;
  for (int64_t k = 0, begin = 0; k < t.tiles; k++) {
    int64_t count = ends[k];
    ends[k] = begin;
    begin += count;
  }
  for (int64_t j = 0; j < m; j++) order[ends[index_at(call->buf[1], dtype, j, n) >> t.row_bits]++] = j;
}

static void sort_by_tile(const fnn_call *call) {
#define SORT(dtype) sort_by_tile_of(call, dtype)
  WITH_INDEX_TYPE(call->ints[4], SORT)
#undef SORT
}

#include "vector.h"

#include "types_f32.h"
#include "gather_body.h"
#include "types_f64.h"
#include "gather_body.h"

static const fnn_entry entries[] = {
  {"gather_rows", gather_rows, gather_rows_size},
  {"put_rows", put_rows, put_rows_size},
  {"take", take, take_size},
  {"take_along_axis", take_along_axis, take_along_axis_size},
  {"take_along_axis_grad_f32", take_along_axis_grad_f32, along_grad_size_f32},
  {"take_along_axis_grad_f64", take_along_axis_grad_f64, along_grad_size_f64},
  {"take_grad_f32", take_grad_f32, take_grad_size_f32},
  {"take_grad_f64", take_grad_f64, take_grad_size_f64},
  {"take_sum_f32", take_sum_f32, take_sum_size_f32},
  {"take_sum_f64", take_sum_f64, take_sum_size_f64},
  {0}};
const fnn_table FNN_TABLE(gather) = {entries, 0, 0};
