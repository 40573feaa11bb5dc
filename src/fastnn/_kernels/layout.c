/* layout.c: the strided copy, behind transpose, slice, pad, concatenate, broadcast, flip, tile and repeat.
 *
 * copy
 * ints: [0] bytes of an element (1, 2, 4 or 8)   [1] parts, then for each part
 *       {dst buffer, src buffer, dst offset, src offset, dims (0..8), sizes.., dst strides.., src strides..}
 *       Offsets and strides are in elements; no size is 0. A last dim of stride 1 on both sides is a run, moved as a
 *       whole. Of the dims before it, the last should run along dst, and where src runs along another one, that one
 *       should be the last but one: these two are what is cut into tiles.
 *       A src buffer of -1 fills the box with one element, whose bytes are the low bytes of `src offset`.
 * Each part writes dst[dst offset + i . dst strides] = src[src offset + i . src strides] for all indices i of its box.
 * dst strides are positive, and no element is written by two parts; src strides may be 0 or negative.
 * dst and src must not overlap. Buffers need only be aligned to the element. */
#include "vector.h"

#include <stdlib.h>

enum {
  MAX_DIMS = 8,
  PART_HEADER = 5,
  UNIT = 32768,         /* bytes of a unit, some microseconds */
  LONG_UNIT = 4 * UNIT, /* of a unit that is a part of one run: memcpy is faster the longer it is */
  LINE = 64,            /* bytes of a cache line */
  STREAMS = 8,          /* rows that are written at once: as many lines as a set of L1 holds, if rows lie pages apart */
  LONG_RUN = 8192,      /* bytes from which on memcpy's call does not count */
  TOGETHER = 8,         /* parts whose units alternate */
  FAR = 32 << 20        /* bytes of dst and src of which no cache keeps dst: whole lines of it are stored past them */
};

/* rows by cols runs of n bytes. Strides in bytes. */
typedef struct {
  int64_t n, rows, cols, d_row, d_col, s_row, s_col;
} grid;

/* A part: a grid for each of `outer` indices, cut into tiles. */
typedef struct {
  const int64_t *ints, *sizes, *dst, *src; /* sizes and strides of the `dims` outer axes */
  int64_t dims, outer;
  grid all;
  int is_across;                                       /* src runs along the grid's rows */
  int64_t tile_n, tile_rows, tile_cols;                /* n is cut where it is more than LONG_UNIT */
  int64_t n_tiles, row_tiles, col_tiles, tiles, group; /* outer indices of a unit */
  int64_t units;
} part;

static const int64_t *read_part(const int64_t *ints, int64_t bytes, part *p) {
  int64_t dims = ints[4];
  const int64_t *sizes = ints + PART_HEADER, *dst = sizes + dims, *src = dst + dims, *end = src + dims;
  FNN_REQUIRE(dims <= MAX_DIMS);
  *p = (part){.ints = ints, .sizes = sizes, .dst = dst, .src = src, .outer = 1};
  grid *g = &p->all;
  *g = (grid){.n = bytes, .rows = 1, .cols = 1};
  if (dims > 0 && dst[dims - 1] == 1 && src[dims - 1] == 1) dims--, g->n = sizes[dims] * bytes;
  if (dims > 0) dims--, g->cols = sizes[dims], g->d_col = dst[dims] * bytes, g->s_col = src[dims] * bytes;
  if (dims > 0) dims--, g->rows = sizes[dims], g->d_row = dst[dims] * bytes, g->s_row = src[dims] * bytes;
  p->dims = dims;
  for (int64_t d = 0; d < dims; d++) p->outer *= sizes[d];
  /* Longer runs of src are streams of their own. */
  p->is_across = g->n < 4 * LINE && g->s_row != 0 && llabs(g->s_row) < llabs(g->s_col);
  p->tile_n = fnn_min(g->n, LONG_UNIT);
  /* As many columns as UNIT bytes of dst span, whatever is between them: parts that lie side by side in rows of dst
   * are cut at the same rows. */
  p->tile_cols = fnn_min(g->cols, fnn_max(1, UNIT / fnn_max(1, g->d_col)));
  if (p->is_across) { /* four lines of src or four runs, and as much of dst as fits */
    p->tile_rows = fnn_min(g->rows, fnn_max(fnn_max(4, 4 * LINE / g->n), UNIT / (g->n * g->cols)));
    p->tile_cols = fnn_min(g->cols, fnn_max(1, UNIT / (g->n * p->tile_rows)));
  } else {
    p->tile_rows = p->tile_cols < g->cols ? 1 : fnn_min(g->rows, fnn_max(1, UNIT / (g->n * g->cols)));
  }
  p->n_tiles = fnn_ceil_div(g->n, p->tile_n);
  p->row_tiles = fnn_ceil_div(g->rows, p->tile_rows);
  p->col_tiles = fnn_ceil_div(g->cols, p->tile_cols);
  p->tiles = p->n_tiles * p->row_tiles * p->col_tiles;
  p->group = p->tiles == 1 ? fnn_max(1, UNIT / (g->n * g->rows * g->cols)) : 1;
  p->units = fnn_ceil_div(p->outer, p->group) * p->tiles;
  return end;
}

