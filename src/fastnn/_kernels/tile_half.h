/* tile_half.h: tiles whose last vector of columns is at most half full, for float32 and for float64.
 *
 * Of 24 columns, a vector of 16 lanes and half of another, a tile of whole vectors would spend a quarter of its
 * multiply-adds on nothing. Here two rows share the vector that their halves fill: its multiply-adds have the halves of
 * both rows' broadcasts, and half a row of B twice. The sums of rows i and i + 1 are in acc[i]. */

/* Whether a panel ends with such a vector, of a CPU that has registers for it. */
FNN_INLINE int OWN(half_fits)(tile_panel panel) {
#if defined(FNN_ISA_AVX512)
  return panel.vectors > 1 && panel.cols - (panel.vectors - 1) * N <= N / 2;
#else
  (void)panel;
  return 0;
#endif
}

/* As strip_steps, without clearing. */
FNN_INLINE void OWN(half_steps)(V *acc, const T *const *a, int64_t *at, int64_t a_stride, const T **b,
                                int64_t b_stride, int64_t steps, const int rows, const int vectors) {
  const int last = vectors - 1;
  int64_t k = *at;
  const T *b_at = *b;
#pragma GCC unroll 2
  for (; steps > 0; steps--, k += a_stride, b_at += b_stride) {
    V b_row[TILE_VECTORS], above;
#pragma GCC unroll 4
    for (int j = 0; j < last; j++) b_row[j] = FN(load)(b_at + j * N);
    b_row[last] = FN(load_twice)(b_at + last * N);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      const V x = FN(splat)(a[i][k]);
#pragma GCC unroll 4
      for (int j = 0; j < last; j++) acc[i * vectors + j] += x * b_row[j];
      if (i % 2 == 0) above = x;
      else acc[(i - 1) * vectors + last] += FN(halves)(above, x) * b_row[last];
    }
    __asm__("" : "+r"(k)); /* as in tile_run */
  }
  *at = k, *b = b_at;
}

/* As strip_end; the last vector has n columns. */
FNN_INLINE void OWN(half_end)(const OWN(tile) * t, const V *acc, T *const *c_rows, const T *bias, int64_t c_column,
                              int64_t n, const int rows, const int vectors) {
  const int last = vectors - 1;
  const V floor = FN(splat)(t->floor);
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
    T *c = c_rows[i] + c_column;
    __asm__("" : "+r"(c));
#pragma GCC unroll 4
    for (int j = 0; j < last; j++) {
      V y = acc[i * vectors + j];
      if (bias) y += FN(load)(bias + j * N);
      FN(store)(c + j * N, FN(max)(floor, y));
    }
    V y = acc[(i - i % 2) * vectors + last];
    if (i % 2) y = FN(across)(y, N / 2);
    if (bias) y += FN(load)(bias + last * N);
    FN(store_part)(c + last * N, FN(max)(floor, y), n);
  }
}

/* As tile_run, for tiles of all their rows whose results are multiplied by 1 and added to nothing. */
FNN_INLINE void OWN(half_run)(const OWN(tile) * t, const int rows, const int vectors) {
  const int last = vectors - 1;
  V acc[TILE_MOST_SUMS];
  const T *a[TILE_MOST_ROWS], *ahead = t->ahead;
  OWN(strip_begin)(acc, a, t->a, rows, vectors);
  if (t->resumes) {
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      const T *from = t->partial + i * OWN(TILE_COLS);
#pragma GCC unroll 4
      for (int j = 0; j < last; j++) acc[i * vectors + j] = FN(load)(from + j * N);
      const V half = FN(load_twice)(from + last * N);
      V *both = acc + (i - i % 2) * vectors + last;
      *both = i % 2 ? FN(halves)(*both, half) : half;
    }
  }
  for (const OWN(tile_segment) *s = t->segments, *end = s + t->n_segments; s < end; s++) {
    const T *b = s->b + t->column;
    int64_t at = s->a_offset;
    for (int64_t i = t->ahead_lines; i > 0; i--, ahead += FNN_ALIGN / sizeof(T)) __builtin_prefetch(ahead, 0, 2);
    OWN(half_steps)(acc, a, &at, t->a_stride, &b, s->b_stride, s->k, rows, vectors);
  }
  if (!t->continues) {
    OWN(half_end)(t, acc, t->c, t->bias, t->c_column, t->cols - last * N, rows, vectors);
    return;
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
    T *to = t->partial + i * OWN(TILE_COLS);
#pragma GCC unroll 4
    for (int j = 0; j < last; j++) FN(store)(to + j * N, acc[i * vectors + j]);
    const V both = acc[(i - i % 2) * vectors + last];
    FN(store)(to + last * N, i % 2 ? FN(across)(both, N / 2) : both);
  }
}

#if defined(FNN_ISA_AVX512)
#define HALF_VARIANT(rows, vectors)                                                                                    \
  static __attribute__((noinline)) void OWN(half_##rows##x##vectors)(const OWN(tile) * t) {                            \
    OWN(half_run)(t, rows, vectors);                                                                                   \
  }
HALF_VARIANT(8, 2) HALF_VARIANT(8, 3) HALF_VARIANT(6, 4)
#undef HALF_VARIANT
#endif

/* As tile_call, of a panel that may end with such a vector. */
FNN_INLINE void OWN(half_call)(const OWN(tile) * t, tile_panel panel) {
#if defined(FNN_ISA_AVX512)
  static void (*const variants[])(const OWN(tile) *) = {OWN(half_8x2), OWN(half_8x3), OWN(half_6x4)};
  if (t->rows > 4 && OWN(half_fits)(panel)) {
    variants[panel.vectors - 2](t);
    return;
  }
#endif
  OWN(tile_call)(t, panel.vectors);
}
