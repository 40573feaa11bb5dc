/* gemm_dots_body.h: products of rows and columns that are both contiguous along k, for float32 and for float64: a lane
 * adds every Nth product, then lanes are added. */

/* A step of gemm_dots_tile: lanes [k, k + n), a vector or fewer. The fewer of rows and columns are in registers. */
FNN_INLINE void OWN(gemm_dots_step)(V *sum, const T *const *row, const T *const *col, int64_t k, int64_t n,
                                    const int rows, const int ways) {
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
FNN_INLINE void OWN(gemm_dots_tile)(T *out, int64_t out_row, int64_t valid, const T *const *a, const T *const *b,
                                    int64_t begin, int64_t end, const int rows, const int ways) {
  V sum[TILE_MOST_SUMS];
  const T *row[TILE_MOST_ROWS];
#pragma GCC unroll 16
  for (int s = 0; s < rows * ways; s++) sum[s] = (V){0};
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) row[i] = a[i];
  int64_t k = begin;
  for (; k + N <= end; k += N) OWN(gemm_dots_step)(sum, row, b, k, N, rows, ways);
  if (k < end) OWN(gemm_dots_step)(sum, row, b, k, end - k, rows, ways);
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
FNN_INLINE void OWN(gemm_dots_columns)(T *out, int64_t out_row, const T *const *a, int64_t rows, const T *b,
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
        OWN(gemm_prefetch_rows)(next + from, b_col, ways, to - from, 0);
      }
      T *at = out + row * out_row;
      const int64_t valid = row_end - row;
      if (height > 2 && valid <= 2) OWN(gemm_dots_tile)(at, out_row, valid, a + row, col, begin, end, 2, ways);
      else if (has_more && valid == 5) OWN(gemm_dots_tile)(at, out_row, valid, a + row, col, begin, end, 5, ways);
      else if (has_more && valid == 6) OWN(gemm_dots_tile)(at, out_row, valid, a + row, col, begin, end, 6, ways);
      else OWN(gemm_dots_tile)(at, out_row, valid, a + row, col, begin, end, height, ways);
    }
  }
}

#define DOTS(height, ways)                                                                                             \
  static __attribute__((noinline)) void OWN(gemm_dots_##ways)(T * out, int64_t out_row, const T *const *a,             \
                                                              int64_t rows, const T *b, int64_t b_col, int64_t k,      \
                                                              int64_t cols, int fetches) {                             \
    const int64_t blocks = rows > height ? fnn_max(1, (k + GEMM_DOTS_BLOCK / 2) / GEMM_DOTS_BLOCK) : 1;                \
    const int64_t block = fnn_round_up(fnn_ceil_div(k, blocks), N);                                                    \
    for (; cols > 0; cols -= ways, out += ways, b += ways * b_col)                                                     \
      OWN(gemm_dots_columns)(out, out_row, a, rows, b, b_col, k, ways, fetches, block, height, ways);                  \
  }
#if defined(FNN_ISA_AVX512)
DOTS(8, 1) DOTS(8, 2) DOTS(8, 3) DOTS(4, 4) DOTS(4, 5) DOTS(4, 6) DOTS(3, 7) DOTS(3, 8)
#else
DOTS(4, 1) DOTS(4, 2) DOTS(4, 3) DOTS(GEMM_DOTS_ROWS, 4)
#endif
#undef DOTS

/* Columns [0, cols) of it: the last ones, maybe all, by tiles of as many. Of few rows tiles have more columns. */
static void OWN(gemm_dots)(T *out, int64_t out_row, const T *const *a, int64_t rows, const T *b, int64_t b_col,
                           int64_t k, int64_t cols, int fetches) {
  static void (*const variants[])(T *, int64_t, const T *const *, int64_t, const T *, int64_t, int64_t, int64_t,
                                  int) = {
    OWN(gemm_dots_1), OWN(gemm_dots_2), OWN(gemm_dots_3), OWN(gemm_dots_4),
#if defined(FNN_ISA_AVX512)
    OWN(gemm_dots_5), OWN(gemm_dots_6), OWN(gemm_dots_7), OWN(gemm_dots_8),
#endif
  };
  enum { MOST = sizeof variants / sizeof *variants };
  const int64_t ways = MOST == 8 && rows <= 2 ? 8 : 4;
  const int64_t whole = cols >= MOST ? cols / ways * ways : 0;
  if (whole) variants[ways - 1](out, out_row, a, rows, b, b_col, k, whole, fetches);
  const int64_t rest = cols - whole;
  if (rest) variants[rest - 1](out + whole, out_row, a, rows, b + whole * b_col, b_col, k, rest, fetches);
}

/* Row [0, k) of A by a single column of B: 8 sums, as below. */
static __attribute__((noinline)) T OWN(gemm_dot)(const T *a, const T *b, int64_t k) {
  V sum[8] = {{0}};
  int64_t i = 0;
  for (; i + 8 * N <= k; i += 8 * N)
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++) sum[j] += FN(load)(a + i + j * N) * FN(load)(b + i + j * N);
  for (; i + N <= k; i += N) sum[0] += FN(load)(a + i) * FN(load)(b + i);
  if (i < k) sum[1] += FN(load_part)(a + i, k - i) * FN(load_part)(b + i, k - i);
#pragma GCC unroll 4
  for (int half = 4; half; half /= 2)
#pragma GCC unroll 4
    for (int j = 0; j < half; j++) sum[j] += sum[j + half];
  return FN(sum_lanes)(sum[0]);
}

/* Two multipliers with a latency of four cycles want 8 sums. Of a row by vectors that are whole lines 4 take what the
 * L2 cache gives, and do not drive each other out of L1 where they lie pages apart. */
static __attribute__((noinline)) void OWN(gemm_dots_row)(T *out, const T *const *a, const T *b, int64_t b_col,
                                                         int64_t k, int64_t cols) {
  if (cols == 1) out[0] = OWN(gemm_dot)(a[0], b, k);
  for (int64_t j = 0; j < cols && cols > 1; j += GEMM_DOTS_ROW_COLS)
    OWN(gemm_dots_columns)(out + j, 0, a, 1, b + j * b_col, b_col, k, cols - j, 0, k, 1, GEMM_DOTS_ROW_COLS);
}

/* The same of a B that is one stream (gemm_is_one_stream): before each part it asks for what a later one reads. */
static __attribute__((noinline)) void OWN(gemm_dots_stream)(T *out, const T *const *a, const T *b, int64_t b_col,
                                                            int64_t k, int64_t cols) {
  const int64_t span = GEMM_DOTS_ROW_COLS * b_col;
  for (int64_t j = 0; j < cols; j += GEMM_DOTS_ROW_COLS) {
    const char *next = (const char *)(b + j * b_col) + GEMM_STREAM_AHEAD;
    for (int64_t at = 0; at < span * (int64_t)sizeof(T); at += FNN_ALIGN) __builtin_prefetch(next + at);
    OWN(gemm_dots_row)(out + j, a, b + j * b_col, b_col, k, fnn_min(cols - j, GEMM_DOTS_ROW_COLS));
  }
}