static double bytes_of(const part *p) {
  const double written = (double)p->outer * (double)p->all.rows * (double)p->all.cols * (double)p->all.n;
  return written * (p->ints[1] < 0 ? 1 : 2);
}

static void copy_size(const int64_t *ints, fnn_work *work) {
  const int64_t *at = ints + 2;
  work->phases = 1;
  for (int64_t k = 0; k < ints[1]; k++) {
    part p;
    at = read_part(at, ints[0], &p);
    work->units[0] += p.units;
    work->bytes += bytes_of(&p);
  }
}

/* name: lanes by lanes elements, rows of src become columns of dst. Strides in bytes. Each of log2(lanes) steps
 * interleaves the first half of the vectors with the second. */
#define TRANSPOSE(name, T, lanes)                                                                                      \
  FNN_INLINE void name(char *d, int64_t d_row, const char *s, int64_t s_col) {                                         \
    typedef T vec __attribute__((vector_size(sizeof(T) * lanes)));                                                     \
    vec v[lanes], w[lanes], low, high;                                                                                 \
    _Pragma("GCC unroll 16") for (int k = 0; k < lanes; k++) {                                                         \
      memcpy(&v[k], s + k * s_col, sizeof(vec));                                                                       \
      low[k] = (T)(k / 2 + k % 2 * lanes);                                                                             \
      high[k] = (T)(low[k] + lanes / 2);                                                                               \
    }                                                                                                                  \
    _Pragma("GCC unroll 4") for (int step = 1; step < lanes; step *= 2) {                                              \
      _Pragma("GCC unroll 8") for (int k = 0; k < lanes / 2; k++) {                                                    \
        w[2 * k] = __builtin_shuffle(v[k], v[k + lanes / 2], low);                                                     \
        w[2 * k + 1] = __builtin_shuffle(v[k], v[k + lanes / 2], high);                                                \
      }                                                                                                                \
      _Pragma("GCC unroll 16") for (int k = 0; k < lanes; k++) v[k] = w[k];                                            \
    }                                                                                                                  \
    _Pragma("GCC unroll 16") for (int k = 0; k < lanes; k++) memcpy(d + k * d_row, &v[k], sizeof(vec));                \
  }
TRANSPOSE(transpose_16x16_1, int8_t, 16)
TRANSPOSE(transpose_8x8_2, int16_t, 8)
TRANSPOSE(transpose_4x4_4, int32_t, 4)
TRANSPOSE(transpose_2x2_8, int64_t, 2)
#ifdef FNN_ISA_AVX512
TRANSPOSE(transpose_16x16_4, int32_t, 16)
TRANSPOSE(transpose_8x8_8, int64_t, 8)
#endif
#undef TRANSPOSE

/* By halves: as fast as one vector where that is aligned, and faster where it would lie in two lines. */
FNN_INLINE void move_line(char *restrict d, const char *restrict s) {
  memcpy(d, s, LINE / 2);
  memcpy(d + LINE / 2, s + LINE / 2, LINE / 2);
}

/* The grid row by row, a run by moves of `size` bytes, a constant where this is called: by one where is_one; by two
 * that overlap where size < n < 2 size; by as many as it takes, of which the last overlaps, where size == LINE. */
FNN_INLINE void copy_runs(char *d, const char *s, grid g, int64_t size, int is_one) {
  for (int64_t r = 0; r < g.rows; r++)
#pragma GCC unroll 4
    for (int64_t c = 0; c < g.cols; c++) {
      char *restrict to = d + r * g.d_row + c * g.d_col;
      const char *restrict from = s + r * g.s_row + c * g.s_col;
      int64_t last = g.n - size;
      if (size == LINE) {
        for (int64_t i = 0; i < last; i += LINE) move_line(to + i, from + i);
        move_line(to + last, from + last);
      } else {
        memcpy(to, from, (size_t)size);
        if (!is_one) memcpy(to + last, from + last, (size_t)size);
      }
    }
}

