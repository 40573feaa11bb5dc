/* dots.h: products of rows and columns that are both contiguous along k, for the type of types_f32.h or types_f64.h: a
 * lane adds every Nth product, then lanes are added. After tile.h and transpose.h. */
#ifndef FNN_DOTS_H
#define FNN_DOTS_H

/* A tile has so many rows and columns; of blocks of so much of k columns stay in L1. */
enum { DOTS_ROWS = FNN_VECTOR_BYTES == 64 ? 4 : FNN_VECTOR_BYTES == 32 ? 3 : 2, DOTS_BLOCK = 1 << 10 };

#endif

/* A step of dots_tile: lanes [k, k + n), a vector or fewer. The fewer of rows and columns are in registers. */
FNN_INLINE void OWN(dots_step)(V *sum, const T *const *row, const T *const *col, int64_t k, int64_t n, const int rows,
                               const int ways) {
  const int is_tall = rows > ways, inner = is_tall ? ways : rows, outer = is_tall ? rows : ways;
  const T *const *const near = is_tall ? col : row, *const *const far = is_tall ? row : col;
  V x[TILE_MOST_ROWS];
#pragma GCC unroll 8
  for (int i = 0; i < inner; i++) x[i] = n < N ? FN(load_part)(near[i] + k, n) : FN(load)(near[i] + k);
#pragma GCC unroll 8
  for (int j = 0; j < outer; j++) {
    const V y = n < N ? FN(load_part)(far[j] + k, n) : FN(load)(far[j] + k);
#pragma GCC unroll 8
    for (int i = 0; i < inner; i++) sum[is_tall ? j * ways + i : i * ways + j] += x[i] * y;
  }
}

/* out[i][j] (+)= row i of A by column j of B over [begin, end) of k, each contiguous along k, for some rows, of which
 * `valid` are stored, and columns: a lane adds every Nth product, then lanes are added. Transposing B so that a lane
 * has a column would take longer where few rows share it. */
FNN_INLINE void OWN(dots_tile)(T *out, int64_t out_row, int64_t valid, const T *const *a, const T *const *b,
                               int64_t begin, int64_t end, const int rows, const int ways) {
  V sum[TILE_MOST_SUMS];
  const T *row[TILE_MOST_ROWS];
#pragma GCC unroll 16
  for (int s = 0; s < rows * ways; s++) sum[s] = (V){0};
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) row[i] = a[i];
  int64_t k = begin;
  for (; k + N <= end; k += N) OWN(dots_step)(sum, row, b, k, N, rows, ways);
  if (k < end) OWN(dots_step)(sum, row, b, k, end - k, rows, ways);
  _Alignas(FNN_ALIGN) T sums[TILE_MOST_SUMS + N]; /* stored by whole vectors */
#pragma GCC unroll 8
  for (int s = 0; s < rows * ways; s += N)
    FN(store)(sums + s, OWN(sum_each)(sum + s, rows * ways - s < N ? rows * ways - s : N));
#pragma GCC unroll 8
  for (int i = 0; i < rows && i < valid; i++, out += out_row) {
    if (begin)
#pragma GCC unroll 8
      for (int j = 0; j < ways; j++) out[j] += sums[i * ways + j];
    else memcpy(out, sums + i * ways, (size_t)ways * sizeof(T));
  }
}

/* `ways` columns of the product of some rows of A, of which the last repeats to a multiple of `height`: to `out`. A
 * block of them stays in L1 while tiles pass by, which fetch their shares of the next one if `fetches`. */
