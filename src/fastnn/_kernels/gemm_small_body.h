/* gemm_small_body.h: many small products, each a unit that is done without what tiles are told, for float32 and for
 * float64. */

/* A piece of memory that the next unit reads or writes. */
typedef struct {
  const T *at;
  int64_t lines, step;
} OWN(gemm_piece);

/* Rows of a panel of `cols` columns of a product, of which the last vector may be a part, by tiles of so many rows
 * while there are as many. Returns how many are left. is_half: two rows share the last vector, as in tile_half.h. Where
 * multiply-adds leave loads to spare each step of k asks for a line of what is next. */
FNN_INLINE int64_t OWN(gemm_small_rows)(T **c, int64_t n, int64_t cols, const T **a, int64_t a_row, int64_t a_col,
                                        const T *b, int64_t b_row, int64_t m, int64_t k, OWN(gemm_piece) * *next,
                                        const int rows, const int vectors, const int is_half) {
  const int end = vectors - 1, asks = vectors > 1 && rows > 4 && !is_half;
  const int64_t last = cols - end * N;
  for (; m >= rows; m -= rows, *a += rows * a_row, *c += rows * n) {
    V acc[TILE_MOST_SUMS];
    const T *x[TILE_MOST_ROWS], *y = b;
#pragma GCC unroll 24
    for (int i = 0; i < rows * vectors; i++) acc[i] = (V){0};
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) x[i] = *a + i * a_row;
    const T *ahead = (*next)->at;
    const int64_t step = (*next)->step;
    if (asks) {
      (*next)->at += k * step;
      if (((*next)->lines -= k) <= 0) ++*next;
    }
    for (int64_t i = 0, at = 0; i < k; i++, at += a_col, y += b_row) {
      if (asks) __builtin_prefetch(ahead, 0, 2);
      ahead += step;
      V row[TILE_VECTORS], above;
#pragma GCC unroll 4
      for (int j = 0; j < end; j++) row[j] = FN(load)(y + j * N);
      row[end] = FN(load_part)(y + end * N, last);
      if (is_half) row[end] = FN(halves)(row[end], FN(across)(row[end], N / 2));
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++) {
        const V each = FN(splat)(x[r][at]);
        V *sum = acc + r * vectors;
#pragma GCC unroll 4
        for (int j = 0; j < end; j++) sum[j] = FN(multiply_add)(each, row[j], sum[j]);
        if (!is_half) sum[end] = FN(multiply_add)(each, row[end], sum[end]);
        else if (r % 2 == 0) above = each;
        else sum[end - vectors] = FN(multiply_add)(FN(halves)(above, each), row[end], sum[end - vectors]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      const V *sum = acc + r * vectors;
#pragma GCC unroll 4
      for (int j = 0; j < end; j++) FN(store)(*c + r * n + j * N, sum[j]);
      const V sums = !is_half || r % 2 == 0 ? sum[end] : FN(across)(sum[end - vectors], N / 2);
      FN(store_part)(*c + r * n + end * N, sums, last);
    }
  }
  return m;
}

#define SMALL(vectors)                                                                                                 \
  static __attribute__((noinline)) void OWN(gemm_small_##vectors)(T * c, int64_t n, int64_t cols, const T *a,          \
                                                                  int64_t a_row, int64_t a_col, const T *b,            \
                                                                  int64_t b_row, int64_t m, int64_t k,                 \
                                                                  OWN(gemm_piece) * *next) {                           \
    const int most = TILE_VECTORS == vectors || TILE_VECTORS == 2 ? 6 : 8; /* tile_rows(vectors) */                    \
    if (vectors > 1 && OWN(half_fits)((tile_panel){0, cols, vectors}))                                                 \
      m = OWN(gemm_small_rows)(&c, n, cols, &a, a_row, a_col, b, b_row, m, k, next, most, vectors, vectors > 1);       \
    m = OWN(gemm_small_rows)(&c, n, cols, &a, a_row, a_col, b, b_row, m, k, next, most, vectors, 0);                   \
    m = OWN(gemm_small_rows)(&c, n, cols, &a, a_row, a_col, b, b_row, m, k, next, 4, vectors, 0);                      \
    m = OWN(gemm_small_rows)(&c, n, cols, &a, a_row, a_col, b, b_row, m, k, next, 2, vectors, 0);                      \
    OWN(gemm_small_rows)(&c, n, cols, &a, a_row, a_col, b, b_row, m, k, next, 1, vectors, 0);                          \
  }
