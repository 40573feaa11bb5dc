/* gemm_dots_body.h: a single row by columns that are contiguous along k as it is, for float32 and for float64: what
 * dots.h has no rows to share for. */

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
    OWN(dots_columns)(out + j, 0, a, 1, b + j * b_col, b_col, k, cols - j, 0, k, 1, GEMM_DOTS_ROW_COLS);
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
