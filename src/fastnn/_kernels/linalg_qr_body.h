/* linalg_qr_body.h: QR factors by Householder's reflections, a panel of columns at once; see linalg.c.
 *
 * A panel of reflections is I - V T V^T, with V (rows, PANEL), whose column k is 0 above row k and 1 there, and T, an
 * upper triangle. V lies turned, in whole vectors. Signs are LAPACK's. */

/* Where the factors of one matrix lie, in `size` elements: a (rows, columns) becomes R, q (rows, of_q). */
typedef struct {
  int64_t m, n, k, rows, columns, row, of_q, q_row, v_row, panels, size;
  T *a, *q, *v, *t, *panel;
} reflections;

/* The rest of `s`, of which m, n, k, columns and of_q are given. Of a matrix that threads share q lies elsewhere. */
static reflections placed(reflections s, char *memory, int has_q) {
  s.rows = padded(s.m), s.row = apart(s.columns), s.q_row = apart(s.of_q);
  s.v_row = s.rows + N, s.panels = fnn_ceil_div(s.k, PANEL);
  const int64_t q = s.rows * s.row, v = q + (has_q ? s.rows * s.q_row : 0), t = v + s.panels * PANEL * s.v_row;
  const int64_t panel = t + s.panels * PANEL * PANEL;
  s.size = panel + PANEL * s.v_row;
  if (memory) s.a = (T *)memory, s.q = s.a + q, s.v = s.a + v, s.t = s.a + t, s.panel = s.a + panel;
  return s;
}
static reflections reflections_of(const int64_t *ints, char *memory, int has_q) {
  const int64_t m = ints[1], n = ints[2];
  return placed(
    (reflections){.m = m, .n = n, .k = fnn_min(m, n), .columns = padded(n), .of_q = fnn_round_up(ints[4], N)}, memory,
    has_q);
}

static double qr_flops(const int64_t *ints) {
  const double m = (double)ints[1], n = (double)ints[2], k = m < n ? m : n;
  return 4 * k * (k * (m - k / 3) + m * (n - k)) + 1000 * k;
}

static void qr_size(const int64_t *ints, fnn_work *work) {
  const reflections s = reflections_of(ints, NULL, 1);
  each_matrix(work, ints[0], qr_flops(ints), s.size, 2 * s.m * (s.n + ints[4]), ints[3]);
  if (is_shared(ints[0], qr_flops(ints)))
    shared_matrix(work, s.panels + 3, s.rows * STRIP, reflections_of(ints, NULL, 0).size);
}

/* The sum of the products of x and y, from a vector on. */
static T dot_from(const T *x, const T *y, int64_t begin, int64_t end) {
  V sum = {0}, other = {0};
  int64_t i = begin;
  for (; i + N < end; i += 2 * N) {
    sum += FN(load)(x + i) * FN(load)(y + i);
    other += FN(load)(x + i + N) * FN(load)(y + i + N);
  }
  if (i < end) sum += FN(load)(x + i) * FN(load)(y + i);
  sum += other;
  T total = 0;
  for (int j = 0; j < N; j++) total += sum[j];
  return total;
}

/* The norm of x (end), whose squares may be too large or too small. */
static T norm_of(const T *x, int64_t end) {
  const T sum = dot_from(x, x, 0, end);
  if (sum > 1e-280 && sum < 1e280) return sqrt(sum);
  T most = 0, scaled = 0;
  for (int64_t i = 0; i < end; i++) most = fabs(x[i]) > most || x[i] != x[i] ? fabs(x[i]) : most;
  if (most == 0) return 0;
  for (int64_t i = 0; i < end; i++) scaled += x[i] / most * (x[i] / most);
  return most * sqrt(scaled);
}

/* Columns [first, end) of a panel less tau v times the products of v with them, four at once. */
static void reflect_columns(T *panel, int64_t row, const T *v, T tau, int64_t from, int64_t rows, int64_t first,
                            int64_t end) {
  enum { COLUMNS = 4 };
  for (int64_t j = first; j < end; j += COLUMNS) {
    T *at[COLUMNS];
    V sum[COLUMNS];
#pragma GCC unroll 4
    for (int c = 0; c < COLUMNS; c++) at[c] = panel + fnn_min(j + c, end - 1) * row, sum[c] = (V){0};
    for (int64_t i = from; i < rows; i += N) {
      const V own = FN(load)(v + i);
#pragma GCC unroll 4
      for (int c = 0; c < COLUMNS; c++) sum[c] += own * FN(load)(at[c] + i);
    }
    const int64_t count = fnn_min(COLUMNS, end - j);
    for (int64_t c = 0; c < count; c++) {
      T total = 0;
      for (int k = 0; k < N; k++) total += sum[c][k];
      sum[c] = FN(splat)(tau * total);
    }
    if (count == COLUMNS)
      for (int64_t i = from; i < rows; i += N) {
        const V own = FN(load)(v + i);
#pragma GCC unroll 4
        for (int c = 0; c < COLUMNS; c++) FN(store)(at[c] + i, FN(load)(at[c] + i) - sum[c] * own);
      }
    else
      for (int64_t c = 0; c < count; c++)
        for (int64_t i = from; i < rows; i += N) FN(store)(at[c] + i, FN(load)(at[c] + i) - sum[c] * FN(load)(v + i));
  }
}

