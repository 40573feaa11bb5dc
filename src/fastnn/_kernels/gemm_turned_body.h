/* gemm_turned_body.h: what is turned by squares once tiles have stored it, for float32 and for float64: rows of a
 * turned product that are columns of C, and the half of a symmetric C that mirrors the other. */

/* A vector of each of n rows, n a power of two, becomes n vectors of whole columns: each step has lanes of rows n / 2
 * apart follow each other. */
FNN_INLINE void OWN(gemm_interleave)(V *v, const int n) {
  M low;
#pragma GCC unroll 16
  for (int l = 0; l < N; l++) low[l] = l / 2 + l % 2 * N;
  const M high = low + N / 2;
#pragma GCC unroll 3
  for (int step = 1; step < n; step *= 2) {
    V joined[N];
#pragma GCC unroll 4
    for (int i = 0; i < n / 2; i++) {
      joined[2 * i] = __builtin_shuffle(v[i], v[i + n / 2], low);
      joined[2 * i + 1] = __builtin_shuffle(v[i], v[i + n / 2], high);
    }
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) v[i] = joined[i];
  }
}

/* `cols` columns, whole vectors, of n rows that are all columns of C. */
FNN_INLINE void OWN(gemm_turn_few)(T *to, const T *from, int64_t width, int64_t cols, const int n) {
  for (int64_t j = 0; j < cols; j += N, from += N, to += n * N) {
    V v[N];
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) v[i] = FN(load)(from + i * width);
    OWN(gemm_interleave)(v, n);
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) FN(store)(to + i * N, v[i]);
  }
}

/* Rows [begin, begin + rows) of a panel that are columns of `cols` rows of C, from `out` on. Squares side by side write
 * lines that follow each other. */
COMMON
static __attribute__((noinline)) void OWN(gemm_turn_back)(const fnn_call *call, const OWN(gemm_cut) * c, int64_t split,
                                                          T *out, const OWN(gemm_scratch) * scratch, int64_t begin,
                                                          int64_t rows, int64_t cols) {
  const int64_t width = c->widest * N;
  const T *bias = c->splits == 1 ? (const T *)call->buf[3] : NULL;
  OWN(tile) finish = {.alpha = 1, .floor = -INFINITY};
  OWN(gemm_finish_by)(&finish, call, c, split);
  const int is_plain = finish.alpha == 1 && finish.beta == 0 && !bias && finish.floor == -(T)INFINITY;
  int64_t few = is_plain && rows == c->m ? cols / N * N : 0;
  if (few && rows == 2 && N >= 2) OWN(gemm_turn_few)(out, scratch->a, width, few, 2);
  else if (few && rows == 4 && N >= 4) OWN(gemm_turn_few)(out, scratch->a, width, few, 4);
  else if (few && rows == 8 && N >= 8) OWN(gemm_turn_few)(out, scratch->a, width, few, 8);
  else few = 0;
  for (int64_t j = few; j < cols; j += N)
    for (int64_t i = 0; i < rows; i += N) {
      const int64_t n = fnn_min(N, rows - i), valid = fnn_min(N, cols - j);
      const T *from = scratch->a + i * width + j;
      T *to = out + j * c->m + begin + i;
      if (is_plain && n == N && valid == N) {
        OWN(pack_squares)(to, c->m, from, width, N);
        continue;
      }
      V v[N];
#pragma GCC unroll 16
      for (int64_t r = 0; r < N; r++) v[r] = r < n ? FN(load)(from + r * width) : (V){0};
      OWN(transpose)(v);
      finish.cols = n;
      finish.bias = OWN(tile_bias)(bias, (tile_panel){begin + i, n, 1}, scratch->bias);
      for (int64_t r = 0; r < valid; r++, to += c->m) {
        if (!is_plain) OWN(tile_finish)(&finish, v[r], to, 0);
        else if (n == c->m && (cols - j - r) * n >= N) FN(store)(to, v[r]); /* what follows is stored next */
        else FN(store_part)(to, v[r], n);
      }
    }
}

/* Whether C is a matrix by its own transpose: what lies left of the diagonal is the same, as products commute. */
static int OWN(gemm_is_symmetric)(const fnn_call *call, const OWN(gemm_cut) * c) {
  const int64_t *ints = call->ints;
  int is = call->buf[0] == call->buf[1] && c->m == c->n && ints[GEMM_A_ROW] == ints[GEMM_B_COL] &&
           ints[GEMM_A_COL] == ints[GEMM_B_ROW] && c->row_blocks > 1 && c->way > GEMM_OUTER && !c->is_turned;
  for (int d = 0; d < GEMM_BATCH_DIMS; d++) is &= ints[GEMM_BATCH + 3 * d + 1] == ints[GEMM_BATCH + 3 * d + 2];
  return is && !c->sums_columns && !ints[GEMM_EPILOGUE] && !call->buf[3] && call->reals[1] == 0;
}

/* Whether a panel of a block of rows of such a C is that of another one, which mirrors it. */
static int OWN(gemm_is_mirrored)(tile_panel panel, int64_t row_begin) { return panel.begin + panel.cols <= row_begin; }

/* c[i][j] = c[j][i] for j in [begin, end) and i in [i_begin, i_end). */
static void OWN(gemm_mirror)(T *c, int64_t n, int64_t begin, int64_t end, int64_t i_begin, int64_t i_end) {
  const int64_t whole = (i_end - i_begin) / N * N;
  int64_t j = begin;
  for (; j + N <= end; j += N) {
    OWN(pack_squares)(c + i_begin * n + j, n, c + j * n + i_begin, n, whole);
    for (int64_t i = i_begin + whole; i < i_end; i++)
      for (int64_t k = j; k < j + N; k++) c[i * n + k] = c[k * n + i];
  }
  for (; j < end; j++)
    for (int64_t i = i_begin; i < i_end; i++) c[i * n + j] = c[j * n + i];
}

/* Of rows [row_begin, row_end) of a panel of it what mirrored panels have: of each block of rows that has its columns,
 * the panels that end before the block. */
static void OWN(gemm_mirror_panel)(const OWN(gemm_cut) * c, T *out, tile_panel panel, int64_t row_begin,
                                   int64_t row_end) {
  const int64_t end = panel.begin + panel.cols;
  for (int64_t block = panel.begin / c->rows * c->rows; block < end; block += c->rows) {
    int64_t index = block / (c->widest * N);
    while (OWN(gemm_is_mirrored)(tile_panel_of(c->n, N, c->widest, index), block)) index++;
    const int64_t before = fnn_min(row_end, tile_panel_of(c->n, N, c->widest, index).begin);
    OWN(gemm_mirror)(out, c->n, row_begin, before, fnn_max(panel.begin, block), fnn_min(end, block + c->rows));
  }
}
