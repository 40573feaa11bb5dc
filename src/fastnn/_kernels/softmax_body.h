/* softmax_body.h: what softmax.c compiles for float32 and for float64 (T, V, M, N, FN, OWN: types_f32.h). */

/* ---- one row ---- */

/* The greatest element of a row of n >= 1. A NaN may be passed over: it reaches the result through the sum. */
FNN_INLINE T OWN(row_max)(const T *x, int64_t n) {
  V best = FN(splat)(-(T)INFINITY);
  int64_t i = 0;
  if (n >= LONG) {
    V second = best, third = best, fourth = best; /* none of the four waits for another */
    for (; i + 4 * N <= n; i += 4 * N) {
      best = FN(max)(FN(load)(x + i), best);
      second = FN(max)(FN(load)(x + i + N), second);
      third = FN(max)(FN(load)(x + i + 2 * N), third);
      fourth = FN(max)(FN(load)(x + i + 3 * N), fourth);
    }
    best = FN(max)(FN(max)(fourth, third), FN(max)(second, best));
  }
  for (; i + N <= n; i += N) best = FN(max)(FN(load)(x + i), best);
  if (i < n) best = FN(max)(FN(first_lanes)(FN(load_part)(x + i, n - i), n - i, -(T)INFINITY), best);
  return FN(max_lanes)(best);
}

/* The last elements of a row, which fill no vector. Where y is x they are stored after the next row was read: a load
 * beside a store of part of a vector waits for it. */
typedef struct {
  T *at;
  V v;
  int64_t n;
} OWN(rest);

FNN_INLINE void OWN(store_rest)(const OWN(rest) *rest) {
  if (rest->n) FN(store_part)(rest->at, rest->v, rest->n);
}

/* y = exp(x - top) where y is not NULL, but for the rest of the row, which is returned in *rest; returns the sum. y may
 * be x. Of `asks` the next rows of both are asked for meanwhile: exponentials leave the memory time. */
FNN_INLINE T OWN(row_exp)(T *y, const T *x, int64_t n, T top, V *rest, int asks) {
  V sum = {0};
  int64_t i = 0;
  for (; i + N <= n; i += N) {
    if (asks) {
      __builtin_prefetch(x + n + i, 0, 2);
      if (y) __builtin_prefetch(y + n + i, 1, 2);
    }
    V e = FN(exp_nonpositive)(FN(load)(x + i) - top);
    if (y) FN(store)(y + i, e);
    sum += e;
  }
  if (i < n) {
    *rest = FN(exp_nonpositive)(FN(load_part)(x + i, n - i) - top);
    sum += FN(first_lanes)(*rest, n - i, 0);
  }
  return FN(sum_lanes)(sum);
}

/* The logarithms of the sums of up to BLOCK rows, in their place; what is behind them changes too. */
FNN_INLINE void OWN(logs)(T *sum, int64_t rows) {
  for (int64_t r = 0; r < rows; r += N) FN(store)(sum + r, FN(log)(FN(load)(sum + r)));
}

enum { OWN(SOFTMAX_ROWS) = 4 };

/* y = softmax(x), where y is not NULL, of up to SOFTMAX_ROWS rows of one vector, with the sums of exp(x - top) and the
 * tops. They stay in registers, and all are read before any is stored. */
FNN_INLINE void OWN(softmax_vectors)(T *y, const T *x, int64_t rows, int64_t n, T *sum, T *top) {
  V v[OWN(SOFTMAX_ROWS)];
#pragma GCC unroll 4
  for (int r = 0; r < OWN(SOFTMAX_ROWS); r++)
    v[r] = FN(first_lanes)(FN(load_part)(x + fnn_min(r, rows - 1) * n, n), n, -(T)INFINITY);
#pragma GCC unroll 4
  for (int r = 0; r < OWN(SOFTMAX_ROWS); r++) {
    top[r] = FN(max_lanes)(v[r]);
    v[r] = FN(first_lanes)(FN(exp_nonpositive)(v[r] - top[r]), n, 0);
    sum[r] = FN(sum_lanes)(v[r]);
    v[r] *= 1 / sum[r];
  }
#pragma GCC unroll 4
  for (int r = 0; r < OWN(SOFTMAX_ROWS); r++)
    if (y && r < rows) FN(store_part)(y + r * n, v[r], n);
}