/* The reflections of the panel at `at`: its columns become those of R, v and t those of the panel. */
static void reflect_panel(const reflections *s, int64_t at, T *v, T *t) {
  const int64_t wide = fnn_min(PANEL, s->columns - at), left = s->rows - at, row = s->v_row;
  T *panel = s->panel;
  turn(panel, row, s->a + at * (s->row + 1), s->row, left, wide);
  memset(v, 0, (size_t)(PANEL * row) * sizeof(T));
  memset(t, 0, PANEL * PANEL * sizeof(T));
  for (int64_t k = 0; k < fnn_min(wide, s->k - at); k++) {
    T *x = panel + k * row, *own = v + k * row;
    const int64_t from = k / N * N;
    memcpy(own + k + 1, x + k + 1, (size_t)(left - k - 1) * sizeof(T));
    const T first = x[k], rest = norm_of(own + from, left - from);
    if (rest == 0) continue; /* the column is what it becomes, and there is no reflection: t is 0 */
    const T beta = -copysign(hypot(first, rest), first), tau = (beta - first) / beta, divisor = first - beta;
    for (int64_t i = from; i < left; i += N) FN(store)(own + i, FN(load)(own + i) / divisor);
    own[k] = 1, x[k] = beta;
    memset(x + k + 1, 0, (size_t)(left - k - 1) * sizeof(T));
    reflect_columns(panel, row, own, tau, from, left, k + 1, wide);
    T product[PANEL];
    for (int64_t i = 0; i < k; i++) product[i] = dot_from(v + i * row, own, from, left);
    for (int64_t i = 0; i < k; i++) {
      T sum = 0;
      for (int64_t j = i; j < k; j++) sum += t[i * PANEL + j] * product[j];
      t[i * PANEL + k] = -tau * sum;
    }
    t[k * PANEL + k] = tau;
  }
  turn(s->a + at * (s->row + 1), s->row, panel, row, wide, left);
}

/* c (rows, columns) less V t (V^T c), of `wide` reflections. */
static void reflect(T *c, int64_t c_row, const T *v, int64_t v_row, strided t, int64_t rows, int64_t columns,
                    int64_t wide) {
  T products[PANEL * STRIP] __attribute__((aligned(FNN_ALIGN))), factors[PANEL * STRIP]
    __attribute__((aligned(FNN_ALIGN)));
  for (int64_t j = 0; j < columns; j += STRIP) {
    const int64_t vectors = fnn_min(VECTORS, (columns - j) / N);
    memset(products, 0, sizeof products);
    memset(factors, 0, sizeof factors);
    for (int64_t r = 0; r < wide; r += ROWS) /* with the sign changed, so that of their own product is right */
      subtract(products + r * STRIP, STRIP, (strided){v + r * v_row, v_row, 1}, c + j, c_row, rows, (strided){0},
               vectors);
    for (int64_t r = 0; r < wide; r += ROWS)
      subtract(factors + r * STRIP, STRIP, (strided){t.at + r * t.row, t.row, t.column}, products, STRIP, wide,
               (strided){0}, vectors);
    for (int64_t i = 0; i < rows; i += ROWS)
      subtract(c + i * c_row + j, c_row, (strided){v + i, 1, v_row}, factors, STRIP, wide, (strided){0}, vectors);
  }
}

/* Columns [first, end) of a less panel p of reflections. */
static void reflect_a(const reflections *s, int64_t p, int64_t first, int64_t end) {
  const int64_t at = p * PANEL;
  reflect(s->a + at * s->row + first, s->row, s->v + at * s->v_row, s->v_row, (strided){s->t + at * PANEL, 1, PANEL},
          s->rows - at, end - first, fnn_min(PANEL, s->columns - at));
}

/* All panels by one thread. */
static void reflect_all(const reflections *s) {
  for (int64_t p = 0; p < s->panels; p++) {
    const int64_t at = p * PANEL;
    reflect_panel(s, at, s->v + at * s->v_row, s->t + at * PANEL);
    reflect_a(s, p, fnn_min(s->columns, at + PANEL), s->columns);
  }
}

/* Columns from the first of panel p on of the product of the panels behind it, less that panel. */
static void reflect_q(const reflections *s, int64_t p, T *q, int64_t q_row, int64_t columns) {
  const int64_t at = p * PANEL;
  reflect(q + at * q_row, q_row, s->v + at * s->v_row, s->v_row, (strided){s->t + at * PANEL, PANEL, 1}, s->rows - at,
          columns, fnn_min(PANEL, s->columns - at));
}