static void copy_rows(char *d, const char *s, const grid *g) {
  switch (g->n) {
    case 1: copy_runs(d, s, *g, 1, 1); return;
    case 2: copy_runs(d, s, *g, 2, 1); return;
    case 4: copy_runs(d, s, *g, 4, 1); return;
    case 8: copy_runs(d, s, *g, 8, 1); return;
    case 16: copy_runs(d, s, *g, 16, 1); return;
    case 32: copy_runs(d, s, *g, 32, 1); return;
    case LINE: copy_runs(d, s, *g, LINE, 1); return;
  }
  if (g->n < 4) copy_runs(d, s, *g, 2, 0);
  else if (g->n < 8) copy_runs(d, s, *g, 4, 0);
  else if (g->n < 16) copy_runs(d, s, *g, 8, 0);
  else if (g->n < 32) copy_runs(d, s, *g, 16, 0);
  else if (g->n < LINE) copy_runs(d, s, *g, 32, 0);
  else if (g->n < LONG_RUN) copy_runs(d, s, *g, LINE, 0);
  else copy_runs(d, s, *g, g->n, 1);
}

/* The grid column by column, in strips of `rows` rows. */
static void copy_columns(char *d, const char *s, const grid *g, int64_t rows) {
  grid strip = {g->n, g->cols, 0, g->d_col, g->d_row, g->s_col, g->s_row};
  for (int64_t r = 0; r < g->rows; r += rows) {
    strip.cols = fnn_min(rows, g->rows - r);
    copy_rows(d + r * g->d_row, s + r * g->s_row, &strip);
  }
}

/* The inner loop goes along the longer side, in strips that stay in L1 where the other one is short. */
static void copy_grid(char *d, const char *s, const grid *g) {
  enum { STRIP = 8192 }; /* bytes */
  const int is_small = g->rows * g->cols * g->n <= STRIP;
  if (g->cols < STREAMS && g->cols < g->rows) {
    copy_columns(d, s, g, is_small ? g->rows : fnn_max(1, STRIP / (g->cols * g->n)));
  } else if (g->rows < STREAMS && !is_small) {
    const int64_t cols = fnn_max(1, STRIP / (g->rows * g->n));
    grid strip = *g;
    for (int64_t c = 0; c < g->cols; c += cols) {
      strip.cols = fnn_min(cols, g->cols - c);
      copy_rows(d + c * g->d_col, s + c * g->s_col, &strip);
    }
  } else {
    copy_rows(d, s, g);
  }
}

/* Runs of whole lines of dst, past the caches. */
static __attribute__((noinline)) void stream_grid(char *d, const char *s, const grid *g) {
  for (int64_t r = 0; r < g->rows; r++)
    for (int64_t c = 0; c < g->cols; c++) {
      float *to = (float *)(d + r * g->d_row + c * g->d_col);
      const float *from = (const float *)(s + r * g->s_row + c * g->s_col);
      for (int64_t i = 0; i < g->n / 4; i += FNN_VF) fnn_streamf(to + i, fnn_loadf(from + i));
    }
}

/* The whole squares of `side` elements of n bytes of a grid where dst runs along columns and src along rows. */
typedef void transpose_fn(char *d, int64_t d_row, const char *s, int64_t s_col);
FNN_INLINE void transpose_squares(char *d, const char *s, grid g, int64_t n, int64_t side, transpose_fn *square) {
  /* Blocks whose lines of src stay in L1 until they are used up. Where the lines do not share sets, a block uses the
   * whole of them, and the next block's are asked for. */
  const int is_ahead = g.s_col > LINE && g.s_col % LINE != 0;
  const int64_t wide = fnn_min(16, LINE / n), high = is_ahead ? LINE / n : wide;
  if (side * n < LINE && g.rows <= wide && g.cols <= wide) { /* the loops below cost as much as so few squares */
    for (int64_t r = 0; r + side <= g.rows; r += side)
      for (int64_t c = 0; c + side <= g.cols; c += side)
        square(d + r * g.d_row + c * n, g.d_row, s + r * n + c * g.s_col, g.s_col);
    return;
  }
  for (int64_t row = 0; row + side <= g.rows; row += high)
    for (int64_t col = 0; col + side <= g.cols; col += wide) {
      const int64_t rows = fnn_min(high, g.rows - row), cols = fnn_min(wide, g.cols - col);
      char *to = d + row * g.d_row + col * n;
      const char *from = s + row * n + col * g.s_col;
      const int64_t ahead = is_ahead ? fnn_min(2 * wide, g.cols - col) : 0;
      for (int64_t c = wide; c < ahead; c++) __builtin_prefetch(from + c * g.s_col);
      for (int64_t r = 0; r + side <= rows; r += side)
        for (int64_t c = 0; c + side <= cols; c += side)
          square(to + r * g.d_row + c * n, g.d_row, from + r * n + c * g.s_col, g.s_col);
    }
}

