/* softmax_columns_body.h: softmax, log-softmax and their gradients over an axis that is not the last, which softmax.c
 * compiles for float32 and for float64 after softmax_body.h: each of `inner` columns alone, vectors of them at once.
 * ints: [0] outer [1] rows [2] inner; buffers: those of the kernel of rows, (outer, rows, inner).
 * Sums are taken in T from row to row: the relative error of a sum of exponentials is below (rows + 3) eps. */

/* `vectors` of n columns, rows `stride` apart. Of fewer than COLUMN_VECTORS several rows are taken at once, as one sum
 * would wait for itself; all of them are read before any is stored, as a load beside a store of part of a vector waits
 * for it. Lanes of a partial vector that hold no element hold numbers that nobody reads. */
typedef struct {
  const T *a, *b; /* inputs */
  T *y;
  int64_t rows, stride, n;
  V top[COLUMN_VECTORS], sum[COLUMN_VECTORS]; /* vector i % vectors of row i / vectors of those taken at once */
} OWN(strip);
typedef void OWN(step)(OWN(strip) *s, int64_t at, const int rows, const int vectors);

FNN_INLINE void OWN(by_rows)(OWN(strip) *s, const int vectors, OWN(step) *step) {
  const int several = COLUMN_VECTORS / vectors;
  int64_t r = 0;
  for (; r + several <= s->rows; r += several) step(s, r * s->stride, several, vectors);
  for (; r < s->rows; r++) step(s, r * s->stride, 1, vectors);
}

FNN_INLINE void OWN(load_rows)(const OWN(strip) *s, V *v, const T *p, const int rows, const int vectors) {
  for (int i = 0; i < rows * vectors; i++) {
    const T *from = p + i / vectors * s->stride + i % vectors * N;
    v[i] = s->n == N ? FN(load)(from) : FN(load_part)(from, s->n);
  }
}
FNN_INLINE void OWN(store_rows)(const OWN(strip) *s, const V *v, T *p, const int rows, const int vectors) {
  for (int i = 0; i < rows * vectors; i++) {
    T *to = p + i / vectors * s->stride + i % vectors * N;
    if (s->n == N) FN(store)(to, v[i]);
    else FN(store_part)(to, v[i], s->n);
  }
}

/* What there is of each vector in all rows that were taken at once, to all of them. */
FNN_INLINE void OWN(join_rows)(V *v, const int vectors, V (*pair)(V, V)) {
  for (int half = COLUMN_VECTORS / 2; half >= vectors; half /= 2)
    for (int i = 0; i < half; i++) v[i] = pair(v[i], v[i + half]);
  for (int i = vectors; i < COLUMN_VECTORS; i++) v[i] = v[i - vectors];
}
FNN_INLINE V OWN(plus)(V a, V b) { return a + b; }

/* a: x. top: the greatest of each column. */
FNN_INLINE void OWN(find_top)(OWN(strip) *s, int64_t at, const int rows, const int vectors) {
  V v[COLUMN_VECTORS];
  OWN(load_rows)(s, v, s->a + at, rows, vectors);
  for (int i = 0; i < rows * vectors; i++) s->top[i] = FN(max)(v[i], s->top[i]);
}

/* sum: that of exp(x - top), which are left in y. */
FNN_INLINE void OWN(take_exp)(OWN(strip) *s, int64_t at, const int rows, const int vectors) {
  V v[COLUMN_VECTORS];
  OWN(load_rows)(s, v, s->a + at, rows, vectors);
  for (int i = 0; i < rows * vectors; i++) s->sum[i] += v[i] = FN(exp_nonpositive)(v[i] - s->top[i]);
  OWN(store_rows)(s, v, s->y + at, rows, vectors);
}
FNN_INLINE void OWN(sum_exp)(OWN(strip) *s, int64_t at, const int rows, const int vectors) {
  V v[COLUMN_VECTORS];
  OWN(load_rows)(s, v, s->a + at, rows, vectors);
  for (int i = 0; i < rows * vectors; i++) s->sum[i] += FN(exp_nonpositive)(v[i] - s->top[i]);
}

FNN_INLINE void OWN(scale_exp)(OWN(strip) *s, int64_t at, const int rows, const int vectors) {
  V v[COLUMN_VECTORS];
  OWN(load_rows)(s, v, s->y + at, rows, vectors);
  for (int i = 0; i < rows * vectors; i++) v[i] *= s->sum[i];
  OWN(store_rows)(s, v, s->y + at, rows, vectors);
}
FNN_INLINE void OWN(take_logs)(OWN(strip) *s, int64_t at, const int rows, const int vectors) {
  V v[COLUMN_VECTORS];
  OWN(load_rows)(s, v, s->a + at, rows, vectors);
  for (int i = 0; i < rows * vectors; i++) v[i] = v[i] - s->top[i] - s->sum[i];
  OWN(store_rows)(s, v, s->y + at, rows, vectors);
}

FNN_INLINE void OWN(softmax_strip)(OWN(strip) *s, const int vectors) {
  OWN(by_rows)(s, vectors, OWN(find_top));
  OWN(join_rows)(s->top, vectors, FN(max));
  OWN(by_rows)(s, vectors, OWN(take_exp));
  OWN(join_rows)(s->sum, vectors, OWN(plus));
  for (int i = 0; i < COLUMN_VECTORS; i++) s->sum[i] = 1 / s->sum[i];
  OWN(by_rows)(s, vectors, OWN(scale_exp));
}
FNN_INLINE void OWN(log_softmax_strip)(OWN(strip) *s, const int vectors) {
  OWN(by_rows)(s, vectors, OWN(find_top));
  OWN(join_rows)(s->top, vectors, FN(max));
  OWN(by_rows)(s, vectors, OWN(sum_exp));
  OWN(join_rows)(s->sum, vectors, OWN(plus));
  for (int i = 0; i < vectors; i++) s->sum[i] = FN(log)(s->sum[i]);
  for (int i = vectors; i < COLUMN_VECTORS; i++) s->sum[i] = s->sum[i - vectors];
  OWN(by_rows)(s, vectors, OWN(take_logs));
}

