/* reduce_short_body.h: sums and extremes of rows of a few elements, for reduce_body.h. */

/* Outputs [begin, end), rows of n elements, 2 to 8, without gaps, sums in the order that `fold` has: the compiler takes
 * many rows at once. kind and n are constants where this is called. */
FNN_INLINE void OWN(short_rows_of)(int kind, const T *restrict x, int64_t begin, int64_t end, int n, T *restrict y) {
  for (int64_t r = begin; r < end; r++) {
    const T *p = x + r * n;
    if (kind == SUM) {
      ACC total = 0;
      for (int k = 0; k < fnn_min(n, 4); k++) total += (ACC)(k + 4 < n ? p[k] + p[k + 4] : p[k]);
      y[r] = (T)total;
    } else {
      T extreme = p[0];
      for (int k = 1; k < n; k++) extreme = OWN(step)(kind, extreme, p[k]);
      y[r] = extreme;
    }
  }
}

static __attribute__((noinline)) void OWN(sum_short_rows)(const T *x, int64_t begin, int64_t end, int64_t n, T *y) {
  switch (n) {
    case 2: OWN(short_rows_of)(SUM, x, begin, end, 2, y); break;
    case 3: OWN(short_rows_of)(SUM, x, begin, end, 3, y); break;
    case 4: OWN(short_rows_of)(SUM, x, begin, end, 4, y); break;
    case 5: OWN(short_rows_of)(SUM, x, begin, end, 5, y); break;
    case 6: OWN(short_rows_of)(SUM, x, begin, end, 6, y); break;
    case 7: OWN(short_rows_of)(SUM, x, begin, end, 7, y); break;
    case 8: OWN(short_rows_of)(SUM, x, begin, end, 8, y); break;
  }
}

/* Of 5 to 7 elements extremes become scalar code with branches, slower than a vector a row. */
#define SHORT_EXTREMES(name, kind)                                                                                     \
  static __attribute__((noinline)) void OWN(name##_short_rows)(const T *x, int64_t begin, int64_t end, int64_t n,      \
                                                               T *y) {                                                 \
    switch (n) {                                                                                                       \
      case 2: OWN(short_rows_of)(kind, x, begin, end, 2, y); break;                                                    \
      case 3: OWN(short_rows_of)(kind, x, begin, end, 3, y); break;                                                    \
      case 4: OWN(short_rows_of)(kind, x, begin, end, 4, y); break;                                                    \
      case 8: OWN(short_rows_of)(kind, x, begin, end, 8, y); break;                                                    \
    }                                                                                                                  \
  }
SHORT_EXTREMES(max, MAX)
SHORT_EXTREMES(min, MIN)
#undef SHORT_EXTREMES

/* Whether such rows have a loop of their own. */
FNN_INLINE int OWN(is_short)(int kind, int64_t n) {
  return kind == SUM ? n >= 2 && n <= 8 : kind != PROD && ((n >= 2 && n <= 4) || n == 8);
}