/* y = softmax(x), where y is not NULL, of up to BLOCK rows; of sum and top, BLOCK long, as many elements are set. */
FNN_INLINE void OWN(softmax_rows)(T *y, const T *x, int64_t rows, int64_t n, T *sum, T *top, int asks) {
  if (n <= N) {
    for (int64_t r = 0; r < rows; r += OWN(SOFTMAX_ROWS))
      OWN(softmax_vectors)(y ? y + r * n : 0, x + r * n, rows - r, n, sum + r, top + r);
    return;
  }
  OWN(rest) rest = {y, {0}, 0};
  for (int64_t r = 0; r < rows; r++, y += y ? n : 0, x += n) {
    V last = {0};
    top[r] = OWN(row_max)(x, n);
    sum[r] = OWN(row_exp)(y, x, n, top[r], &last, asks);
    if (!y) continue;
    const T by = 1 / sum[r];
    int64_t i = 0;
    for (; i + N <= n; i += N) FN(store)(y + i, FN(load)(y + i) * by);
    OWN(store_rest)(&rest);
    rest = (OWN(rest)){y + i, last * by, n - i};
  }
  OWN(store_rest)(&rest);
}

/* Sums of f(a, b) over a row. */
FNN_INLINE T OWN(row_sum2)(const T *a, const T *b, int64_t n, V (*f)(V, V)) {
  V sum = {0};
  int64_t i = 0;
  for (; i + N <= n; i += N) sum += f(FN(load)(a + i), FN(load)(b + i));
  if (i < n) sum += f(FN(load_part)(a + i, n - i), FN(load_part)(b + i, n - i)); /* f(0, 0) is 0 */
  return FN(sum_lanes)(sum);
}
FNN_INLINE V OWN(product)(V a, V b) { return a * b; }
FNN_INLINE V OWN(first)(V a, V b) { return (void)b, a; }

/* d = f(a, b, s, t) over a row, but for its rest, which replaces that of the row before where rest is not NULL; then d
 * may be a or b. */
FNN_INLINE void OWN(row_map)(T *d, const T *a, const T *b, int64_t n, T s, T t, V (*f)(V, V, T, T), OWN(rest) *rest) {
  int64_t i = 0;
  for (; i + N <= n; i += N) FN(store)(d + i, f(FN(load)(a + i), FN(load)(b + i), s, t));
  if (i == n) return;
  const V last = f(FN(load_part)(a + i, n - i), FN(load_part)(b + i, n - i), s, t);
  if (rest) {
    OWN(store_rest)(rest);
    *rest = (OWN(rest)){d + i, last, n - i};
  } else {
    FN(store_part)(d + i, last, n - i);
  }
}

/* Rows [*row, *last) of the units. */
FNN_INLINE int64_t OWN(rows)(const fnn_call *call, int64_t begin, int64_t end, int64_t *row) {
  int64_t step = unit_rows(call->ints);
  *row = begin * step;
  return fnn_min(call->ints[0], end * step);
}

/* Rows of a, b, d: d = map(a, b, sum of term(a, b), 0); d may be a. */
FNN_INLINE void OWN(map_rows_by_sums)(const fnn_call *call, int64_t begin, int64_t end, int64_t cols, V (*term)(V, V),
                                      V (*map)(V, V, T, T)) {
  int64_t row, last = OWN(rows)(call, begin, end, &row);
  OWN(rest) rest = {0};
  for (; row < last; row++) {
    const T *a = (const T *)call->buf[0] + row * cols, *b = (const T *)call->buf[1] + row * cols;
    OWN(row_map)((T *)call->buf[2] + row * cols, a, b, cols, OWN(row_sum2)(a, b, cols, term), 0, map, &rest);
  }
  OWN(store_rest)(&rest);
}

/* The same; rows of whole vectors have code of their own, which keeps no rest. */
FNN_INLINE void OWN(map_by_sums)(const fnn_call *call, int64_t begin, int64_t end, V (*term)(V, V),
                                 V (*map)(V, V, T, T)) {
  const int64_t cols = call->ints[1];
  if (cols % N) OWN(map_rows_by_sums)(call, begin, end, cols, term, map);
  else OWN(map_rows_by_sums)(call, begin, end, cols / N * N, term, map);
}

#define SIZE(name, buffers, flops)                                                                                     \
  COMMON static void OWN(name##_size)(const int64_t *ints, fnn_work *work) {                                           \
    rows_size(ints, work, buffers, flops, sizeof(T));                                                                  \
  }

/* ---- softmax: x, y. y = exp(x - max) / sum(exp(x - max)); y may be x ---- */