static int is_element(int64_t n) { return n == 1 || n == 2 || n == 4 || n == 8; }

/* The side of the squares by which a grid is transposed; 0 for all but grids of elements that lie side by side. */
static int64_t square_side(const char *d, const char *s, const grid *g) {
  if (!is_element(g->n) || g->d_col != g->n || g->s_row != g->n) return 0;
  if (g->rows < 16 / g->n || g->cols < 16 / g->n) return 0;
#ifdef FNN_ISA_AVX512 /* vectors of a line, where none lies in two */
  const uintptr_t all = (uintptr_t)d | (uintptr_t)s | (uintptr_t)g->d_row | (uintptr_t)g->s_col;
  if (g->n >= 4 && all % LINE == 0) return LINE / g->n;
#endif
  (void)d, (void)s;
  return 16 / g->n;
}

/* Not inlined: the frames that their vectors need cost more than a small grid. */
static __attribute__((noinline)) void transpose_1(char *d, const char *s, const grid *g) {
  transpose_squares(d, s, *g, 1, 16, transpose_16x16_1);
}
static __attribute__((noinline)) void transpose_2(char *d, const char *s, const grid *g) {
  transpose_squares(d, s, *g, 2, 8, transpose_8x8_2);
}
static __attribute__((noinline)) void transpose_4(char *d, const char *s, const grid *g) {
  transpose_squares(d, s, *g, 4, 4, transpose_4x4_4);
}
static __attribute__((noinline)) void transpose_8(char *d, const char *s, const grid *g) {
  transpose_squares(d, s, *g, 8, 2, transpose_2x2_8);
}
#ifdef FNN_ISA_AVX512
static __attribute__((noinline)) void transpose_wide(char *d, const char *s, const grid *g) {
  if (g->n == 4) transpose_squares(d, s, *g, 4, 16, transpose_16x16_4);
  else transpose_squares(d, s, *g, 8, 8, transpose_8x8_8);
}
#endif

/* By squares; the strips that are left by smaller ones. */
static void transpose(char *d, const char *s, const grid *g, int64_t side) {
  if ((g->rows < side || g->cols < side) && side * g->n == LINE) side /= 4;
  if (g->rows < side || g->cols < side) {
    copy_grid(d, s, g);
    return;
  }
  if (g->n == 1) transpose_1(d, s, g);
  else if (g->n == 2) transpose_2(d, s, g);
#ifdef FNN_ISA_AVX512
  else if (side * g->n == LINE) transpose_wide(d, s, g);
#endif
  else if (g->n == 4) transpose_4(d, s, g);
  else transpose_8(d, s, g);
  const int64_t rows = g->rows & -side, cols = g->cols & -side; /* side is a power of 2 */
  if (cols < g->cols) {
    grid right = *g;
    right.rows = rows, right.cols -= cols;
    transpose(d + cols * g->n, s + cols * g->s_col, &right, side);
  }
  if (rows < g->rows) {
    grid below = *g;
    below.rows -= rows;
    transpose(d + rows * g->d_row, s + rows * g->n, &below, side);
  }
}

/* Each row of the grid is cols times the element at its beginning in src; rows of dst are contiguous. They are stored
 * `size` bytes at a time, of which the last overlap. n (1, 2, 4 or 8) and size are constants where this is called. */
FNN_INLINE void fill_rows(char *d, const char *s, grid g, int64_t n, int64_t size) {
  typedef uint64_t line __attribute__((vector_size(LINE)));
  const int64_t last = g.cols * n - size;
  for (int64_t r = 0; r < g.rows; r++) {
    uint64_t x = 0;
    memcpy(&x, s + r * g.s_row, (size_t)n);
    for (int64_t half = n; half < 8; half *= 2) x |= x << 8 * half;
    const line v = x - (line){0};
    char *to = d + r * g.d_row;
    memcpy(to, &v, (size_t)size);
    if (size == LINE)
      for (int64_t i = LINE; i < last; i += LINE) memcpy(to + i, &v, LINE);
    memcpy(to + last, &v, (size_t)size);
  }
}

FNN_INLINE void fill_words(char *d, const char *s, grid g, int64_t n) {
  int64_t bytes = g.cols * n;
  if (bytes >= LINE) fill_rows(d, s, g, n, LINE);
  else if (bytes >= 32) fill_rows(d, s, g, n, 32);
  else if (bytes >= 16) fill_rows(d, s, g, n, 16);
  else if (bytes >= 8) fill_rows(d, s, g, n, 8);
  else if (bytes >= 4) fill_rows(d, s, g, n, 4);
  else if (bytes >= 2) fill_rows(d, s, g, n, 2);
  else fill_rows(d, s, g, n, 1);
}

