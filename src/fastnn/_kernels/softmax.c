/* softmax.c: softmax, log-softmax and cross-entropies of rows, with their gradients.
 *
 * Every kernel, but those of columns (softmax_columns_body.h), works on rows of `cols` elements: ints are [0] rows
 * [1] cols, and [2] the labels' dtype where there are labels. Buffers are contiguous and aligned to the element;
 * outputs overlap no input, but softmax, log_softmax and their gradients may write over their first input. A unit is
 * some rows; a row's sums are taken in one order (N lanes along the row, then the lanes), so the bits do not depend on
 * the threads.
 * A row's sum of exponentials, all positive, has a relative error below (cols / N + log2(N) + 3) eps. */
#include <math.h>

#include "vmath.h"

enum {
  BLOCK = 16,        /* rows whose sums have their logarithms taken together: whole vectors on any instruction set */
  NEAR = 1 << 15,    /* elements of such rows where they are read again */
  LONG = 1 << 10,    /* elements of the shortest row of which the next is asked for, */
  LONGEST = 1 << 15, /* of the longest, as two of them have to stay in the L2 cache, */
  FAR = 1 << 19,     /* and of the smallest matrix, which that does not hold */
  UNIT = 4096,       /* elements of a unit: some 5 microseconds of exponentials */
  STRIP_BYTES = 256, /* of a row, of as many columns as are done together */
  COLUMN_VECTORS = 4 /* that wait for each other's exponentials less than one would */
};

FNN_INLINE int64_t unit_rows(const int64_t *ints) { return fnn_max(1, UNIT / fnn_max(1, ints[1])); }

FNN_INLINE int64_t block_rows(int64_t cols) { return fnn_max(1, fnn_min(BLOCK, NEAR / fnn_max(1, cols))); }

FNN_INLINE int asks_ahead(const int64_t *ints) {
  return ints[1] >= LONG && ints[1] <= LONGEST && ints[0] * ints[1] >= FAR;
}

FNN_COMMON
static void rows_size(const int64_t *ints, fnn_work *work, double buffers, double flops, double element_bytes) {
  work->phases = 1;
  work->units[0] = ints[1] ? fnn_ceil_div(ints[0], unit_rows(ints)) : 0;
  double elements = (double)ints[0] * (double)ints[1];
  work->bytes = buffers * elements * element_bytes;
  work->flops = flops * elements;
}

/* Along an axis that is not the last: strips of neighbouring columns, and how many of them are a unit. */
static int64_t strip_columns(int64_t inner, int64_t element_bytes) {
  return fnn_max(1, fnn_min(inner, STRIP_BYTES / element_bytes));
}
static int64_t strip_group(const int64_t *ints, int64_t element_bytes) {
  return fnn_max(1, UNIT / fnn_max(1, ints[1] * strip_columns(ints[2], element_bytes)));
}
static void columns_size(const int64_t *ints, fnn_work *work, double buffers, double flops, int64_t element_bytes) {
  const int64_t strips = fnn_ceil_div(ints[2], strip_columns(ints[2], element_bytes));
  double elements = (double)ints[0] * (double)ints[1] * (double)ints[2];
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[0] * strips, strip_group(ints, element_bytes));
  work->bytes = buffers * elements * (double)element_bytes;
  work->flops = flops * elements;
}

/* Label `row` as a class in [0, cols); -1, with the status set, when it is none. Floats are truncated. */
FNN_COMMON
static int64_t label_at(const fnn_call *call, const char *labels, int64_t dtype, int64_t row, int64_t cols) {
  double as_real = 0;
  int64_t label = -1;
  switch (dtype) {
#define READ(code, type) case code: label = (int64_t)((const type *)labels)[row]; break;
    READ(FNN_BOOL, uint8_t) READ(FNN_U8, uint8_t) READ(FNN_I8, int8_t) READ(FNN_U16, uint16_t) READ(FNN_I16, int16_t)
    READ(FNN_U32, uint32_t) READ(FNN_I32, int32_t) READ(FNN_U64, uint64_t) READ(FNN_I64, int64_t)
#undef READ
    case FNN_F32: as_real = ((const float *)labels)[row]; break;
    case FNN_F64: as_real = ((const double *)labels)[row]; break;
  }
  if (dtype >= FNN_F32) label = as_real >= 0 && as_real < (double)cols ? (int64_t)as_real : -1;
  if (label >= 0 && label < cols) return label;
  __atomic_store_n(call->status, FNN_INDEX_OUT_OF_RANGE, __ATOMIC_RELAXED);
  return -1;
}

#include "types_f32.h"
#include "softmax_body.h"
#include "softmax_columns_body.h"
#include "types_f64.h"
#include "softmax_body.h"
#include "softmax_columns_body.h"

static const fnn_entry entries[] = {
#define BOTH(name) {#name "_f32", name##_f32, name##_size_f32}, {#name "_f64", name##_f64, name##_size_f64},
  BOTH(softmax) BOTH(softmax_grad) BOTH(log_softmax) BOTH(log_softmax_grad) BOTH(softmax_cross_entropy)
  BOTH(softmax_cross_entropy_grad) BOTH(sparse_softmax_cross_entropy) BOTH(sparse_softmax_cross_entropy_grad)
  BOTH(pick_label) BOTH(softmax_columns) BOTH(softmax_grad_columns) BOTH(log_softmax_columns)
  BOTH(log_softmax_grad_columns)
#undef BOTH
  {0}};
const fnn_table FNN_TABLE(softmax) = {entries, 0, 0};