SIZE(softmax, 2, 12)
COMMON
static void OWN(softmax)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t row, cols = call->ints[1], last = OWN(rows)(call, begin, end, &row);
  for (; row < last; row += BLOCK) {
    T sum[BLOCK], top[BLOCK];
    OWN(softmax_rows)((T *)call->buf[1] + row * cols, (const T *)call->buf[0] + row * cols, fnn_min(BLOCK, last - row),
                      cols, sum, top, asks_ahead(call->ints));
  }
}

/* ---- softmax_grad: dy, y, dx. dx = y (dy - sum(dy y)); dx may be dy ---- */

FNN_INLINE V OWN(f_softmax_grad)(V dy, V y, T sum, T unused) { return (void)unused, y * (dy - sum); }

SIZE(softmax_grad, 3, 4)
static void OWN(softmax_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(map_by_sums)(call, begin, end, OWN(product), OWN(f_softmax_grad));
}

/* ---- log_softmax: x, y. y = x - max - log(sum(exp(x - max))); y may be x ---- */

FNN_INLINE V OWN(f_log_softmax)(V x, V unused, T top, T log_sum) { return (void)unused, x - top - log_sum; }

SIZE(log_softmax, 2, 12)
static void OWN(log_softmax)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t row, cols = call->ints[1], last = OWN(rows)(call, begin, end, &row);
  const int64_t block = block_rows(cols);
  OWN(rest) rest = {0};
  for (; row < last; row += block) {
    const int64_t rows = fnn_min(block, last - row);
    const T *x = (const T *)call->buf[0] + row * cols;
    T *y = (T *)call->buf[1] + row * cols, sum[BLOCK] = {0}, top[BLOCK];
    OWN(softmax_rows)(0, x, rows, cols, sum, top, asks_ahead(call->ints));
    OWN(logs)(sum, rows);
    for (int64_t r = 0; r < rows; r++)
      OWN(row_map)(y + r * cols, x + r * cols, x + r * cols, cols, top[r], sum[r], OWN(f_log_softmax), &rest);
  }
  OWN(store_rest)(&rest);
}

/* ---- log_softmax_grad: dy, y, dx. dx = dy - exp(y) sum(dy); dx may be dy ---- */

FNN_INLINE V OWN(f_log_softmax_grad)(V dy, V y, T sum, T unused) { return (void)unused, dy - FN(exp)(y) * sum; }

SIZE(log_softmax_grad, 3, 12)
static void OWN(log_softmax_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(map_by_sums)(call, begin, end, OWN(first), OWN(f_log_softmax_grad));
}

/* p = softmax(x), where p is not NULL, of `rows` from `row` on, of the two kernels that follow, with the tops and the
 * logarithms of the sums. */
FNN_INLINE void OWN(softmax_block)(const fnn_call *call, int64_t row, int64_t rows, T *sums, T *tops) {
  const int64_t cols = call->ints[1];
  T *p = (T *)call->buf[3];
  OWN(softmax_rows)(p ? p + row * cols : 0, (const T *)call->buf[1] + row * cols, rows, cols, sums, tops,
                    asks_ahead(call->ints));
  OWN(logs)(sums, rows);
}

/* ---- softmax_cross_entropy: target, x, loss (rows), p or NULL ----
 * p = softmax(x), loss = -sum(target log_softmax(x)). A class whose target is 0 adds 0, also where its
 * probability is 0. */

SIZE(softmax_cross_entropy, 3, 16)
COMMON
static void OWN(softmax_cross_entropy)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t row, cols = call->ints[1], last = OWN(rows)(call, begin, end, &row);
  const int64_t first = row, block = block_rows(cols);
  T sums[BLOCK] = {0}, tops[BLOCK];
  for (; row < last; row++) {
    const T *target = (const T *)call->buf[0] + row * cols, *x = (const T *)call->buf[1] + row * cols;
    const int64_t at = (row - first) % block;
    if (at == 0) OWN(softmax_block)(call, row, fnn_min(block, last - row), sums, tops);
    const T top = tops[at], log_sum = sums[at];
    V loss = {0};
    for (int64_t i = 0; i < cols; i += N) {
      int64_t n = fnn_min(N, cols - i);
      V t = n == N ? FN(load)(target + i) : FN(load_part)(target + i, n);
      V v = n == N ? FN(load)(x + i) : FN(load_part)(x + i, n);
      loss += FN(select)(t == 0, FN(splat)(0), t * (log_sum - (v - top)));
    }
    ((T *)call->buf[2])[row] = FN(sum_lanes)(loss);
  }
}

/* A vector from a shorter row on reaches into the row after the next, which in place cannot be read before it is
 * stored: such rows are done by elements. */
