/* reduce_short_body.h: sums of rows of a few elements, for reduce_body.h. */

/* Sums [begin, end) of rows of n elements, 2 to 8, without gaps, in the order that `fold` has: the compiler takes many
 * rows at once. n is a constant where this is called. */
FNN_INLINE void OWN(sum_rows_of)(const T *restrict x, int64_t begin, int64_t end, int n, T *restrict y) {
  for (int64_t r = begin; r < end; r++) {
    const T *p = x + r * n;
    ACC total = 0;
    for (int k = 0; k < fnn_min(n, 4); k++) total += (ACC)(k + 4 < n ? p[k] + p[k + 4] : p[k]);
    y[r] = (T)total;
  }
}

static __attribute__((noinline)) void OWN(sum_short_rows)(const T *x, int64_t begin, int64_t end, int64_t n, T *y) {
  switch (n) {
    case 2: OWN(sum_rows_of)(x, begin, end, 2, y); break;
    case 3: OWN(sum_rows_of)(x, begin, end, 3, y); break;
    case 4: OWN(sum_rows_of)(x, begin, end, 4, y); break;
    case 5: OWN(sum_rows_of)(x, begin, end, 5, y); break;
    case 6: OWN(sum_rows_of)(x, begin, end, 6, y); break;
    case 7: OWN(sum_rows_of)(x, begin, end, 7, y); break;
    case 8: OWN(sum_rows_of)(x, begin, end, 8, y); break;
  }
}