static void fill(char *d, const char *s, const grid *g) {
  switch (g->n) {
    case 1: fill_words(d, s, *g, 1); break;
    case 2: fill_words(d, s, *g, 2); break;
    case 4: fill_words(d, s, *g, 4); break;
    case 8: fill_words(d, s, *g, 8); break;
  }
}

/* Rows of dst are contiguous, elements of src lie `step` apart, a constant where this is called: the compiler shuffles
 * vectors of what lies between. */
#define TAKE_APART(name, T)                                                                                            \
  FNN_INLINE void name(char *dst, const char *src, grid g, int64_t step) {                                             \
    for (int64_t r = 0; r < g.rows; r++) {                                                                             \
      T *restrict d = (T *)(dst + r * g.d_row);                                                                        \
      const T *restrict s = (const T *)(src + r * g.s_row);                                                            \
      for (int64_t c = 0; c < g.cols; c++) d[c] = s[c * step];                                                         \
    }                                                                                                                  \
  }                                                                                                                    \
  static __attribute__((noinline)) void name##_rows(char *d, const char *s, const grid *g) {                           \
    const int64_t step = g->s_col / (int64_t)sizeof(T);                                                                \
    if (step == 2) name(d, s, *g, 2);                                                                                  \
    else if (step == 3) name(d, s, *g, 3);                                                                             \
    else name(d, s, *g, 4);                                                                                            \
  }
TAKE_APART(take_1, uint8_t)
TAKE_APART(take_2, uint16_t)
TAKE_APART(take_4, uint32_t)
TAKE_APART(take_8, uint64_t)
#undef TAKE_APART

static void take_apart(char *d, const char *s, const grid *g) {
  switch (g->n) {
    case 1: take_1_rows(d, s, g); break;
    case 2: take_2_rows(d, s, g); break;
    case 4: take_4_rows(d, s, g); break;
    case 8: take_8_rows(d, s, g); break;
  }
}

static int is_apart(const grid *g) { /* for rows shorter than this the loop that any step has is as fast */
  enum { SHORT = 8 };
  return g->d_col == g->n && is_element(g->n) && g->cols >= SHORT && g->s_col >= 2 * g->n && g->s_col <= 4 * g->n &&
         g->s_col % g->n == 0;
}

/* Elements [first, last) of n vectors, 2 to 4, which alternate in dst. n is a constant where this is called. */
#define INTERLEAVE(name, T)                                                                                            \
  FNN_INLINE void name(char *dst, const char *const *from, int64_t first, int64_t last, int64_t n) {                   \
    T *restrict d = (T *)dst;                                                                                          \
    const T *restrict a = (const T *)from[0], *restrict b = (const T *)from[1];                                        \
    const T *restrict c = (const T *)from[2], *restrict e = (const T *)from[3];                                        \
    for (int64_t i = first; i < last; i++) {                                                                           \
      d[n * i] = a[i], d[n * i + 1] = b[i];                                                                            \
      if (n > 2) d[n * i + 2] = c[i];                                                                                  \
      if (n > 3) d[n * i + 3] = e[i];                                                                                  \
    }                                                                                                                  \
  }
INTERLEAVE(interleave_4, int32_t)
INTERLEAVE(interleave_8, int64_t)
#undef INTERLEAVE

/* The way back: n vectors of `count` elements, which alternate in src. */
#define SEPARATE(name, T)                                                                                              \
  FNN_INLINE void name(char *const *to, const char *src, int64_t count, int64_t n) {                                   \
    T *restrict a = (T *)to[0], *restrict b = (T *)to[1], *restrict c = (T *)to[2], *restrict e = (T *)to[3];          \
    const T *restrict s = (const T *)src;                                                                              \
    for (int64_t i = 0; i < count; i++) {                                                                              \
      a[i] = s[n * i], b[i] = s[n * i + 1];                                                                            \
      if (n > 2) c[i] = s[n * i + 2];                                                                                  \
      if (n > 3) e[i] = s[n * i + 3];                                                                                  \
    }                                                                                                                  \
  }
SEPARATE(separate_4, int32_t)
SEPARATE(separate_8, int64_t)
#undef SEPARATE

/* Calls one of the two with constants. */
#define OF_CONSTANT(f, n, bytes, ...)                                                                                  \
  if (bytes == 8) {                                                                                                    \
    if (n == 2) f##_8(__VA_ARGS__, 2);                                                                                 \
    else if (n == 3) f##_8(__VA_ARGS__, 3);                                                                            \
    else f##_8(__VA_ARGS__, 4);                                                                                        \
  } else if (n == 2) f##_4(__VA_ARGS__, 2);                                                                            \
  else if (n == 3) f##_4(__VA_ARGS__, 3);                                                                              \
  else f##_4(__VA_ARGS__, 4);