enum { OWN(NARROW) = N / 2 };

/* ---- softmax_cross_entropy_grad: dloss (rows), target, p, dx, which may be p ----
 * dx = dloss (p sum(target) - target). */

FNN_INLINE V OWN(f_cross_entropy_grad)(V p, V target, T mass, T dloss) { return dloss * (p * mass - target); }

SIZE(softmax_cross_entropy_grad, 3, 4)
COMMON
static void OWN(softmax_cross_entropy_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t row, cols = call->ints[1], last = OWN(rows)(call, begin, end, &row);
  OWN(rest) rest = {0};
  for (; row < last; row++) {
    const T *target = (const T *)call->buf[1] + row * cols, *p = (const T *)call->buf[2] + row * cols;
    T mass = OWN(row_sum2)(target, target, cols, OWN(first)), dloss = ((const T *)call->buf[0])[row];
    T *dx = (T *)call->buf[3] + row * cols;
    if (cols < OWN(NARROW))
      for (int64_t c = 0; c < cols; c++) dx[c] = dloss * (p[c] * mass - target[c]);
    else OWN(row_map)(dx, p, target, cols, mass, dloss, OWN(f_cross_entropy_grad), &rest);
  }
  OWN(store_rest)(&rest);
}

/* ---- sparse_softmax_cross_entropy: labels (rows), x, loss (rows), p, which may be x or NULL ----
 * p = softmax(x), loss = -log_softmax(x)[label]. A label outside [0, cols) sets the status; its loss is NaN. */

SIZE(sparse_softmax_cross_entropy, 2, 12)
COMMON
static void OWN(sparse_softmax_cross_entropy)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t row, cols = call->ints[1], last = OWN(rows)(call, begin, end, &row);
  T sums[BLOCK] = {0}, tops[BLOCK], picked[BLOCK];
  for (; row < last; row += BLOCK) {
    const int64_t rows = fnn_min(BLOCK, last - row);
    for (int64_t k = 0; k < rows; k++) { /* before p is written over x */
      const int64_t label = label_at(call, call->buf[0], call->ints[2], row + k, cols);
      picked[k] = label < 0 ? (T)NAN : ((const T *)call->buf[1])[(row + k) * cols + label];
    }
    OWN(softmax_block)(call, row, rows, sums, tops);
    for (int64_t k = 0; k < rows; k++) ((T *)call->buf[2])[row + k] = sums[k] - (picked[k] - tops[k]);
  }
}

/* ---- sparse_softmax_cross_entropy_grad: dloss (rows), labels (rows), p, dx, which may be p ----
 * dx = dloss (p - one_hot(label)).
 * A label outside [0, cols) sets the status. */

FNN_INLINE V OWN(f_times)(V p, V unused, T dloss, T unused_too) { return (void)unused, (void)unused_too, p * dloss; }

SIZE(sparse_softmax_cross_entropy_grad, 2, 1)
COMMON
static void OWN(sparse_softmax_cross_entropy_grad)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t row, cols = call->ints[1], last = OWN(rows)(call, begin, end, &row);
  OWN(rest) rest = {0};
  T unused, *at = &unused, of_label = 0; /* of the row before: like its rest, stored when this one is read */
  for (; row < last; row++) {
    const T *p = (const T *)call->buf[2] + row * cols;
    T *dx = (T *)call->buf[3] + row * cols, dloss = ((const T *)call->buf[0])[row];
    const int64_t label = label_at(call, call->buf[1], call->ints[2], row, cols);
    const T next = label < 0 ? 0 : (p[label] - 1) * dloss;
    if (cols < OWN(NARROW))
      for (int64_t c = 0; c < cols; c++) dx[c] = p[c] * dloss;
    else OWN(row_map)(dx, p, p, cols, dloss, 0, OWN(f_times), &rest);
    *at = of_label;
    at = label < 0 ? &unused : dx + label, of_label = next;
  }
  OWN(store_rest)(&rest);
  *at = of_label;
}

/* ---- pick_label: labels (rows), x, y (rows). y = x[label] ----
 * A label outside [0, cols) sets the status; its y is NaN. */

SIZE(pick_label, 1, 0)
static void OWN(pick_label)(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t row, cols = call->ints[1], last = OWN(rows)(call, begin, end, &row);
  for (; row < last; row++) {
    int64_t label = label_at(call, call->buf[0], call->ints[2], row, cols);
    ((T *)call->buf[2])[row] = label < 0 ? (T)NAN : ((const T *)call->buf[1])[row * cols + label];
  }
}

#undef SIZE
