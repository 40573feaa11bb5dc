/* normalization.c: batch normalization (columns over all rows), group normalization (groups of columns over the rows of
 * a sample) and layer normalization (rows over their columns), and their gradients. All work on matrices of `rows` by
 * `cols`, contiguous and aligned to the element; outputs overlap no input (but see program.h for the operands of an
 * epilogue, which runs over the first output, tile by tile).
 *
 * Sums over rows are taken in T over blocks of fixed size and in double from block to block, in order, so that threads
 * do not change the bits. A block's variance is taken about the block's own mean, and blocks are joined by Chan's
 * formula (Chan, Golub, LeVeque 1979, eq. 2.1): nothing cancels, however far the mean is from 0. */
#include <math.h>

#include "vmath.h"

#include "caches.h"
#include "program.h"

enum {
  UNIT = 8192,      /* elements of a block of rows: read twice, it stays in L2 */
  GROUP_UNIT = 4 * UNIT,
  BLOCK_ROWS = 256, /* at most: rows summed in T one after another */
  AT_ONCE = 4,      /* vectors of columns summed at once */
  UNIT_COLS = 64,   /* columns that a unit joins */
  LAYER_UNITS = 64, /* blocks of rows of a layer normalization's gradient, roughly: each has its sums of columns */
  LAYER_ROWS = FNN_VECTOR_BYTES == 64 ? 4 : 2, /* of its rows at once: as many sums stay in registers */
  LAYER_BYTES = 4096, /* of as many rows, at most: CPUs fetch longer ones ahead only where they are read in order */
  LAYER_NEAR = 1280,   /* of as many rows, which CPUs fetch ahead by themselves */
  LAYER_AHEAD = 16384, /* bytes from longer ones to what is asked for meanwhile; 8192 does as well */
  WHOLE_SAMPLES = 8 /* with as many, a unit of a group normalization does all of a sample, which stays in its cache */
};

static int64_t batch_rows(const int64_t *ints) { return fnn_max(1, fnn_min(BLOCK_ROWS, UNIT / fnn_max(1, ints[1]))); }
static int64_t group_rows(const int64_t *ints) { /* fewer blocks, as each has numbers that are joined */
  return fnn_max(1, fnn_min(BLOCK_ROWS, GROUP_UNIT / fnn_max(1, ints[1])));
}
static int64_t layer_rows(const int64_t *ints) {
  int64_t rows = fnn_max(fnn_max(1, UNIT / fnn_max(1, ints[1])), fnn_ceil_div(ints[0], LAYER_UNITS));
  return fnn_min(BLOCK_ROWS, rows);
}

/* Whether no L2 cache holds the matrix and its rows are longer than `width` elements: CPUs fetch ahead what is read in
 * the order of memory, not columns of some rows after other columns of them. Shorter ones are read nearly in order. */
static int asks_ahead(const int64_t *ints, int64_t width, int64_t element_bytes) {
  return ints[1] > width && ints[0] * ints[1] * element_bytes > 2 * fnn_cache_bytes(2);
}

/* Shared memory of batch_norm and its gradient: two numbers for each block and column, then three for each column. */
static void batch_size(const int64_t *ints, fnn_work *work, double matrices, int64_t element_bytes) {
  int64_t blocks = fnn_ceil_div(ints[0], batch_rows(ints)), cols = ints[1];
  double elements = (double)ints[0] * (double)cols;
  work->phases = 3;
  work->units[0] = work->units[2] = blocks;
  work->units[1] = fnn_ceil_div(cols, UNIT_COLS);
  work->shared_bytes = (2 * blocks + 3) * cols * element_bytes;
  work->scratch_bytes = ints[2] ? fnn_program_scratch(ints + ints[2], element_bytes) : 0;
  work->flops = 8 * elements;
  work->bytes = matrices * elements * (double)element_bytes;
}

/* Whether a unit of group_norm does all of a sample in its scratch, behind what the epilogue needs. Otherwise units are
 * blocks of rows, but of phase 1, and samples' numbers lie in shared memory. */
static int is_whole(const int64_t *ints) { return ints[3] >= WHOLE_SAMPLES || ints[0] <= group_rows(ints); }
static int does(const fnn_call *call, int phase) { return call->phase == phase || is_whole(call->ints); }
static int64_t group_units(const fnn_call *call) { /* of a sample */
  return is_whole(call->ints) || call->phase == 1 ? 1 : fnn_ceil_div(call->ints[0], group_rows(call->ints));
}
static int64_t group_numbers(const int64_t *ints) { /* of a sample: as batch_norm has */
  return (2 * fnn_ceil_div(ints[0], group_rows(ints)) + 3) * ints[1];
}
static int64_t group_program(const int64_t *ints, int64_t element_bytes) {
  return ints[2] ? fnn_program_scratch(ints + ints[2], element_bytes) : 0;
}

static void group_size(const int64_t *ints, fnn_work *work, double matrices, int64_t element_bytes) {
  double elements = (double)ints[0] * (double)ints[1] * (double)ints[3];
  int64_t numbers = group_numbers(ints) * element_bytes;
  work->phases = is_whole(ints) ? 1 : 3;
  work->units[0] = work->units[2] = ints[3] * (is_whole(ints) ? 1 : fnn_ceil_div(ints[0], group_rows(ints)));
  work->units[1] = ints[3];
  work->shared_bytes = is_whole(ints) ? 0 : ints[3] * numbers;
  work->scratch_bytes = group_program(ints, element_bytes) + (is_whole(ints) ? numbers : 0);
  work->flops = 8 * elements;
  work->bytes = matrices * elements * (double)element_bytes;
}

static void layer_size(const int64_t *ints, fnn_work *work, double matrices, int64_t element_bytes) {
  double elements = (double)ints[0] * (double)ints[1];
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[0], layer_rows(ints));
  work->scratch_bytes = ints[3] ? fnn_program_scratch(ints + ints[3], element_bytes) : 0;
  work->flops = 8 * elements;
  work->bytes = matrices * elements * (double)element_bytes;
}

/* As layer_size, and a phase that adds the blocks' two sums of each column. */
static void layer_grad_size(const int64_t *ints, fnn_work *work, int64_t element_bytes) {
  layer_size(ints, work, 3, element_bytes);
  work->phases = 2;
  work->units[1] = fnn_ceil_div(ints[1], UNIT_COLS);
  work->shared_bytes = 2 * work->units[0] * ints[1] * element_bytes;
}

#include "types_f32.h"
#include "normalization_body.h"
#include "group_norm_body.h"
#include "types_f64.h"
#include "normalization_body.h"
#include "group_norm_body.h"

static const fnn_entry entries[] = {
#define BOTH(name) {#name "_f32", name##_f32, name##_size_f32}, {#name "_f64", name##_f64, name##_size_f64},
  BOTH(batch_norm) BOTH(batch_norm_grad) BOTH(group_norm) BOTH(group_norm_grad) BOTH(layer_norm) BOTH(layer_norm_grad)
#undef BOTH
  {0}};
const fnn_table FNN_TABLE(normalization) = {entries, 0, 0};