SMALL(1)
SMALL(2)
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
SMALL(3)
SMALL(4)
#endif
#undef SMALL

/* One of small products that is dot products. */
static __attribute__((noinline)) void OWN(gemm_small_dots)(const int64_t *ints, const OWN(gemm_cut) * c, T *to,
                                                           const T *a, const T *b, T *space) {
  const T *a_rows[GEMM_MOST_ROWS];
  for (int64_t i = 0; i < fnn_round_up(c->m, TILE_BLOCK); i++)
    a_rows[i] = a + fnn_min(i, c->m - 1) * ints[GEMM_A_ROW];
  int64_t b_col = ints[GEMM_B_COL];
  if (c->packs_b) {
    b_col = fnn_round_up(c->k, N);
    OWN(pack_transposed)(space, b_col, b, ints[GEMM_B_ROW], c->n, c->k);
    b = space;
  }
  OWN(dots)(to, c->n, a_rows, c->m, b, b_col, c->k, c->n, 0);
}

/* A block of rows of product z of small ones: see gemm_is_small. */
FNN_INLINE void OWN(gemm_small)(const fnn_call *call, const OWN(gemm_cut) * c, T *space, int64_t z, int64_t block) {
  static void (*const variants[TILE_VECTORS])(T *, int64_t, int64_t, const T *, int64_t, int64_t, const T *, int64_t,
                                              int64_t, int64_t, OWN(gemm_piece) **) = {
    OWN(gemm_small_1), OWN(gemm_small_2),
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
    OWN(gemm_small_3), OWN(gemm_small_4),
#endif
  };
  const int64_t *ints = call->ints;
  const T *a = (const T *)call->buf[0], *b = (const T *)call->buf[1];
  const int64_t begin = block * c->rows, rows = fnn_min(c->rows, c->m - begin);
  T *to = (T *)call->buf[2] + (z * c->m + begin) * c->n;
  OWN(gemm_go_to)(ints, z, &a, &b);
  if (c->way == GEMM_DOTS) return OWN(gemm_small_dots)(ints, c, to, a, b, space);
  const int64_t a_row = ints[GEMM_A_ROW], a_col = ints[GEMM_A_COL], b_row = ints[GEMM_B_ROW];
  OWN(gemm_piece) pieces[GEMM_PIECES] = {[GEMM_PIECES - 1] = {a, INT64_MAX, 0}}, *next = pieces + GEMM_PIECES - 1;
  if (c->m * c->n * c->k >= GEMM_ASKING_PRODUCTS) {
    const int is_last = begin + rows == c->m;
    const int64_t line = FNN_ALIGN / (int64_t)sizeof(T), row = is_last ? 0 : begin + rows;
    const int64_t next_rows = fnn_min(c->rows, c->m - row);
    const T *next_a = is_last ? (const T *)call->buf[0] : a, *next_b = is_last ? (const T *)call->buf[1] : b;
    if (is_last) OWN(gemm_go_to)(ints, fnn_min(z + 1, c->batches - 1), &next_a, &next_b);
    next = pieces;
    pieces[0] = (OWN(gemm_piece)){next_a + row * a_row, fnn_ceil_div(next_rows * c->k, line), line};
    pieces[1] = (OWN(gemm_piece)){next_b, is_last ? fnn_ceil_div(c->k * c->n, line) : 0, line};
    pieces[2] = (OWN(gemm_piece)){to + rows * c->n, fnn_ceil_div(next_rows * c->n, line), line};
  }
  a += begin * a_row;
  for (int64_t p = 0; p < c->panels; p++) {
    /* No division for a single one. */
    const tile_panel panel = c->panels > 1 ? tile_panel_of(c->n, N, c->widest, p)
                                           : (tile_panel){0, c->n, (int)fnn_ceil_div(c->n, N)};
    const T *from = c->packs_b ? space : b + panel.begin;
    if (c->packs_b) OWN(pack_panel)(space, b, b_row, ints[GEMM_B_COL], c->k, panel);
    variants[panel.vectors - 1](to + panel.begin, c->n, panel.cols, a, a_row, a_col, from,
                                c->packs_b ? panel.vectors * N : b_row, rows, c->k, &next);
  }
}