/* Units [begin, end) of the phase of panel p: unit 0 brings its columns up to the reflections of panel p - 1, and finds
 * its own; the others bring those further to the right up to panel p - 1. Behind the last panel that is all. */
static void reflect_part(const reflections *s, int64_t p, int64_t begin, int64_t end) {
  const int64_t at = p * PANEL, behind = fnn_min(s->columns, at + PANEL), next = p < s->panels ? behind : at;
  const int64_t strips = p && next < s->columns ? fnn_ceil_div(s->columns - next, STRIP) : 0;
  if (p < s->panels && begin == 0) {
    if (p) reflect_a(s, p - 1, at, behind);
    reflect_panel(s, at, s->v + at * s->v_row, s->t + at * PANEL);
  }
  for (int64_t strip = part_beside(strips, begin); strip < part_beside(strips, end); strip++)
    reflect_a(s, p - 1, next + strip * STRIP, fnn_min(s->columns, next + (strip + 1) * STRIP));
}

/* Units [begin, end) of the phase that reads: x (m, n) to column `at` of a and behind it. */
static void read_a(const reflections *s, const char *x, int64_t n, int64_t to_columns, int64_t at, int64_t dtype,
                   int64_t begin, int64_t end) {
  const int64_t tiles = s->rows / ROWS, first = part(tiles, begin) * ROWS;
  const int64_t count = fnn_min(s->m, part(tiles, end) * ROWS) - first;
  if (count > 0)
    read_matrix(s->a + first * s->row + at, s->row, x, first * n, n, count, n, to_columns, dtype);
}

/* Phase p + 1 is the part of panel p; after the last strips of q are independent. */
static void qr_shared(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, dtype = ints[3];
  const reflections s = reflections_of(ints, call->shared, 0);
  const int64_t p = call->phase - 1;
  if (p < 0) read_a(&s, call->buf[0], s.n, s.columns, 0, dtype, begin, end);
  else if (p <= s.panels) {
    reflect_part(&s, p, begin, end);
    const int64_t of_q = p == s.panels ? fnn_ceil_div(ints[4], STRIP) : 0;
    for (int64_t k = part(of_q, begin); k < part(of_q, end); k++) {
      const int64_t j = from_both_ends(k, of_q) * STRIP, count = fnn_min(STRIP, ints[4] - j);
      T *q = (T *)call->scratch;
      memset(q, 0, (size_t)(s.rows * STRIP) * sizeof(T));
      for (int64_t c = 0; c < count; c++) q[(j + c) * STRIP + c] = 1;
      for (int64_t own = fnn_min(s.panels - 1, j / PANEL); own >= 0; own--)
        reflect_q(&s, own, q, STRIP, fnn_round_up(count, N));
      write_matrix(call->buf[1], j, ints[4], q, STRIP, s.m, count, dtype);
    }
  } else {
    const int64_t first = part(ints[4], begin), count = part(ints[4], end) - first;
    write_matrix(call->buf[2], first * s.n, s.n, s.a + first * s.row, s.row, count, s.n, dtype);
  }
}

/* ---- qr: x = q r, orthogonal columns and an upper triangle ----
 * ints: [0] matrices   [1] m   [2] n   [3] dtype   [4] columns of q: min(m, n), or m
 * buffers: x (matrices, m, n), q (matrices, m, ints[4]), r (matrices, ints[4], n); none overlaps another. */
static void qr(const fnn_call *call, int64_t begin, int64_t end) {
  const int64_t *ints = call->ints, dtype = ints[3], of_q = ints[4], group = matrices_of_unit(qr_flops(ints));
  if (is_shared(ints[0], qr_flops(ints))) {
    qr_shared(call, begin, end);
    return;
  }
  const reflections s = reflections_of(ints, call->scratch, 1);
  for (int64_t matrix = begin * group; matrix < fnn_min(ints[0], end * group); matrix++) {
    read_matrix(s.a, s.row, call->buf[0], matrix * s.m * s.n, s.n, s.m, s.n, s.columns, dtype);
    reflect_all(&s);
    write_matrix(call->buf[2], matrix * of_q * s.n, s.n, s.a, s.row, of_q, s.n, dtype);
    memset(s.q, 0, (size_t)(s.rows * s.q_row) * sizeof(T));
    for (int64_t i = 0; i < of_q; i++) s.q[i * (s.q_row + 1)] = 1;
    for (int64_t p = s.panels - 1; p >= 0; p--) reflect_q(&s, p, s.q + p * PANEL, s.q_row, s.of_q - p * PANEL);
    write_matrix(call->buf[1], matrix * s.m * of_q, of_q, s.q, s.q_row, s.m, of_q, dtype);
  }
}