/* a: dy, b: the result, y: dx. */
FNN_INLINE void OWN(add_product)(OWN(strip) *s, int64_t at, const int rows, const int vectors) {
  V dy[COLUMN_VECTORS], y[COLUMN_VECTORS];
  OWN(load_rows)(s, dy, s->a + at, rows, vectors);
  OWN(load_rows)(s, y, s->b + at, rows, vectors);
  for (int i = 0; i < rows * vectors; i++) s->sum[i] += dy[i] * y[i];
}
FNN_INLINE void OWN(add_gradient)(OWN(strip) *s, int64_t at, const int rows, const int vectors) {
  V dy[COLUMN_VECTORS];
  OWN(load_rows)(s, dy, s->a + at, rows, vectors);
  for (int i = 0; i < rows * vectors; i++) s->sum[i] += dy[i];
}
FNN_INLINE void OWN(map_softmax_grad)(OWN(strip) *s, int64_t at, const int rows, const int vectors) {
  V dy[COLUMN_VECTORS], y[COLUMN_VECTORS];
  OWN(load_rows)(s, dy, s->a + at, rows, vectors);
  OWN(load_rows)(s, y, s->b + at, rows, vectors);
  for (int i = 0; i < rows * vectors; i++) dy[i] = y[i] * (dy[i] - s->sum[i]);
  OWN(store_rows)(s, dy, s->y + at, rows, vectors);
}
FNN_INLINE void OWN(map_log_softmax_grad)(OWN(strip) *s, int64_t at, const int rows, const int vectors) {
  V dy[COLUMN_VECTORS], y[COLUMN_VECTORS];
  OWN(load_rows)(s, dy, s->a + at, rows, vectors);
  OWN(load_rows)(s, y, s->b + at, rows, vectors);
  for (int i = 0; i < rows * vectors; i++) dy[i] = dy[i] - FN(exp)(y[i]) * s->sum[i];
  OWN(store_rows)(s, dy, s->y + at, rows, vectors);
}
FNN_INLINE void OWN(softmax_grad_strip)(OWN(strip) *s, const int vectors) {
  OWN(by_rows)(s, vectors, OWN(add_product));
  OWN(join_rows)(s->sum, vectors, OWN(plus));
  OWN(by_rows)(s, vectors, OWN(map_softmax_grad));
}
FNN_INLINE void OWN(log_softmax_grad_strip)(OWN(strip) *s, const int vectors) {
  OWN(by_rows)(s, vectors, OWN(add_gradient));
  OWN(join_rows)(s->sum, vectors, OWN(plus));
  OWN(by_rows)(s, vectors, OWN(map_log_softmax_grad));
}

/* `vectors` of n columns from element `at` on. */
FNN_INLINE void OWN(do_strip)(const fnn_call *call, const int has_b, int64_t at, const int vectors, int64_t n,
                              void (*f)(OWN(strip) *, const int)) {
  OWN(strip) s = {.a = (const T *)call->buf[0] + at, .b = has_b ? (const T *)call->buf[1] + at : NULL,
                  .y = (T *)call->buf[1 + has_b] + at, .rows = call->ints[1], .stride = call->ints[2], .n = n};
  for (int i = 0; i < COLUMN_VECTORS; i++) s.top[i] = FN(splat)(-(T)INFINITY), s.sum[i] = FN(splat)(0);
  f(&s, vectors);
}
FNN_INLINE void OWN(by_strips)(const fnn_call *call, int64_t begin, int64_t end, const int has_b,
                               void (*f)(OWN(strip) *, const int)) {
  const int64_t outer = call->ints[0], rows = call->ints[1], inner = call->ints[2];
  const int64_t width = strip_columns(inner, sizeof(T)), strips = fnn_ceil_div(inner, width);
  const int64_t group = strip_group(call->ints, sizeof(T));
  for (int64_t s = begin * group; s < fnn_min(outer * strips, end * group); s++) {
    const int64_t last = fnn_min(inner, (s % strips + 1) * width), at = s / strips * rows * inner;
    int64_t c = s % strips * width;
    for (; c + COLUMN_VECTORS * N <= last; c += COLUMN_VECTORS * N)
      OWN(do_strip)(call, has_b, at + c, COLUMN_VECTORS, N, f);
    for (; c + N <= last; c += N) OWN(do_strip)(call, has_b, at + c, 1, N, f);
    if (c < last) OWN(do_strip)(call, has_b, at + c, 1, last - c, f);
  }
}

#define COLUMNS(name, has_b, flops)                                                                                    \
  static void OWN(name##_columns_size)(const int64_t *ints, fnn_work *work) {                                          \
    columns_size(ints, work, 2 + has_b, flops, sizeof(T));                                                             \
  }                                                                                                                    \
  static void OWN(name##_columns)(const fnn_call *call, int64_t begin, int64_t end) {                                  \
    OWN(by_strips)(call, begin, end, has_b, OWN(name##_strip));                                                        \
  }
COLUMNS(softmax, 0, 12)
COLUMNS(softmax_grad, 1, 4)
COLUMNS(log_softmax, 0, 12)
COLUMNS(log_softmax_grad, 1, 12)
#undef COLUMNS