FNN_INLINE void OWN(dots_columns)(T *out, int64_t out_row, const T *const *a, int64_t rows, const T *b,
                                       int64_t b_col, int64_t k, int64_t cols, int fetches, int64_t block,
                                       const int height, const int ways) {
  /* The last tile has up to two rows more, where registers hold their sums: one for a row or two leaves most idle. */
  enum { MORE_ROWS = 2 };
  const int has_more = FNN_VECTOR_BYTES == 64 && ways == 4 && height == 4;
  const T *col[8];
#pragma GCC unroll 8
  for (int i = 0; i < ways; i++) col[i] = b + fnn_min(i, cols - 1) * b_col;
  for (int64_t begin = 0; begin < k; begin += block) {
    const int64_t end = fnn_min(k, begin + block);
    for (int64_t row = 0, row_end; row < rows; row = row_end) {
      row_end = rows - row <= height + has_more * MORE_ROWS ? rows : row + height;
      if (fetches) {
        const T *next = end < k ? b + end : b + ways * b_col;
        const int64_t span = fnn_min(block, end < k ? k - end : k);
        const int64_t from = span * row / rows, to = span * row_end / rows;
        for (int64_t i = 0; i < ways; i++)
          for (int64_t j = from; j < to; j += FNN_ALIGN / (int64_t)sizeof(T))
            __builtin_prefetch(next + i * b_col + j, 0, 2);
      }
      T *at = out + row * out_row;
      const int64_t valid = row_end - row;
      if (height > 2 && valid <= 2) OWN(dots_tile)(at, out_row, valid, a + row, col, begin, end, 2, ways);
      else if (has_more && valid == 5) OWN(dots_tile)(at, out_row, valid, a + row, col, begin, end, 5, ways);
      else if (has_more && valid == 6) OWN(dots_tile)(at, out_row, valid, a + row, col, begin, end, 6, ways);
      else OWN(dots_tile)(at, out_row, valid, a + row, col, begin, end, height, ways);
    }
  }
}

#define DOTS(height, ways)                                                                                             \
  static __attribute__((noinline)) void OWN(dots_##ways)(T * out, int64_t out_row, const T *const *a,             \
                                                              int64_t rows, const T *b, int64_t b_col, int64_t k,      \
                                                              int64_t cols, int fetches) {                             \
    const int64_t blocks = rows > height ? fnn_max(1, (k + DOTS_BLOCK / 2) / DOTS_BLOCK) : 1;                \
    const int64_t block = fnn_round_up(fnn_ceil_div(k, blocks), N);                                                    \
    for (; cols > 0; cols -= ways, out += ways, b += ways * b_col)                                                     \
      OWN(dots_columns)(out, out_row, a, rows, b, b_col, k, ways, fetches, block, height, ways);                  \
  }
#if defined(FNN_ISA_AVX512)
DOTS(8, 1) DOTS(8, 2) DOTS(8, 3) DOTS(4, 4) DOTS(4, 5) DOTS(4, 6) DOTS(3, 7) DOTS(3, 8)
#else
DOTS(4, 1) DOTS(4, 2) DOTS(4, 3) DOTS(DOTS_ROWS, 4)
#endif
#undef DOTS

/* Columns [0, cols) of it: the last ones, maybe all, by tiles of as many. Of few rows tiles have more columns. */
static void OWN(dots)(T *out, int64_t out_row, const T *const *a, int64_t rows, const T *b, int64_t b_col,
                           int64_t k, int64_t cols, int fetches) {
  static void (*const variants[])(T *, int64_t, const T *const *, int64_t, const T *, int64_t, int64_t, int64_t,
                                  int) = {
    OWN(dots_1), OWN(dots_2), OWN(dots_3), OWN(dots_4),
#if defined(FNN_ISA_AVX512)
    OWN(dots_5), OWN(dots_6), OWN(dots_7), OWN(dots_8),
#endif
  };
  enum { MOST = sizeof variants / sizeof *variants };
  const int64_t ways = MOST == 8 && rows <= 2 ? 8 : 4;
  const int64_t whole = cols >= MOST ? cols / ways * ways : 0;
  if (whole) variants[ways - 1](out, out_row, a, rows, b, b_col, k, whole, fetches);
  const int64_t rest = cols - whole;
  if (rest) variants[rest - 1](out + whole, out_row, a, rows, b + whole * b_col, b_col, k, rest, fetches);
}