static __attribute__((noinline)) void interleave(char *d, const char *const *from, int64_t first, int64_t last,
                                                 int64_t n, int64_t bytes) {
  OF_CONSTANT(interleave, n, bytes, d, from, first, last)
}

static __attribute__((noinline)) void separate(char *const *to, const char *s, int64_t count, int64_t n,
                                               int64_t bytes) {
  OF_CONSTANT(separate, n, bytes, to, s, count)
}
#undef OF_CONSTANT

/* Whether `few` are 2 to 4 vectors of `many` words of n bytes, 4 or 8, that alternate on one side, where those of a
 * vector are `step` apart, and each run on the other, as channels of images. */
static int are_alternating(int64_t n, int64_t few, int64_t many, int64_t run, int64_t next, int64_t step) {
  return few >= 2 && few <= 4 && many >= 8 && (n == 4 || n == 8) && run == n && next == n && step == few * n;
}

static void interleave_columns(char *d, const char *s, const grid *g) {
  const char *from[4];
  for (int64_t k = 0; k < 4; k++) from[k] = s + fnn_min(k, g->cols - 1) * g->s_col;
  interleave(d, from, 0, g->rows, g->cols, g->n);
}

static void separate_rows(char *d, const char *s, const grid *g) {
  char *to[4];
  for (int64_t k = 0; k < 4; k++) to[k] = d + fnn_min(k, g->rows - 1) * g->d_row;
  separate(to, s, g->cols, g->rows, g->n);
}

/* Rows of 2 to 4 elements, each backwards, that lie without gaps in dst and in src: channels of images. As many rows as
 * a word holds at a time; what is behind them in it is stored again by the next. n and cols are constants where this is
 * called. */
FNN_INLINE void turn_channels(char *d, const char *s, int64_t rows, int64_t n, int64_t cols) {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
  enum { WORD = 32 };
#else
  enum { WORD = 16 };
#endif
  typedef uint8_t word __attribute__((vector_size(WORD)));
  const int64_t row = n * cols, whole = WORD / row * row, all = rows * row;
  word from = {0};
#pragma GCC unroll 32
  for (int k = 0; k < WORD; k++)
    from[k] = (uint8_t)(k >= whole ? k : k / row * row + (cols - 1 - k % row / n) * n + k % n);
  int64_t at = 0;
  for (; whole && at + WORD <= all; at += whole) {
    word v;
    memcpy(&v, s + at, WORD);
    v = __builtin_shuffle(v, from);
    memcpy(d + at, &v, WORD);
  }
  for (; at < all; at += row)
    for (int64_t c = 0; c < cols; c++) memcpy(d + at + c * n, s + at + (cols - 1 - c) * n, (size_t)n);
}

FNN_INLINE void turn_channels_of(char *d, const char *s, const grid *g, int64_t n) {
  if (g->cols == 2) turn_channels(d, s, g->rows, n, 2);
  else if (g->cols == 3) turn_channels(d, s, g->rows, n, 3);
  else turn_channels(d, s, g->rows, n, 4);
}

/* Rows of dst are contiguous, those of src too, but backwards. n (1, 2, 4 or 8) is a constant where this is called. */
FNN_INLINE void turn_rows(char *d, const char *s, grid g, int64_t n) {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
  enum { WORD = 32 };
#else
  enum { WORD = 16 };
#endif
  typedef uint8_t word __attribute__((vector_size(WORD)));
  word from = {0};
#pragma GCC unroll 32
  for (int k = 0; k < WORD; k++) from[k] = (uint8_t)(WORD - n - k / n * n + k % n);
  for (int64_t r = 0; r < g.rows; r++) {
    char *restrict to = d + r * g.d_row;
    const char *restrict last = s + r * g.s_row + n; /* behind the first that is copied */
    int64_t at = WORD;
#pragma GCC unroll 4
    for (; at <= g.cols * n; at += WORD) {
      word v;
      memcpy(&v, last - at, WORD);
      v = __builtin_shuffle(v, from);
      memcpy(to + at - WORD, &v, WORD);
    }
    for (at -= WORD; at < g.cols * n; at += n) memcpy(to + at, last - at - n, (size_t)n);
  }
}

