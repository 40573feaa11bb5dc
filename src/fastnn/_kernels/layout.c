/* layout.c: the strided copy, behind transpose, slice, pad, concatenate, broadcast, flip, tile and repeat.
 *
 * copy
 * ints: [0] bytes of an element (1, 2, 4 or 8)   [1] parts, then for each part
 *       {dst buffer, src buffer, dst offset, src offset, dims (0..8), sizes.., dst strides.., src strides..}
 *       Offsets and strides are in elements; no size is 0. Of the dims, the last should run along dst, and where src
 *       runs along another one, that one should be the last but one: the fast paths look at these two.
 *       A src buffer of -1 fills the box with one element, whose bytes are the low bytes of `src offset`.
 * Each part writes dst[dst offset + i . dst strides] = src[src offset + i . src strides] for all indices i of its box.
 * dst strides are positive, and no element is written by two parts; src strides may be 0 or negative.
 * dst and src must not overlap. Buffers need only be aligned to the element. */
#include "fnn.h"

enum {
  MAX_DIMS = 8,
  PART_HEADER = 5,
  UNIT = 8192, /* elements of a unit: 32 KiB of float32, some microseconds */
  BLOCK = 16   /* rows and columns of a block of a transpose: 16 lines of 64 bytes on either side stay in L1 */
};

/* A part as a matrix of `rows` by `cols` for each of `outer` indices, cut into tiles. */
typedef struct {
  const int64_t *ints;
  int64_t dims, outer, rows, cols;
  int64_t dst_row, dst_col, src_row, src_col; /* strides in elements */
  int64_t tile_rows, tile_cols, row_tiles, col_tiles;
  int64_t group; /* outer indices of a unit */
  int64_t units;
} part;

static const int64_t *read_part(const int64_t *ints, part *p) {
  int64_t dims = ints[4];
  const int64_t *sizes = ints + PART_HEADER, *dst = sizes + dims, *src = dst + dims;
  *p = (part){.ints = ints, .dims = dims, .outer = 1, .rows = 1, .cols = 1};
  for (int64_t d = 0; d < dims - 2; d++) p->outer *= sizes[d];
  if (dims >= 1) p->cols = sizes[dims - 1], p->dst_col = dst[dims - 1], p->src_col = src[dims - 1];
  if (dims >= 2) p->rows = sizes[dims - 2], p->dst_row = dst[dims - 2], p->src_row = src[dims - 2];
  p->tile_rows = fnn_max(1, fnn_min(p->rows, UNIT / p->cols));
  p->tile_cols = fnn_min(p->cols, UNIT);
  if (p->cols >= BLOCK && p->tile_rows < BLOCK && p->rows >= BLOCK && p->src_col != 1) {
    /* Long rows read across src: a square tile, so that each line of src is used whole. */
    p->tile_rows = fnn_min(p->rows, 64);
    p->tile_cols = fnn_min(p->cols, UNIT / 64);
  }
  p->row_tiles = fnn_ceil_div(p->rows, p->tile_rows);
  p->col_tiles = fnn_ceil_div(p->cols, p->tile_cols);
  int64_t tiles = p->row_tiles * p->col_tiles;
  p->group = tiles == 1 ? fnn_max(1, UNIT / (p->rows * p->cols)) : 1;
  p->units = fnn_ceil_div(p->outer, p->group) * tiles;
  return src + dims;
}

static void copy_size(const int64_t *ints, fnn_work *work) {
  const int64_t *at = ints + 2;
  work->phases = 1;
  for (int64_t k = 0; k < ints[1]; k++) {
    part p;
    at = read_part(at, &p);
    work->units[0] += p.units;
    double elements = (double)p.outer * (double)p.rows * (double)p.cols;
    work->bytes += elements * (double)ints[0] * (p.ints[1] < 0 ? 1 : 2);
  }
}

/* Four by four elements of 4 bytes: rows of src become columns of dst. Strides in bytes. */
FNN_INLINE void transpose_4x4(char *d, int64_t d_row, const char *s, int64_t s_col) {
  typedef int32_t v4 __attribute__((vector_size(16)));
  v4 a, b, c, e;
  memcpy(&a, s, 16);
  memcpy(&b, s + s_col, 16);
  memcpy(&c, s + 2 * s_col, 16);
  memcpy(&e, s + 3 * s_col, 16);
  v4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  v4 ce_low = __builtin_shufflevector(c, e, 0, 4, 1, 5), ce_high = __builtin_shufflevector(c, e, 2, 6, 3, 7);
  v4 row0 = __builtin_shufflevector(ab_low, ce_low, 0, 1, 4, 5), row1 = __builtin_shufflevector(ab_low, ce_low, 2, 3, 6, 7);
  v4 row2 = __builtin_shufflevector(ab_high, ce_high, 0, 1, 4, 5);
  v4 row3 = __builtin_shufflevector(ab_high, ce_high, 2, 3, 6, 7);
  memcpy(d, &row0, 16);
  memcpy(d + d_row, &row1, 16);
  memcpy(d + 2 * d_row, &row2, 16);
  memcpy(d + 3 * d_row, &row3, 16);
}