static void turn(char *d, const char *s, const grid *g) {
  const int64_t row = g->cols * g->n, is_dense = g->d_row == row && g->s_row == row;
  if (g->cols >= 2 && g->cols <= 4 && g->rows > 1 && is_dense) {
    s -= row - g->n; /* the first in memory */
    switch (g->n) {
      case 1: turn_channels_of(d, s, g, 1); return;
      case 2: turn_channels_of(d, s, g, 2); return;
      case 4: turn_channels_of(d, s, g, 4); return;
      case 8: turn_channels_of(d, s, g, 8); return;
    }
  }
  switch (g->n) {
    case 1: turn_rows(d, s, *g, 1); break;
    case 2: turn_rows(d, s, *g, 2); break;
    case 4: turn_rows(d, s, *g, 4); break;
    case 8: turn_rows(d, s, *g, 8); break;
  }
}

static char *dst_of(const part *p, const fnn_call *call, int64_t bytes) {
  return call->buf[p->ints[0]] + p->ints[2] * bytes;
}

static const char *src_of(const part *p, const fnn_call *call, int64_t bytes) {
  return p->ints[1] < 0 ? (const char *)&p->ints[3] : call->buf[p->ints[1]] + p->ints[3] * bytes;
}

static void copy_unit(const part *p, const fnn_call *call, int64_t bytes, int64_t unit, int is_far) {
  char *d = dst_of(p, call, bytes);
  const char *s = src_of(p, call, bytes);
  int64_t tile = unit % p->tiles, first = unit / p->tiles * p->group, last = fnn_min(p->outer, first + p->group);
  int64_t byte = tile % p->n_tiles * p->tile_n, col = tile / p->n_tiles % p->col_tiles * p->tile_cols;
  int64_t row = tile / p->n_tiles / p->col_tiles * p->tile_rows, dims = p->dims;
  int64_t left[MAX_DIMS], d_step[MAX_DIMS], s_step[MAX_DIMS]; /* of the outer axes; left: indices */
  grid g = p->all;
  d += byte + row * g.d_row + col * g.d_col;
  s += byte + row * g.s_row + col * g.s_col;
  g.n = fnn_min(p->tile_n, g.n - byte);
  g.rows = fnn_min(p->tile_rows, g.rows - row);
  g.cols = fnn_min(p->tile_cols, g.cols - col);
  for (int64_t k = dims - 1, rest = first; k >= 0; rest /= p->sizes[k--]) {
    int64_t index = rest % p->sizes[k];
    d_step[k] = p->dst[k] * bytes, s_step[k] = p->src[k] * bytes, left[k] = p->sizes[k] - index;
    d += index * d_step[k], s += index * s_step[k];
  }
  int64_t places = is_far ? g.d_row | g.d_col | g.n : 1; /* whether runs are lines of dst */
  for (int64_t k = 0; is_far && k < dims; k++) places |= d_step[k];
  const int is_streamed = (places | (int64_t)(uintptr_t)d) % LINE == 0;
  const int is_turned = g.s_col == -g.n && g.d_col == g.n && is_element(g.n);
  const int is_fill = g.s_col == 0 && g.d_col == g.n && is_element(g.n);
  const int64_t side = p->is_across ? square_side(d, s, &g) : 0;
  const int takes_apart = is_apart(&g);
  const int in_columns = are_alternating(g.n, g.cols, g.rows, g.s_row, g.d_col, g.d_row);
  const int in_rows = are_alternating(g.n, g.rows, g.cols, g.d_col, g.s_row, g.s_col);
  const int64_t strip = fnn_max(4, fnn_min(STREAMS, LINE / g.n)); /* rows: whole lines of src, one after the other */
  const int in_strips = p->is_across && g.rows >= 4 && g.cols >= 4 && g.rows * g.cols > 64;
  for (int64_t outer = first; outer < last; outer++) {
    if (is_fill) fill(d, s, &g);
    else if (is_turned) turn(d, s, &g);
    else if (in_columns) interleave_columns(d, s, &g);
    else if (in_rows) separate_rows(d, s, &g);
    else if (side) transpose(d, s, &g, side);
    else if (takes_apart) take_apart(d, s, &g);
    else if (in_strips) copy_columns(d, s, &g, strip);
    else if (is_streamed) stream_grid(d, s, &g);
    else copy_grid(d, s, &g);
    for (int64_t k = dims - 1; k >= 0; k--) { /* the next index */
      d += d_step[k], s += s_step[k];
      if (--left[k] > 0) break;
      left[k] = p->sizes[k];
      d -= left[k] * d_step[k], s -= left[k] * s_step[k];
    }
  }
}

/* Whether the parts are a run each of the same rows of dst, more than a line on average. */
static int are_side_by_side(const part *parts, int64_t n) {
  const grid *first = &parts[0].all;
  for (int64_t k = 0; k < n; k++) {
    const grid *g = &parts[k].all;
    if (parts[k].outer > 1 || g->rows > 1 || parts[k].n_tiles > 1) return 0;
    if (g->cols != first->cols || g->d_col != first->d_col) return 0;
  }
  return n > 1 && first->d_col > n * LINE;
}

/* Runs [first, last) of each of the parts, row by row, so that dst is written in order. */
static void copy_side_by_side(const part *parts, int64_t n, const fnn_call *call, int64_t bytes, int64_t first,
                              int64_t last) {
  for (int64_t row = first; row < last; row++)
    for (int64_t k = 0; k < n; k++) {
      const grid *g = &parts[k].all;
      char *restrict d = dst_of(&parts[k], call, bytes) + row * g->d_col;
      const char *restrict s = src_of(&parts[k], call, bytes) + row * g->s_col;
      int64_t rest = g->n;
      for (; rest > LINE; rest -= LINE, d += LINE, s += LINE) move_line(d, s);
      if (g->n >= LINE) move_line(d + rest - LINE, s + rest - LINE);
      else if (rest >= 32) memcpy(d, s, 32), memcpy(d + rest - 32, s + rest - 32, 32);
      else if (rest >= 16) memcpy(d, s, 16), memcpy(d + rest - 16, s + rest - 16, 16);
      else if (rest >= 8) memcpy(d, s, 8), memcpy(d + rest - 8, s + rest - 8, 8);
      else if (rest >= 4) memcpy(d, s, 4), memcpy(d + rest - 4, s + rest - 4, 4);
      else if (rest >= 2) memcpy(d, s, 2), memcpy(d + rest - 2, s + rest - 2, 2);
      else *d = *s;
    }
}

/* How many of the parts, 2 to 4, are vectors of words of 4 or 8 bytes that alternate in dst; 0 where not all are. */
static int64_t interleaved(const part *parts, int64_t n, int64_t bytes) {
  for (int64_t k = 0; k < n; k++) {
    const grid *g = &parts[k].all;
    if (parts[k].outer > 1 || g->rows > 1 || g->n != bytes || g->s_col != bytes || g->d_col != n * bytes) return 0;
    if (g->cols != parts[0].all.cols || parts[k].ints[0] != parts[0].ints[0] || parts[k].ints[1] < 0) return 0;
    if (parts[k].ints[2] != parts[0].ints[2] + k) return 0;
  }
  return n >= 2 && n <= 4 && (bytes == 4 || bytes == 8) ? n : 0;
}

static void interleave_parts(const part *parts, int64_t n, const fnn_call *call, int64_t bytes, int64_t first,
                             int64_t last) {
  const char *from[4];
  for (int64_t k = 0; k < 4; k++) from[k] = src_of(&parts[fnn_min(k, n - 1)], call, bytes);
  interleave(dst_of(&parts[0], call, bytes), from, first, last, n, bytes);
}

/* Parts of the same number of units take turns, but long runs: those of a concatenation write the same lines of dst,
 * or neighbours. */
static void copy_run_units(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, *at = ints + 2;
  int64_t first = 0; /* unit of the parts at hand */
  int streams = 0;
  for (int64_t left = ints[1]; left > 0 && first < end;) {
    part parts[TOGETHER];
    int64_t n = 0;
    for (; n < fnn_min(left, TOGETHER); n++) {
      const int64_t *next = read_part(at, ints[0], &parts[n]);
      if (n > 0 && (parts[n].units != parts[0].units || parts[n].n_tiles > 1)) break;
      at = next;
    }
    double bytes = 0;
    for (int64_t k = 0; k < n; k++) bytes += bytes_of(&parts[k]);
    const int is_far = bytes > FAR;
    streams |= is_far;
    int64_t units = n * parts[0].units, from = fnn_max(begin, first) - first, to = fnn_min(end, first + units) - first;
    if (are_side_by_side(parts, n)) {
      int64_t cols = parts[0].tile_cols;
      copy_side_by_side(parts, n, call, ints[0], from / n * cols, fnn_min(to / n * cols, parts[0].all.cols));
    } else if (interleaved(parts, n, ints[0])) {
      const int64_t cols = parts[0].tile_cols;
      interleave_parts(parts, n, call, ints[0], from / n * cols, fnn_min(to / n * cols, parts[0].all.cols));
    } else {
      for (int64_t unit = from; unit < to; unit++) copy_unit(&parts[unit % n], call, ints[0], unit / n, is_far);
    }
    first += units;
    left -= n;
  }
  if (streams) fnn_end_streams();
}

static const fnn_entry entries[] = {{"copy", copy_run_units, copy_size}, {0}};
const fnn_table FNN_TABLE(layout) = {entries, 0, 0};