/* A block where dst runs along columns and src along rows. Strides in bytes. */
FNN_INLINE void transpose_block(char *d, const char *s, int64_t rows, int64_t cols, int64_t d_row, int64_t s_col,
                                int bytes) {
  int64_t r = 0;
  if (bytes == 4) {
    for (; r + 4 <= rows; r += 4) {
      int64_t c = 0;
      for (; c + 4 <= cols; c += 4) transpose_4x4(d + r * d_row + c * 4, d_row, s + r * 4 + c * s_col, s_col);
      for (; c < cols; c++)
        for (int64_t k = r; k < r + 4; k++) memcpy(d + k * d_row + c * 4, s + k * 4 + c * s_col, 4);
    }
  }
  for (; r < rows; r++)
    for (int64_t c = 0; c < cols; c++) memcpy(d + r * d_row + c * bytes, s + r * bytes + c * s_col, (size_t)bytes);
}

/* A run of cols elements, both sides contiguous. memcpy's call costs more than a short run. */
FNN_INLINE void copy_run(char *d, const char *s, int64_t cols, int bytes) {
  enum { SHORT_RUN = 16 };
  if (cols > SHORT_RUN) {
    memcpy(d, s, (size_t)(cols * bytes));
    return;
  }
  for (int64_t c = 0; c < cols; c++) memcpy(d + c * bytes, s + c * bytes, (size_t)bytes);
}

/* Strides in bytes; `bytes` is a constant where this is called, so that every memcpy of it is one move. */
FNN_INLINE void copy_tile(char *d, const char *s, int64_t rows, int64_t cols, int64_t d_row, int64_t d_col,
                          int64_t s_row, int64_t s_col, int bytes) {
  if (d_col == bytes && s_col == bytes) {
    for (int64_t r = 0; r < rows; r++) copy_run(d + r * d_row, s + r * s_row, cols, bytes);
  } else if (d_col == bytes && s_row == bytes && rows > 1) {
    for (int64_t r = 0; r < rows; r += BLOCK)
      for (int64_t c = 0; c < cols; c += BLOCK)
        transpose_block(d + r * d_row + c * bytes, s + r * bytes + c * s_col, fnn_min(BLOCK, rows - r),
                        fnn_min(BLOCK, cols - c), d_row, s_col, bytes);
  } else if (d_col == bytes && s_col == 0) {
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < cols; c++) memcpy(d + r * d_row + c * bytes, s + r * s_row, (size_t)bytes);
  } else {
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < cols; c++)
        memcpy(d + r * d_row + c * d_col, s + r * s_row + c * s_col, (size_t)bytes);
  }
}

FNN_INLINE void copy_units(const part *p, const fnn_call *call, int64_t begin, int64_t end, int bytes) {
  const int64_t *ints = p->ints, *sizes = ints + PART_HEADER, *dst = sizes + p->dims, *src = dst + p->dims;
  char *to = call->buf[ints[0]] + ints[2] * bytes;
  const char *from = ints[1] < 0 ? (const char *)&ints[3] : call->buf[ints[1]] + ints[3] * bytes;
  int64_t tiles = p->row_tiles * p->col_tiles;
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t tile = unit % tiles, first = unit / tiles * p->group, last = fnn_min(p->outer, first + p->group);
    int64_t row = tile / p->col_tiles * p->tile_rows, col = tile % p->col_tiles * p->tile_cols;
    for (int64_t outer = first; outer < last; outer++) {
      int64_t d = row * p->dst_row + col * p->dst_col, s = row * p->src_row + col * p->src_col, index = outer;
      for (int64_t k = p->dims - 3; k >= 0; k--) {
        d += index % sizes[k] * dst[k];
        s += index % sizes[k] * src[k];
        index /= sizes[k];
      }
      copy_tile(to + d * bytes, from + s * bytes, fnn_min(p->tile_rows, p->rows - row),
                fnn_min(p->tile_cols, p->cols - col), p->dst_row * bytes, p->dst_col * bytes, p->src_row * bytes,
                p->src_col * bytes, bytes);
    }
  }
}

static void copy_run_units(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, *at = ints + 2;
  int64_t first = 0; /* unit of the part at hand */
  for (int64_t k = 0; k < ints[1] && first < end; k++) {
    part p;
    at = read_part(at, &p);
    FNN_REQUIRE(p.dims <= MAX_DIMS);
    int64_t from = fnn_max(begin, first) - first, to = fnn_min(end, first + p.units) - first;
    first += p.units;
    if (from >= to) continue;
    switch (ints[0]) {
      case 1: copy_units(&p, call, from, to, 1); break;
      case 2: copy_units(&p, call, from, to, 2); break;
      case 4: copy_units(&p, call, from, to, 4); break;
      case 8: copy_units(&p, call, from, to, 8); break;
    }
  }
}

static const fnn_entry entries[] = {{"copy", copy_run_units, copy_size}, {0}};
const fnn_table FNN_TABLE(layout) = {entries, 0, 0};
